//! Conditions (`when`): a subset of CEL, the Common Expression Language, with its syntax and its meaning.
//!
//! A condition is parsed and type-checked when the policy is loaded. Unknown names, mismatched types and
//! parts of CEL that are not in the subset are errors then, each with its line and column. Evaluation is
//! synchronous and takes a bounded number of steps; an error during evaluation is a [`Fault`], and the
//! request is refused.

mod budget;
mod checker;
mod compare;
mod diagnostic;
mod evaluate;
mod facts;
mod fault;
mod function;
mod lexer;
mod parser;
mod pattern;
mod program;
mod query;
mod syntax;
mod time;
mod types;
mod value;
mod warning;
mod without_token;

pub use budget::Budget;
pub use checker::{Caller, Names};
pub(crate) use diagnostic::Diagnostic;
pub use diagnostic::Span;
pub use facts::{Attributes, Facts, Found, NoAttributes, TokenFacts};
pub use fault::{Cause, Fault};
pub use time::Timestamp;
pub use types::{AUDIENCES, ClaimTypes, SCOPES, Type};

use program::Node;

/// A condition that can be evaluated.
#[derive(Debug)]
pub struct Condition {
    text: Box<str>,
    program: Node,
    /// What it names of the token, sorted, with the type that it was checked against.
    claims: Box<[(Box<str>, Type)]>,
    reads_host: bool,
    reads_source: bool,
    reads_token: bool,
    patterns: usize,
}

impl Condition {
    /// Reads `text`; tells what looks dangerous in it, or what is wrong with it: the first error of
    /// syntax, or all others.
    pub(crate) fn compile(
        text: &str,
        names: Names<'_>,
    ) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let expression = parser::parse(text).map_err(|diagnostic| vec![diagnostic])?;
        let (program, uses) = checker::check(&expression, names)?;
        let warnings = warning::warnings(&expression, names, &uses);
        let claims = uses.claims.into_iter().map(|claim| {
            let of = names.claims.of(&claim);
            (claim, of)
        });
        let condition = Self {
            text: text.into(),
            program,
            claims: claims.collect(),
            reads_host: uses.host,
            reads_source: uses.source,
            reads_token: uses.token,
            patterns: uses.patterns,
        };
        Ok((condition, warnings))
    }

    /// Whether it holds. Conditions of one check share a budget.
    pub fn evaluate(&self, facts: &Facts<'_>, budget: &mut Budget) -> Result<bool, Fault> {
        evaluate::evaluate(&self.program, facts, budget)
    }

    /// As the policy writes it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The part of its text that `span` is.
    pub fn part(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The claims that it names, sorted.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.claims.iter().map(|(claim, _)| &**claim)
    }

    /// How many regular expressions it has.
    pub fn patterns(&self) -> usize {
        self.patterns
    }

    /// Whether it reads the token or its issuer.
    pub fn reads_token(&self) -> bool {
        self.reads_token
    }

    /// Whether it may hold for a caller without a token. Where it may not, this may still say so.
    pub fn may_hold_without_token(&self) -> bool {
        !without_token::never_holds(&self.program)
    }

    /// Whether it reads from where a request comes: what the proxy says of the connection, or a header with
    /// which proxies pass that on.
    pub fn reads_source(&self) -> bool {
        self.reads_source
    }

    /// Whether it reads the host of the request.
    pub fn reads_host(&self) -> bool {
        self.reads_host
    }
}

/// Conditions of the same text mean the same where the claims that they name have the same types. What
/// they read of `path` depends on the route's template, too.
impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.claims == other.claims
    }
}

impl Eq for Condition {}

#[cfg(test)]
mod tests;
