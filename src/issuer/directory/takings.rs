//! What a role or a scope is taken from: whoever takes something from somebody who has more could keep it out.

use super::authority::all_administrative;
use super::{Directory, DirectoryError};
use crate::identity::{Role, ScopeName};
use crate::store::{Bearers, Change};

impl Directory<'_> {
    /// Whether the caller may take something from a role, which ends the tokens that name it: somebody with few rights
    /// could keep those out who have more. So it needs the `backend.*` scopes of the role, and those that its users
    /// have by whatever role.
    pub(super) async fn may_take_from(
        &self,
        change: &mut Change,
        role: &Role,
    ) -> Result<(), DirectoryError> {
        self.authority.may_pass_on(&role.scopes)?;
        self.may_end_tokens_of(change, Bearers::OfRole(&role.name))
            .await
    }

    /// Whether the caller may take a scope from all roles that have it: as with what it takes from a role, those of
    /// users who have more are not for it.
    pub(super) async fn may_take_scope(
        &self,
        change: &mut Change,
        scope: &ScopeName,
    ) -> Result<(), DirectoryError> {
        let administrative = all_administrative()?;
        let beside = change.scopes_beside(scope, &administrative).await?;
        self.authority.may_revoke(&beside)?;
        self.may_end_tokens_of(change, Bearers::OfScope(scope))
            .await
    }

    /// Whether the caller has all `backend.*` scopes that somebody among these users has.
    async fn may_end_tokens_of(
        &self,
        change: &mut Change,
        bearers: Bearers<'_>,
    ) -> Result<(), DirectoryError> {
        // Whoever lacks nothing is not asked, nor does a role that it has given to many cost anything.
        let lacks = self.authority.lacks_of_administrators()?;
        let beyond = change.scopes_of_bearers(bearers, &lacks).await?;
        if beyond.is_empty() {
            Ok(())
        } else {
            Err(DirectoryError::Beyond(beyond))
        }
    }
}
