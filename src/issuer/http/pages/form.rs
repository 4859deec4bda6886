//! Forms that browsers send to the pages; `guard` has read them.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::identity::Form;
use crate::issuer::directory::Named;
use crate::issuer::endpoint_error::EndpointError;

/// The field that proves that a form is from one of our own pages.
pub(super) const CSRF: &str = "csrf";

/// The field with the password of somebody who confirms an action.
pub(super) const PASSWORD_PROOF: &str = "confirm_password";

/// The fields with what a passkey was asked for, and its answer, in place of the password. No page has
/// others of these names.
pub(super) const PASSKEY_TICKET: &str = "confirm_ticket";
pub(super) const PASSKEY_PROOF: &str = "confirm_response";

/// The field with the secret of an app that somebody has typed: it is on no page again.
pub(super) const SECRET: &str = "secret";

/// The field with the mark of what the page was made about, which may have another bearer of its name by now.
pub(super) const SEEN: &str = "seen";

const NOT_REPEATED: [&str; 5] = [CSRF, PASSWORD_PROOF, PASSKEY_TICKET, PASSKEY_PROOF, SECRET];

/// A form that is from one of our own pages.
#[derive(Clone)]
pub(super) struct PageForm(pub(super) Arc<Form>);

impl<S: Send + Sync> FromRequestParts<S> for PageForm {
    type Rejection = EndpointError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, EndpointError> {
        let form = parts.extensions.get::<Self>().cloned();
        form.ok_or(EndpointError::Unguarded)
    }
}

impl PageForm {
    /// A field; empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_default()
    }

    /// The same with no space around it.
    pub(super) fn trimmed(&self, name: &str) -> String {
        self.text(name).trim().to_owned()
    }

    /// What has this name, if it is what the page of the form was made about.
    pub(super) fn named<'n>(&'n self, name: &'n str) -> Named<'n> {
        Named::seen(name, self.text(SEEN))
    }

    /// The lines of a field that are not empty.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.text(name).lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    }

    /// The boxes that are ticked, of those whose names begin with `prefix`: what follows it.
    pub(super) fn ticked(&self, prefix: &str) -> Vec<String> {
        let names = self.0.names().filter_map(|name| name.strip_prefix(prefix));
        names.map(str::to_owned).collect()
    }

    /// All fields to be sent once more: those that are not about the form itself, and no secret.
    pub(super) fn repeatable(&self) -> impl Iterator<Item = (&str, &str)> {
        let names = self.0.names().filter(|name| !NOT_REPEATED.contains(name));
        names.filter_map(|name| Some((name, self.0.get(name)?)))
    }
}
