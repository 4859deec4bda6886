//! Whether a caller still is who it was when it was let in.

use super::super::Issuer;
use super::DirectoryError;
use crate::identity::{AppKey, ScopeSet, Status, User};
use crate::store::Change;
use crate::token::{LogPosition, RevocationTarget, VerifiedToken};

/// Whether, as the change sees it, nothing has taken `token` back, and user and app have all of
/// `scopes`. `user` was read when the caller was let in.
pub(super) async fn has_standing(
    change: &mut Change,
    user: &User,
    scopes: &ScopeSet,
    token: &VerifiedToken,
) -> Result<bool, DirectoryError> {
    let same = |present: &User| {
        present.status == Status::Active && present.revoked_through == user.revoked_through
    };
    let Some(present) = change.user(&user.id).await?.filter(same) else {
        return Ok(false);
    };
    let app = Issuer::app_of_token(token.client()).map(AppKey::known);
    let within_app = match app {
        None => true,
        Some(key) => app_has(change, &key, scopes).await?,
    };
    let (subjects, given_out) = (RevocationTarget::all_of(token), LogPosition::of(token));
    let taken_back = change.is_revoked(&subjects, given_out).await?;
    Ok(within_app && scopes.is_subset_of(&present.scopes) && !taken_back)
}

/// Whether an active app of an active owner has `scopes`, which its owner must have as well.
async fn app_has(
    change: &mut Change,
    key: &AppKey,
    scopes: &ScopeSet,
) -> Result<bool, DirectoryError> {
    let Some(found) = change.app(key).await? else {
        return Ok(false);
    };
    let Some(owner) = change.user(&found.app.owner).await? else {
        return Ok(false);
    };
    let active = [found.app.status, owner.status] == [Status::Active; 2];
    let has = scopes.is_subset_of(&found.app.scopes) && scopes.is_subset_of(&owner.scopes);
    Ok(active && has)
}
