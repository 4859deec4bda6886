//! Removes what has ended from the store.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::issuer::keys;
use crate::revocation::SteadyClock;
use crate::store::{Store, StoreError};

/// How many rows are removed at once.
const BATCH: u32 = 500;

/// Sweeps the store of one issuer.
pub(in crate::issuer) struct Sweeper {
    store: Store,
    interval: Duration,
    clock: Arc<dyn Clock>,
    steady_clock: Arc<SteadyClock>,
}

impl Sweeper {
    pub(in crate::issuer) fn new(
        store: Store,
        interval: Duration,
        clock: Arc<dyn Clock>,
        steady_clock: Arc<SteadyClock>,
    ) -> Self {
        Self {
            store,
            interval,
            clock,
            steady_clock,
        }
    }

    /// Sweeps again and again; never ends by itself.
    pub(super) async fn run(&self) {
        loop {
            tokio::time::sleep(self.interval).await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "expired rows cannot be removed from the store");
            }
        }
    }

    async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut swept = Vec::new();
        // A token whose revocation is removed by a clock that is ahead is valid again when it is not.
        if let Some(ended) = self.steady_clock.settled() {
            swept.extend(self.store.sweep_log(ended, BATCH).await?);
        }
        let ended = self.steady_clock.now();
        swept.extend(self.store.sweep_all_but_log(ended, BATCH).await?);
        for swept in swept {
            tracing::debug!(rows = swept.rows, count = swept.count, "swept");
        }
        let count = keys::sweep(&self.store, now).await?;
        if count > 0 {
            tracing::debug!(rows = "signing keys", count, "swept");
        }
        Ok(())
    }
}
