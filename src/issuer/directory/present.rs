//! Whether a caller still is who it was when it was let in.

use super::{Actor, DirectoryError};
use crate::identity::{Entitlement, Extent, Parties, RequiredFor, ScopeSet, SecretDigest};
use crate::issuer::access_token::TokenClaims;
use crate::store::Change;
use crate::token::{RevocationTarget, VerifiedToken};

/// Whether the session of a caller, where it has one, is still there. It then is until the change ends:
/// whoever logs out has the change either refused or carried out before.
pub(super) async fn is_logged_in(
    change: &mut Change,
    session: Option<&SecretDigest>,
) -> Result<bool, DirectoryError> {
    match session {
        None => Ok(true),
        Some(digest) => Ok(change.hold_session(digest).await?),
    }
}

/// Whose `token` is, as the change sees it; none where something has revoked it, or user and app no longer have
/// all of `scopes`.
pub(super) async fn actor(
    change: &mut Change,
    scopes: &ScopeSet,
    token: &VerifiedToken,
    required: RequiredFor,
) -> Result<Option<Actor>, DirectoryError> {
    let claims = TokenClaims::of(token);
    let user = change.user(&claims.user).await?;
    let app = match &claims.app {
        None => None,
        Some(key) => change.app(key).await?.map(|owned| owned.app),
    };
    let owner = match &app {
        None => None,
        Some(app) => change.user(&app.owner).await?,
    };
    let entitlement = Entitlement {
        extent: Extent::Only(scopes),
        ..claims.entitlement()
    };
    // Looked up again in the transaction. What the gate saw when the request came may have ended while
    // it waited for the lock.
    let worth = entitlement.worth(Parties {
        user: user.as_ref(),
        app: app.as_ref().zip(owner.as_ref()),
        required,
    });
    let has_all = worth.is_ok_and(|left| left == *scopes);
    let targets = RevocationTarget::all_of(token);
    if !has_all || change.is_revoked(&targets, claims.position).await? {
        return Ok(None);
    }
    Ok(user.map(|user| Actor::Bearer {
        user: Box::new(user),
        scopes: scopes.clone(),
        app: app.map(Box::new),
    }))
}
