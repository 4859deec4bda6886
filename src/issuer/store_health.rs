//! Whether the store answers and can be written to: for operators. The gate goes on without it, so readiness does
//! not ask.

mod metrics;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::peers::{Disagreement, Peers};
use crate::clock::{Clock, UnixSeconds};
use crate::store::{Store, StoreError};

use metrics::StoreMetrics;

/// How often the store is asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// How often something is written: a disk that has become full shows in a night without a request as well.
const WRITE_INTERVAL: Duration = Duration::from_secs(30);

/// How soon after a write the next one may follow, because a request has failed.
const AGAIN: Duration = Duration::from_secs(1);

/// What was last found out.
pub(super) struct StoreHealth {
    store: Store,
    peers: Peers,
    clock: Arc<dyn Clock>,
    found: Mutex<Found>,
    metrics: StoreMetrics,
    suspected: Notify,
}

/// What is wrong with reading and with writing.
#[derive(Debug, Clone, Default)]
struct Found {
    asking: Option<StoreFault>,
    writing: Option<StoreFault>,
}

/// Why the store does not do something, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFault {
    pub since: UnixSeconds,
    /// The latest error.
    pub error: String,
}

/// What is known of the store and of the other issuers on it.
#[derive(Debug, Clone)]
pub struct StoreReport {
    /// Why it does not answer.
    pub asking: Option<StoreFault>,
    /// Why nothing can be written, though it may answer.
    pub writing: Option<StoreFault>,
    /// How many others run on it.
    pub other_issuers: usize,
    /// In what these differ.
    pub disagreements: Vec<Disagreement>,
}

impl StoreHealth {
    /// Of a store that has just been opened.
    pub(super) fn opened(store: Store, peers: Peers, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            peers,
            clock,
            found: Mutex::default(),
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

    pub(super) fn report(&self) -> StoreReport {
        let Found { asking, writing } = self.found.lock().clone();
        let seen = self.peers.seen();
        StoreReport {
            asking,
            writing,
            other_issuers: seen.others,
            disagreements: seen.disagreements.into_iter().collect(),
        }
    }

    /// Says that this issuer runs no more.
    pub(super) async fn leave(&self) -> Result<(), StoreError> {
        self.peers.leave().await
    }

    fn asked(&self, outcome: Result<(), StoreError>) {
        self.metrics.set_up(outcome.is_ok());
        let mut found = self.found.lock();
        match self.note(&mut found.asking, outcome) {
            News::Failed(error) => tracing::error!(%error, "the issuer's store no longer answers"),
            News::Works => tracing::info!("the issuer's store answers again"),
            News::None => {}
        }
    }

    fn wrote(&self, outcome: Result<(), StoreError>) {
        self.metrics.set_writable(outcome.is_ok());
        let mut found = self.found.lock();
        match self.note(&mut found.writing, outcome) {
            News::Failed(error) => {
                tracing::error!(%error, "nothing can be written to the issuer's store");
            }
            News::Works => tracing::info!("the issuer's store can be written to again"),
            News::None => {}
        }
        self.metrics
            .set_disagreements(self.peers.seen().disagreements.len());
    }

    /// Remembers an outcome; what is new about it.
    fn note(&self, fault: &mut Option<StoreFault>, outcome: Result<(), StoreError>) -> News {
        match (fault.as_mut(), outcome) {
            (None, Ok(())) => News::None,
            (Some(_), Ok(())) => {
                *fault = None;
                News::Works
            }
            (Some(known), Err(error)) => {
                known.error = error.to_string();
                News::None
            }
            (None, Err(error)) => {
                *fault = Some(StoreFault {
                    since: self.clock.now(),
                    error: error.to_string(),
                });
                News::Failed(error)
            }
        }
    }

    /// Asks the store now and then; never ends by itself.
    pub(super) async fn watch(&self) {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first write is due at once. One that is in doubt is due soon, and not at each request that fails.
        let (mut due, mut soonest, mut in_doubt) = (Instant::now(), Instant::now(), false);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = self.suspected.notified() => in_doubt = true,
                () = tokio::time::sleep_until(soonest), if in_doubt => {}
            }
            self.asked(self.store.ping().await);
            let now = Instant::now();
            // Whether a store that does not answer could be written to is not known.
            if self.found.lock().asking.is_some() {
                in_doubt = false;
            } else if now >= due || in_doubt && now >= soonest {
                self.wrote(self.peers.meet().await);
                let is_written = self.found.lock().writing.is_none();
                let now = Instant::now();
                soonest = now + AGAIN;
                due = if is_written {
                    now + WRITE_INTERVAL
                } else {
                    soonest
                };
                in_doubt = false;
            }
        }
    }
}

/// What is new about the store.
enum News {
    None,
    Failed(StoreError),
    Works,
}
