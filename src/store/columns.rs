//! Values as columns hold them: what no migration writes and no release can read is an error.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::StoreError;
use crate::identity::{RoleName, ScopeSet, Status, Username};
use crate::token::LogPosition;

/// Positions count from one, far from the end of the column's range.
pub(super) fn as_bigint(position: LogPosition) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

pub(super) fn position(row: &AnyRow, column: &str) -> Result<LogPosition, StoreError> {
    let position: i64 = row.try_get(column)?;
    let position = u64::try_from(position);
    position
        .map(LogPosition)
        .map_err(|_| StoreError::Unreadable("position in the log"))
}

pub(super) fn status(row: &AnyRow, column: &str) -> Result<Status, StoreError> {
    Status::parse(row.try_get(column)?).map_err(|_| StoreError::Unreadable("status"))
}

pub(super) fn scopes(row: &AnyRow, column: &str) -> Result<ScopeSet, StoreError> {
    ScopeSet::parse(row.try_get(column)?).map_err(|_| StoreError::Unreadable("scope"))
}

pub(super) fn username(row: &AnyRow, column: &str) -> Result<Username, StoreError> {
    Username::parse(row.try_get(column)?).map_err(|_| StoreError::Unreadable("username"))
}

pub(super) fn role(row: &AnyRow, column: &str) -> Result<RoleName, StoreError> {
    role_name(row.try_get(column)?)
}

/// Of a column with names separated by spaces, in the order of the names.
pub(super) fn roles(row: &AnyRow, column: &str) -> Result<Vec<RoleName>, StoreError> {
    let names: &str = row.try_get(column)?;
    let names = names.split(' ').filter(|name| !name.is_empty());
    let mut roles: Vec<RoleName> = names.map(role_name).collect::<Result<_, _>>()?;
    roles.sort();
    Ok(roles)
}

fn role_name(name: &str) -> Result<RoleName, StoreError> {
    RoleName::parse(name).map_err(|_| StoreError::Unreadable("role"))
}
