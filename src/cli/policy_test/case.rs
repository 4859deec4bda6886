//! One test: a request, its caller, and what has to become of it.

use std::fmt;

use crate::cli::rehearsal::{Answer, AskedRequest, Caller, Disposition, Rehearsal, Surrounding};
use crate::labels::Label;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Allow,
    /// Any refusal.
    Deny,
    /// Let through only because its route is in shadow.
    WouldDeny,
    Status(u16),
}

impl Outcome {
    /// The words that stand for an outcome in a file of tests.
    pub(super) const WORDS: [Self; 3] = [Self::Allow, Self::Deny, Self::WouldDeny];
    /// The statuses that a refusal can have.
    pub(super) const STATUSES: [u16; 5] = [400, 401, 403, 500, 503];

    /// [`Self::STATUSES`] as a sentence lists them.
    pub(super) fn statuses() -> String {
        let mut statuses = Self::STATUSES.map(|status| status.to_string()).to_vec();
        let last = statuses.pop().unwrap_or_default();
        format!("{} or {last}", statuses.join(", "))
    }

    /// What became of a request.
    pub(super) fn of(answer: &Answer) -> Self {
        match answer.disposition {
            Disposition::Allowed(_) => Self::Allow,
            Disposition::InShadow(_) => Self::WouldDeny,
            Disposition::Refused(_) => Self::Status(answer.status),
        }
    }

    /// Whether this is what became of a request.
    pub(super) fn holds(self, answer: &Answer) -> bool {
        match self {
            Self::Deny => !answer.disposition.is_allowed(),
            Self::Allow | Self::WouldDeny | Self::Status(_) => self == Self::of(answer),
        }
    }

    /// The outcome of this word.
    pub(super) fn named(word: &str) -> Option<Self> {
        let mut words = Self::WORDS.into_iter();
        words.find(|outcome| outcome.to_string() == word)
    }

    /// A refusal with this status, if there is one.
    pub(super) fn refused_with(status: u64) -> Option<Self> {
        let status = u16::try_from(status).ok();
        let status = status.filter(|status| Self::STATUSES.contains(status));
        status.map(Self::Status)
    }
}

/// As a file of tests has it.
impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => formatter.write_str("allow"),
            Self::Deny => formatter.write_str("deny"),
            Self::WouldDeny => formatter.write_str("would_deny"),
            Self::Status(status) => write!(formatter, "{status}"),
        }
    }
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
        if !self.outcome.holds(answer) {
            differences.push(format!("expected {}, got {}", self.outcome, told(answer)));
        }
        let mut compare = |what: &str, expected: Option<&str>, got: Option<&str>| {
            if expected.is_some() && expected != got {
                let expected = expected.unwrap_or_default();
                let got = got.unwrap_or("none");
                differences.push(format!("expected the {what} `{expected}`, got `{got}`"));
            }
        };
        let disposition = answer.disposition;
        let reason = disposition.reason().label();
        compare("reason", self.reason.as_deref(), Some(reason));
        compare("detail", self.detail.as_deref(), disposition.detail());
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
    let outcome = Outcome::of(answer);
    let disposition = answer.disposition;
    let reason = disposition.reason().label();
    match disposition.detail() {
        Some(detail) => format!("{outcome} ({reason}, {detail})"),
        None => format!("{outcome} ({reason})"),
    }
}
