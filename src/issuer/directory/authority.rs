//! On whose behalf an operation runs, and what its token allows: nobody passes on more than it has.
//!
//! What an endpoint asks for (`backend.user` and so on) is decided before. Beyond it:
//! 1. `backend.*` scopes pass only through the hands of tokens that have them: into roles, to users,
//!    to apps. Users and apps that have such scopes are changed only by tokens that have them too,
//!    because whoever sets a password or takes a secret can do what its owner can; nor are their tokens
//!    revoked by others, who could lock them out.
//! 2. No token makes its own user more than it is, by a role, in one, or by another name of a scope or
//!    role that it has, unless it has all `backend.*` scopes and could do so anyway.
//! 3. `consumer.*` and `backend.*` scopes of an app act in the name of its owner. Whoever does not own it changes its
//!    secret, its redirect URIs and its list only with a token that has them, `backend.user` and the `backend.*`
//!    scopes of the owner. Redirect URIs take the latter two in any case, as they stay when the app gets more.
//! 4. What takes something from a role that has `backend.*` scopes, or from users who have some, ends their tokens, and
//!    takes the same scopes.
//!
//! Other scopes are for administrators to give: who has `backend.role` puts any of them into a role,
//! who has `backend.user` gives roles that have them, who has `backend.scope` names them, and who has
//! `backend.app` takes the secret of an app that has them. That reaches a second account of the same
//! person too, so these are for whoever may have every scope that is not `backend.*`.
//!
//! Here are the rules that need the scopes of the token alone, which each change finds to be left. What
//! depends on its user and its app is asked of [`Actor`](super::Actor).

use super::DirectoryError;
use crate::identity::{ADMINISTRATIVE_SCOPES, AppKey, ScopeSet, SecretDigest, User, UserId};
use crate::token::VerifiedToken;

/// What opens what users are and have.
const USERS: &str = "backend.user";

/// On whose behalf an operation runs.
#[derive(Clone, Copy)]
pub enum Authority<'a> {
    /// Somebody who holds the store itself, or the issuer for somebody who registers.
    Machine,
    /// The bearer of a token.
    Bearer {
        user: &'a UserId,
        /// What the token has of what its user, and the app that it was made for, have.
        scopes: &'a ScopeSet,
        /// What it was let in with.
        token: &'a VerifiedToken,
        /// The app through which it calls; none where the user logged in.
        app: Option<&'a AppKey>,
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
    pub(super) fn user(&self) -> Option<&UserId> {
        match self {
            Self::Machine => None,
            Self::Bearer { user, .. } => Some(*user),
        }
    }

    /// Who does it, where it administers others and does not have all that administrators have.
    pub(super) fn partial_administrator(&self) -> Option<&UserId> {
        match self {
            Self::Bearer { user, scopes, .. } => {
                let is_partial =
                    !scopes.administrative().is_empty() && !scopes.make_administrator();
                is_partial.then_some(*user)
            }
            Self::Machine => None,
        }
    }

    /// Through which app.
    pub(super) fn app(&self) -> Option<&AppKey> {
        match self {
            Self::Machine => None,
            Self::Bearer { app, .. } => *app,
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
        self.has(&scopes.administrative())
    }

    /// Whether it has all scopes of the issuer's own that are among these.
    pub(super) fn has_own(&self, scopes: &ScopeSet) -> Result<(), DirectoryError> {
        self.has(&scopes.own())
    }

    /// Whether it may end the tokens of somebody with these scopes. Anybody's can be ended at once, as it may be
    /// urgent; those of an administrator by whoever could disable it.
    pub(super) fn may_revoke(&self, scopes: &ScopeSet) -> Result<(), DirectoryError> {
        let administrative = scopes.administrative();
        if administrative.is_empty() {
            return Ok(());
        }
        self.has(&administrative)?;
        self.has_just_logged_in()
    }

    /// Whether it may end everybody's tokens, the administrators' among them.
    pub(super) fn may_revoke_all(&self) -> Result<(), DirectoryError> {
        self.may_revoke(&all_administrative()?)
    }

    /// Whether it may do in the name of `owner` whatever an app with these scopes can. At the issuer the app is its
    /// owner: who has the secret or the codes of such an app needs what the owner has, and for an owner who is somebody
    /// else to be let at users at all.
    pub(super) fn may_act_for(
        &self,
        owner: &User,
        scopes: &ScopeSet,
    ) -> Result<(), DirectoryError> {
        self.has_own(scopes)?;
        if scopes.own().is_empty() || self.user() == Some(&owner.id) {
            return Ok(());
        }
        self.may_send_codes_of(owner)
    }

    /// Whether it may say where the codes of an app of `owner` are sent, whatever the app can do today: a redirect URI
    /// stays when the app gets more.
    pub(super) fn may_send_codes_of(&self, owner: &User) -> Result<(), DirectoryError> {
        if self.user() == Some(&owner.id) {
            return Ok(());
        }
        self.may_pass_on(&owner.scopes)?;
        self.has(&ScopeSet::parse(USERS)?)
    }

    /// Which scopes of administrators it does not have itself.
    pub(super) fn lacks_of_administrators(&self) -> Result<ScopeSet, DirectoryError> {
        Ok(self.lacks(&all_administrative()?))
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

    fn has(&self, scopes: &ScopeSet) -> Result<(), DirectoryError> {
        let missing = self.lacks(scopes);
        if missing.is_empty() {
            Ok(())
        } else {
            Err(DirectoryError::Beyond(missing))
        }
    }
}

/// What administrators have.
pub(super) fn all_administrative() -> Result<ScopeSet, DirectoryError> {
    Ok(ScopeSet::parse(&ADMINISTRATIVE_SCOPES.join(" "))?)
}

#[cfg(test)]
mod tests;
