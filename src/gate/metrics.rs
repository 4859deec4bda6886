//! What the gate counts of its answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::refusal::Refusal;
use crate::decision::Denial;
use crate::ext_authz::MalformedCheck;
use crate::policy::MalformedTarget;
use crate::token;

/// Upper bounds of the latency buckets, in seconds.
const LATENCY_BUCKETS: [f64; 12] = [
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1,
    0.5,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
    detail: &'static str,
}

/// What the gate counts of its answers.
#[derive(Debug, Clone)]
pub struct GateMetrics {
    allowed: Counter,
    /// A counter for each reason and detail that there can be.
    denied: Arc<BTreeMap<(&'static str, &'static str), Counter>>,
    latency: Histogram,
    ignored: Counter,
}

impl GateMetrics {
    /// Counters registered in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let allowed = Counter::default();
        registry.register(
            "checks_allowed",
            "Requests that were let through",
            allowed.clone(),
        );
        let family = Family::<ReasonLabels, Counter>::default();
        let denied = refusal_names().map(|(reason, detail)| {
            let counter = family.get_or_create_owned(&ReasonLabels { reason, detail });
            ((reason, detail), counter)
        });
        let denied = Arc::new(denied.collect());
        registry.register("checks_denied", "Requests that were turned away", family);
        let latency = Histogram::new(LATENCY_BUCKETS);
        registry.register_with_unit(
            "check_duration",
            "Time from the arrival of a check to its answer, without the network",
            Unit::Seconds,
            latency.clone(),
        );
        let ignored = Counter::default();
        registry.register(
            "tokens_ignored",
            "Tokens on public routes that could not be verified in time",
            ignored.clone(),
        );
        Self {
            allowed,
            denied,
            latency,
            ignored,
        }
    }

    /// Counts a request that went through.
    pub fn allowed(&self, latency: Duration) {
        self.allowed.inc();
        self.latency.observe(latency.as_secs_f64());
    }

    /// Counts a token that nobody has looked at because the check would have been late.
    pub fn token_ignored(&self) {
        self.ignored.inc();
    }

    /// Counts a refusal.
    pub fn denied(&self, refusal: &Refusal<'_>, latency: Duration) {
        let name = (refusal.label(), refusal.detail().unwrap_or_default());
        if let Some(counter) = self.denied.get(&name) {
            counter.inc();
        }
        self.latency.observe(latency.as_secs_f64());
    }
}

/// Every reason of a refusal, with every detail that it can have.
fn refusal_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let reasons = Denial::LABELS.into_iter().chain(Refusal::LABELS);
    let plain = reasons.map(|reason| (reason, ""));
    let targets = MalformedTarget::ALL
        .iter()
        .map(|malformed| ("malformed_target", malformed.label()));
    let tokens = token::TokenError::ALL_LABELS
        .iter()
        .map(|label| ("bad_token", *label));
    let checks = MalformedCheck::LABELS.map(|label| ("malformed_check", label));
    // Those that always have a detail do not count without one.
    let plain = plain.filter(|(reason, _)| {
        !["malformed_target", "bad_token", "malformed_check"].contains(reason)
    });
    plain.chain(targets).chain(tokens).chain(checks)
}
