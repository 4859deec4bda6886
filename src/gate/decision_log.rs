//! One log line a decision: refusals always, as far as there are not too many of one reason; allowed
//! requests when asked for.

mod difference_line;
mod refusal_line;
mod sampling;
mod span;
mod text;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Level;

use super::refusal::Refusal;
use super::request::RequestSummary;
use crate::authorizer::{Diagnosis, Difference};
use crate::labels::Label;
use crate::policy::Route;
use crate::telemetry::{DecisionSettings, LoggedPath, SHADOW_EVENT, SubjectNames};
use crate::token::{OffendingMember, VerifiedToken};
pub(crate) use refusal_line::HIDDEN_MARKS;
pub use refusal_line::RefusalLine;
use refusal_line::Remembered;
use sampling::Sampling;
use text::trace_id;

/// What the log calls a decision of a route in shadow.
const WOULD_DENY: &str = "would_deny";

/// Writes decisions to the log.
#[derive(Debug, Clone)]
pub struct DecisionLog {
    settings: DecisionSettings,
    subjects: SubjectNames,
    sampling: Arc<Sampling>,
    /// Of what the shadow policy would answer differently.
    differences: Arc<Sampling>,
    remembered: Arc<Remembered>,
}

/// What a line about a refusal tells.
pub(super) struct RefusalEntry<'e> {
    pub(super) refusal: &'e Refusal<'e>,
    pub(super) request: RequestSummary<'e>,
    pub(super) caller: Option<&'e VerifiedToken>,
    pub(super) policy_digest: Option<&'e str>,
    pub(super) decision_id: &'e str,
    pub(super) arrived: Instant,
    pub(super) latency: Duration,
}

impl DecisionLog {
    pub fn new(settings: DecisionSettings, subjects: SubjectNames) -> Self {
        let reasons = Refusal::reasons().count();
        let sampling = |kinds| {
            Arc::new(Sampling::new(
                kinds,
                settings.refusals_per_second,
                Instant::now(),
            ))
        };
        Self {
            settings,
            subjects,
            // Those that are carried out, and behind them those in shadow.
            sampling: sampling(2 * reasons),
            differences: sampling(Difference::ALL.len()),
            remembered: Arc::default(),
        }
    }

    pub(super) fn allow(
        &self,
        route: &Route,
        reason: &'static str,
        request: RequestSummary<'_>,
        caller: Option<&VerifiedToken>,
        decision_id: &str,
        latency: Duration,
    ) {
        // First: on most gates allowed requests are not logged, and nothing below is for free.
        if !self.settings.allowed {
            return;
        }
        let path = match self.settings.path {
            LoggedPath::Full => refusal_line::path(request),
            LoggedPath::Route => Some(route.path.to_string()),
            LoggedPath::None => None,
        };
        tracing::info!(
            target: "portcullis::decision",
            decision = "allow",
            route.name = &*route.name,
            reason,
            request.method = refusal_line::method(request),
            request.host = refusal_line::host(request),
            request.path = path,
            request.id = refusal_line::request_id(request),
            trace.id = trace_id(request.traceparent),
            subject = caller.map(|token| self.name(token)),
            token.issuer = caller.map(VerifiedToken::issuer),
            issuer.name = caller.map(VerifiedToken::issuer_name),
            decision.id = decision_id,
            latency_us = micros(latency),
            "request allowed"
        );
    }

    /// A request was turned away. `diagnose` is asked only where there is a line.
    pub(super) fn refuse<'d>(
        &self,
        entry: &RefusalEntry<'_>,
        diagnose: impl FnOnce() -> Diagnosis<'d>,
    ) {
        let mut line = RefusalLine::of(entry, self);
        let position = entry.refusal.reason_position();
        self.write(&mut line, entry, position, "request refused", diagnose);
        self.remembered.add(line);
    }

    /// A request was let through only because this route is in shadow.
    pub(super) fn would_deny<'d>(
        &self,
        route: &str,
        entry: &RefusalEntry<'_>,
        diagnose: impl FnOnce() -> Diagnosis<'d>,
    ) {
        let mut line = RefusalLine::of(entry, self);
        line.decision = WOULD_DENY;
        // Of a request that no route lists, the policy as a whole.
        line.route.get_or_insert_with(|| route.into());
        let position = Refusal::reasons().count() + entry.refusal.reason_position();
        let message = "request let through in shadow mode; enforced, it would be refused";
        self.write(&mut line, entry, position, message, diagnose);
        self.remembered.add(line);
    }

    fn write<'d>(
        &self,
        line: &mut RefusalLine,
        entry: &RefusalEntry<'_>,
        position: usize,
        message: &str,
        diagnose: impl FnOnce() -> Diagnosis<'d>,
    ) {
        let now = entry.arrived + entry.latency;
        // Before the diagnosis, which costs more than the decision: whoever sends bad requests in bulk
        // must not have each one explained.
        let Some(withheld) = self.sampling.admit(position, now) else {
            return;
        };
        let diagnosis = diagnose();
        // Also where nobody reads the log: the line is asked for by its id.
        line.add(&diagnosis);
        if tracing::enabled!(target: "portcullis::decision", Level::INFO) {
            tell(line, &diagnosis, withheld, entry.latency, message);
        }
    }

    /// One of the last refusals, by its id.
    pub fn remembered(&self, decision_id: &str) -> Option<RefusalLine> {
        self.remembered.find(decision_id)
    }

    /// Logs how many refusals and differences got no line of their own, where no later line has said so.
    pub fn tell_withheld(&self) {
        let reasons: Vec<_> = Refusal::reasons().collect();
        for (position, withheld) in self.sampling.take_withheld() {
            macro_rules! tell {
                ($name:expr, $decision:expr, $position:expr) => {
                    tracing::info!(
                        name: $name,
                        target: "portcullis::decision",
                        decision = $decision,
                        reason = reasons.get($position).copied(),
                        withheld,
                        "requests that have no line of their own"
                    )
                };
            }
            match position.checked_sub(reasons.len()) {
                None => tell!("withheld", "deny", position),
                Some(position) => tell!(SHADOW_EVENT, WOULD_DENY, position),
            }
        }
        self.tell_withheld_differences();
    }

    fn name(&self, token: &VerifiedToken) -> String {
        self.subjects.name(token.issuer(), token.subject())
    }
}

/// Writes the line, with what the diagnosis adds to it.
fn tell(
    line: &RefusalLine,
    diagnosis: &Diagnosis<'_>,
    withheld: u64,
    latency: Duration,
    message: &str,
) {
    let other_scheme = diagnosis.other_scheme.then_some("other_scheme");
    let near_miss = diagnosis.near_miss;
    let nearest = near_miss.and_then(|miss| miss.nearest);
    let says = |member| line.offending(member);
    // Twice, because the name of an event is a constant, and the log tells outputs by it.
    macro_rules! tell {
        ($name:expr) => {
            tracing::info!(
                name: $name,
                target: "portcullis::decision",
                decision = line.decision,
                status = line.status,
                route.name = line.route.as_deref(),
                reason = line.reason,
                detail = line.detail.or(other_scheme),
                condition = line.condition.as_deref(),
                condition.part = line.condition_part.as_deref(),
                mismatch = near_miss.map(|miss| miss.mismatch.label()),
                nearest.route = nearest.map(|route| &*route.name),
                request.method = line.method.as_deref(),
                request.host = line.host.as_deref(),
                request.path = line.path.as_deref(),
                request.id = line.request_id.as_deref(),
                trace.id = line.trace_id.as_deref(),
                subject = line.subject.as_deref(),
                token.issuer = line.issuer.as_deref(),
                issuer.name = line.issuer_name.as_deref(),
                token.iss = says(OffendingMember::Issuer),
                token.aud = says(OffendingMember::Audience),
                token.kid = says(OffendingMember::KeyId),
                token.alg = says(OffendingMember::Algorithm),
                token.typ = says(OffendingMember::Type),
                token.requirement = says(OffendingMember::Requirement),
                token.lifetime = says(OffendingMember::Lifetime),
                token.scopes = line.scopes.as_deref(),
                decision.id = &*line.decision_id,
                policy.digest = line.policy_digest.as_deref(),
                withheld = Some(withheld).filter(|count| *count > 0),
                latency_us = micros(latency),
                "{message}"
            )
        };
    }
    if line.decision == WOULD_DENY {
        tell!(SHADOW_EVENT);
    } else {
        tell!("refusal");
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}
