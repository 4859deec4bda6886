//! Roles that are deleted, however many users have them.

use super::audit::Object;
use super::named::check_role;
use super::roles::{found, not_own, role_name};
use super::{Directory, DirectoryError, Named, WhenUsed, commit, rehearse};
use crate::identity::Role;
use crate::store::Change;

/// A role of so many users is deleted at once or not at all; one of more users in steps, between which others get
/// their turns. A step that fails leaves a role that gives nothing, and deleting it again goes on.
const MAX_USERS_AT_ONCE: i64 = 10_000;

impl Directory<'_> {
    /// Deletes a role. The tokens of those end who have less than before. Returns how many users had it.
    pub async fn delete_role(
        &self,
        named: impl Into<Named<'_>>,
        when_used: WhenUsed,
    ) -> Result<i64, DirectoryError> {
        let mut change = self.change().await?;
        let role = self.role_to_delete(&mut change, named.into()).await?;
        self.authority.may_revoke(&role.scopes)?;
        if when_used == WhenUsed::Refuse {
            change = self.unless_used(change, &role).await?;
        }
        // With this it gives nothing, and its tokens end; what is left are rows, perhaps a million.
        change.remove_role_scopes(&role.name, &role.scopes).await?;
        let users = change.count_users_with(&role.name).await?;
        if users > 0 {
            change.end_tokens_with(&role.name);
        }
        let (object, concerned) = (Object::Role(&role.name), [format!("users {users}")]);
        if users <= MAX_USERS_AT_ONCE {
            while !change.empty_role(&role.name).await? {}
            change.delete_role(&role).await?;
            self.commit(change, object, "deleted", &concerned).await?;
            return Ok(users);
        }
        self.commit(change, object, "emptied", &concerned).await?;
        loop {
            // Without asking who calls: it may have been by this role.
            let mut change = self.store.change_by(self.whose(), self.now).await?;
            let role = found(change.role(&role.name).await?)?;
            // Whoever takes it from somebody now would have to revoke tokens as well.
            if role.is_default || !role.scopes.is_empty() {
                return Err(DirectoryError::RoleExtended);
            }
            if change.empty_role(&role.name).await? {
                change.delete_role(&role).await?;
                // Also those that were made since it was emptied.
                if users > 0 {
                    change.end_tokens_with(&role.name);
                }
                let object = Object::Role(&role.name);
                self.commit(change, object, "deleted", &[]).await?;
                return Ok(users);
            }
            commit(change).await?;
        }
    }

    /// Whether a role could be deleted, if its users were told; nothing is changed.
    pub async fn check_role_deletion(&self, name: &str) -> Result<(), DirectoryError> {
        let mut change = self.change().await?;
        let role = self.role_to_delete(&mut change, name.into()).await?;
        change.remove_role_scopes(&role.name, &role.scopes).await?;
        rehearse(change).await
    }

    /// A role that the caller may delete, as far as that can be told before.
    async fn role_to_delete(
        &self,
        change: &mut Change,
        named: Named<'_>,
    ) -> Result<Role, DirectoryError> {
        let role = found(change.role(&role_name(named.name())?).await?)?;
        check_role(change, named, &role).await?;
        not_own(&role.name)?;
        if role.is_default {
            return Err(DirectoryError::DefaultRole);
        }
        self.may_take_from(change, &role).await?;
        Ok(role)
    }
}
