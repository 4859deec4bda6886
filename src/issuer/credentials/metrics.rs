//! What is counted of attempts. Labels come from closed sets, and all are there from the start.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::identity::SignInMethod;
use crate::issuer::throttle::{Claimant, Limit};
use crate::labels::{Label, closed_set};

/// The counters of one issuer's attempts.
#[derive(Debug, Default)]
pub(super) struct AttemptMetrics {
    logins: Family<OutcomeLabel, Counter>,
    clients: Family<OutcomeLabel, Counter>,
    passkeys: Family<OutcomeLabel, Counter>,
    recovery_codes: Family<OutcomeLabel, Counter>,
    registrations: Family<OutcomeLabel, Counter>,
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

closed_set! {
    /// What became of a passkey that somebody has made.
    pub(in crate::issuer) enum RegistrationOutcome {
        Added = "added",
        /// It is not what was asked for, or its user may not have it.
        Refused = "refused",
        /// Nothing was found out: the store was at fault.
        Unsettled = "unsettled",
    }
}

closed_set! {
    /// What somebody authenticates by.
    pub(super) enum Checked {
        Password = "password",
        RecoveryCode = "recovery_code",
        Passkey = "passkey",
        AppSecret = "app_secret",
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

impl Checked {
    /// What its user calls it; none of an app.
    pub(super) fn method(self) -> Option<SignInMethod> {
        match self {
            Self::Password => Some(SignInMethod::Password),
            Self::RecoveryCode => Some(SignInMethod::RecoveryCode),
            Self::Passkey => Some(SignInMethod::Passkey),
            Self::AppSecret => None,
        }
    }

    /// What a user types that claims to be somebody.
    pub(super) fn typed(claimant: Claimant<'_>) -> Self {
        match claimant {
            Claimant::User(_) | Claimant::Nobody(_) => Self::Password,
            Claimant::RecoveryCode(_) => Self::RecoveryCode,
            Claimant::App(_) => Self::AppSecret,
        }
    }
}

impl OutcomeLabel {
    fn of(outcome: impl Label) -> Self {
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
            let label = OutcomeLabel::of(*outcome);
            for checked in Checked::ALL {
                metrics.of(*checked).get_or_create(&label).inc_by(0);
            }
        }
        for outcome in RegistrationOutcome::ALL {
            let label = OutcomeLabel::of(*outcome);
            metrics.registrations.get_or_create(&label).inc_by(0);
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
            "issuer_passkey_proofs",
            "Checks of what a passkey has signed, by outcome",
            self.passkeys.clone(),
        );
        registry.register(
            "issuer_recovery_code_proofs",
            "Checks of a recovery code, by outcome",
            self.recovery_codes.clone(),
        );
        registry.register(
            "issuer_passkey_registrations",
            "Passkeys that users have made, by what became of them",
            self.registrations.clone(),
        );
        registry.register(
            "issuer_throttled",
            "Requests answered with 429, by the limit that was reached",
            self.throttled.clone(),
        );
    }

    pub(super) fn attempt(&self, checked: Checked, outcome: AttemptOutcome) {
        let label = OutcomeLabel::of(outcome);
        self.of(checked).get_or_create(&label).inc();
    }

    pub(super) fn registration(&self, outcome: RegistrationOutcome) {
        let label = OutcomeLabel::of(outcome);
        self.registrations.get_or_create(&label).inc();
    }

    fn of(&self, checked: Checked) -> &Family<OutcomeLabel, Counter> {
        match checked {
            Checked::Password => &self.logins,
            Checked::RecoveryCode => &self.recovery_codes,
            Checked::Passkey => &self.passkeys,
            Checked::AppSecret => &self.clients,
        }
    }

    pub(super) fn throttled(&self, limit: Limit) {
        self.throttled.get_or_create(&limit.into()).inc();
    }
}
