//! The gate: what every front end shares. A request goes in, a permit or a refusal comes out.
//!
//! A front end turns its protocol's message into a [`Request`], and the [`Outcome`] into its
//! protocol's answer. Waiting for keys and signatures, the limits of waiting, identity headers,
//! refusals with their statuses, decision ids, log and metrics are here, so that all front ends
//! answer alike.

mod aliases;
mod decision_id;
mod decision_log;
mod edit;
mod header_edits;
mod header_text;
mod headers;
mod identity_headers;
mod malformed;
mod metrics;
mod outcome;
mod refusal;
mod refusing;
mod reply;
mod request;
mod shadow;
mod spans;
mod stage;
mod turn;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::{Either, ready};

use crate::authorizer::Authorizer;

pub use aliases::AliasFinder;
pub(crate) use decision_log::HIDDEN_MARKS;
pub use decision_log::{DecisionLog, RefusalLine};
pub use edit::HeaderEdit;
pub use header_edits::{EditSources, HeaderPlan};
pub use header_text::HeaderText;
pub use headers::{HeaderFacts, HeaderReader, SingleHeaders};
pub use identity_headers::{FromCaller, IdentityHeaderError, IdentityHeaders, is_reserved_header};
pub use malformed::MalformedRequest;
pub use metrics::{CheckTotals, GateMetrics};
pub use outcome::{Allowed, FrontEnd, Outcome, Refused};
pub use refusal::{Refusal, RefusalStatus};
pub use request::{Dialect, HeaderView, MalformedCheck, Request, RequestSummary};
pub use spans::{CheckSpan, SpanRecorder, SpanSubject, Step as SpanStep, StepKind, TraceHeaders};
pub use turn::{KeyNews, KeyRefresh, Turn, Verifications, WaitLimits};

use decision_id::DecisionIds;
use refusing::Refusing;
use reply::Reply;
use spans::Steps;

pub struct Gate {
    authorizer: Arc<Authorizer>,
    realm: String,
    finder: AliasFinder,
    headers: HeaderPlan,
    log: DecisionLog,
    metrics: GateMetrics,
    keys: Arc<dyn KeyRefresh>,
    ids: DecisionIds,
    spans: Option<Arc<dyn SpanRecorder>>,
}

/// What upstreams and callers are told, whichever front end tells it.
#[derive(Debug, Default, Clone)]
pub struct GateSettings {
    pub identity_headers: IdentityHeaders,
    /// The protection space that challenges name (RFC 9110 section 11.5).
    pub realm: String,
    /// Headers besides `Authorization` that hold tokens, in lower case: at most
    /// [`MAX_TOKEN_HEADERS`](crate::token::MAX_TOKEN_HEADERS) are read.
    pub token_headers: Vec<Box<str>>,
    /// Whether the proxy removes `Authorization` and `token_headers` before the upstream sees them.
    pub strip_token: bool,
}

impl Gate {
    pub fn new(
        authorizer: Arc<Authorizer>,
        settings: GateSettings,
        log: DecisionLog,
        metrics: GateMetrics,
        keys: Arc<dyn KeyRefresh>,
    ) -> Self {
        let finder = AliasFinder::new(&settings.identity_headers, &settings.token_headers);
        Self {
            authorizer,
            headers: HeaderPlan::new(&settings),
            realm: settings.realm,
            finder,
            log,
            metrics,
            keys,
            ids: DecisionIds::new(),
            spans: None,
        }
    }

    /// Gives the spans of checks to this recorder.
    #[must_use]
    pub fn recording(mut self, spans: Option<Arc<dyn SpanRecorder>>) -> Self {
        self.spans = spans;
        self
    }

    /// What a front end needs to read headers.
    pub fn aliases(&self) -> &AliasFinder {
        &self.finder
    }

    /// Answers with what `answering` comes to. A panic in it becomes a refusal: as an error of the
    /// protocol it could be taken for an allow, and it would end the connection that other checks
    /// share.
    ///
    /// It belongs around everything that a front end does for a request. Reading the message and
    /// writing the answer handle what a caller sent just as judging does.
    pub fn contain<F: FrontEnd>(
        &self,
        front_end: &F,
        arrived: Instant,
        answering: impl Future<Output = F::Answer>,
    ) -> impl Future<Output = F::Answer> {
        // Also where the caller goes away and the future is dropped.
        let in_flight = self.metrics.begin();
        // Nothing half-written stays behind: what checks share are snapshots, counters, and a cache
        // that holds whole proofs only.
        let answering = AssertUnwindSafe(answering).catch_unwind();
        // Combinators, because an async function would keep `answering` twice: as what it was given, and
        // as what it awaits.
        answering.map(move |answer| {
            let _in_flight = in_flight;
            // The panic hook has logged the place.
            answer.unwrap_or_else(|_| self.refuse(front_end, &Refusal::Defect, arrived))
        })
    }

    /// Answers a check, at the latest when its turn is over. It waits only where a signature has to
    /// be verified, or for the issuer of a token that names an unknown key.
    ///
    /// It is judged at once, before the future is polled: a check that need not wait has its answer then. So
    /// call it within the future that [`Gate::contain`] is given, never as its argument: a panic would be
    /// outside of the net.
    pub fn check<'c, F: FrontEnd>(
        &'c self,
        front_end: &'c F,
        read: Result<Request<'c>, MalformedCheck<'c>>,
        turn: &'c Turn<'c>,
    ) -> impl Future<Output = F::Answer> {
        let reply = self.reply(front_end, turn.arrived);
        let is_late = turn.remaining().is_zero();
        let answer = match read {
            Ok(request) if is_late => reply.refuse(&Refusal::Overload, &Refusing::of(&request)),
            Ok(request) => return reply.check(request, turn),
            Err(malformed) => {
                let refusal = if is_late {
                    Refusal::Overload
                } else {
                    Refusal::Malformed(malformed.reason)
                };
                let about = Refusing::malformed(malformed.request);
                reply.refuse(&refusal, &about)
            }
        };
        Either::Left(ready(answer))
    }

    /// The answer to a check that arrived at this time and cannot be handed to [`Gate::check`].
    pub fn refuse<F: FrontEnd>(
        &self,
        front_end: &F,
        refusal: &Refusal<'_>,
        arrived: Instant,
    ) -> F::Answer {
        let reply = self.reply(front_end, arrived);
        reply.refuse(refusal, &Refusing::default())
    }

    /// A refusal for a caller that has gone away: neither logged nor counted.
    pub fn refuse_unheard<F: FrontEnd>(&self, front_end: &F) -> F::Answer {
        front_end.render(Outcome::Refuse(Refused {
            refusal: &Refusal::Unreadable,
            dialect: Dialect::default(),
            caller: None,
            realm: &self.realm,
            decision_id: "",
        }))
    }

    fn reply<'c, F>(&'c self, front_end: &'c F, arrived: Instant) -> Reply<'c, F> {
        Reply {
            gate: self,
            front_end,
            arrived,
            steps: match self.spans {
                Some(_) => Steps::kept(),
                None => Steps::default(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
