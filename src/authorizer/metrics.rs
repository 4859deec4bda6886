//! What the authorizer counts, read when Prometheus asks.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Authorizer, Difference, ShadowPolicy};
use crate::labels::Label;
use crate::telemetry::{counter, gauge};

/// The proof cache, and the routes by what they decided.
pub struct AuthorizerMetrics(Arc<Authorizer>);

impl AuthorizerMetrics {
    pub fn register(authorizer: &Arc<Authorizer>, registry: &mut Registry) {
        registry.register_collector(Box::new(Self(Arc::clone(authorizer))));
    }
}

impl std::fmt::Debug for AuthorizerMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AuthorizerMetrics")
    }
}

impl Collector for AuthorizerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let cache = self.0.cache_statistics();
        counter(
            &mut encoder,
            "proof_cache_hits",
            "Tokens found in the proof cache",
            cache.hits,
        )?;
        counter(
            &mut encoder,
            "proof_cache_misses",
            "Tokens not found in the proof cache",
            cache.misses,
        )?;
        counter(
            &mut encoder,
            "proof_cache_evictions",
            "Proofs evicted to make room",
            cache.evictions,
        )?;
        gauge(
            &mut encoder,
            "proof_cache_entries",
            "Proofs in the cache",
            cache.entries,
        )?;
        let snapshot = self.0.snapshot();
        gauge(
            &mut encoder,
            "policy_routes_in_shadow",
            "Routes of the active policy that let through what they would refuse",
            snapshot.policy().routes_in_shadow().count() as u64,
        )?;
        gauge(
            &mut encoder,
            "policy_in_shadow",
            "1 if the active policy as a whole lets through what it would refuse, else 0",
            u64::from(snapshot.policy().is_in_shadow()),
        )?;
        self.routes(&mut encoder)?;
        match snapshot.shadow() {
            Some(shadow) => encode_shadow(shadow, &mut encoder),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    decision: &'static str,
}

impl AuthorizerMetrics {
    fn routes(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let snapshot = self.0.snapshot();
        let family = Family::<RouteLabels, Counter>::default();
        for (name, tally) in snapshot.tallies() {
            for (decision, count) in [
                ("allow", tally.allowed()),
                ("deny", tally.denied()),
                ("would_deny", tally.would_deny()),
            ] {
                let labels = RouteLabels {
                    route: name.to_owned(),
                    decision,
                };
                family.get_or_create(&labels).inc_by(count);
            }
        }
        let metric = encoder.encode_descriptor(
            "route_checks",
            "Requests, by the route that decided them",
            None,
            MetricType::Counter,
        )?;
        family.encode(metric)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DifferenceLabels {
    route: String,
    difference: &'static str,
}

fn encode_shadow(
    shadow: &ShadowPolicy,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), std::fmt::Error> {
    gauge(
        encoder,
        "shadow_policy_loaded_timestamp_seconds",
        "When the active shadow policy was first loaded, in seconds since 1970",
        u64::try_from(shadow.since().0).unwrap_or(0),
    )?;
    let family = Family::<DifferenceLabels, Counter>::default();
    for (name, tally) in shadow.tallies() {
        for difference in Difference::ALL {
            let labels = DifferenceLabels {
                route: name.to_owned(),
                difference: difference.label(),
            };
            family.get_or_create(&labels).inc_by(tally.get(*difference));
        }
    }
    let metric = encoder.encode_descriptor(
        "shadow_policy_checks",
        "Requests, by what would change for them if the shadow policy were enforced",
        None,
        MetricType::Counter,
    )?;
    family.encode(metric)
}
