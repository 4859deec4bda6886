//! A request, as a front end hands it over.

use super::headers::HeaderFacts;
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
    pub view: HeaderView,
    /// What the front end keeps in memory for this request, in bytes. Requests that wait share a
    /// bound.
    pub held_bytes: usize,
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

impl Dialect {
    /// Of a refusal's body.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/problem+json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Grpc => "application/grpc",
        }
    }
}

impl Request<'_> {
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
