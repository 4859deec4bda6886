//! What is known of the issuers' keys and revocations, read when Prometheus asks.

mod revocations;

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Keyring;
use crate::jwks::FetchOutcome;

use revocations::RevocationMetrics;

/// The keys of each issuer, and the fetches of those that are remote.
pub struct KeyMetrics(Arc<Keyring>);

impl KeyMetrics {
    pub fn register(keyring: &Arc<Keyring>, registry: &mut Registry) {
        registry.register_collector(Box::new(Self(Arc::clone(keyring))));
        registry.register_collector(Box::new(RevocationMetrics(Arc::clone(keyring))));
    }
}

impl std::fmt::Debug for KeyMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KeyMetrics")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IssuerLabel {
    issuer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FetchLabels {
    issuer: String,
    outcome: &'static str,
}

impl Collector for KeyMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let keys = Family::<IssuerLabel, Gauge>::default();
        let fetches = Family::<FetchLabels, Counter>::default();
        for issuer in self.0.overview() {
            let label = IssuerLabel {
                issuer: issuer.issuer.clone(),
            };
            let count = i64::try_from(issuer.keys.unwrap_or(0)).unwrap_or(i64::MAX);
            keys.get_or_create(&label).set(count);
            let Some(remote) = issuer.remote else {
                continue;
            };
            for outcome in FetchOutcome::ALL {
                let labels = FetchLabels {
                    issuer: issuer.issuer.clone(),
                    outcome: outcome.label(),
                };
                fetches
                    .get_or_create(&labels)
                    .inc_by(remote.fetches.of(outcome));
            }
        }
        let help = "Usable verification keys by issuer";
        keys.encode(encoder.encode_descriptor("keys_loaded", help, None, MetricType::Gauge)?)?;
        let help = "Fetches of remote key sets by outcome";
        fetches.encode(encoder.encode_descriptor("key_fetches", help, None, MetricType::Counter)?)
    }
}
