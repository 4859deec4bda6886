//! Grants, and the one rule that says what something given before is worth now.
//!
//! A refresh token, an authorization code, an access token and a browser's session all say the same:
//! this user may do this much, perhaps through that app, since then. [`Entitlement::worth`] holds
//! that against user, app and owner as they are. No other place asks for their status, compares
//! positions or intersects scopes; where SQL has to (`store::grants`), a test holds both together.

use super::app::{App, AppKey, AppWithOwner};
use super::audience::Audiences;
use super::scope::{NoScopeError, RequestedScopes, ScopeSet};
use super::second_factor::{RequiredFor, SecondFactor};
use super::secret::{SecretDigest, alphanumeric};
use super::user::{Status, User, UserId};
use crate::clock::UnixSeconds;
use crate::token::{LogPosition, RevocationTarget};

/// A grant's id: `family` in rows, `sid` in tokens, `id` in JSON.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(Box<str>);

/// What a user gave an app, or a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub id: GrantId,
    pub user: UserId,
    /// None where the user logged in.
    pub app: Option<AppKey>,
    /// What was granted; the user, the app or its owner may have less by now.
    pub scopes: ScopeSet,
    /// For whom access tokens are, unless one is asked for that is for fewer.
    pub audiences: Audiences,
    /// How much of the revocation log had happened when this was given out: what the log holds
    /// beyond it can end the grant.
    pub position: LogPosition,
}

/// What somebody presents or asks for, before it is held against the present.
#[derive(Debug, Clone, Copy)]
pub struct Entitlement<'a> {
    pub user: &'a UserId,
    /// None where the user logged in.
    pub app: Option<&'a AppKey>,
    pub extent: Extent<'a>,
    /// See [`Grant::position`].
    pub position: LogPosition,
}

/// How much of what user and app have.
#[derive(Debug, Clone, Copy)]
pub enum Extent<'a> {
    Everything,
    Only(&'a ScopeSet),
}

/// The user, and the app with its owner, as they are; none where they have been deleted.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    pub user: Option<&'a User>,
    pub app: Option<(&'a App, &'a User)>,
    /// Who may do what administrators do only with a passkey.
    pub required: RequiredFor,
}

/// Why something that was given is worth nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    #[error("its user has been deleted")]
    UserDeleted,
    #[error("its user is disabled")]
    UserDisabled,
    #[error("its app has been deleted")]
    AppDeleted,
    #[error("its app is disabled")]
    AppDisabled,
    #[error("the owner of its app is disabled")]
    OwnerDisabled,
    /// Whatever user or app had at its position has ended.
    #[error("it was revoked with its user or its app")]
    Revoked,
    #[error("{0}")]
    NothingLeft(NoScopeError),
}

impl Entitlement<'_> {
    /// The scopes that are left, at least one.
    pub fn worth(&self, now: Parties<'_>) -> Result<ScopeSet, GrantError> {
        let user = now.user.filter(|user| user.id == *self.user);
        let user = user.ok_or(GrantError::UserDeleted)?;
        if !user.is_active() {
            return Err(GrantError::UserDisabled);
        }
        let app = match self.app {
            None => None,
            Some(key) => {
                let found = now.app.filter(|(app, _)| app.key == *key);
                let (app, owner) = found.ok_or(GrantError::AppDeleted)?;
                is_usable(app, owner)?;
                Some((app, owner))
            }
        };
        // Whoever was given something has a position from before a revocation that ends it, so an
        // equal one is from after it.
        let of_app = app.map_or(LogPosition::default(), |(app, _)| app.revoked_through);
        if self.position < user.revoked_through.max(of_app) {
            return Err(GrantError::Revoked);
        }
        let within_app = app.map(|(app, owner)| now.required.usable_by(app, owner));
        self.left(within_app.as_ref(), &now.required.usable(user))
            .map_err(|reason| {
                let lacks_passkey = self.for_want_of_a_passkey(user, app, now.required);
                GrantError::NothingLeft(lacks_passkey.unwrap_or(reason))
            })
    }

    /// Who lacks a passkey, where something would be left with one.
    fn for_want_of_a_passkey(
        &self,
        user: &User,
        app: Option<(&App, &User)>,
        required: RequiredFor,
    ) -> Option<NoScopeError> {
        let within_app = app.map(|(app, owner)| app.scopes.within(&owner.scopes));
        self.left(within_app.as_ref(), &user.scopes).ok()?;
        let lacks = |user: &User| SecondFactor::of(user, required) == SecondFactor::ToBeMade;
        match app {
            Some((_, owner)) if lacks(owner) => Some(NoScopeError::OwnerWithoutPasskey),
            Some(_) | None => lacks(user).then_some(NoScopeError::UserWithoutPasskey),
        }
    }

    /// Of what is asked for, what the app may have, of what the user has now.
    fn left(&self, app: Option<&ScopeSet>, user: &ScopeSet) -> Result<ScopeSet, NoScopeError> {
        let within_user = at_least_one(user.clone(), NoScopeError::User)?;
        let within_app = match app {
            None => within_user,
            Some(app) => at_least_one(within_user.within(app), NoScopeError::App)?,
        };
        match self.extent {
            Extent::Everything => Ok(within_app),
            Extent::Only(scopes) => {
                at_least_one(within_app.within(scopes), NoScopeError::Requested)
            }
        }
    }
}

impl AppWithOwner {
    /// Whether it can be used: neither it nor its owner is disabled.
    pub fn is_usable(&self) -> bool {
        self.usable().is_ok()
    }

    /// The same, and which of the two is.
    pub fn usable(&self) -> Result<(), GrantError> {
        let (app, owner) = self.parties();
        is_usable(app, owner)
    }
}

/// Whether an app can be used by anybody: neither it nor its owner is disabled.
fn is_usable(app: &App, owner: &User) -> Result<(), GrantError> {
    if app.status.status() == Status::Disabled {
        return Err(GrantError::AppDisabled);
    }
    if !owner.is_active() {
        return Err(GrantError::OwnerDisabled);
    }
    Ok(())
}

fn at_least_one(scopes: ScopeSet, otherwise: NoScopeError) -> Result<ScopeSet, NoScopeError> {
    if scopes.is_empty() {
        Err(otherwise)
    } else {
        Ok(scopes)
    }
}

impl Grant {
    /// All of it, as somebody presents it.
    pub fn entitlement(&self) -> Entitlement<'_> {
        Entitlement {
            user: &self.user,
            app: self.app.as_ref(),
            extent: Extent::Only(&self.scopes),
            position: self.position,
        }
    }
}

impl RequestedScopes {
    /// What is asked for of these scopes.
    pub fn among(&self, scopes: &ScopeSet) -> Result<ScopeSet, NoScopeError> {
        match self {
            Self::All => Ok(scopes.clone()),
            Self::Some(asked) => at_least_one(scopes.within(asked), NoScopeError::Requested),
        }
    }
}

impl<'a> From<&'a RequestedScopes> for Extent<'a> {
    fn from(requested: &'a RequestedScopes) -> Self {
        match requested {
            RequestedScopes::All => Self::Everything,
            RequestedScopes::Some(scopes) => Self::Only(scopes),
        }
    }
}

impl GrantId {
    /// A new id. It begins with the time, so that the store writes neighbours side by side, and has
    /// 96 random bits.
    pub fn from_random(now: UnixSeconds, random: [u8; 12]) -> Self {
        let [.., first, second, third, fourth] = now.0.to_be_bytes();
        let mut id = vec![first, second, third, fourth];
        id.extend(random);
        Self(alphanumeric(&id).into())
    }

    /// What tokens that are made within a browser's session have in the place of a grant's id, so that they end with
    /// it.
    pub fn of_session(session: &SecretDigest) -> Self {
        Self(session.name_for("session").into())
    }

    /// An id that was made earlier, or that somebody says was.
    pub fn known(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&GrantId> for RevocationTarget {
    fn from(id: &GrantId) -> Self {
        Self::Grant(id.as_str().to_owned())
    }
}

impl From<&UserId> for RevocationTarget {
    fn from(id: &UserId) -> Self {
        Self::User(id.as_str().to_owned())
    }
}

impl From<&AppKey> for RevocationTarget {
    fn from(key: &AppKey) -> Self {
        Self::App(key.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests;
