//! Who does something, as the transaction sees it in which it is done, and the rules about its own user and app.
//!
//! A request has read its user and its app before it waits for its turn. By then somebody, perhaps a second
//! request of the same token, may have given the user a role: a rule that looked at what was read before would
//! allow each of two steps of which neither is allowed after the other. So the rules are asked of what only
//! `change_of` makes.

use super::DirectoryError;
use crate::identity::{App, Role, RoleName, ScopeName, ScopeSet, ScopesFrom, User};

/// Who does it, within a change.
pub(super) enum Actor {
    /// See [`Authority::Machine`](super::Authority::Machine).
    Machine,
    Bearer {
        user: Box<User>,
        /// What its token has, all of which user and app have.
        scopes: ScopeSet,
        app: Option<Box<App>>,
    },
}

impl Actor {
    /// Whether it has all that an app has which follows `owner`, now and whatever that will be: an app
    /// with a list of its own has not, nor has a token that was asked for with less.
    pub(super) fn follows(&self, owner: &User) -> bool {
        match self {
            Self::Machine => true,
            Self::Bearer { scopes, app, .. } => {
                let unbound = app
                    .as_ref()
                    .is_none_or(|app| app.scopes_from == ScopesFrom::Owner);
                unbound && owner.scopes.without_own().is_subset_of(scopes)
            }
        }
    }

    /// Whether it may do as it likes with an app of its user, whose secret then is its own. What the
    /// app is to have counts, even if its owner lacks it: that comes back with a role. A login with all
    /// that the owner has is the owner.
    pub(super) fn may_handle(&self, app: &App, owner: &User) -> Result<(), DirectoryError> {
        match self {
            Self::Bearer {
                scopes, app: None, ..
            } if owner.scopes.is_subset_of(scopes) => Ok(()),
            Self::Bearer { scopes, .. } => {
                within(&app.scopes, scopes)?;
                if app.scopes_from == ScopesFrom::Owner && !self.follows(owner) {
                    return Err(DirectoryError::Follower);
                }
                Ok(())
            }
            Self::Machine => Ok(()),
        }
    }

    /// Whether it may have `target` get these roles, with these scopes, if that is its own user. Roles count too:
    /// a route may ask for one.
    pub(super) fn may_raise(
        &self,
        target: &User,
        roles: &[RoleName],
        scopes: &ScopeSet,
    ) -> Result<(), DirectoryError> {
        match self.restricted() {
            Some(user) if user.id == target.id => {
                within(scopes, &target.scopes)?;
                roles_within(roles, &target.roles)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether it may add these scopes to a role, if its own user has that.
    pub(super) fn may_extend(&self, role: &Role, added: &ScopeSet) -> Result<(), DirectoryError> {
        match self.restricted() {
            Some(user) if user.roles.contains(&role.name) => within(added, &user.scopes),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether it may give a scope another name, which then is the name of what its own user has.
    pub(super) fn may_rename(
        &self,
        scope: &ScopeName,
        name: &ScopeName,
    ) -> Result<(), DirectoryError> {
        match self.restricted() {
            Some(user) if user.scopes.contains(scope.as_str()) => Err(DirectoryError::Beyond(
                std::iter::once(name.clone()).collect(),
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The same of a role.
    pub(super) fn may_rename_role(
        &self,
        role: &RoleName,
        name: &RoleName,
    ) -> Result<(), DirectoryError> {
        match self.restricted() {
            Some(user) if user.roles.contains(role) => {
                roles_within(std::slice::from_ref(name), &user.roles)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Its user, where it does not have all `backend.*` scopes: with those it could do anything anyway.
    fn restricted(&self) -> Option<&User> {
        match self {
            Self::Bearer { scopes, .. } if scopes.make_administrator() => None,
            Self::Bearer { user, .. } => Some(&**user),
            Self::Machine => None,
        }
    }
}

fn within(scopes: &ScopeSet, own: &ScopeSet) -> Result<(), DirectoryError> {
    let missing = scopes.without(own);
    if missing.is_empty() {
        Ok(())
    } else {
        Err(DirectoryError::Beyond(missing))
    }
}

fn roles_within(roles: &[RoleName], own: &[RoleName]) -> Result<(), DirectoryError> {
    match roles.iter().find(|role| !own.contains(role)) {
        None => Ok(()),
        Some(role) => Err(DirectoryError::BeyondRoles(role.as_str().to_owned())),
    }
}

#[cfg(test)]
mod tests;
