//! What is known of a request that is refused, or that only shadow mode lets through.

use super::request::{Dialect, Request, RequestSummary};
use super::spans::TraceHeaders;
use crate::authorizer::{Diagnosis, Snapshot};
use crate::decision::Denial;
use crate::token::VerifiedToken;

/// What is known of a request that is refused, beside the reason.
#[derive(Default)]
pub(super) struct Refusing<'r> {
    pub(super) request: RequestSummary<'r>,
    pub(super) dialect: Dialect,
    pub(super) caller: Option<&'r VerifiedToken>,
    pub(super) trace: TraceHeaders<'r>,
    /// By what it was denied.
    judged: Option<Judged<'r>>,
}

/// What a denial can be looked at again with.
struct Judged<'r> {
    snapshot: &'r Snapshot,
    request: &'r Request<'r>,
    denial: Denial<'r>,
}

impl<'r> Refusing<'r> {
    pub(super) fn of(request: &'r Request<'_>) -> Self {
        Self {
            request: request.summary(),
            dialect: request.dialect(),
            trace: request.trace_headers(),
            ..Self::default()
        }
    }

    /// What is known of a request that could not be understood as a whole.
    pub(super) fn malformed(request: RequestSummary<'r>) -> Self {
        Self {
            trace: TraceHeaders::new(request.traceparent, None),
            request,
            ..Self::default()
        }
    }

    /// What is known where the request was judged by this snapshot, and denied.
    pub(super) fn denied(
        denial: Denial<'r>,
        request: &'r Request<'r>,
        snapshot: &'r Snapshot,
        caller: Option<&'r VerifiedToken>,
    ) -> Self {
        Self {
            caller,
            judged: Some(Judged {
                snapshot,
                request,
                denial,
            }),
            ..Self::of(request)
        }
    }

    pub(super) fn diagnose(&self) -> Diagnosis<'r> {
        let Some(judged) = &self.judged else {
            return Diagnosis::default();
        };
        let Judged {
            snapshot, request, ..
        } = judged;
        snapshot.diagnose(&request.target, &request.credentials, &judged.denial)
    }

    /// The digest of the policy that it was judged by.
    pub(super) fn policy_digest(&self) -> Option<&'r str> {
        let judged = self.judged.as_ref()?;
        Some(judged.snapshot.policy().digest())
    }
}
