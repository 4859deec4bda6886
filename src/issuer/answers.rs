//! Users, roles, scopes, apps, grants and what was done with them, in JSON: the same for endpoints and the
//! command line.

mod app;
mod sign_in;

use serde::Serialize;

use super::directory::{RoleChange, UserChange};
use crate::identity::{AppKey, Role, RoleName, Scope, ScopeName, ScopeSet, User};
use crate::store::{AuditEntry, LiveGrant, Reach, ScopeReach};

pub use app::AppAnswer;
pub use sign_in::SignInAnswer;

#[derive(Serialize)]
pub struct UserAnswer<'a> {
    id: &'a str,
    username: &'a str,
    email: &'a str,
    status: &'static str,
    roles: Vec<&'a str>,
    scopes: Vec<&'a str>,
    passkeys: i64,
    created_at: i64,
    /// Only in the answer to a change, like the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_roles: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_roles: Option<Vec<&'a str>>,
    /// Where the change has revoked something: gates that know the revocation log up to here refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    /// Only where one user is asked for, like the next three: how many users lose something with this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<i64>,
    /// Whether there are more than are counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_more_grants: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sessions: Option<i64>,
}

#[derive(Serialize)]
pub struct RoleAnswer<'a> {
    name: &'a str,
    scopes: Vec<&'a str>,
    default: bool,
    /// Only in the answer to a change, like the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    added_scopes: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_scopes: Option<Vec<&'a str>>,
    /// Not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<i64>,
    /// Only where one role is asked for, like the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<i64>,
    /// Whether there are more than are counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_more_grants: bool,
}

#[derive(Serialize)]
pub struct ScopeAnswer<'a> {
    name: &'a str,
    description: &'a str,
    /// Only where one scope is asked for, like the next three.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    apps: Option<i64>,
    /// How many apps follow an owner who has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    following_apps: Option<i64>,
}

/// What was done in the directory.
#[derive(Serialize)]
pub struct AuditAnswer<'a> {
    /// A later entry has a higher one.
    position: i64,
    done_at: i64,
    /// The same as RFC 3339 writes it.
    time: String,
    /// `user`, or `command` for somebody at the machine.
    actor_kind: &'static str,
    /// What the user was called then, or the user of the operating system who gave the command.
    actor: Option<&'a str>,
    /// Of a user alone.
    actor_id: Option<&'a str>,
    action: &'a str,
    object_kind: &'a str,
    object_name: &'a str,
    /// What a user or app was called then.
    object_title: Option<&'a str>,
    change: &'a str,
}

/// A grant that can still be extended.
#[derive(Serialize)]
pub struct GrantAnswer<'a> {
    id: &'a str,
    app_key: Option<&'a str>,
    scopes: Vec<&'a str>,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
}

impl<'a> UserAnswer<'a> {
    /// What is told of a user.
    pub fn of(user: &'a User) -> Self {
        Self {
            id: user.id.as_str(),
            username: user.username.as_str(),
            email: user.email.as_str(),
            status: user.status.name(),
            roles: user.roles.iter().map(RoleName::as_str).collect(),
            scopes: names(&user.scopes),
            passkeys: user.passkeys,
            created_at: user.created_at.0,
            added_roles: None,
            removed_roles: None,
            position: None,
            users: None,
            apps: None,
            grants: None,
            has_more_grants: false,
            sessions: None,
        }
    }

    /// With whom it concerns that the user loses something.
    #[must_use]
    pub fn with_reach(self, reach: Reach) -> Self {
        Self {
            users: Some(reach.users),
            apps: Some(reach.apps),
            grants: Some(reach.grants),
            has_more_grants: reach.has_more_grants,
            sessions: Some(reach.sessions),
            ..self
        }
    }

    /// What is told of a user that was changed: also which roles it got and lost.
    pub fn of_change(change: &'a UserChange) -> Self {
        let names = |roles: &'a [RoleName]| roles.iter().map(RoleName::as_str).collect();
        Self {
            added_roles: Some(names(&change.added)),
            removed_roles: Some(names(&change.removed)),
            position: change.position.map(|position| position.0),
            ..Self::of(&change.user)
        }
    }
}

impl<'a> RoleAnswer<'a> {
    /// What is told of a role.
    pub fn of(role: &'a Role) -> Self {
        Self {
            name: role.name.as_str(),
            scopes: names(&role.scopes),
            default: role.is_default,
            added_scopes: None,
            removed_scopes: None,
            users: None,
            apps: None,
            grants: None,
            has_more_grants: false,
        }
    }

    /// With whom it concerns.
    #[must_use]
    pub fn with_reach(self, reach: Reach) -> Self {
        Self {
            users: Some(reach.users),
            apps: Some(reach.apps),
            grants: Some(reach.grants),
            has_more_grants: reach.has_more_grants,
            ..self
        }
    }

    /// What is told of a role that was changed: also what it lost, and how many users that concerns.
    pub fn of_change(change: &'a RoleChange) -> Self {
        Self {
            added_scopes: Some(names(&change.added)),
            removed_scopes: Some(names(&change.removed)),
            users: Some(change.users),
            ..Self::of(&change.role)
        }
    }
}

impl<'a> ScopeAnswer<'a> {
    /// What is told of a scope.
    pub fn of(scope: &'a Scope) -> Self {
        Self {
            name: scope.name.as_str(),
            description: scope.description.as_str(),
            roles: None,
            users: None,
            apps: None,
            following_apps: None,
        }
    }

    /// With whom it concerns.
    #[must_use]
    pub fn with_reach(self, reach: &'a ScopeReach) -> Self {
        Self {
            roles: Some(reach.roles.iter().map(RoleName::as_str).collect()),
            users: Some(reach.users),
            apps: Some(reach.apps),
            following_apps: Some(reach.followers),
            ..self
        }
    }
}

impl<'a> AuditAnswer<'a> {
    /// What is told of an entry.
    pub fn of(entry: &'a AuditEntry) -> Self {
        Self {
            position: entry.position,
            done_at: entry.done_at.0,
            time: entry.done_at.to_string(),
            actor_kind: entry.actor_kind().name(),
            actor: entry.actor_name.as_deref(),
            actor_id: entry.actor.as_deref(),
            action: &entry.action,
            object_kind: &entry.object_kind,
            object_name: &entry.object_name,
            object_title: entry.object_title.as_deref(),
            change: &entry.change,
        }
    }

    /// Who did it, for people: a user without a name is one that is gone.
    pub fn who(&self) -> String {
        match (self.actor_id, self.actor) {
            (Some(id), None) => format!("user {id} (gone)"),
            (Some(_), Some(name)) => name.to_owned(),
            (None, Some(name)) => format!("command line ({name})"),
            (None, None) => "(command line)".to_owned(),
        }
    }

    /// What the object is called, for people.
    pub fn object(&self) -> &'a str {
        self.object_title.unwrap_or(self.object_name)
    }
}

impl<'a> GrantAnswer<'a> {
    /// What is told of a grant.
    pub fn of(live: &'a LiveGrant) -> Self {
        Self {
            id: live.grant.id.as_str(),
            app_key: live.grant.app.as_ref().map(AppKey::as_str),
            scopes: names(&live.grant.scopes),
            created_at: live.created_at.0,
            last_used_at: live.last_used_at.0,
            expires_at: live.expires_at.0,
        }
    }
}

fn names(scopes: &ScopeSet) -> Vec<&str> {
    scopes.iter().map(ScopeName::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::clock::UnixSeconds;
    use crate::identity::{Email, Status, UserId, Username};
    use crate::token::LogPosition;

    fn shown(answer: &impl Serialize) -> Value {
        serde_json::to_value(answer).unwrap()
    }

    /// Positions of the log and digests are nobody's business.
    #[test]
    fn a_user_is_shown_with_these_members_and_no_others() {
        let user = User {
            id: UserId::known("u1"),
            username: Username::parse("alice").unwrap(),
            email: Email::parse("alice@a.example").unwrap(),
            status: Status::Disabled,
            roles: vec![RoleName::parse("clerk").unwrap()],
            scopes: ScopeSet::parse("b a").unwrap(),
            created_at: UnixSeconds(7),
            passkeys: 2,
            as_of: LogPosition(5),
            revoked_through: LogPosition(3),
        };
        let expected = json!({
            "id": "u1", "username": "alice", "email": "alice@a.example", "status": "disabled",
            "roles": ["clerk"], "scopes": ["a", "b"], "passkeys": 2, "created_at": 7,
        });
        assert_eq!(shown(&UserAnswer::of(&user)), expected);
        let change = UserChange {
            added: Vec::new(),
            removed: vec![RoleName::parse("boss").unwrap()],
            user,
            known: None,
            position: None,
        };
        let changed = shown(&UserAnswer::of_change(&change));
        assert_eq!(
            changed["added_roles"],
            json!([]),
            "said even where nothing came"
        );
        assert_eq!(changed["removed_roles"], json!(["boss"]));
    }

    #[test]
    fn a_change_of_a_role_says_whom_it_concerns() {
        let role = Role {
            name: RoleName::parse("clerk").unwrap(),
            scopes: ScopeSet::parse("a").unwrap(),
            is_default: true,
        };
        let expected = json!({"name": "clerk", "scopes": ["a"], "default": true});
        assert_eq!(shown(&RoleAnswer::of(&role)), expected);
        let change = RoleChange {
            role,
            added: ScopeSet::default(),
            removed: ScopeSet::parse("b").unwrap(),
            users: 3,
            known: None,
        };
        let expected = json!({
            "name": "clerk", "scopes": ["a"], "default": true,
            "added_scopes": [], "removed_scopes": ["b"], "users": 3,
        });
        assert_eq!(shown(&RoleAnswer::of_change(&change)), expected);
    }
}
