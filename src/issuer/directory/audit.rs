//! What the audit log says of changes: who, what, and of which thing. Never a secret, and of a user
//! nothing but the name that logs have for it.

use super::{Directory, DirectoryError, commit};
use crate::identity::{App, AppKey, Role, RoleName, ScopeName, ScopesFrom, User, UserId};
use crate::store::{AuditEntry, AuditRecord, Change, Listing};
use crate::token::{LogPosition, RevocationTarget};

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
        let actor = self.authority.user();
        // An app acts in the name of its user: whoever looks for who did it must see through which.
        let app = self.authority.app();
        let through = app.map(|app| format!("through app {}", app.as_str()));
        let details: Vec<&str> = details.iter().chain(&through).map(String::as_str).collect();
        let (object_kind, object_name) = object.row();
        let record = AuditRecord {
            actor,
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
            "changed in the directory"
        );
        Ok(position)
    }

    /// What was done, the latest first.
    pub async fn audit(
        &self,
        search: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Listing<AuditEntry>, DirectoryError> {
        Ok(self.store.audit(search, before, limit).await?)
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
    if before.roles != after.roles {
        let roles: Vec<&str> = after.roles.iter().map(RoleName::as_str).collect();
        changes.push(format!("roles {}", roles.join(" ")));
    }
    changes
}

/// What differs of a role.
pub(super) fn role_changes(before: &Role, after: &Role) -> Vec<String> {
    let mut changes = Vec::new();
    if before.name != after.name {
        changes.push(format!("name {}", after.name.as_str()));
    }
    let added = after.scopes.without(&before.scopes);
    if !added.is_empty() {
        changes.push(format!("added scopes {added}"));
    }
    let removed = before.scopes.without(&after.scopes);
    if !removed.is_empty() {
        changes.push(format!("removed scopes {removed}"));
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
    if before.scopes_from != after.scopes_from || before.scopes != after.scopes {
        changes.push(match after.scopes_from {
            ScopesFrom::Owner => "follows its owner".to_owned(),
            ScopesFrom::List => format!("scopes {}", after.scopes),
        });
    }
    changes
}

#[cfg(test)]
mod tests;
