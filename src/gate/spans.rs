//! What the gate tells of a check to whoever traces requests. How spans are kept and sent is not known here.

use std::time::{Duration, Instant};

use crate::condition::{Attributes, Found};
use crate::labels::closed_set;

/// Takes the spans of checks.
pub trait SpanRecorder: Send + Sync {
    /// Keeps the span that `describe` gives, if the request is traced. Must not wait: the thread that calls
    /// it answers checks.
    fn record(&self, headers: &TraceHeaders<'_>, describe: &dyn Fn() -> CheckSpan);
}

/// What the checked request says of its trace (W3C Trace Context), as it came.
#[derive(Clone, Copy, Default)]
pub struct TraceHeaders<'a> {
    traceparent: &'a [u8],
    attributes: Option<&'a dyn Attributes>,
}

/// A check that has been answered, with as much about it as the log may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSpan {
    /// `allow`, `deny` or `would_deny`.
    pub decision: &'static str,
    pub reason: &'static str,
    pub detail: Option<&'static str>,
    /// The HTTP status of a refusal.
    pub status: Option<u16>,
    /// The route's name.
    pub route: Option<Box<str>>,
    /// The route's path, as the policy has it.
    pub template: Option<String>,
    pub method: Option<String>,
    pub host: Option<String>,
    /// As the log shows it: without its query, its parameters and the user of a URL.
    pub path: Option<String>,
    /// `x-request-id`.
    pub request_id: Option<String>,
    pub subject: Option<SpanSubject>,
    /// The name of the token's issuer.
    pub issuer: Option<Box<str>>,
    pub decision_id: Box<str>,
    /// From the arrival of the check to its answer.
    pub latency: Duration,
    pub steps: Vec<Step>,
}

/// Whose token it was, as the log names people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanSubject {
    Digest(String),
    Plain(String),
}

closed_set! {
    /// What a check may have to wait for.
    pub enum StepKind {
        Turn = "wait for turn",
        Verification = "verify signature",
        Keys = "wait for keys",
    }
}

/// A part of a check; both times count from its arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub kind: StepKind,
    pub from: Duration,
    pub until: Duration,
}

impl<'a> TraceHeaders<'a> {
    /// `attributes` tell of the other headers, where they could be read.
    pub fn new(traceparent: &'a [u8], attributes: Option<&'a dyn Attributes>) -> Self {
        Self {
            traceparent,
            attributes,
        }
    }

    /// `traceparent`, unless there are several.
    pub fn traceparent(&self) -> Option<&'a [u8]> {
        match self.attributes.map(|known| known.header("traceparent").0) {
            Some(Found::Repeated) => None,
            _ => Some(self.traceparent).filter(|value| !value.is_empty()),
        }
    }

    /// `tracestate`, unless there are several.
    pub fn tracestate(&self) -> Option<&'a [u8]> {
        match self.attributes?.header("tracestate").0 {
            Found::Once(value) => Some(value),
            Found::Absent | Found::Repeated | Found::Unreadable => None,
        }
    }
}

/// The steps of one check so far. Empty where nobody records them: then the time is not even looked at.
#[derive(Debug, Default)]
pub(super) struct Steps(Option<Vec<Begun>>);

#[derive(Debug)]
struct Begun {
    kind: StepKind,
    from: Instant,
    until: Option<Instant>,
}

impl Steps {
    /// Steps that are kept.
    pub(super) fn kept() -> Self {
        Self(Some(Vec::new()))
    }

    /// A step begins, and with it the one before ends.
    pub(super) fn begin(&mut self, kind: StepKind) {
        self.end();
        if let Some(steps) = &mut self.0 {
            steps.push(Begun {
                kind,
                from: Instant::now(),
                until: None,
            });
        }
    }

    /// The last step ends, if it has not ended yet.
    pub(super) fn end(&mut self) {
        let last = self.0.as_mut().and_then(|steps| steps.last_mut());
        if let Some(last) = last {
            last.until.get_or_insert_with(Instant::now);
        }
    }

    /// The steps of a check that arrived at this time and was answered so much later. One that goes on
    /// ends with the answer.
    pub(super) fn of_check(&self, arrived: Instant, latency: Duration) -> Vec<Step> {
        let since = |time: Instant| time.saturating_duration_since(arrived);
        let steps = self.0.iter().flatten().map(|step| Step {
            kind: step.kind,
            from: since(step.from),
            until: step.until.map_or(latency, since),
        });
        steps.collect()
    }
}
