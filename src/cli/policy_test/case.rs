//! One test: a request, its caller, and what has to become of it.

use crate::cli::rehearsal::{Answer, AskedRequest, Caller, Rehearsal, Surrounding};
use crate::problem::Place;

#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// Where it is written.
    pub(super) place: Place,
    pub(super) request: AskedRequest,
    pub(super) caller: Caller,
    pub(super) expected: Expected,
    /// What may be misspelt in it, which is told where it fails.
    pub(super) hints: Vec<String>,
}

/// What has to become of the request. What is not said can be anything.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) route: Option<String>,
    /// Headers of the upstream's request; an empty value stands for one that is removed.
    pub(super) upstream: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Allow,
    /// Any refusal.
    Deny,
    /// Let through only because its route is in shadow.
    WouldDeny,
    Status(u16),
}

/// What became of a test.
#[derive(Debug)]
pub(super) struct CaseResult {
    pub(super) answer: Answer,
    /// The request as the gate was asked, with its credential.
    pub(super) asked: AskedRequest,
    /// How the answer differs from what was expected; empty where it does not.
    pub(super) differences: Vec<String>,
}

impl Case {
    pub(super) fn run(&self, rehearsal: &Rehearsal) -> anyhow::Result<CaseResult> {
        let asked = rehearsal.asked_by(&self.request, &self.caller)?;
        let answer = rehearsal.ask(&asked);
        let unsaid = asked.unsaid();
        let mut differences = if unsaid.is_empty() {
            self.expected.differences(&answer)
        } else {
            unsaid.into_iter().map(cannot_tell).collect()
        };
        if !differences.is_empty() {
            differences.extend(self.hints.iter().cloned());
        }
        Ok(CaseResult {
            answer,
            asked,
            differences,
        })
    }
}

fn cannot_tell(unsaid: Surrounding) -> String {
    let (read, key) = unsaid.names();
    format!("cannot tell: a condition reads `{read}`, which the test does not say: add `{key}`")
}

impl Expected {
    fn differences(&self, answer: &Answer) -> Vec<String> {
        let mut differences = Vec::new();
        let is_expected = match self.outcome {
            Outcome::Allow => answer.is_allowed() && answer.would_deny.is_none(),
            Outcome::WouldDeny => answer.would_deny.is_some(),
            Outcome::Deny => !answer.is_allowed(),
            Outcome::Status(status) => !answer.is_allowed() && answer.status == status,
        };
        if !is_expected {
            let expected = match self.outcome {
                Outcome::Allow => "allow".to_owned(),
                Outcome::Deny => "deny".to_owned(),
                Outcome::WouldDeny => "would_deny".to_owned(),
                Outcome::Status(status) => status.to_string(),
            };
            differences.push(format!("expected {expected}, got {}", told(answer)));
        }
        let mut compare = |what: &str, expected: Option<&str>, got: Option<&str>| {
            if expected.is_some() && expected != got {
                let expected = expected.unwrap_or_default();
                let got = got.unwrap_or("none");
                differences.push(format!("expected the {what} `{expected}`, got `{got}`"));
            }
        };
        let reason = answer.would_deny.unwrap_or(answer.reason);
        compare("reason", self.reason.as_deref(), Some(reason));
        compare("detail", self.detail.as_deref(), answer.detail);
        compare("route", self.route.as_deref(), answer.route.as_deref());
        for (name, expected) in &self.upstream {
            let mut edits = answer.upstream_headers.iter();
            let edit = edits.find(|edit| edit.name.eq_ignore_ascii_case(name));
            let got = edit.map(|edit| edit.value.as_deref().unwrap_or_default());
            compare(&format!("header {name}"), Some(expected), got);
        }
        differences
    }
}

/// `allow`, or the refusal with its reason.
pub(super) fn told(answer: &Answer) -> String {
    let detail = answer.detail.map(|detail| format!(", {detail}"));
    if let Some(reason) = answer.would_deny {
        return format!("would_deny ({reason}{})", detail.unwrap_or_default());
    }
    if answer.is_allowed() {
        return format!("allow ({})", answer.reason);
    }
    let detail = detail.unwrap_or_default();
    format!("{} ({}{detail})", answer.status, answer.reason)
}
