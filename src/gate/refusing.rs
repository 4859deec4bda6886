//! What is known of a request that is refused, or that only shadow mode lets through.

use super::request::{Dialect, Request, RequestSummary};
use crate::authorizer::{Diagnosis, Snapshot};
use crate::decision::Denial;
use crate::token::VerifiedToken;

/// What is known of a request that is refused, beside the reason.
#[derive(Default)]
pub(super) struct Refusing<'r> {
    pub(super) request: RequestSummary<'r>,
    pub(super) dialect: Dialect,
    pub(super) caller: Option<&'r VerifiedToken>,
    /// By what it was denied.
    pub(super) judged: Option<Judged<'r>>,
}

/// What a denial can be looked at again with.
pub(super) struct Judged<'r> {
    pub(super) snapshot: &'r Snapshot,
    pub(super) request: &'r Request<'r>,
    pub(super) denial: Denial<'r>,
}

impl<'r> Refusing<'r> {
    pub(super) fn of(request: &'r Request<'_>) -> Self {
        Self {
            request: request.summary(),
            dialect: request.dialect(),
            ..Self::default()
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
}
