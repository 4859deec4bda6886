//! Who the issuer's lines of the audit log are about: users by the names that logs have for them.

use super::throttle;
use crate::identity::{PlainSecret, User, UserId};
use crate::store::{Store, StoreError};
use crate::telemetry::SubjectNames;
use crate::token::RevocationTarget;

/// The audit log of one issuer.
#[derive(Clone)]
pub(super) struct AuditLog {
    names: SubjectNames,
    issuer: String,
}

/// How the log names people.
#[derive(Clone, Copy)]
pub(super) struct Naming<'a> {
    pub(super) names: &'a SubjectNames,
    pub(super) issuer: &'a str,
    /// The user of the operating system who does what no user of the store does; empty in a server, which does
    /// nothing by itself, and where it is not known.
    pub(super) operator: &'a str,
}

/// The names for a log about this store: the server and every command name a user alike. `fresh` becomes
/// the key where the store has none.
pub(super) async fn names_for(
    store: &Store,
    names: SubjectNames,
    fresh: &PlainSecret,
) -> Result<SubjectNames, StoreError> {
    let secret = store.subject_secret(fresh).await?;
    Ok(names.with_stored_secret(secret.reveal().as_bytes()))
}

impl AuditLog {
    /// Of the issuer at this URL.
    pub(super) fn new(names: SubjectNames, issuer: &str) -> Self {
        Self {
            names,
            issuer: issuer.to_owned(),
        }
    }

    /// How it names people, for the other logs of the process.
    pub(super) fn names(&self) -> &SubjectNames {
        &self.names
    }

    /// Whether users are named in clear.
    pub(super) fn is_plain(&self) -> bool {
        self.names.are_plain()
    }

    /// The same for the directory.
    pub(super) fn naming(&self) -> Naming<'_> {
        Naming {
            names: &self.names,
            issuer: &self.issuer,
            operator: "",
        }
    }

    /// What the log calls a user.
    pub(super) fn user(&self, user: &UserId) -> String {
        self.naming().user(user.as_str())
    }

    /// What the log calls what somebody says it is, whether or not that is anybody.
    pub(super) fn digest(&self, name: &str) -> String {
        self.names.digest(&self.issuer, name)
    }

    /// Tells of something that a user did with its own credentials.
    pub(super) fn done_by(&self, user: &User, action: &'static str) {
        self.done_by_id(&user.id, action);
    }

    /// The same of a user that was not looked up.
    pub(super) fn done_by_id(&self, user: &UserId, action: &'static str) {
        tracing::info!(
            target: "portcullis::audit",
            action,
            user.id = self.user(user),
            "done by a user"
        );
    }

    /// Tells of the end of a session of which two browsers had a cookie.
    pub(super) fn copied_session(&self, user: &UserId) {
        tracing::info!(
            target: "portcullis::audit",
            action = "ended session",
            user.id = self.user(user),
            client.address = throttle::address().map(tracing::field::display),
            "an earlier cookie of a session was used: the session has ended"
        );
    }

    /// Tells of a call that a user has tried out, and of its status if there was an answer.
    pub(super) fn tried(&self, user: &User, route: &str, status: Option<u16>) {
        tracing::info!(
            target: "portcullis::audit",
            action = "tried a call",
            route.name = route,
            http.status = status,
            user.id = self.user(&user.id),
            "done by a user"
        );
    }

    /// Tells of a form that came with a user's session, and not from a page of that session.
    pub(super) fn foreign_form(&self, user: &User, path: &str) {
        let path = self.is_plain().then_some(path);
        tracing::info!(
            target: "portcullis::audit",
            action = "refused",
            http.path = path,
            user.id = self.user(&user.id),
            "a form that is not from the user's own page was refused"
        );
    }
}

impl Naming<'_> {
    /// What the log calls a user.
    pub(super) fn user(&self, user: &str) -> String {
        self.names.name(self.issuer, user)
    }

    /// Of which kind the target of a revocation is, and what the log calls it.
    pub(super) fn target(&self, target: &RevocationTarget) -> (&'static str, String) {
        match target {
            RevocationTarget::Token(id) => ("token", id.clone()),
            RevocationTarget::Grant(id) => ("grant", id.clone()),
            RevocationTarget::App(key) => ("app", key.clone()),
            RevocationTarget::User(id) => ("user", self.user(id)),
            RevocationTarget::Owner(id) => ("owner", self.user(id)),
            RevocationTarget::Role(name) => ("role", name.clone()),
            RevocationTarget::Everyone => ("everyone", String::new()),
        }
    }
}
