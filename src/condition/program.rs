//! A condition in the form that is evaluated: names resolved, types checked, literals read.

use regex::Regex;

use super::diagnostic::Span;
use super::function::{Function, TimePart};
use super::syntax::{Connective, Operator, Quantifier};
use super::time::{Duration, Timestamp};
use super::types::Type;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum NodeKind {
    Constant(Constant),
    Read(Fact),
    Has(Fact),
    Variable(usize),
    /// `of.name`, of a value
    Select(Box<Node>, Box<str>),
    HasField(Box<Node>, Box<str>),
    Index(Box<(Node, Node)>),
    List(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Logic(Connective, Vec<Node>),
    Binary(Operator, Box<(Node, Node)>),
    /// `in` a list of nothing but literals
    InConstants(Box<Node>, Box<[Constant]>),
    Conditional(Box<(Node, Node, Node)>),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Box<Regex>),
    /// With the offset from UTC, in seconds.
    TimePart(TimePart, Box<Node>, i32),
    Quantified(Box<Quantification>),
}

/// The variable of each is at the place of its level.
#[derive(Debug)]
pub(super) struct Quantification {
    pub(super) quantifier: Quantifier,
    pub(super) over: Node,
    pub(super) level: usize,
    pub(super) body: Node,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    Timestamp(Timestamp),
    Duration(Duration),
}

/// What is looked up in the request, the token or the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fact {
    Method,
    Host,
    Path,
    Scheme,
    Size,
    SourceAddress,
    SourcePrincipal,
    Header(Box<str>),
    Query(Box<str>),
    /// The parameter of the path at this position.
    Parameter(usize),
    Claim(Box<str>, Type),
    /// The claim `aud` as a list.
    Audiences,
    Scopes,
    Issuer,
    Now,
}
