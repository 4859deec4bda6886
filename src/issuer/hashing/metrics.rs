//! What is counted of the queue of passwords.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, Default)]
pub(super) struct HashingMetrics {
    waiting: Gauge,
    busy: Gauge,
    turned_away: Counter,
}

impl HashingMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "issuer_hashing_waiting",
            "Passwords waiting for a thread",
            self.waiting.clone(),
        );
        registry.register(
            "issuer_hashing_busy",
            "Threads hashing a password",
            self.busy.clone(),
        );
        registry.register(
            "issuer_hashing_turned_away",
            "Passwords refused because the queue was full",
            self.turned_away.clone(),
        );
    }

    pub(super) fn arrived(&self) {
        self.waiting.inc();
    }

    /// One that waited has no room any more.
    pub(super) fn turned_away(&self) {
        self.waiting.dec();
        self.turned_away.inc();
    }

    /// A thread has taken one that waited.
    pub(super) fn begun(&self) {
        self.waiting.dec();
        self.busy.inc();
    }

    pub(super) fn ended(&self) {
        self.busy.dec();
    }
}
