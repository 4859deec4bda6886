//! Users and apps for tests, of which each test says only what it is about.

use super::{
    App, AppDescription, AppKey, AppName, AppStatus, Email, ScopeSet, ScopesFrom, Status, User,
    UserId, Username,
};
use crate::clock::UnixSeconds;
use crate::token::LogPosition;

/// An active user whose id is its name, with neither roles nor scopes.
pub(crate) fn user(name: &str) -> User {
    User {
        id: UserId::known(name),
        username: Username::parse(name).unwrap(),
        email: Email::parse(&format!("{name}@a.example")).unwrap(),
        status: Status::Active,
        roles: Vec::new(),
        scopes: ScopeSet::default(),
        passkeys: 0,
        created_at: UnixSeconds(0),
        as_of: LogPosition::default(),
        revoked_through: LogPosition::default(),
    }
}

/// An active app with the key `shop`, an empty list of scopes and no redirect URI.
pub(crate) fn app(owner: &str) -> App {
    App {
        key: AppKey::known("shop"),
        name: AppName::parse("web-shop").unwrap(),
        description: AppDescription::default(),
        link: None,
        owner: UserId::known(owner),
        redirect_uris: Vec::new(),
        scopes: ScopeSet::default(),
        scopes_from: ScopesFrom::List,
        status: AppStatus::Active,
        created_at: UnixSeconds(0),
        revoked_through: LogPosition::default(),
        last_used_at: None,
        secret_since: None,
    }
}
