//! What the gate counts of its answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::malformed::MalformedRequest;
use super::refusal::{Refusal, Unjudged};
use crate::condition::Cause;
use crate::decision::DenialKind;
use crate::labels::Label;
use crate::policy::TargetError;
use crate::token::TokenErrorKind;

/// Upper bounds of the latency buckets, in seconds.
const LATENCY_BUCKETS: [f64; 12] = [
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1,
    0.5,
];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
    detail: &'static str,
}

/// What the gate counts of its answers.
#[derive(Debug, Clone)]
pub struct GateMetrics {
    allowed: Counter,
    /// A counter for each reason and detail that there can be.
    refused: Arc<BTreeMap<ReasonLabels, Counter>>,
    /// The same for what only a route in shadow lets through.
    would_deny: Arc<BTreeMap<ReasonLabels, Counter>>,
    latency: Histogram,
    ignored: Counter,
    in_flight: Gauge,
}

/// The answers of a gate since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckTotals {
    pub allowed: u64,
    pub denied: u64,
}

/// Counts a check as in flight until it is dropped.
pub(super) struct InFlight<'m>(&'m Gauge);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl GateMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let allowed = Counter::default();
        registry.register(
            "checks_allowed",
            "Requests that were let through",
            allowed.clone(),
        );
        let family = Family::<ReasonLabels, Counter>::default();
        let refused = Arc::new(counters(&family, denials().chain(unjudged())));
        registry.register("checks_denied", "Requests that were turned away", family);
        let family = Family::<ReasonLabels, Counter>::default();
        let would_deny = Arc::new(counters(&family, denials()));
        registry.register(
            "checks_would_deny",
            "Requests that were let through only because their route is in shadow",
            family,
        );
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
        let in_flight = Gauge::default();
        registry.register(
            "checks_in_flight",
            "Checks that have been read and not answered yet",
            in_flight.clone(),
        );
        Self {
            allowed,
            refused,
            would_deny,
            latency,
            ignored,
            in_flight,
        }
    }

    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.inc();
        InFlight(&self.in_flight)
    }

    /// How many requests were let through so far, and how many turned away.
    pub fn totals(&self) -> CheckTotals {
        CheckTotals {
            allowed: self.allowed.get(),
            denied: self.refused.values().map(Counter::get).sum(),
        }
    }

    pub fn allowed(&self, latency: Duration) {
        self.allowed.inc();
        self.latency.observe(latency.as_secs_f64());
    }

    /// Counts a token that nobody has looked at because the check would have been late.
    pub fn token_ignored(&self) {
        self.ignored.inc();
    }

    pub fn refused(&self, refusal: &Refusal<'_>, latency: Duration) {
        count(&self.refused, refusal);
        self.latency.observe(latency.as_secs_f64());
    }

    /// Counts a request that is let through, beside its being allowed.
    pub fn would_deny(&self, refusal: &Refusal<'_>) {
        count(&self.would_deny, refusal);
    }
}

fn count(counters: &BTreeMap<ReasonLabels, Counter>, refusal: &Refusal<'_>) {
    let labels = ReasonLabels {
        reason: refusal.label(),
        detail: refusal.detail().unwrap_or_default(),
    };
    // A lookup without a lock: all series were made at the start.
    if let Some(counter) = counters.get(&labels) {
        counter.inc();
    }
}

fn counters(
    family: &Family<ReasonLabels, Counter>,
    all: impl Iterator<Item = ReasonLabels>,
) -> BTreeMap<ReasonLabels, Counter> {
    all.map(|labels| {
        let counter = family.get_or_create_owned(&labels);
        (labels, counter)
    })
    .collect()
}

/// Every reason of a denial, with every detail that it can have; those that always have a detail do not
/// appear without one.
fn denials() -> impl Iterator<Item = ReasonLabels> {
    let denied = DenialKind::ALL.iter().flat_map(|kind| {
        // All series exist from the start, at zero: `rate()` misses the first increase of one that
        // appears with it.
        let details = match kind {
            DenialKind::MalformedTarget => labels(TargetError::ALL),
            DenialKind::BadToken => labels(TokenErrorKind::ALL),
            DenialKind::ConditionFailed => labels(Cause::ALL),
            DenialKind::SeveralCredentials
            | DenialKind::NoToken
            | DenialKind::ScopesMissing
            | DenialKind::Nobody
            | DenialKind::ConditionNotMet
            | DenialKind::Unlisted
            | DenialKind::KeysNotLoaded
            | DenialKind::RevocationsStale => vec![""],
        };
        details.into_iter().map(|detail| (kind.label(), detail))
    });
    denied.map(|(reason, detail)| ReasonLabels { reason, detail })
}

/// The same for what is refused without having been judged.
fn unjudged() -> impl Iterator<Item = ReasonLabels> {
    let unjudged = Unjudged::ALL.iter().flat_map(|kind| {
        let details = match kind {
            Unjudged::Malformed => labels(MalformedRequest::ALL),
            Unjudged::Unreadable
            | Unjudged::TooLarge
            | Unjudged::KeysDue
            | Unjudged::Overload
            | Unjudged::Defect => vec![""],
        };
        details.into_iter().map(|detail| (kind.label(), detail))
    });
    unjudged.map(|(reason, detail)| ReasonLabels { reason, detail })
}

fn labels<L: Label>(all: &[L]) -> Vec<&'static str> {
    all.iter().map(|each| each.label()).collect()
}
