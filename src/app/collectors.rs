//! Collectors: what others count, read when Prometheus asks.

mod revocations;

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::authorizer::Authorizer;
use crate::jwks::FetchOutcome;
use crate::keyring::Keyring;
use crate::reload::Loader;
use crate::telemetry::{counter, gauge};

pub(super) use revocations::RevocationCollector;

/// Reads what the authorizer counts when Prometheus asks.
pub(super) struct AuthorizerCollector(pub(super) Arc<Authorizer>);

impl std::fmt::Debug for AuthorizerCollector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AuthorizerCollector")
    }
}

impl Collector for AuthorizerCollector {
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
            "Proofs dropped for want of room",
            cache.evictions,
        )?;
        gauge(
            &mut encoder,
            "proof_cache_entries",
            "Proofs kept now",
            cache.entries,
        )?;
        self.routes(&mut encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
    decision: &'static str,
}

impl AuthorizerCollector {
    fn routes(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let snapshot = self.0.snapshot();
        let family = Family::<RouteLabels, Counter>::default();
        for (name, tally) in snapshot.tallies() {
            for (decision, count) in [("allow", tally.allowed()), ("deny", tally.denied())] {
                let labels = RouteLabels {
                    route: name.to_owned(),
                    decision,
                };
                family.get_or_create(&labels).inc_by(count);
            }
        }
        let metric = encoder.encode_descriptor(
            "route_checks",
            "Requests by the policy's route that decided",
            None,
            MetricType::Counter,
        )?;
        family.encode(metric)
    }
}

/// Reads what is known of reloads and keys.
pub(super) struct ControlCollector {
    pub(super) loader: Arc<Loader>,
    pub(super) keyring: Arc<Keyring>,
}

impl std::fmt::Debug for ControlCollector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ControlCollector")
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

impl Collector for ControlCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        build_info(&mut encoder)?;
        let state = self.loader.state();
        let loaded_at = u64::try_from(state.loaded_at.0).unwrap_or(0);
        gauge(
            &mut encoder,
            "policy_loaded_timestamp_seconds",
            "When the policy that serves was loaded, in seconds since 1970",
            loaded_at,
        )?;
        gauge(
            &mut encoder,
            "policy_reload_success",
            "1 if the last reload succeeded or there was none, 0 if it failed",
            u64::from(state.last_error.is_none()),
        )?;
        counter(
            &mut encoder,
            "policy_reloads",
            "Reloads that succeeded",
            state.successes,
        )?;
        counter(
            &mut encoder,
            "policy_reload_failures",
            "Reloads that failed; what served before went on",
            state.failures,
        )?;
        self.issuers(&mut encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabel {
    version: &'static str,
}

/// A gauge that is always 1, as is usual; the label is what counts.
fn build_info(encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
    let family = Family::<BuildLabel, Gauge>::default();
    let label = BuildLabel {
        version: env!("CARGO_PKG_VERSION"),
    };
    family.get_or_create(&label).set(1);
    family.encode(encoder.encode_descriptor("build_info", "The build", None, MetricType::Gauge)?)
}

impl ControlCollector {
    fn issuers(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let keys = Family::<IssuerLabel, Gauge>::default();
        let fetches = Family::<FetchLabels, Counter>::default();
        for issuer in self.keyring.overview() {
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
