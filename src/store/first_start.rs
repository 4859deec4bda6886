//! Whether the store has got what an empty one needs: a fact of the store, whatever process asks.

use super::settings::{self, Setting};
use super::{Change, Store, StoreError};

impl Store {
    /// Whether a first start has been completed.
    pub async fn is_prepared(&self) -> Result<bool, StoreError> {
        let done = settings::read(&self.reader, Setting::FirstStart).await?;
        Ok(done.is_some())
    }
}

impl Change {
    /// Whether a first start has been completed.
    pub async fn is_prepared(&mut self) -> Result<bool, StoreError> {
        let done = settings::read(&mut *self.transaction, Setting::FirstStart).await?;
        Ok(done.is_some())
    }

    /// Notes that the first start is completed with this change.
    pub async fn set_prepared(&mut self) -> Result<(), StoreError> {
        settings::keep(&mut *self.transaction, Setting::FirstStart, "done").await
    }
}
