//! In whose hands an app is: what somebody may do with it, and what it may get from whom.

use super::apps::AppsOf;
use super::{Actor, Directory, DirectoryError, Thing};
use crate::identity::{App, AppKey, AppStatus, ScopeSet, ScopesFrom, User, UserId};
use crate::store::{Change, OwnedApp};

impl Directory<'_> {
    /// An app that the caller may do as it likes with: with a secret of it, or a redirect URI, it
    /// can do all that the app can. Nor does it end what it could not have made.
    pub(super) async fn app_in_hand(
        &self,
        change: &mut Change,
        actor: &Actor,
        key: &str,
        of: AppsOf<'_>,
    ) -> Result<(OwnedApp, User), DirectoryError> {
        let found = of.known(change.app(&AppKey::known(key)).await?)?;
        let owner = owner_of(change, &found.app.owner).await?;
        match of {
            AppsOf::User(_) => actor.may_handle(&found.app, &owner)?,
            AppsOf::Everybody => self.authority.may_pass_on(&found.app.scopes)?,
        }
        Ok((found, owner))
    }

    /// Whether the caller may do what lets somebody act with these scopes of an app of `owner`, or decides who
    /// does: replace its secret, enable it, change its list or its redirect URIs. To disable or delete the app, which
    /// may be urgent, takes less.
    pub(super) fn may_take_over(
        &self,
        scopes: &ScopeSet,
        owner: &User,
        of: AppsOf<'_>,
    ) -> Result<(), DirectoryError> {
        match of {
            // Has been asked, for all scopes, when the app was read.
            AppsOf::User(_) => Ok(()),
            AppsOf::Everybody => self.authority.may_act_for(owner, scopes),
        }
    }

    /// Whether the caller may change an app of `owner` so.
    pub(super) fn may_change(
        &self,
        before: &App,
        after: &App,
        owner: &User,
        of: AppsOf<'_>,
    ) -> Result<(), DirectoryError> {
        if gives(before, after) {
            self.authority.has_just_logged_in()?;
        }
        let is_disabled = after.status != AppStatus::Active && after.status != before.status;
        let is_same = before.scopes == after.scopes
            && before.scopes_from == after.scopes_from
            && before.redirect_uris == after.redirect_uris
            && (before.status == after.status || is_disabled);
        if !is_same {
            self.may_take_over(&before.scopes, owner, of)?;
            self.may_take_over(&after.scopes, owner, of)?;
        }
        match of {
            AppsOf::Everybody if sends_elsewhere(before, after) => {
                self.authority.may_send_codes_of(owner)
            }
            AppsOf::Everybody | AppsOf::User(_) => Ok(()),
        }
    }

    /// Sets what an app may do: a list of its own, or what its owner can.
    pub(super) fn set_scopes(
        &self,
        app: &mut App,
        scopes: Option<ScopeSet>,
        follows_owner: Option<bool>,
        (owner, actor): (&User, &Actor),
        of: AppsOf<'_>,
    ) -> Result<(), DirectoryError> {
        match (scopes, follows_owner) {
            (None, None) => {}
            (None, Some(false)) => app.scopes_from = ScopesFrom::List,
            (None, Some(true)) => {
                app.scopes = owner.scopes.without_own();
                app.scopes_from = ScopesFrom::Owner;
                // An app that follows its owner gets whatever the owner gets later. A token with less
                // than its owner must not be able to arrange that.
                let may_follow = matches!(of, AppsOf::Everybody);
                if !may_follow && !actor.follows(owner) {
                    return Err(DirectoryError::CannotFollow);
                }
            }
            (Some(scopes), None | Some(false)) => {
                // What it has may stay, even if its owner has less by now.
                self.within_owner(&scopes.without(&app.scopes), owner, of)?;
                app.scopes = scopes;
                app.scopes_from = ScopesFrom::List;
            }
            (Some(_), Some(true)) => return Err(DirectoryError::ListAndOwner),
        }
        Ok(())
    }

    /// Whether an app of `owner` may get these scopes from the caller.
    pub(super) fn within_owner(
        &self,
        scopes: &ScopeSet,
        owner: &User,
        of: AppsOf<'_>,
    ) -> Result<(), DirectoryError> {
        let missing = match of {
            AppsOf::User(_) => self.authority.lacks(scopes),
            AppsOf::Everybody => self.authority.lacks(&scopes.own()),
        };
        let missing = if missing.is_empty() {
            scopes.without(&owner.scopes)
        } else {
            missing
        };
        if missing.is_empty() {
            Ok(())
        } else {
            Err(DirectoryError::BeyondOwner(missing))
        }
    }
}

/// Whether an app can do more than before, or gets the codes of its users sent to other places: what stays when
/// the token that changed it has ended.
pub(super) fn gives(before: &App, after: &App) -> bool {
    let enabled = before.status != AppStatus::Active && after.status == AppStatus::Active;
    let follows = before.scopes_from == ScopesFrom::List && after.scopes_from == ScopesFrom::Owner;
    let sent_elsewhere = sends_elsewhere(before, after);
    enabled || follows || sent_elsewhere || !after.scopes.without(&before.scopes).is_empty()
}

fn sends_elsewhere(before: &App, after: &App) -> bool {
    let mut uris = after.redirect_uris.iter();
    uris.any(|uri| !before.redirect_uris.contains(uri))
}

pub(super) async fn owner_of(change: &mut Change, owner: &UserId) -> Result<User, DirectoryError> {
    let owner = change.user(owner).await?;
    owner.ok_or(DirectoryError::NotFound(Thing::User))
}
