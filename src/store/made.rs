//! Roles and scopes have names alone, which others may get later: a number tells one from another.

use sqlx::{Any, Executor, Row};

use super::{Change, Store, StoreError};
use crate::identity::{RoleName, ScopeName};

/// A number that no other role or scope has had; 0 where it was made before they had any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made(pub i64);

/// The number that was given out last, for the statement that makes something.
pub(super) const LAST: &str = "(SELECT number FROM made_so_far)";

impl Store {
    /// Which role of this name it is; none where there is none.
    pub async fn role_made(&self, name: &RoleName) -> Result<Option<Made>, StoreError> {
        of_role(&self.reader, name).await
    }

    /// Which scope of this name it is; none where there is none.
    pub async fn scope_made(&self, name: &ScopeName) -> Result<Option<Made>, StoreError> {
        of_scope(&self.reader, name).await
    }
}

impl Change {
    /// Which role of this name it is; none where there is none.
    pub async fn role_made(&mut self, name: &RoleName) -> Result<Option<Made>, StoreError> {
        of_role(&mut *self.transaction, name).await
    }

    /// Which scope of this name it is; none where there is none.
    pub async fn scope_made(&mut self, name: &ScopeName) -> Result<Option<Made>, StoreError> {
        of_scope(&mut *self.transaction, name).await
    }

    /// Gives out the next number, which is [`LAST`] then.
    pub(super) async fn count_made(&mut self) -> Result<(), StoreError> {
        let text = "UPDATE made_so_far SET number = number + 1";
        self.execute(text, &[], &[]).await?;
        Ok(())
    }
}

async fn of_role(
    database: impl Executor<'_, Database = Any>,
    name: &RoleName,
) -> Result<Option<Made>, StoreError> {
    found(
        database,
        "SELECT made FROM roles WHERE name = $1",
        name.as_str(),
    )
    .await
}

async fn of_scope(
    database: impl Executor<'_, Database = Any>,
    name: &ScopeName,
) -> Result<Option<Made>, StoreError> {
    found(
        database,
        "SELECT made FROM scopes WHERE name = $1",
        name.as_str(),
    )
    .await
}

async fn found(
    database: impl Executor<'_, Database = Any>,
    text: &'static str,
    name: &str,
) -> Result<Option<Made>, StoreError> {
    let row = sqlx::query(text)
        .bind(name)
        .fetch_optional(database)
        .await?;
    Ok(match row {
        None => None,
        Some(row) => Some(Made(row.try_get("made")?)),
    })
}
