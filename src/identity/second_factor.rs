//! Of whom more than a password is asked.

use super::user::User;

/// Who must have a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredFor {
    Nobody,
    /// Whoever has any `backend.*` scope.
    Administrators,
}

/// What follows the password of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nothing: the password is enough.
    None,
    /// A passkey or a recovery code.
    Asked,
    /// The user must make a passkey first.
    ToBeMade,
}

impl RequiredFor {
    /// Whether this user must have a passkey.
    pub fn concerns(self, user: &User) -> bool {
        match self {
            Self::Nobody => false,
            Self::Administrators => !user.scopes.administrative().is_empty(),
        }
    }
}

impl SecondFactor {
    /// What is asked of a user who has so many passkeys.
    pub fn of(user: &User, passkeys: i64, required: RequiredFor) -> Self {
        if passkeys > 0 {
            Self::Asked
        } else if required.concerns(user) {
            Self::ToBeMade
        } else {
            Self::None
        }
    }
}
