//! What the HTTP listeners count of their connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: &'static str,
}

/// Of all HTTP listeners.
#[derive(Debug, Clone, Default)]
pub(in crate::app) struct HttpMetrics {
    evicted: Family<ListenerLabel, Counter>,
}

#[derive(Debug, Clone)]
pub(super) struct ConnectionCounters {
    /// Connections that were closed to make room.
    pub(super) evicted: Counter,
}

impl HttpMetrics {
    pub(in crate::app) fn register(&self, registry: &mut Registry) {
        registry.register(
            "http_connections_evicted",
            "Connections closed while waiting for their client, to make room for another",
            self.evicted.clone(),
        );
    }

    /// The counters of a listener.
    pub(super) fn counters(&self, listener: &'static str) -> ConnectionCounters {
        let label = ListenerLabel { listener };
        ConnectionCounters {
            evicted: self.evicted.get_or_create_owned(&label),
        }
    }
}
