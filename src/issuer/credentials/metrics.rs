//! What is counted of attempts. Labels come from closed sets, and all are there from the start.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::issuer::throttle::{Claimant, Limit};
use crate::labels::{Label, closed_set};

/// The counters of one issuer's attempts.
#[derive(Debug, Default)]
pub(super) struct AttemptMetrics {
    logins: Family<OutcomeLabel, Counter>,
    clients: Family<OutcomeLabel, Counter>,
    throttled: Family<LimitLabel, Counter>,
}

closed_set! {
    /// How an attempt to authenticate ended.
    pub(super) enum AttemptOutcome {
        Succeeded = "succeeded",
        Failed = "failed",
        /// Not even looked at.
        Throttled = "throttled",
        /// Nothing was found out: the store, the queue or the rest of the request was at fault.
        Unsettled = "unsettled",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: &'static str,
}

impl From<AttemptOutcome> for OutcomeLabel {
    fn from(outcome: AttemptOutcome) -> Self {
        let outcome = outcome.label();
        Self { outcome }
    }
}

impl From<Limit> for LimitLabel {
    fn from(limit: Limit) -> Self {
        let limit = limit.label();
        Self { limit }
    }
}

impl AttemptMetrics {
    pub(super) fn new() -> Self {
        let metrics = Self::default();
        for outcome in AttemptOutcome::ALL {
            let label = OutcomeLabel::from(*outcome);
            metrics.logins.get_or_create(&label).inc_by(0);
            metrics.clients.get_or_create(&label).inc_by(0);
        }
        for limit in Limit::ALL {
            metrics.throttled.get_or_create(&(*limit).into()).inc_by(0);
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
            Claimant::User(_) | Claimant::RecoveryCode(_) | Claimant::Nobody(_) => &self.logins,
            Claimant::App(_) => &self.clients,
        };
        family.get_or_create(&outcome.into()).inc();
    }

    pub(super) fn throttled(&self, limit: Limit) {
        self.throttled.get_or_create(&limit.into()).inc();
    }
}
