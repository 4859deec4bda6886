//! What is known of certificates and handshakes, read when Prometheus asks.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{HandshakeFailure, ServerTls};
use crate::labels::Label;

/// Of the listeners that speak TLS.
pub struct TlsMetrics(Vec<Arc<ServerTls>>);

impl TlsMetrics {
    pub fn register(listeners: Vec<Arc<ServerTls>>, registry: &mut Registry) {
        registry.register_collector(Box::new(Self(listeners)));
    }
}

impl std::fmt::Debug for TlsMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TlsMetrics")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    listener: &'static str,
    reason: &'static str,
}

impl Collector for TlsMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let ends = Family::<ListenerLabel, Gauge>::default();
        let reloads = Family::<ListenerLabel, Gauge>::default();
        let reload_failures = Family::<ListenerLabel, Counter>::default();
        let handshakes = Family::<ListenerLabel, Counter>::default();
        let failures = Family::<FailureLabels, Counter>::default();
        for tls in &self.0 {
            let listener = tls.listener.label();
            let label = ListenerLabel { listener };
            if let Some(validity) = tls.validity() {
                ends.get_or_create(&label).set(validity.not_after.0);
            }
            let state = tls.reloading.lock();
            let is_current = i64::from(state.error.is_none());
            reloads.get_or_create(&label).set(is_current);
            reload_failures.get_or_create(&label).inc_by(state.failures);
            drop(state);
            handshakes
                .get_or_create(&label)
                .inc_by(tls.handshakes.complete());
            for failure in HandshakeFailure::ALL {
                let labels = FailureLabels {
                    listener,
                    reason: failure.label(),
                };
                let count = tls.handshakes.failed(*failure);
                failures.get_or_create(&labels).inc_by(count);
            }
        }
        if self.0.is_empty() {
            return Ok(());
        }
        let help = "Expiry time of the listener's certificate, in seconds since 1970";
        let name = "certificate_expiry_timestamp_seconds";
        ends.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        let help =
            "1 if the TLS files are in use as they are now, 0 if earlier ones are still in use";
        let name = "certificate_reload_success";
        reloads.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        let help = "Reloads of the TLS files that failed and left earlier ones in use";
        let name = "certificate_reload_failures";
        reload_failures.encode(encoder.encode_descriptor(
            name,
            help,
            None,
            MetricType::Counter,
        )?)?;
        let help = "TLS handshakes that were completed";
        let name = "tls_handshakes";
        handshakes.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        let help = "TLS handshakes that failed, by reason";
        let name = "tls_handshake_failures";
        failures.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
    }
}
