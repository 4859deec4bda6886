//! What is counted of attempts. Labels come from closed sets, and all are there from the start.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::issuer::throttle::{Claimant, Limit};

/// The counters of one issuer's attempts.
#[derive(Debug, Default)]
pub(super) struct AttemptMetrics {
    logins: Family<OutcomeLabel, Counter>,
    clients: Family<OutcomeLabel, Counter>,
    throttled: Family<LimitLabel, Counter>,
}

/// How somebody's attempt to prove who it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    Succeeded,
    Failed,
    /// Not even looked at.
    Throttled,
    /// Nothing was found out: the store, the queue or the rest of the request was at fault.
    Unsettled,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: &'static str,
}

impl AttemptOutcome {
    const ALL: [Self; 4] = [
        Self::Succeeded,
        Self::Failed,
        Self::Throttled,
        Self::Unsettled,
    ];

    /// The name that metrics and log have.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Throttled => "throttled",
            Self::Unsettled => "unsettled",
        }
    }

    fn label(self) -> OutcomeLabel {
        OutcomeLabel {
            outcome: self.name(),
        }
    }
}

fn limit_label(limit: Limit) -> LimitLabel {
    LimitLabel {
        limit: limit.label(),
    }
}

impl AttemptMetrics {
    pub(super) fn new() -> Self {
        let metrics = Self::default();
        for outcome in AttemptOutcome::ALL {
            metrics.logins.get_or_create(&outcome.label()).inc_by(0);
            metrics.clients.get_or_create(&outcome.label()).inc_by(0);
        }
        for limit in Limit::ALL {
            let label = limit_label(limit);
            metrics.throttled.get_or_create(&label).inc_by(0);
        }
        metrics
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "issuer_logins",
            "Checks of a user's password, by outcome",
            self.logins.clone(),
        );
        registry.register(
            "issuer_client_authentications",
            "Checks of an app's secret, by outcome",
            self.clients.clone(),
        );
        registry.register(
            "issuer_throttled",
            "Requests answered with 429, by the limit that was reached",
            self.throttled.clone(),
        );
    }

    pub(super) fn attempt(&self, claimant: Claimant<'_>, outcome: AttemptOutcome) {
        let family = match claimant {
            Claimant::User(_) | Claimant::Nobody(_) => &self.logins,
            Claimant::App(_) => &self.clients,
        };
        family.get_or_create(&outcome.label()).inc();
    }

    pub(super) fn throttled(&self, limit: Limit) {
        self.throttled.get_or_create(&limit_label(limit)).inc();
    }
}
