//! What the tables of roles hold.

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::StoreError;
use super::columns::{self, scopes};
use super::statement::assembled;
use crate::identity::{Role, RoleName};

pub(super) const SELECT: &str = "\
    SELECT r.name, COALESCE((SELECT string_agg(s.scope, ' ') FROM role_scopes s \
      WHERE s.role = r.name), '') AS scopes, \
    (SELECT COUNT(*) FROM settings d WHERE d.name = 'default_role' AND d.value = r.name) \
      AS is_default \
    FROM roles r";

/// The role of this name.
pub(super) async fn named(
    database: impl Executor<'_, Database = Any>,
    name: &RoleName,
) -> Result<Option<Role>, StoreError> {
    let row = sqlx::query(assembled(format!("{SELECT} WHERE r.name = $1")))
        .bind(name.as_str())
        .fetch_optional(database)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Whether somebody has the role.
pub(super) async fn is_held(
    database: impl Executor<'_, Database = Any>,
    role: &RoleName,
) -> Result<bool, StoreError> {
    // Planned for this role: few or all may have it.
    let row = sqlx::query("SELECT role FROM user_roles WHERE role = $1 LIMIT 1")
        .persistent(false)
        .bind(role.as_str())
        .fetch_optional(database)
        .await?;
    Ok(row.is_some())
}

pub(super) fn read(row: &AnyRow) -> Result<Role, StoreError> {
    let is_default: i64 = row.try_get("is_default")?;
    Ok(Role {
        name: columns::role(row, "name")?,
        scopes: scopes(row, "scopes")?,
        is_default: is_default > 0,
    })
}
