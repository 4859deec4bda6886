//! The spans of checks, which show what the log shows and no more.

use std::time::Duration;

use super::refusal_line::{self, RefusalLine};
use super::{DecisionLog, RefusalEntry};
use crate::gate::request::RequestSummary;
use crate::gate::spans::{CheckSpan, SpanSubject};
use crate::policy::Route;
use crate::telemetry::{LoggedPath, SubjectForm};
use crate::token::VerifiedToken;

impl DecisionLog {
    /// The span of a request that was let through.
    pub(in crate::gate) fn span_of_allowed(
        &self,
        route: &Route,
        reason: &'static str,
        request: RequestSummary<'_>,
        caller: Option<&VerifiedToken>,
        decision_id: &str,
        latency: Duration,
    ) -> CheckSpan {
        CheckSpan {
            decision: "allow",
            reason,
            detail: None,
            status: None,
            route: Some((*route.name).into()),
            template: self.template(Some(route)),
            method: refusal_line::method(request),
            host: refusal_line::host(request),
            path: match self.settings.path {
                LoggedPath::Full => refusal_line::path(request),
                LoggedPath::Route | LoggedPath::None => None,
            },
            request_id: refusal_line::request_id(request),
            subject: caller.map(|token| self.subject(self.name(token))),
            issuer: caller.map(|token| token.issuer_name().into()),
            decision_id: decision_id.into(),
            latency,
            steps: Vec::new(),
        }
    }

    /// The span of a refusal.
    pub(in crate::gate) fn span_of_refused(&self, entry: &RefusalEntry<'_>) -> CheckSpan {
        let line = RefusalLine::of(entry, self);
        CheckSpan {
            decision: line.decision,
            reason: line.reason,
            detail: line.detail,
            status: Some(line.status),
            route: line.route,
            template: self.template(entry.refusal.route()),
            method: line.method,
            host: line.host,
            // Otherwise the line has the template here.
            path: line.path.filter(|_| self.settings.path == LoggedPath::Full),
            request_id: line.request_id,
            subject: line.subject.map(|name| self.subject(name)),
            issuer: line.issuer_name,
            decision_id: line.decision_id,
            latency: entry.latency,
            steps: Vec::new(),
        }
    }

    /// The span of a request that was let through only because this route is in shadow.
    pub(in crate::gate) fn span_of_would_deny(
        &self,
        route: &str,
        entry: &RefusalEntry<'_>,
    ) -> CheckSpan {
        let refused = self.span_of_refused(entry);
        CheckSpan {
            decision: "would_deny",
            // It was not answered with one.
            status: None,
            route: refused.route.or_else(|| Some(route.into())),
            ..refused
        }
    }

    fn template(&self, route: Option<&Route>) -> Option<String> {
        let shown = self.settings.path != LoggedPath::None;
        route.filter(|_| shown).map(|route| route.path.to_string())
    }

    fn subject(&self, name: String) -> SpanSubject {
        match self.subjects.form() {
            SubjectForm::Digest => SpanSubject::Digest(name),
            SubjectForm::Plain => SpanSubject::Plain(name),
        }
    }
}
