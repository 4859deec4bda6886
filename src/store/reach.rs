//! How many users and apps a change would concern, counted before it is made.

use sqlx::Row;

use super::{Store, StoreError, columns};
use crate::identity::{RoleName, ScopeName};

/// Whom a role concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoleReach {
    /// How many users have it.
    pub users: i64,
    /// How many apps are theirs.
    pub apps: i64,
}

/// Whom a scope concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeReach {
    /// The roles that have it, in the order of their names.
    pub roles: Vec<RoleName>,
    /// How many users have one of them.
    pub users: i64,
    /// How many apps have it in their list.
    pub apps: i64,
}

impl Store {
    /// Whom a role concerns.
    pub async fn reach_of_role(&self, role: &RoleName) -> Result<RoleReach, StoreError> {
        let text = "SELECT (SELECT COUNT(*) FROM user_roles WHERE role = $1) AS users, \
                    (SELECT COUNT(*) FROM apps a JOIN user_roles r ON r.user_id = a.owner_id \
                     WHERE r.role = $1) AS apps";
        let row = sqlx::query(text)
            .bind(role.as_str())
            .fetch_one(&self.reader)
            .await?;
        Ok(RoleReach {
            users: row.try_get("users")?,
            apps: row.try_get("apps")?,
        })
    }

    /// Whom a scope concerns.
    pub async fn reach_of_scope(&self, scope: &ScopeName) -> Result<ScopeReach, StoreError> {
        let roles = sqlx::query("SELECT role FROM role_scopes WHERE scope = $1 ORDER BY role")
            .bind(scope.as_str())
            .fetch_all(&self.reader)
            .await?;
        let text = "SELECT (SELECT COUNT(DISTINCT r.user_id) FROM user_roles r \
                    JOIN role_scopes s ON s.role = r.role WHERE s.scope = $1) AS users, \
                    (SELECT COUNT(*) FROM app_scopes WHERE scope = $1) AS apps";
        let row = sqlx::query(text)
            .bind(scope.as_str())
            .fetch_one(&self.reader)
            .await?;
        Ok(ScopeReach {
            roles: roles
                .iter()
                .map(|row| columns::role(row, "role"))
                .collect::<Result<_, _>>()?,
            users: row.try_get("users")?,
            apps: row.try_get("apps")?,
        })
    }
}
