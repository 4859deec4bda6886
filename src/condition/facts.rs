//! What a condition can read.

use std::fmt;

use serde_json::{Map, Value as Json};

use super::time::Timestamp;

/// Everything that a condition can read, for one reading of one request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub method: &'a str,
    /// In lower case, without port; empty where no condition of the route reads it.
    pub host: &'a str,
    /// Without its query.
    pub path: &'a str,
    /// What follows the `?`.
    pub query: &'a [u8],
    /// The parameters of the route's path, in its order.
    pub parameters: &'a [&'a str],
    pub attributes: &'a dyn Attributes,
    /// The caller's verified token, if there is one.
    pub token: Option<TokenFacts<'a>>,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub struct TokenFacts<'a> {
    pub claims: &'a Map<String, Json>,
    /// Separated by single spaces.
    pub scopes: &'a str,
    /// What the configuration calls its issuer.
    pub issuer: &'a str,
}

/// What a front end knows of a request beside its target. Looked up when a condition names it, so that
/// other requests do not pay for it.
pub trait Attributes: fmt::Debug + Sync {
    /// A header by its name in lower case, and how many bytes of names and values were looked at to find
    /// it, which the steps of the conditions pay for.
    fn header(&self, name: &str) -> (Found<&[u8]>, usize);

    /// `http` or `https`, if the proxy says.
    fn scheme(&self) -> Option<&str>;

    /// The address of the proxy's peer, without port, if the proxy says.
    fn source_address(&self) -> Option<&str>;

    /// The name in the peer's certificate, if it has one.
    fn source_principal(&self) -> Option<&str>;

    /// The length of the request's body in bytes, if the proxy knows it.
    fn size(&self) -> Option<i64>;
}

/// Nothing is known.
#[derive(Debug, Clone, Copy)]
pub struct NoAttributes;

/// What became of looking for something that callers can send more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<T> {
    Absent,
    Once(T),
    /// More than once: which of them the upstream takes is not known.
    Repeated,
    /// It is there and cannot be decoded.
    Unreadable,
}

impl Attributes for NoAttributes {
    fn header(&self, _: &str) -> (Found<&[u8]>, usize) {
        (Found::Absent, 0)
    }

    fn scheme(&self) -> Option<&str> {
        None
    }

    fn source_address(&self) -> Option<&str> {
        None
    }

    fn source_principal(&self) -> Option<&str> {
        None
    }

    fn size(&self) -> Option<i64> {
        None
    }
}
