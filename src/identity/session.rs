//! Sessions of browsers, in which a user stays logged in.

use super::grant::{Entitlement, Extent, GrantError, Parties};
use super::user::User;
use crate::clock::UnixSeconds;
use crate::token::LogPosition;

/// A session that has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub user: User,
    /// How much of the revocation log had happened when it began.
    pub position: LogPosition,
    /// When its user gave the password.
    pub began_at: UnixSeconds,
    /// When it ends, unless it is prolonged.
    pub expires_at: UnixSeconds,
}

impl Session {
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
    use crate::identity::{Email, ScopeSet, Status, UserId, Username};

    fn session(position: u64, status: Status, scopes: &str, revoked_through: u64) -> Session {
        let user = User {
            id: UserId::known("alice"),
            username: Username::parse("alice").unwrap(),
            email: Email::parse("alice@a.example").unwrap(),
            status,
            roles: Vec::new(),
            scopes: ScopeSet::parse(scopes).unwrap(),
            created_at: UnixSeconds(0),
            as_of: LogPosition(9),
            revoked_through: LogPosition(revoked_through),
        };
        Session {
            user,
            position: LogPosition(position),
            began_at: UnixSeconds(0),
            expires_at: UnixSeconds(9),
        }
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
