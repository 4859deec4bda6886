//! Of whom more than a password is asked.

use super::app::App;
use super::scope::ScopeSet;
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

    /// What a user may use now of what its roles give it: nothing that administrators do while it has no
    /// passkey and must have one, by whatever it calls.
    pub fn usable(self, user: &User) -> ScopeSet {
        match SecondFactor::of(user, self) {
            SecondFactor::ToBeMade => user.scopes.without(&user.scopes.administrative()),
            SecondFactor::None | SecondFactor::Asked => user.scopes.clone(),
        }
    }

    /// What an app may use now: never more than its owner.
    pub fn usable_by(self, app: &App, owner: &User) -> ScopeSet {
        app.scopes.within(&self.usable(owner))
    }
}

impl SecondFactor {
    /// What is asked of a user.
    pub fn of(user: &User, required: RequiredFor) -> Self {
        if user.passkeys > 0 {
            Self::Asked
        } else if required.concerns(user) {
            Self::ToBeMade
        } else {
            Self::None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::samples;

    fn user(scopes: &str, passkeys: i64) -> User {
        User {
            scopes: ScopeSet::parse(scopes).unwrap(),
            passkeys,
            ..samples::user("alice")
        }
    }

    fn app(owner: &User, scopes: &str) -> App {
        App {
            scopes: ScopeSet::parse(scopes).unwrap(),
            ..samples::app(owner.id.as_str())
        }
    }

    #[test]
    fn an_administrator_without_the_passkey_it_must_have_administers_by_nothing() {
        use RequiredFor::{Administrators, Nobody};
        // The scopes of the user, its passkeys, who must have one; what the user and its app may use.
        let rows = [
            (
                "a backend.user consumer.app",
                0,
                Nobody,
                "a backend.user consumer.app",
                "backend.user",
            ),
            (
                "a backend.user consumer.app",
                0,
                Administrators,
                "a consumer.app",
                "",
            ),
            (
                "a backend.user consumer.app",
                1,
                Administrators,
                "a backend.user consumer.app",
                "backend.user",
            ),
            ("a consumer.app", 0, Administrators, "a consumer.app", ""),
            ("backend.user", 0, Administrators, "", ""),
        ];
        for (scopes, passkeys, required, own, of_app) in rows {
            let owner = user(scopes, passkeys);
            let app = app(&owner, "backend.user backend.role");
            assert_eq!(
                required.usable(&owner).to_string(),
                own,
                "{scopes} {passkeys}"
            );
            let by_app = required.usable_by(&app, &owner);
            assert_eq!(by_app.to_string(), of_app, "{scopes} {passkeys}");
        }
    }
}
