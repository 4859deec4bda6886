//! On whose behalf an operation runs, and what that allows: nobody passes on more than it has.
//!
//! What an endpoint asks for (`backend.user` and so on) is decided before. Beyond it:
//! 1. `backend.*` scopes pass only through the hands of tokens that have them: into roles, to users,
//!    to apps. Users and apps that have such scopes are changed only by tokens that have them too,
//!    because whoever sets a password or takes a secret can do what its owner can.
//! 2. No token makes its own user more than it is, by a role, in one, or by another name of a scope
//!    that it has, unless it has all `backend.*` scopes and could do so anyway.
//!
//! Other scopes are for administrators to give: who has `backend.role` puts any of them into a role,
//! who has `backend.user` gives roles that have them, who has `backend.scope` names them, and who has
//! `backend.app` takes the secret of an app that has them. That reaches a second account of the same
//! person too, so these are for whoever may have every scope that is not `backend.*`.

use super::DirectoryError;
use crate::identity::{App, Role, ScopeName, ScopeSet, ScopesFrom, SecretDigest, User};
use crate::token::VerifiedToken;

/// On whose behalf an operation runs.
#[derive(Clone, Copy)]
pub enum Authority<'a> {
    /// Somebody who holds the store itself, or the issuer for somebody who registers.
    Machine,
    /// The bearer of a token.
    Bearer {
        /// Its user, as it is now.
        user: &'a User,
        /// What the token has of what its user, and the app that it was made for, have.
        scopes: &'a ScopeSet,
        /// What it was let in with.
        token: &'a VerifiedToken,
        /// The app through which it calls; none where the user logged in.
        app: Option<&'a App>,
        /// The session of the browser from which it calls; none where it has sent the token itself.
        session: Option<&'a SecretDigest>,
        login: Login,
    },
}

/// How long ago the bearer of a token has shown what a stolen token does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    Fresh,
    /// More than so many seconds ago, or never.
    Old {
        max_age_seconds: u32,
    },
}

impl Authority<'_> {
    /// Who does it; none where the machine does.
    pub(super) fn user(&self) -> Option<&User> {
        match self {
            Self::Machine => None,
            Self::Bearer { user, .. } => Some(*user),
        }
    }

    /// The session of the browser from which it calls.
    pub(super) fn session(&self) -> Option<&SecretDigest> {
        match self {
            Self::Machine => None,
            Self::Bearer { session, .. } => *session,
        }
    }

    /// Whether these scopes may pass through its hands.
    pub(super) fn may_pass_on(&self, scopes: &ScopeSet) -> Result<(), DirectoryError> {
        match self {
            Self::Machine => Ok(()),
            Self::Bearer { scopes: own, .. } => within(&scopes.administrative(), own),
        }
    }

    /// Whether it may do what outlives its token.
    pub(super) fn has_just_logged_in(&self) -> Result<(), DirectoryError> {
        match *self {
            Self::Bearer {
                login: Login::Old { max_age_seconds },
                ..
            } => Err(DirectoryError::NotFresh { max_age_seconds }),
            Self::Bearer { .. } | Self::Machine => Ok(()),
        }
    }

    /// Which of these it does not have itself.
    pub(super) fn lacks(&self, scopes: &ScopeSet) -> ScopeSet {
        match self {
            Self::Machine => ScopeSet::default(),
            Self::Bearer { scopes: own, .. } => scopes.without(own),
        }
    }

    /// Whether it has all that an app has which follows `owner`, now and whatever that will be: an app
    /// with a list of its own has not, nor has a token that was asked for with less.
    pub(super) fn follows(&self, owner: &User) -> bool {
        match self {
            Self::Machine => true,
            Self::Bearer { scopes, app, .. } => {
                let unbound = app.is_none_or(|app| app.scopes_from == ScopesFrom::Owner);
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

    /// Whether it may give `target` these scopes by its roles, if that is its own user.
    pub(super) fn may_raise(&self, target: &User, after: &ScopeSet) -> Result<(), DirectoryError> {
        match self {
            Self::Bearer { user, scopes, .. } if user.id == target.id => {
                if scopes.make_administrator() {
                    return Ok(());
                }
                within(after, &target.scopes)
            }
            Self::Bearer { .. } | Self::Machine => Ok(()),
        }
    }

    /// Whether it may add these scopes to a role, if its own user has that.
    pub(super) fn may_extend(&self, role: &Role, added: &ScopeSet) -> Result<(), DirectoryError> {
        match self {
            Self::Bearer { user, scopes, .. } if user.roles.contains(&role.name) => {
                if scopes.make_administrator() {
                    return Ok(());
                }
                within(added, &user.scopes)
            }
            Self::Bearer { .. } | Self::Machine => Ok(()),
        }
    }

    /// Whether it may give a scope another name, which then is the name of what its own user has.
    pub(super) fn may_rename(
        &self,
        scope: &ScopeName,
        name: &ScopeName,
    ) -> Result<(), DirectoryError> {
        match self {
            Self::Bearer { user, scopes, .. }
                if user.scopes.contains(scope.as_str()) && !scopes.make_administrator() =>
            {
                Err(DirectoryError::Beyond(
                    std::iter::once(name.clone()).collect(),
                ))
            }
            Self::Bearer { .. } | Self::Machine => Ok(()),
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

#[cfg(test)]
mod tests;
