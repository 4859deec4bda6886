//! The roles that a user is to have.

use std::collections::BTreeSet;

use super::list_update::ListUpdate;
use super::users::UserUpdate;
use super::{DirectoryError, Thing};
use crate::identity::{RoleName, ScopeSet, User};
use crate::store::Change;

/// The most roles that a user can have.
pub const MAX_ROLES_OF_USER: usize = 64;

impl UserUpdate {
    fn role_update(&self) -> Result<ListUpdate<'_>, DirectoryError> {
        let (added, removed) = (self.add_roles.as_ref(), self.remove_roles.as_ref());
        ListUpdate::read("roles", self.roles.as_ref(), added, removed)
    }
}

/// The roles that a user is to have, and what they have together; none where nothing is said of
/// them. What is taken from it must exist as well: a misspelt name would take nothing.
pub(super) async fn wanted_roles(
    change: &mut Change,
    before: &User,
    wanted: &UserUpdate,
) -> Result<Option<(Vec<RoleName>, ScopeSet)>, DirectoryError> {
    let update = wanted.role_update()?;
    let held = || before.roles.iter().map(RoleName::as_str);
    let is_held = update.check_held(before.username.as_str(), Thing::Role, held());
    if let Err(DirectoryError::NotHeld { name, .. }) = &is_held {
        existing_roles(change, std::slice::from_ref(name), 0).await?;
    }
    is_held?;
    match update.of(held()) {
        None => Ok(None),
        Some(names) => {
            let roles = existing_roles(change, &names, before.roles.len()).await?;
            Ok(Some(roles))
        }
    }
}

/// Roles by their names, for a user who has so many before, and what they have together.
pub(super) async fn existing_roles(
    change: &mut Change,
    names: &[String],
    before: usize,
) -> Result<(Vec<RoleName>, ScopeSet), DirectoryError> {
    let unknown = |name: &str| DirectoryError::UnknownRole(name.to_owned());
    let names = names
        .iter()
        .map(|name| RoleName::parse(name).map_err(|_| unknown(name)));
    let names: BTreeSet<RoleName> = names.collect::<Result<_, _>>()?;
    check_count(names.len(), before)?;
    // All of them in few questions: others wait meanwhile.
    let (found, scopes) = change.roles_among(&names).await?;
    match names.difference(&found).next() {
        Some(missing) => Err(unknown(missing.as_str())),
        None => Ok((found.into_iter().collect(), scopes)),
    }
}

/// Refuses more roles than a user may have. Whoever has more from before may lose some of them.
fn check_count(roles: usize, before: usize) -> Result<(), DirectoryError> {
    if roles > MAX_ROLES_OF_USER.max(before) {
        Err(DirectoryError::TooManyRoles)
    } else {
        Ok(())
    }
}
