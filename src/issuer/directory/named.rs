//! What somebody decides about has a name, which somebody else may have got since it was looked at.

use super::{Directory, DirectoryError, Thing};
use crate::identity::{Role, Scope, User};
use crate::store::{Change, Made};

/// Something by its name, and which of that name somebody has seen who decides about it.
#[derive(Debug, Clone, Copy)]
pub struct Named<'n> {
    name: &'n str,
    /// None for whichever has the name.
    seen: Option<&'n str>,
}

/// Whichever has the name.
impl<'n, T: AsRef<str> + ?Sized> From<&'n T> for Named<'n> {
    fn from(name: &'n T) -> Self {
        Self {
            name: name.as_ref(),
            seen: None,
        }
    }
}

impl<'n> Named<'n> {
    /// The one that had this mark when it was looked at.
    pub fn seen(name: &'n str, mark: &'n str) -> Self {
        Self {
            name,
            seen: Some(mark),
        }
    }

    pub(super) fn name(self) -> &'n str {
        self.name
    }

    fn check(self, thing: Thing, mark: &str) -> Result<(), DirectoryError> {
        match self.seen {
            Some(seen) if seen != mark => Err(DirectoryError::Replaced {
                thing,
                name: self.name.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl Directory<'_> {
    /// What tells a user from others who had or get its name; it is no secret, and not the id.
    pub fn mark_of_user(&self, user: &User) -> String {
        self.digest(user.id.as_str())
    }

    /// The same of a role. It is to be read before what is shown of the role: if that is another one by then, the
    /// mark is the one of before.
    pub async fn mark_of_role(&self, name: &str) -> Result<String, DirectoryError> {
        let made = self
            .store
            .role_made(&super::roles::role_name(name)?)
            .await?;
        made.map(mark).ok_or(DirectoryError::NotFound(Thing::Role))
    }

    /// The same of a scope.
    pub async fn mark_of_scope(&self, name: &str) -> Result<String, DirectoryError> {
        let made = self
            .store
            .scope_made(&super::scopes::scope_name(name)?)
            .await?;
        made.map(mark).ok_or(DirectoryError::NotFound(Thing::Scope))
    }

    /// Refuses a user that is not the one that was seen.
    pub fn check_user(&self, named: Named<'_>, user: &User) -> Result<(), DirectoryError> {
        named.check(Thing::User, &self.mark_of_user(user))
    }
}

/// Refuses a role that is not the one that was seen.
pub(super) async fn check_role(
    change: &mut Change,
    named: Named<'_>,
    role: &Role,
) -> Result<(), DirectoryError> {
    let made = change.role_made(&role.name).await?;
    named.check(Thing::Role, &made.map(mark).unwrap_or_default())
}

/// Refuses a scope that is not the one that was seen.
pub(super) async fn check_scope(
    change: &mut Change,
    named: Named<'_>,
    scope: &Scope,
) -> Result<(), DirectoryError> {
    let made = change.scope_made(&scope.name).await?;
    named.check(Thing::Scope, &made.map(mark).unwrap_or_default())
}

fn mark(Made(number): Made) -> String {
    number.to_string()
}
