//! Sessions of browsers, in which a user stays logged in.

use super::grant::{Entitlement, Extent, GrantError, Parties};
use super::second_factor::{RequiredFor, SecondFactor};
use super::user::User;
use crate::clock::UnixSeconds;
use crate::token::LogPosition;

/// By what somebody has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assurance {
    /// By the password alone.
    Password,
    /// By a passkey, or by the password and a passkey or recovery code.
    SecondFactor,
}

/// A session that has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    /// How much of the revocation log had happened when it began.
    pub position: LogPosition,
    /// When its user logged in, or last proved who it is.
    pub began_at: UnixSeconds,
    /// When it ends, unless it is prolonged.
    pub expires_at: UnixSeconds,
    /// By what its user has logged in.
    pub assurance: Assurance,
}

impl Assurance {
    /// As rows have it.
    pub fn number(self) -> i64 {
        match self {
            Self::Password => 0,
            Self::SecondFactor => 1,
        }
    }

    /// Reads what [`Assurance::number`] wrote; what is unknown is worth the least.
    pub fn of_number(number: i64) -> Self {
        if number == Self::SecondFactor.number() {
            Self::SecondFactor
        } else {
            Self::Password
        }
    }
}

impl Session {
    /// Whether what its user has given is enough now: a session by the password alone is over when the
    /// user gets a passkey, or must have one.
    pub fn is_complete(&self, required: RequiredFor) -> bool {
        match SecondFactor::of(&self.user, required) {
            SecondFactor::None => true,
            SecondFactor::Asked => self.assurance == Assurance::SecondFactor,
            // Whatever it was begun with: what there was has been removed.
            SecondFactor::ToBeMade => false,
        }
    }

    /// Its user, who has just proved again who it is, as of when this session was looked at: a revocation
    /// in between ends the session that takes the place of this one as well.
    pub fn proven_again(&self, user: User) -> User {
        User {
            as_of: user.as_of.min(self.user.as_of),
            ..user
        }
    }

    /// Whether the user is still logged in by it. A user without any scope stays logged in.
    pub fn check(&self) -> Result<(), GrantError> {
        let entitlement = Entitlement {
            user: &self.user.id,
            app: None,
            extent: Extent::Everything,
            position: self.position,
        };
        let parties = Parties {
            user: Some(&self.user),
            app: None,
            // Of what is left nothing depends on it here.
            required: RequiredFor::Nobody,
        };
        match entitlement.worth(parties) {
            Ok(_) | Err(GrantError::NothingLeft(_)) => Ok(()),
            Err(ended) => Err(ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{ScopeSet, Status, samples};

    fn session(position: u64, status: Status, scopes: &str, revoked_through: u64) -> Session {
        let user = User {
            status,
            scopes: ScopeSet::parse(scopes).unwrap(),
            as_of: LogPosition(9),
            revoked_through: LogPosition(revoked_through),
            ..samples::user("alice")
        };
        Session {
            user,
            position: LogPosition(position),
            began_at: UnixSeconds(0),
            expires_at: UnixSeconds(9),
            assurance: Assurance::Password,
        }
    }

    #[test]
    fn a_password_is_not_enough_where_a_passkey_is_needed() {
        use RequiredFor::{Administrators, Nobody};
        let rows = [
            ("a", 0, Nobody, Assurance::Password, true),
            ("a", 1, Nobody, Assurance::Password, false),
            ("a", 1, Nobody, Assurance::SecondFactor, true),
            ("a", 0, Administrators, Assurance::Password, true),
            ("backend.user", 0, Nobody, Assurance::Password, true),
            (
                "backend.user",
                0,
                Administrators,
                Assurance::Password,
                false,
            ),
            (
                "backend.user",
                0,
                Administrators,
                Assurance::SecondFactor,
                false,
            ),
            (
                "backend.user",
                1,
                Administrators,
                Assurance::SecondFactor,
                true,
            ),
        ];
        for (scopes, passkeys, required, assurance, expected) in rows {
            let mut session = Session {
                assurance,
                ..session(5, Status::Active, scopes, 0)
            };
            session.user.passkeys = passkeys;
            assert_eq!(session.is_complete(required), expected, "{session:?}");
        }
    }

    #[test]
    fn a_revocation_while_a_proof_is_checked_ends_the_session_that_follows() {
        let before = session(5, Status::Active, "a", 0);
        let read_later = User {
            as_of: LogPosition(12),
            revoked_through: LogPosition(12),
            ..before.user.clone()
        };
        let user = before.proven_again(read_later.clone());
        let renewed = |user: User| Session {
            position: user.as_of,
            user,
            ..before.clone()
        };
        assert_eq!(renewed(user).check(), Err(GrantError::Revoked));
        assert_eq!(renewed(read_later).check(), Ok(()), "after a new login");
    }

    #[test]
    fn a_session_ends_with_its_user_and_not_with_the_last_scope() {
        use Status::{Active, Disabled};
        let rows = [
            (session(5, Active, "a", 0), Ok(())),
            (session(5, Active, "", 0), Ok(())),
            (session(5, Active, "a", 5), Ok(())),
            (session(5, Active, "a", 6), Err(GrantError::Revoked)),
            (session(5, Active, "", 6), Err(GrantError::Revoked)),
            (session(5, Disabled, "a", 0), Err(GrantError::UserDisabled)),
            (session(5, Disabled, "", 6), Err(GrantError::UserDisabled)),
        ];
        for (session, expected) in rows {
            assert_eq!(session.check(), expected, "{session:?}");
        }
    }
}
