//! One log line a decision: refusals always, allowed requests when asked for.

use std::time::Duration;

use super::refusal::Refusal;
use crate::telemetry::SubjectNames;
use crate::token::VerifiedToken;

/// Writes decisions to the log.
#[derive(Debug, Clone)]
pub struct DecisionLog {
    /// Whether allowed requests are logged too.
    pub allowed: bool,
    pub subjects: SubjectNames,
}

impl DecisionLog {
    pub fn allow(
        &self,
        route: &str,
        reason: &'static str,
        caller: Option<&VerifiedToken>,
        decision_id: &str,
        latency: Duration,
    ) {
        if !self.allowed {
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

    /// A request was turned away.
    pub fn refuse(
        &self,
        refusal: &Refusal<'_>,
        caller: Option<&VerifiedToken>,
        decision_id: &str,
        latency: Duration,
    ) {
        tracing::info!(
            target: "portcullis::decision",
            decision = "deny",
            status = refusal.status().http_code(),
            route.name = refusal.route_name(),
            reason = refusal.label(),
            detail = refusal.detail(),
            subject = caller.map(|token| self.name(token)),
            token.issuer = caller.map(VerifiedToken::issuer),
            decision.id = decision_id,
            latency_us = micros(latency),
            "request refused"
        );
    }

    fn name(&self, token: &VerifiedToken) -> String {
        self.subjects.name(token.issuer(), token.subject())
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}
