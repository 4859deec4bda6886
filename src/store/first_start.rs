//! Whether the store has got what an empty one needs: a fact of the store, whatever process asks.

use sqlx::{Any, Executor};

use super::{Change, Store, StoreError};

const FIRST_START: &str = "first_start";

impl Store {
    /// Whether a first start has been completed.
    pub async fn is_prepared(&self) -> Result<bool, StoreError> {
        is_prepared(&self.reader).await
    }
}

impl Change {
    /// Whether a first start has been completed.
    pub async fn is_prepared(&mut self) -> Result<bool, StoreError> {
        is_prepared(&mut *self.transaction).await
    }

    /// Notes that the first start is completed with this change.
    pub async fn set_prepared(&mut self) -> Result<(), StoreError> {
        let text = "INSERT INTO settings (name, value) VALUES ($1, 'done') \
                    ON CONFLICT (name) DO NOTHING";
        self.execute(text, &[FIRST_START.to_owned()], &[]).await?;
        Ok(())
    }
}

async fn is_prepared(database: impl Executor<'_, Database = Any>) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
        .bind(FIRST_START)
        .fetch_optional(database)
        .await?;
    Ok(row.is_some())
}
