//! Scopes, roles, and which role new users get.

use sqlx::Row;

use super::{Created, Store, StoreError};
use crate::identity::{RoleName, ScopeName};

const DEFAULT_ROLE: &str = "default_role";

impl Store {
    /// Adds a scope; one that exists keeps its description.
    pub async fn add_scope(
        &self,
        scope: &ScopeName,
        description: &str,
    ) -> Result<Created, StoreError> {
        let text = "INSERT INTO scopes (name, description) VALUES ($1, $2) \
                    ON CONFLICT (name) DO NOTHING";
        let inserted = sqlx::query(text)
            .bind(scope.as_str())
            .bind(description)
            .execute(&self.writer)
            .await?;
        Ok(match inserted.rows_affected() {
            0 => Created::NameTaken,
            _ => Created::Yes,
        })
    }

    /// The names of the scopes, sorted, at most `limit`.
    pub async fn scope_names(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT name FROM scopes ORDER BY name LIMIT $1")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.reader)
            .await?;
        let names = rows.iter().map(|row| row.try_get("name"));
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Adds a role where it does not exist, and these scopes to it. False, and nothing is done, if
    /// one of them does not exist.
    pub async fn add_role(
        &self,
        role: &RoleName,
        scopes: &[ScopeName],
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("INSERT INTO roles (name) VALUES ($1) ON CONFLICT (name) DO NOTHING")
            .bind(role.as_str())
            .execute(&mut *transaction)
            .await?;
        for scope in scopes {
            let text = "INSERT INTO role_scopes (role, scope) VALUES ($1, $2) \
                        ON CONFLICT (role, scope) DO NOTHING";
            let inserted = sqlx::query(text)
                .bind(role.as_str())
                .bind(scope.as_str())
                .execute(&mut *transaction)
                .await;
            match inserted {
                Ok(_) => {}
                Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                    transaction.rollback().await?;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Takes a scope from a role: whoever has the role no longer has it.
    pub async fn remove_role_scope(
        &self,
        role: &RoleName,
        scope: &ScopeName,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM role_scopes WHERE role = $1 AND scope = $2")
            .bind(role.as_str())
            .bind(scope.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Chooses the role that new users get.
    pub async fn set_default_role(&self, role: &RoleName) -> Result<(), StoreError> {
        let text = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        sqlx::query(text)
            .bind(DEFAULT_ROLE)
            .bind(role.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// The role that new users get, if one is chosen.
    pub async fn default_role(&self) -> Result<Option<RoleName>, StoreError> {
        let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
            .bind(DEFAULT_ROLE)
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let role = RoleName::parse(row.try_get("value")?);
        role.map(Some).map_err(|_| StoreError::Unreadable("role"))
    }
}
