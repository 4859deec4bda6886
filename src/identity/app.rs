//! Apps: the OAuth2 clients of users.

mod description;
mod link;
mod redirect_uri;

use unicode_normalization::UnicodeNormalization;

use super::scope::ScopeSet;
use super::secret::SecretDigest;
use super::unseen::is_unseen;
use super::user::{Status, User, UserId};
use crate::clock::UnixSeconds;
use crate::token::LogPosition;

pub use description::AppDescription;
pub use link::AppLink;
pub use redirect_uri::RedirectUri;

/// In characters.
const MAX_NAME: usize = 64;

/// What a name may have beside letters, digits and spaces.
const SIGNS: &str = "_-.,:+&'()/";

/// An OAuth2 client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    pub key: AppKey,
    /// Its name. No other app of its owner has one that reads like it, but for those of earlier releases.
    pub name: AppName,
    pub description: AppDescription,
    pub link: Option<AppLink>,
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
    /// When its latest secret was made; none where it has none.
    pub secret_since: Option<UnixSeconds>,
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
    #[error(
        "an app's description has at most {} characters in at most {} lines, and nothing that cannot be seen",
        description::MAX_CHARACTERS,
        description::MAX_LINES
    )]
    Description,
    #[error(
        "an app's link is absolute and has at most {} characters of ASCII: `https://`, or `http://` \
         to this machine, without a user, `.` and `..` in the path, or space",
        redirect_uri::MAX_BYTES
    )]
    Link,
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
    /// In one form, however a keyboard has composed the letters (NFC, UAX #15).
    pub fn parse(text: &str) -> Result<Self, AppError> {
        let text: String = text.nfc().collect();
        // A filler of Hangul is a letter that nobody sees.
        let is_letter = |one: char| one.is_alphanumeric() && !is_unseen(one);
        let may_have = |one: char| is_letter(one) || one == ' ' || SIGNS.contains(one);
        let spaced = text.trim() == text.as_str() && !text.contains("  ");
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

    /// Whether it is this name in another form, letter by letter.
    pub fn is_same_text(&self, other: &Self) -> bool {
        self.0.nfc().eq(other.0.nfc())
    }

    /// Whether an owner would take one for the other: they differ in nothing but case and form.
    pub fn reads_like(&self, other: &Self) -> bool {
        let plain = |name: &Self| name.0.nfc().collect::<String>().to_lowercase();
        plain(self).nfc().eq(plain(other).nfc())
    }

    /// What a search compares: the name in lower case.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
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
    fn names_that_read_alike_are_known() {
        let composed = AppName::parse("M\u{fc}ller").unwrap();
        assert_eq!(AppName::parse("Mu\u{308}ller").unwrap(), composed);
        // As an earlier release may have kept it.
        let earlier = AppName::known("Mu\u{308}ller");
        assert!(earlier.is_same_text(&composed) && earlier.reads_like(&composed));
        for (one, other, alike) in [
            ("Web shop", "web shop", true),
            ("M\u{fc}ller", "m\u{dc}LLER", true),
            ("\u{41f}\u{438}", "\u{43f}\u{418}", true),
            ("web shop", "web-shop", false),
            ("Muller", "M\u{fc}ller", false),
        ] {
            let (one, other) = (AppName::known(one), AppName::known(other));
            assert_eq!(one.reads_like(&other), alike, "{one:?} {other:?}");
            assert!(!one.is_same_text(&other), "{one:?} {other:?}");
        }
    }
}
