//! Users and their names.

use super::scope::{RoleName, ScopeSet};
use super::unseen::is_unseen;
use crate::clock::UnixSeconds;
use crate::token::LogPosition;

/// Bytes that names are bounded to; an e-mail address by RFC 5321 section 4.5.3.1.3.
const MAX_USERNAME_BYTES: usize = 64;
const MAX_EMAIL_BYTES: usize = 254;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What tokens call it (`sub`); never changes.
    pub id: UserId,
    pub username: Username,
    pub email: Email,
    /// Whether it may do anything.
    pub status: Status,
    pub roles: Vec<RoleName>,
    /// What its roles give it now; [`RequiredFor::usable`](super::RequiredFor::usable) says what of it counts.
    pub scopes: ScopeSet,
    /// How many passkeys it has.
    pub passkeys: i64,
    pub created_at: UnixSeconds,
    /// How much of the revocation log had happened when this was read: tokens that are made from it
    /// say so.
    pub as_of: LogPosition,
    /// What was given out to it before this position has ended.
    pub revoked_through: LogPosition,
}

/// Whether a user or app may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    Disabled,
}

/// A user's unchanging id: `[A-Za-z0-9]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserId(Box<str>);

/// A user's name: `[A-Za-z0-9_.-]`, so that it is never an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(Box<str>);

/// An e-mail address. That it is one is only known once a mail has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(Box<str>);

/// A name or address that cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("a username has 3 to {MAX_USERNAME_BYTES} letters, digits, `_`, `.` or `-`")]
    Username,
    #[error("this is not an e-mail address")]
    Email,
}

/// A status that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status: use `active` or `disabled`")]
pub struct StatusError(pub String);

impl Status {
    /// The name that JSON and rows have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    pub fn parse(text: &str) -> Result<Self, StatusError> {
        match text {
            "active" => Ok(Self::Active),
            "disabled" => Ok(Self::Disabled),
            _ => Err(StatusError(text.to_owned())),
        }
    }
}

impl User {
    pub fn is_active(&self) -> bool {
        self.status == Status::Active
    }
}

impl UserId {
    /// A new id from 128 random bits.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(super::alphanumeric(&random).into())
    }

    /// An id that was made earlier.
    pub fn known(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Username {
    pub fn parse(text: &str) -> Result<Self, UserError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        if (3..=MAX_USERNAME_BYTES).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(UserError::Username)
        }
    }

    /// The name as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is compared: two names that differ in case are the same.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl Email {
    pub fn parse(text: &str) -> Result<Self, UserError> {
        let (local, domain) = text.rsplit_once('@').ok_or(UserError::Email)?;
        let plain = |part: &str| {
            let refused = |character: char| {
                character.is_whitespace()
                    || character.is_control()
                    || is_unseen(character)
                    || "@\"<>,;".contains(character)
            };
            !part.is_empty() && !part.contains(refused)
        };
        if text.len() <= MAX_EMAIL_BYTES && plain(local) && plain(domain) {
            Ok(Self(text.into()))
        } else {
            Err(UserError::Email)
        }
    }

    /// An address that was accepted earlier, perhaps by other rules.
    pub fn known(text: &str) -> Self {
        Self(text.into())
    }

    /// The address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is compared: nobody tells two users apart by the case of their address.
    pub fn folded(&self) -> String {
        self.0.to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_checked() {
        for good in ["bob", "alice_1", "a.b-c", &"x".repeat(64)] {
            assert!(Username::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "ab",
            "a b c",
            "bob@shop",
            "böb",
            "bob\0",
            &"x".repeat(65),
        ] {
            assert_eq!(Username::parse(bad), Err(UserError::Username), "{bad}");
        }
        for good in ["a@b", "alice+shop@shop.example", "ü@example.org"] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b\r\nX: y",
            "a@b@c",
            "<a@b>",
            "a\u{200b}@b",
            "a@b\u{202e}",
            "\u{3164}@b",
        ] {
            assert_eq!(Email::parse(bad), Err(UserError::Email), "{bad}");
        }
    }

    #[test]
    fn case_makes_no_second_user() {
        let names = ["Alice", "ALICE"].map(|name| Username::parse(name).unwrap().folded());
        assert_eq!(names[0], names[1]);
    }
}
