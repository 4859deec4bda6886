//! Whether the store answers, for Prometheus.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug)]
pub(super) struct StoreMetrics {
    up: Gauge,
}

impl StoreMetrics {
    /// Of a store that answers.
    pub(super) fn up() -> Self {
        let up = Gauge::default();
        up.set(1);
        Self { up }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "issuer_store_up",
            "1 if the issuer's store answered the last time it was asked, 0 if not",
            self.up.clone(),
        );
    }

    pub(super) fn set_up(&self, up: bool) {
        self.up.set(i64::from(up));
    }
}
