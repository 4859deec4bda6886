//! One log line a decision: refusals always, allowed requests when asked for.

use std::time::Duration;

use serde::Deserialize;

use super::refusal::Refusal;
use crate::token::VerifiedToken;

/// How a subject is named in logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectForm {
    /// The first 16 hex digits of the SHA-256 of `iss`, a line feed and `sub`: the same person is
    /// the same digest, and the log holds no personal data.
    #[default]
    Digest,
    /// `sub` itself.
    Plain,
}

/// Writes decisions to the log.
#[derive(Debug, Clone, Copy)]
pub struct DecisionLog {
    /// Whether allowed requests are logged too.
    pub allowed: bool,
    /// How subjects are named.
    pub subject: SubjectForm,
}

impl DecisionLog {
    /// A request went through.
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
    pub fn deny(
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

    fn name(self, token: &VerifiedToken) -> String {
        self.subject.name(token.issuer(), token.subject())
    }
}

impl SubjectForm {
    /// What a log calls `subject` of `issuer`.
    pub fn name(self, issuer: &str, subject: &str) -> String {
        match self {
            Self::Plain => subject.to_owned(),
            Self::Digest => {
                let text = format!("{issuer}\n{subject}");
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
                let first = digest.as_ref().first_chunk().copied().unwrap_or_default();
                format!("{:016x}", u64::from_be_bytes(first))
            }
        }
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}
