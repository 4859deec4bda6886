//! Apps: the OAuth2 clients of users.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::uri::PathAndQuery;

use super::scope::ScopeSet;
use super::secret::SecretDigest;
use super::unseen::is_unseen;
use super::user::{Status, User, UserId};
use crate::clock::UnixSeconds;
use crate::token::LogPosition;

/// In characters.
const MAX_NAME: usize = 64;

/// What a name may have beside letters, digits and spaces.
const SIGNS: &str = "_-.,:+&'()/";

const MAX_REDIRECT_URI_BYTES: usize = 2048;

/// RFC 1035 section 2.3.4.
const MAX_HOST_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// An OAuth2 client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub key: AppKey,
    /// Its name, unique among its owner's.
    pub name: AppName,
    pub owner: UserId,
    /// Where the authorization endpoint may send browsers.
    pub redirect_uris: Vec<RedirectUri>,
    /// At most these are granted, of what its owner has.
    pub scopes: ScopeSet,
    pub scopes_from: ScopesFrom,
    pub status: AppStatus,
    pub created_at: UnixSeconds,
    /// What was given out to it before this position has ended.
    pub revoked_through: LogPosition,
    /// The minute in which it last got a token, if it is known to have got one.
    pub last_used_at: Option<UnixSeconds>,
}

/// An app, what proves it, and whose scopes bound it.
#[derive(Debug, Clone)]
pub struct AppWithOwner {
    pub app: App,
    /// The digests of its live secrets.
    pub secrets: Vec<SecretDigest>,
    /// With the scopes of now.
    pub owner: User,
}

/// Whether an app may do anything, and who can change that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppStatus {
    Active,
    /// Its owner, or an administrator, can enable it again.
    DisabledByOwner,
    /// By an administrator: only an administrator can enable it again.
    Disabled,
}

/// What an app's scopes follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopesFrom {
    /// A list of its own, which changes only if somebody changes it.
    List,
    /// Its owner: all that this has now, but for the issuer's own.
    Owner,
}

/// An app's client id: `[A-Za-z0-9]`, the same in every way of encoding it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppKey(Box<str>);

/// An app's name, as people write it: 1 to 64 letters and digits of any script, with single spaces and some signs
/// between them. Nothing that cannot be seen, and nothing that reorders what is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppName(Box<str>);

/// An absolute URI without fragment (RFC 6749 section 3.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(Box<str>);

/// A part of an app that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppError {
    #[error(
        "an app's name has 1 to {MAX_NAME} characters: letters and digits of any script, single spaces between \
         them, and `_-.,:+&'()/`"
    )]
    Name,
    #[error(
        "a redirect URI is absolute and in one form that all browsers read alike: `https://`, or \
         `http://` to this machine, a host of whole labels, a port from 1 to 65535 if any, a path \
         without `.` and `..`, no user, fragment, space, backslash or other than ASCII"
    )]
    RedirectUri,
}

impl App {
    /// What it may have now: never more than its owner.
    pub fn scopes_within(&self, owner: &User) -> ScopeSet {
        self.scopes.within(&owner.scopes)
    }
}

impl AppStatus {
    /// What it is worth, whoever has decided that.
    pub fn status(self) -> Status {
        match self {
            Self::Active => Status::Active,
            Self::DisabledByOwner | Self::Disabled => Status::Disabled,
        }
    }
}

impl AppWithOwner {
    /// What the app may have now.
    pub fn scopes(&self) -> ScopeSet {
        self.app.scopes_within(&self.owner)
    }

    pub fn parties(&self) -> (&App, &User) {
        (&self.app, &self.owner)
    }
}

impl AppKey {
    /// A new key from 128 random bits.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(super::alphanumeric(&random).into())
    }

    /// A key that was made earlier, or that somebody says was.
    pub fn known(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AppName {
    pub fn parse(text: &str) -> Result<Self, AppError> {
        // A filler of Hangul is a letter that nobody sees.
        let is_letter = |one: char| one.is_alphanumeric() && !is_unseen(one);
        let may_have = |one: char| is_letter(one) || one == ' ' || SIGNS.contains(one);
        let spaced = text.trim() == text && !text.contains("  ");
        let named = text.contains(is_letter) && text.chars().count() <= MAX_NAME;
        if named && spaced && text.chars().all(may_have) {
            Ok(Self(text.into()))
        } else {
            Err(AppError::Name)
        }
    }

    /// A name that was accepted earlier, perhaps by other rules.
    pub fn known(text: &str) -> Self {
        Self(text.into())
    }

    /// What a search compares: the name in lower case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RedirectUri {
    /// Reads a URI. Plain `http` only to the loopback addresses of native apps (RFC 8252 section
    /// 7.3).
    pub fn parse(text: &str) -> Result<Self, AppError> {
        let uri: http::Uri = text.parse().map_err(|_| AppError::RedirectUri)?;
        let host = uri.host().unwrap_or_default();
        let allowed = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => ["127.0.0.1", "[::1]", "localhost"].contains(&host),
            Some(_) | None => false,
        };
        let rest = uri.path_and_query().map_or("", PathAndQuery::as_str);
        let plain = text.len() <= MAX_REDIRECT_URI_BYTES && text.bytes().all(is_uri_byte);
        if allowed && plain && is_plain_authority(&uri, host) && is_plain_path(uri.path(), rest) {
            Ok(Self(text.into()))
        } else {
            Err(AppError::RedirectUri)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 3986 appendix A, without `#` and `@`: what browsers and other parsers read alike.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]!$&'()*+,;=%".contains(&byte)
}

/// A name or address with a port or none. Its origin goes into headers, where `*` and `;` would mean
/// something else.
fn is_plain_authority(uri: &http::Uri, host: &str) -> bool {
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let plain_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => is_plain_host(host),
    };
    let port = authority.strip_prefix(host).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix(':').is_some_and(|port| {
                // Neither 0 nor with zeros in front.
                port.bytes().all(|byte| byte.is_ascii_digit())
                    && !port.starts_with('0')
                    && port.parse::<u16>().is_ok()
            })
    });
    plain_host && port
}

/// A name of whole labels, or an IPv4 address in the one form that everybody reads alike: what ends
/// in a number is an address to browsers (WHATWG URL section 3.5).
fn is_plain_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_label = |label: &str| {
        (1..=MAX_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .to_ascii_lowercase()
            .strip_prefix("0x")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let labels = host.len() <= MAX_HOST_BYTES && host.split('.').all(is_label);
    labels && (!is_number || host.parse::<Ipv4Addr>().is_ok())
}

/// A path that no browser shortens, and nothing that is half encoded.
fn is_plain_path(path: &str, path_and_query: &str) -> bool {
    let is_dots = |segment: &str| {
        let decoded = segment.to_ascii_lowercase().replace("%2e", ".");
        decoded == "." || decoded == ".."
    };
    let mut encoded = path_and_query.split('%').skip(1);
    let is_encoded = |rest: &str| {
        let mut bytes = rest.bytes().take(2);
        [bytes.next(), bytes.next()]
            .iter()
            .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
    };
    // Brackets are for addresses alone (RFC 3986 section 3.2.2).
    !path_and_query.contains(['[', ']']) && !path.split('/').any(is_dots) && encoded.all(is_encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in [
            "web-shop",
            "A_1",
            "x",
            "Web shop",
            "B\u{fc}ro (2. Stock)",
            "\u{e9}tiquettes & co.",
            "\u{5e97}",
            &"\u{e4}".repeat(64),
        ] {
            assert!(AppName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            " ",
            "-",
            " a",
            "a ",
            "a  b",
            "a\tb",
            "a\nb",
            "a<b",
            "a\"b",
            "a\u{0}",
            "a\u{a0}b",
            "a\u{200b}b",
            "a\u{202e}b",
            "a\u{2066}b",
            "\u{3164}",
            "\u{115f}\u{1160}",
            "Shop\u{3164}",
            "\u{ffa0}a",
            "\u{1f600}",
            &"x".repeat(65),
        ] {
            assert_eq!(AppName::parse(bad), Err(AppError::Name), "{bad}");
        }
    }

    #[test]
    fn redirect_uris_are_checked() {
        for good in [
            "https://a.example/cb?x=1",
            "http://127.0.0.1:9/cb",
            "http://[::1]/cb",
            "https://a.example",
            "https://a_b.example:8443/cb;x?y=(1)",
            "https://192.0.2.1/",
            "https://xn--bcher-kva.example/%C3%A4?a=%20",
            "https://a.example/.well-known/..x?..",
            "http://localhost:1/",
        ] {
            assert!(RedirectUri::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "http://a.example/",
            "javascript:x",
            "https://a/#f",
            "https://u@a/",
            "https://*.a.example/",
            "https://a;b/",
            "https://a,b/",
            "https://a:/",
            "https://a:+1/",
            "https://a:65536/",
            "https://a/\\b",
            "https://a/\u{e4}",
            "https://a/<b>",
            "https://a/\"",
            "https://%61/",
            "http://127.0.0.1.a.example/",
            "http://[::2]/",
            "https://[v1.x]/",
            "https:/a/",
            "https:///a",
            "https://",
            "https://:443/",
            "https://a:0/",
            "https://a:080/",
            "https://a:99999/",
            "https://a:8 0/",
            "https://.a/",
            "https://a./",
            "https://a..b/",
            "https://./",
            "https://-a.example/",
            "https://a-.example/",
            "https://1.2.3/",
            "https://0x7f.1/",
            "https://a.0x7f/",
            "https://2130706433/",
            "https://192.0.2.01/",
            "https://192.0.2.256/",
            "https://u:p@a/",
            "https://a/%",
            "https://a/%zz",
            "https://a/?x=%4",
            "https://a/[b]",
            "https://a/?x[]=1",
            "https://a/b/../c",
            "https://a/./c",
            "https://a/..",
            "https://a/b/%2e%2E/c",
            "https://a/b/.%2e",
            "https://a/ b",
            " https://a/",
            "https://a/\t",
            "https://a/\r\nx: y",
            "https://a/\u{7f}",
            "https:\\\\a/",
            "https://a\\@b/",
            "https://b\u{fc}cher.example/",
            &format!("https://{}.example/", "a".repeat(64)),
        ] {
            assert_eq!(RedirectUri::parse(bad), Err(AppError::RedirectUri), "{bad}");
        }
    }
}
