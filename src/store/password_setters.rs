//! Who has set a password that its user has not replaced since: whoever has set it can log in with it.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::columns::username;
use super::{Change, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{RoleName, UserId, Username};

/// Passwords that one administrator has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPasswords {
    pub by: UserId,
    /// Whose: the first by name.
    pub user: Username,
    /// How many users have one.
    pub users: i64,
    /// When the latest of them was set.
    pub at: UnixSeconds,
}

impl Change {
    /// Notes that `setter` has given a user the password that it has with this change.
    pub async fn note_password_setter(
        &mut self,
        user: &UserId,
        setter: &UserId,
    ) -> Result<(), StoreError> {
        let text = "UPDATE users SET password_set_by = $2, password_set_at = $3 WHERE id = $1";
        let texts = [user.as_str().to_owned(), setter.as_str().to_owned()];
        let now = self.now.0;
        self.execute(text, &texts, &[now]).await?;
        Ok(())
    }

    /// Who has set the password of a user, if that was an administrator.
    pub async fn password_setter(
        &mut self,
        user: &UserId,
    ) -> Result<Option<SetPasswords>, StoreError> {
        let text = "SELECT password_set_by, username, CAST(1 AS BIGINT) AS users, password_set_at FROM users \
                    WHERE id = $1 AND password_set_by <> ''";
        let row = sqlx::query(text)
            .bind(user.as_str())
            .fetch_optional(&mut *self.transaction)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The same of all who have a role, by administrator.
    pub async fn password_setters_of_role(
        &mut self,
        role: &RoleName,
    ) -> Result<Vec<SetPasswords>, StoreError> {
        // Planned for this role, as all users may have another one.
        let text = "SELECT u.password_set_by, MIN(u.username) AS username, COUNT(*) AS users, \
                    MAX(u.password_set_at) AS password_set_at \
                    FROM user_roles r JOIN users u ON u.id = r.user_id \
                    WHERE r.role = $1 AND u.password_set_by <> '' \
                    GROUP BY u.password_set_by ORDER BY u.password_set_by";
        let rows = sqlx::query(text)
            .persistent(false)
            .bind(role.as_str())
            .fetch_all(&mut *self.transaction)
            .await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &AnyRow) -> Result<SetPasswords, StoreError> {
    Ok(SetPasswords {
        by: UserId::known(row.try_get("password_set_by")?),
        user: username(row, "username")?,
        users: row.try_get("users")?,
        at: UnixSeconds(row.try_get("password_set_at")?),
    })
}
