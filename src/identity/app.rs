//! Apps: the OAuth2 clients of users.

use super::scope::ScopeSet;
use super::user::{Status, UserId};
use crate::clock::UnixSeconds;
use crate::token::LogPosition;

const MAXIMUM_REDIRECT_URI_BYTES: usize = 2048;

/// An OAuth2 client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its client id.
    pub key: AppKey,
    /// Its name, unique among its owner's.
    pub name: AppName,
    /// Whose it is.
    pub owner: UserId,
    /// Where the authorization endpoint may send browsers.
    pub redirect_uris: Vec<RedirectUri>,
    /// At most these are granted, of what its owner has.
    pub scopes: ScopeSet,
    /// Where they come from.
    pub scopes_from: ScopesFrom,
    /// Whether it may do anything.
    pub status: Status,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// What was given out to it before this position has ended.
    pub revoked_through: LogPosition,
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

/// An app's name: `[A-Za-z0-9_-]`, 3 to 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppName(Box<str>);

/// An absolute URI without fragment (RFC 6749 section 3.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(Box<str>);

/// A part of an app that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApp {
    /// The name.
    #[error("an app's name has 3 to 64 letters, digits, `_` or `-`")]
    Name,
    /// A redirect URI.
    #[error(
        "a redirect URI is absolute, without fragment: `https://`, or `http://` to this machine"
    )]
    RedirectUri,
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

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AppName {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, InvalidApp> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if (3..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidApp::Name)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RedirectUri {
    /// Reads a URI. Plain `http` only to the loopback addresses of native apps (RFC 8252 section
    /// 7.3).
    pub fn parse(text: &str) -> Result<Self, InvalidApp> {
        let uri: http::Uri = text.parse().map_err(|_| InvalidApp::RedirectUri)?;
        let host = uri.host().unwrap_or_default();
        let allowed = match uri.scheme_str() {
            Some("https") => !host.is_empty(),
            Some("http") => ["127.0.0.1", "[::1]", "localhost"].contains(&host),
            Some(_) | None => false,
        };
        let plain = text.len() <= MAXIMUM_REDIRECT_URI_BYTES && text.bytes().all(is_uri_byte);
        if allowed && plain && is_plain_authority(&uri, host) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidApp::RedirectUri)
        }
    }

    /// The URI.
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
    let name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let plain_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(name),
    };
    let port = authority.strip_prefix(host).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix(':').is_some_and(|port| {
                port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
            })
    });
    plain_host && port
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_redirect_uris_are_checked() {
        for good in ["web-shop", "app", "A_1"] {
            assert!(AppName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "a b", "a.b", "ä-app", &"x".repeat(65)] {
            assert_eq!(AppName::parse(bad), Err(InvalidApp::Name), "{bad}");
        }
        for good in [
            "https://a.example/cb?x=1",
            "http://127.0.0.1:9/cb",
            "http://[::1]/cb",
            "https://a.example",
            "https://a_b.example:8443/cb;x?y=(1)",
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
        ] {
            assert_eq!(
                RedirectUri::parse(bad),
                Err(InvalidApp::RedirectUri),
                "{bad}"
            );
        }
    }
}
