//! What the audit log says of changes: who, what, and of which thing. Never a secret, and of a user
//! nothing but the name that logs have for it.

use super::{Directory, DirectoryError, Ending, commit, rehearse};
use crate::identity::{App, AppKey, Role, RoleName, ScopeName, ScopeSet, ScopesFrom, User, UserId};
use crate::store::{AuditActor, AuditEntry, AuditFilter, AuditRecord, Change, Listing, Reach};
use crate::token::{LogPosition, RevocationTarget};

/// What is said of an app without a list of its own.
const FOLLOWS_OWNER: &str = "follows its owner";

/// The action of what has changed nothing.
pub(super) const UNCHANGED: &str = "unchanged";

#[derive(Clone, Copy)]
pub(super) enum Object<'a> {
    User(&'a UserId),
    Role(&'a RoleName),
    Scope(&'a ScopeName),
    App(&'a AppKey),
    Tokens(&'a RevocationTarget),
}

impl Directory<'_> {
    /// Commits a change and has the audit log tell of it.
    pub(super) async fn commit(
        &self,
        change: Change,
        object: Object<'_>,
        action: &'static str,
        details: &[String],
    ) -> Result<(), DirectoryError> {
        let committed = self.commit_at(change, object, action, details);
        committed.await.map(|_| ())
    }

    /// The same; gives back the position of the log where it ends something.
    pub(super) async fn commit_at(
        &self,
        mut change: Change,
        object: Object<'_>,
        action: &'static str,
        details: &[String],
    ) -> Result<Option<LogPosition>, DirectoryError> {
        if self.ending == Ending::Rehearsed {
            rehearse(change).await?;
            return Ok(None);
        }
        // What is revoked by name is there already, and may be urgent; what is only made to be taken away again is
        // neither.
        let is_by_name = matches!(object, Object::Tokens(_));
        if let Some(user) = self.authority.partial_administrator()
            && !is_by_name
            && !change.is_own()
        {
            change.charge_share(user);
        }
        let actor = self.authority.user();
        // An app acts in the name of its user: whoever looks for who did it must see through which.
        let app = self.authority.app();
        let through = app.map(|app| format!("through app {}", app.as_str()));
        let details: Vec<&str> = details.iter().chain(&through).map(String::as_str).collect();
        let (object_kind, object_name) = object.row();
        let operator = self.naming.operator;
        let record = AuditRecord {
            actor: actor.map_or(AuditActor::Command(operator), AuditActor::User),
            action,
            object_kind,
            object_name,
            change: &details.join("; "),
        };
        // The log below has a line of each call; rows of calls that change nothing would only hide others.
        if action != UNCHANGED {
            change.record(&record).await?;
        }
        // The row is part of the change. The line of the log below comes after: it must not tell of
        // what was rolled back.
        let position = commit(change).await?;
        let (kind, name) = self.name(object);
        let user = actor.map(|actor| self.naming.user(actor.as_str()));
        tracing::info!(
            target: "portcullis::audit",
            action,
            object.kind = kind,
            object.name = name,
            change = (!details.is_empty()).then(|| details.join("; ")),
            user.id = user,
            app.key = app.map(AppKey::as_str),
            operator.name = (actor.is_none() && !operator.is_empty()).then_some(operator),
            "changed in the directory"
        );
        Ok(position)
    }

    /// What was done, the latest first.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listing<AuditEntry>, DirectoryError> {
        Ok(self.store.audit(filter, before, limit).await?)
    }

    fn name(&self, object: Object<'_>) -> (&'static str, String) {
        match object {
            Object::User(user) => ("user", self.naming.user(user.as_str())),
            Object::Role(role) => ("role", role.as_str().to_owned()),
            Object::Scope(scope) => ("scope", scope.as_str().to_owned()),
            Object::App(app) => ("app", app.as_str().to_owned()),
            Object::Tokens(target) => self.naming.target(target),
        }
    }
}

/// The action of an update: whoever looks for changes must not find a call that has changed nothing.
pub(super) fn updated(changes: &[String]) -> &'static str {
    if changes.is_empty() {
        UNCHANGED
    } else {
        "changed"
    }
}

impl Object<'_> {
    /// Kind and name as rows have them, which the log may not: users by their ids.
    fn row(&self) -> (&'static str, &str) {
        match self {
            Self::User(user) => ("user", user.as_str()),
            Self::Role(role) => ("role", role.as_str()),
            Self::Scope(scope) => ("scope", scope.as_str()),
            Self::App(app) => ("app", app.as_str()),
            Self::Tokens(target) => (target.kind(), target.name()),
        }
    }
}

/// What differs of a user; of its own words only that they do.
pub(super) fn user_changes(before: &User, after: &User) -> Vec<String> {
    let mut changes = Vec::new();
    if before.username != after.username {
        changes.push("username".to_owned());
    }
    if before.email != after.email {
        changes.push("email".to_owned());
    }
    if before.status != after.status {
        changes.push(format!("status {}", after.status.name()));
    }
    for (what, roles) in [
        ("added roles", without(&after.roles, &before.roles)),
        ("removed roles", without(&before.roles, &after.roles)),
    ] {
        if !roles.is_empty() {
            changes.push(format!("{what} {roles}"));
        }
    }
    changes
}

/// The roles that are not among others.
fn without(roles: &[RoleName], others: &[RoleName]) -> String {
    let left = roles.iter().filter(|role| !others.contains(role));
    left.map(RoleName::as_str).collect::<Vec<_>>().join(" ")
}

/// What a new user is, or was one that is gone.
pub(super) fn user_parts(user: &User) -> Vec<String> {
    vec![
        named("roles", &without(&user.roles, &[])),
        format!("status {}", user.status.name()),
    ]
}

/// What a new app may do, or one that is gone.
pub(super) fn app_parts(app: &App) -> Vec<String> {
    let follows = app.scopes_from == ScopesFrom::Owner;
    let follows = follows.then(|| FOLLOWS_OWNER.to_owned());
    let scopes = named("scopes", &app.scopes.to_string());
    follows.into_iter().chain([scopes]).collect()
}

/// What ends with a revocation beside access tokens.
pub(super) fn ended(reach: Reach) -> Vec<String> {
    let counts = [
        ("users", reach.users),
        ("apps", reach.apps),
        ("grants", reach.grants),
        ("sessions", reach.sessions),
    ];
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(what, count)| format!("{what} {count}"))
        .collect()
}

/// Such as `roles a b`, or `no roles`.
fn named(what: &str, names: &str) -> String {
    if names.is_empty() {
        format!("no {what}")
    } else {
        format!("{what} {names}")
    }
}

/// What differs of a role.
pub(super) fn role_changes(before: &Role, after: &Role) -> Vec<String> {
    let mut changes = Vec::new();
    if before.name != after.name {
        changes.push(format!("name {}", after.name.as_str()));
    }
    changes.extend(scope_changes(&before.scopes, &after.scopes));
    changes
}

fn scope_changes(before: &ScopeSet, after: &ScopeSet) -> Vec<String> {
    let mut changes = Vec::new();
    for (what, scopes) in [
        ("added scopes", after.without(before)),
        ("removed scopes", before.without(after)),
    ] {
        if !scopes.is_empty() {
            changes.push(format!("{what} {scopes}"));
        }
    }
    changes
}

/// What differs of an app; of its owner's words only that they do.
pub(super) fn app_changes(before: &App, after: &App) -> Vec<String> {
    let mut changes = Vec::new();
    if before.name != after.name {
        changes.push("name".to_owned());
    }
    if before.description != after.description {
        changes.push("description".to_owned());
    }
    if before.link != after.link {
        changes.push("link".to_owned());
    }
    if before.redirect_uris != after.redirect_uris {
        changes.push("redirect_uris".to_owned());
    }
    if before.status != after.status {
        changes.push(format!("status {}", after.status.status().name()));
    }
    if before.scopes_from != after.scopes_from {
        changes.push(match after.scopes_from {
            ScopesFrom::Owner => FOLLOWS_OWNER.to_owned(),
            ScopesFrom::List => named("scopes", &after.scopes.to_string()),
        });
    } else if after.scopes_from == ScopesFrom::List {
        changes.extend(scope_changes(&before.scopes, &after.scopes));
    }
    changes
}

#[cfg(test)]
mod tests;
