//! A request, as a front end hands it over.

use super::headers::HeaderFacts;
use super::malformed::MalformedRequest;
use super::spans::TraceHeaders;
use crate::condition::Attributes;
use crate::policy::Target;
use crate::token::Credentials;

/// What the gate needs to know of a request, whichever protocol carried it. Borrowed from the front
/// end's message: nothing is copied.
#[derive(Debug)]
pub struct Request<'a> {
    pub target: Target<'a>,
    pub credentials: Credentials<'a>,
    /// What else the headers say. Only a [`HeaderReader`](super::HeaderReader) makes it, so that no
    /// front end forgets a header.
    pub headers: HeaderFacts<'a>,
    /// What conditions may ask for.
    pub attributes: &'a dyn Attributes,
    pub view: HeaderView,
    /// What the front end keeps in memory for this request, in bytes. Requests that wait share a
    /// bound.
    pub held_bytes: usize,
}

/// What a log line tells of a request, whether or not it could be judged: all as it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct RequestSummary<'a> {
    pub method: &'a [u8],
    pub host: &'a [u8],
    /// With its query, which is not logged.
    pub path: &'a [u8],
    /// `x-request-id`.
    pub request_id: &'a [u8],
    pub traceparent: &'a [u8],
}

/// A request that is refused before it is judged, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct MalformedCheck<'a> {
    pub reason: MalformedRequest,
    pub request: RequestSummary<'a>,
}

/// Nothing is known of the request.
impl From<MalformedRequest> for MalformedCheck<'_> {
    fn from(reason: MalformedRequest) -> Self {
        Self {
            reason,
            request: RequestSummary::default(),
        }
    }
}

/// Whether the proxy shows the caller's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HeaderView {
    /// All of them, as far as the front end can tell.
    Whole,
    /// Some may be held back.
    #[default]
    Filtered,
}

/// How a refusal must look for the caller to understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// HTTP with a JSON body (RFC 9457).
    #[default]
    Json,
    /// HTTP with a plain text body: the caller prefers text.
    Text,
    /// gRPC: `grpc-status` and `grpc-message`.
    Grpc,
}

impl<'a> RequestSummary<'a> {
    pub fn new(target: &Target<'a>, headers: &HeaderFacts<'a>) -> Self {
        Self {
            method: target.method.0,
            host: target.host.0,
            path: target.path.0,
            request_id: headers.request_id(),
            traceparent: headers.traceparent(),
        }
    }
}

impl<'a> Request<'a> {
    /// What a log line tells of it.
    pub fn summary(&self) -> RequestSummary<'a> {
        RequestSummary::new(&self.target, &self.headers)
    }

    /// What it says of its trace.
    pub(super) fn trace_headers(&self) -> TraceHeaders<'a> {
        TraceHeaders::new(self.headers.traceparent(), Some(self.attributes))
    }

    /// How a refusal of this request is worded. Looked at only when there is one.
    pub fn dialect(&self) -> Dialect {
        if self.target.grpc {
            Dialect::Grpc
        } else if self.headers.prefers_text() {
            Dialect::Text
        } else {
            Dialect::Json
        }
    }
}
