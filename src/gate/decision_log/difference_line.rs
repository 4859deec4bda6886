//! The line of a check that the shadow policy would answer differently.

use tracing::Level;

use super::DecisionLog;
use super::refusal_line::{self, MAX_CONDITION_BYTES};
use super::text::{bounded, trace_id};
use crate::authorizer::Difference;
use crate::decision::Verdict;
use crate::gate::shadow::DifferenceEntry;
use crate::labels::Label;
use crate::policy::Route;
use crate::telemetry::{LoggedPath, SHADOW_EVENT};
use crate::token::VerifiedToken;

impl DecisionLog {
    /// The shadow policy would answer a check differently, or what it would answer is not known.
    pub(in crate::gate) fn differs(&self, entry: &DifferenceEntry<'_>) {
        if !tracing::enabled!(target: "portcullis::decision", Level::INFO) {
            return;
        }
        let compared = entry.compared;
        let position = compared.difference.position();
        let Some(withheld) = self.differences.admit(position, entry.now) else {
            return;
        };
        let (enforced, opinion) = (compared.enforced, compared.opinion);
        let tried = opinion.and_then(|opinion| opinion.denial());
        let condition = tried.and_then(|denial| denial.condition());
        let shown = |text: &str| bounded(text.as_bytes(), MAX_CONDITION_BYTES);
        let request = entry.request.summary();
        let route = enforced.route();
        let route_tried = opinion.and_then(|opinion| opinion.route());
        tracing::info!(
            name: SHADOW_EVENT,
            target: "portcullis::decision",
            difference = compared.difference.label(),
            decision = decision(&enforced),
            route.name = route.map(|route| &*route.name),
            reason = reason(&enforced),
            detail = enforced.denial().and_then(|denial| denial.detail()),
            shadow.decision = opinion.as_ref().map(decision),
            shadow.route.name = route_tried.map(|route| &*route.name),
            shadow.reason = opinion.as_ref().map(reason),
            shadow.detail = tried.and_then(|denial| denial.detail()),
            shadow.condition = condition.map(|(condition, _)| shown(condition.text())),
            shadow.condition.part = condition.and_then(|(_, part)| part).map(shown),
            request.method = refusal_line::method(request),
            request.host = refusal_line::host(request),
            request.path = self.path_of(entry, route.or(route_tried)),
            request.id = refusal_line::request_id(request),
            trace.id = trace_id(request.traceparent),
            subject = entry.caller.map(|token| self.name(token)),
            token.issuer = entry.caller.map(VerifiedToken::issuer),
            issuer.name = entry.caller.map(VerifiedToken::issuer_name),
            decision.id = entry.decision_id,
            policy.digest = refusal_line::digest(entry.policy_digest),
            shadow.policy.digest = refusal_line::digest(compared.shadow_digest()),
            withheld = Some(withheld).filter(|count| *count > 0),
            "{}",
            match compared.difference {
                Difference::Unknown => "it is not known what the shadow policy would answer",
                _ => "the shadow policy would answer differently",
            }
        );
    }

    fn path_of(&self, entry: &DifferenceEntry<'_>, route: Option<&Route>) -> Option<String> {
        match self.settings.path {
            LoggedPath::Full => refusal_line::path(entry.request.summary()),
            LoggedPath::Route => route.map(|route| route.path.to_string()),
            LoggedPath::None => None,
        }
    }

    pub(super) fn tell_withheld_differences(&self) {
        for (position, withheld) in self.differences.take_withheld() {
            let difference = Difference::ALL.get(position).copied();
            tracing::info!(
                name: SHADOW_EVENT,
                target: "portcullis::decision",
                difference = difference.map(Difference::label),
                withheld,
                "requests that the shadow policy would answer differently and that have no line of their own"
            );
        }
    }
}

/// What becomes of the request, in the words of the other lines.
fn decision(verdict: &Verdict<'_>) -> &'static str {
    match (verdict, verdict.denial()) {
        (Verdict::Refuse(_), _) => "deny",
        (Verdict::Pass { .. }, Some(_)) => "would_deny",
        (Verdict::Pass { .. }, None) => "allow",
    }
}

fn reason(verdict: &Verdict<'_>) -> &'static str {
    let denial = verdict.denial();
    denial.map_or(verdict.label(), |denial| denial.label())
}
