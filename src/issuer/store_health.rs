//! Whether the store answers: for operators. The gate goes on without it, so readiness does not ask.

mod metrics;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::sync::Notify;

use crate::store::{Store, StoreError};

use metrics::StoreMetrics;

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// What was last found out.
#[derive(Debug)]
pub(super) struct StoreHealth {
    store: Store,
    is_up: AtomicBool,
    metrics: StoreMetrics,
    suspected: Notify,
}

impl StoreHealth {
    /// Of a store that has just been opened.
    pub(super) fn opened(store: Store) -> Self {
        Self {
            store,
            is_up: AtomicBool::new(true),
            metrics: StoreMetrics::up(),
            suspected: Notify::new(),
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Has it asked at once: a request has failed.
    pub(super) fn suspect(&self) {
        self.suspected.notify_one();
    }

    pub(super) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    fn found(&self, asked: Result<(), StoreError>) {
        let up = asked.is_ok();
        self.metrics.set_up(up);
        match (self.is_up.swap(up, Ordering::Relaxed), asked) {
            (true, Err(error)) => {
                tracing::error!(%error, "the issuer's store no longer answers");
            }
            (false, Ok(())) => tracing::info!("the issuer's store answers again"),
            (true, Ok(())) | (false, Err(_)) => {}
        }
    }

    /// Asks the store now and then; never ends by itself.
    pub(super) async fn watch(&self) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = self.suspected.notified() => {}
            }
            self.found(self.store.ping().await);
        }
    }
}
