//! Whether the store answers and can be written to, for Prometheus.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug)]
pub(super) struct StoreMetrics {
    up: Gauge,
    writable: Gauge,
    disagreements: Gauge,
}

impl StoreMetrics {
    /// Of a store that answers.
    pub(super) fn up() -> Self {
        let metrics = Self {
            up: Gauge::default(),
            writable: Gauge::default(),
            disagreements: Gauge::default(),
        };
        metrics.set_up(true);
        metrics.set_writable(true);
        metrics
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "issuer_store_up",
            "1 if the issuer's store answered the last time it was asked, 0 if not",
            self.up.clone(),
        );
        registry.register(
            "issuer_store_writable",
            "1 if the last periodic write to the issuer's store was carried out, 0 if not",
            self.writable.clone(),
        );
        registry.register(
            "issuer_settings_disagreements",
            "Settings that other issuers on the same store have otherwise",
            self.disagreements.clone(),
        );
    }

    pub(super) fn set_up(&self, up: bool) {
        self.up.set(i64::from(up));
    }

    pub(super) fn set_writable(&self, writable: bool) {
        self.writable.set(i64::from(writable));
    }

    pub(super) fn set_disagreements(&self, count: usize) {
        self.disagreements
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
