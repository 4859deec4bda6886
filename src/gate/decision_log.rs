//! One log line a decision: refusals always, as far as there are not too many of one reason; allowed
//! requests when asked for.

mod sampling;
mod text;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::Level;

use super::refusal::Refusal;
use super::request::RequestSummary;
use crate::authorizer::Diagnosis;
use crate::decision::Denial;
use crate::labels::Label;
use crate::telemetry::{DecisionSettings, LoggedPath, SubjectNames};
use crate::token::{OffendingMember, VerifiedToken};
use sampling::Sampling;
use text::{bounded, trace_id};

/// The most that a line shows of what a caller wrote, in bytes.
const MAX_METHOD_BYTES: usize = 32;
const MAX_HOST_BYTES: usize = 253;
const MAX_PATH_BYTES: usize = 256;
const MAX_ID_BYTES: usize = 128;
const MAX_MEMBER_BYTES: usize = 128;
const MAX_SCOPES_BYTES: usize = 512;

/// How much of a policy's digest a line has: enough to tell the policies of one gate apart.
const DIGEST_CHARS: usize = 12;

/// Writes decisions to the log.
#[derive(Debug, Clone)]
pub struct DecisionLog {
    settings: DecisionSettings,
    subjects: SubjectNames,
    sampling: Arc<Sampling>,
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
        Self {
            settings,
            subjects,
            sampling: Arc::new(Sampling::new(
                reasons,
                settings.refusals_per_second,
                Instant::now(),
            )),
        }
    }

    pub fn allow(
        &self,
        route: &str,
        reason: &'static str,
        caller: Option<&VerifiedToken>,
        decision_id: &str,
        latency: Duration,
    ) {
        if !self.settings.allowed {
            return;
        }
        tracing::info!(
            target: "portcullis::decision",
            decision = "allow",
            route.name = route,
            reason,
            subject = caller.map(|token| self.name(token)),
            token.issuer = caller.map(VerifiedToken::issuer),
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
        if !tracing::enabled!(target: "portcullis::decision", Level::INFO) {
            return;
        }
        let RefusalEntry {
            refusal,
            request,
            caller,
            ..
        } = entry;
        let now = entry.arrived + entry.latency;
        let Some(withheld) = self.sampling.admit(refusal.reason_position(), now) else {
            return;
        };
        let diagnosis = diagnose();
        let other_scheme = diagnosis.other_scheme.then_some("other_scheme");
        let issuer = diagnosis.offence.issuer.map(|rules| &*rules.name);
        let says = |member: OffendingMember| match &diagnosis.offence.member {
            Some((offending, value)) if *offending == member => {
                Some(bounded(value.as_bytes(), MAX_MEMBER_BYTES))
            }
            _ => None,
        };
        tracing::info!(
            target: "portcullis::decision",
            decision = "deny",
            status = refusal.status().http_code(),
            route.name = refusal.route_name(),
            reason = refusal.label(),
            detail = refusal.detail().or(other_scheme),
            mismatch = diagnosis.near_miss.map(|miss| miss.mismatch.label()),
            nearest.route = diagnosis.near_miss.and_then(|miss| miss.nearest).map(|route| &*route.name),
            request.method = shown(request.method, MAX_METHOD_BYTES),
            request.host = shown(request.host, MAX_HOST_BYTES),
            request.path = self.path(entry),
            request.id = shown(request.request_id, MAX_ID_BYTES),
            trace.id = trace_id(request.traceparent),
            subject = caller.map(|token| self.name(token)),
            token.issuer = caller.map(VerifiedToken::issuer),
            issuer.name = caller.map(VerifiedToken::issuer_name).or(issuer),
            token.iss = says(OffendingMember::Issuer),
            token.aud = says(OffendingMember::Audience),
            token.kid = says(OffendingMember::KeyId),
            token.alg = says(OffendingMember::Algorithm),
            token.typ = says(OffendingMember::Type),
            token.scopes = scopes_in_question(entry),
            decision.id = entry.decision_id,
            policy.digest = entry.policy_digest.and_then(|digest| digest.get(..DIGEST_CHARS)),
            withheld = Some(withheld).filter(|count| *count > 0),
            latency_us = micros(entry.latency),
            "request refused"
        );
    }

    /// Tells of refusals that got no line of their own and that no later line told of.
    pub fn tell_withheld(&self) {
        let reasons: Vec<_> = Refusal::reasons().collect();
        for (position, withheld) in self.sampling.take_withheld() {
            tracing::info!(
                target: "portcullis::decision",
                decision = "deny",
                reason = reasons.get(position).copied(),
                withheld,
                "requests refused that have no line of their own"
            );
        }
    }

    fn path(&self, entry: &RefusalEntry<'_>) -> Option<String> {
        match self.settings.path {
            LoggedPath::Full => {
                let path = crate::policy::Path(entry.request.path).without_query();
                shown(path, MAX_PATH_BYTES)
            }
            LoggedPath::Route => entry.refusal.route().map(|route| route.path.to_string()),
            LoggedPath::None => None,
        }
    }

    fn name(&self, token: &VerifiedToken) -> String {
        self.subjects.name(token.issuer(), token.subject())
    }
}

/// What a caller wrote, if it wrote something.
fn shown(bytes: &[u8], max_bytes: usize) -> Option<String> {
    (!bytes.is_empty()).then(|| bounded(bytes, max_bytes))
}

/// The scopes of the token, where they did not suffice.
fn scopes_in_question(entry: &RefusalEntry<'_>) -> Option<String> {
    match (entry.refusal, entry.caller) {
        (Refusal::Denied(Denial::ScopesMissing { .. }), Some(caller)) => {
            Some(bounded(caller.scopes_text().as_bytes(), MAX_SCOPES_BYTES))
        }
        _ => None,
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}
