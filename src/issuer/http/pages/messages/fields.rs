//! Which fields of a form an error is about.

use crate::identity::{AppError, UserError};
use crate::issuer::directory::{DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;

pub(super) const REDIRECT_URIS: &str = "redirect_uris";

/// The names of fields. A form has some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::issuer::http::pages) struct Fields(Vec<&'static str>);

impl Fields {
    pub(in crate::issuer::http::pages) fn none() -> Self {
        Self(Vec::new())
    }

    pub(in crate::issuer::http::pages) fn has(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    /// The one of these, in the order of the form, that has the focus: the first that the error is about, else the
    /// first.
    pub(in crate::issuer::http::pages) fn focus(&self, order: &[&'static str]) -> &'static str {
        let wrong = order.iter().find(|name| self.has(name));
        wrong.or_else(|| order.first()).copied().unwrap_or_default()
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn of(error: &EndpointError) -> Self {
        let EndpointError::Directory(error) = error else {
            return match error {
                // The one before, by whichever name a form asks for it.
                EndpointError::WrongPassword => Self(vec!["old_password", "password"]),
                _ => Self::none(),
            };
        };
        let names: &[&'static str] = match error {
            DirectoryError::User(UserError::Username) => &["username"],
            DirectoryError::User(UserError::Email) => &["email"],
            DirectoryError::NameTaken(Thing::User) => &["username", "email"],
            DirectoryError::Password(_) => &["password", "new_password"],
            DirectoryError::App(AppError::RedirectUri) | DirectoryError::TooManyRedirectUris => {
                &[REDIRECT_URIS]
            }
            DirectoryError::NameTaken(_)
            | DirectoryError::App(AppError::Name)
            | DirectoryError::Own(_)
            | DirectoryError::Reserved
            | DirectoryError::Scope(_)
            | DirectoryError::NotAddressable
            | DirectoryError::PasskeyName(_) => &["name"],
            DirectoryError::Description(_) | DirectoryError::App(AppError::Description) => {
                &["description"]
            }
            DirectoryError::App(AppError::Link) => &["link"],
            _ => &[],
        };
        Self(names.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wrong_field_has_the_focus_else_the_first() {
        let order = ["username", "email", "password"];
        for (wrong, expected) in [
            (vec![], "username"),
            (vec!["name"], "username"),
            (vec!["password", "email"], "email"),
        ] {
            assert_eq!(Fields(wrong).focus(&order), expected);
        }
        assert_eq!(Fields::none().focus(&[]), "");
    }
}
