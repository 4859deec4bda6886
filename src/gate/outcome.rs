//! What the gate gives to a front end, which puts it into the words of its protocol.

use std::borrow::Cow;

use super::edit::HeaderEdit;
use super::header_edits::EditSources;
use super::refusal::Refusal;
use super::request::Dialect;
use crate::decision::Permit;
use crate::token::VerifiedToken;

/// The media type of problem details (RFC 9457 section 3).
const PROBLEM: &str = "application/problem+json";

const TEXT: &str = "text/plain; charset=utf-8";

/// Writes answers in one protocol.
pub trait FrontEnd {
    type Answer;

    /// The answer that says this. It must not say more: an answer that lets a request through is
    /// written from [`Outcome::Allow`] alone.
    fn render(&self, outcome: Outcome<'_>) -> Self::Answer;
}

/// What became of a check.
#[derive(Debug)]
pub enum Outcome<'o> {
    Allow(Allowed<'o>),
    Refuse(Refused<'o>),
}

/// A request that may pass, and how it has to be dressed for the upstream.
#[derive(Debug)]
pub struct Allowed<'o> {
    /// The proof that it may. Without one this cannot be written.
    pub permit: Permit<'o>,
    /// Whose request it is, where a token proved that.
    pub caller: Option<&'o VerifiedToken>,
    /// What [`Allowed::edits`] follow from.
    pub headers: EditSources<'o>,
    /// Names this decision in log and metadata.
    pub decision_id: &'o str,
}

/// A request that is turned away.
#[derive(Debug)]
pub struct Refused<'o> {
    pub refusal: &'o Refusal<'o>,
    pub dialect: Dialect,
    /// Whose request it is, where a token proved that.
    pub caller: Option<&'o VerifiedToken>,
    /// The protection space that a challenge names.
    pub realm: &'o str,
    /// Names this decision in log, metadata and body.
    pub decision_id: &'o str,
}

impl<'o> Allowed<'o> {
    /// What has to change in the request's headers: all of it, since an edit that the proxy is not
    /// told lets a caller pose as somebody else.
    pub fn edits(&self) -> impl Iterator<Item = HeaderEdit<'o>> {
        self.headers.edits(self.caller)
    }
}

impl Refused<'_> {
    /// The headers of the answer, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, Cow<'static, str>)> {
        let refusal = self.refusal;
        let challenge = refusal.challenge(self.realm);
        let retry_after = refusal.retry_after_seconds();
        let common = [
            // A cache that kept a refusal would give it to the next caller, whose token may be good.
            Some(("cache-control", "no-store".into())),
            challenge.map(|challenge| ("www-authenticate", challenge.into())),
            retry_after.map(|seconds| ("retry-after", seconds.to_string().into())),
        ];
        let of_dialect: [_; 2] = match self.dialect {
            Dialect::Json => [Some(("content-type", PROBLEM.into())), None],
            Dialect::Text => [Some(("content-type", TEXT.into())), None],
            // The proxy sets the media type of gRPC itself.
            Dialect::Grpc => [
                Some((
                    "grpc-status",
                    refusal.status().grpc_code().to_string().into(),
                )),
                Some(("grpc-message", refusal.message())),
            ],
        };
        common.into_iter().chain(of_dialect).flatten()
    }

    pub fn body(&self) -> String {
        self.refusal.body(self.dialect, self.decision_id)
    }
}
