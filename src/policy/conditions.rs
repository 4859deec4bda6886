//! The conditions of a route, and what they read of a request.

mod capture;

use std::sync::Arc;

use super::host::HostName;
use super::{Host, Method, Policy, Route, Target};
use crate::clock::UnixSeconds;
use crate::condition::Timestamp;
use crate::condition::{Attributes, Budget, Cause, Condition, Facts, Fault, Span, TokenFacts};
use capture::Capture;
pub(super) use capture::ParameterPlace;

/// What must hold beside a route's requirement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteConditions {
    all: Box<[Arc<Condition>]>,
    /// Of the path, in its order; empty without conditions.
    parameters: Box<[ParameterPlace]>,
}

/// What conditions read beside the caller's token.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    pub policy: &'a Policy,
    pub target: &'a Target<'a>,
    pub attributes: &'a dyn Attributes,
    pub now: UnixSeconds,
}

/// A condition that does not hold, for at least one reading of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet<'p> {
    /// It is false.
    Fails(&'p Condition),
    /// It could not be evaluated.
    Faults(&'p Condition, Fault),
}

impl RouteConditions {
    pub(super) fn new(all: Vec<Arc<Condition>>, parameters: Vec<ParameterPlace>) -> Self {
        Self {
            all: all.into(),
            parameters: parameters.into(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.all.iter().map(|condition| &**condition)
    }

    /// Whether a token can make a difference to one of them.
    pub fn read_token(&self) -> bool {
        self.iter().any(Condition::reads_token)
    }

    /// Whether one of them depends on from where a request comes.
    pub fn read_source(&self) -> bool {
        self.iter().any(Condition::reads_source)
    }
}

impl Circumstances<'_> {
    /// The first condition of `route` that does not hold, for whichever reading of the path that
    /// leads to it: nobody knows which one the upstream takes.
    pub fn unmet<'p>(
        &self,
        route: &'p Route,
        token: Option<TokenFacts<'_>>,
        budget: &mut Budget,
    ) -> Option<Unmet<'p>> {
        let first = route.conditions.iter().next()?;
        // A reading is what routing found. Should there be none, nothing is let through.
        let unreadable = Unmet::Faults(first, Cause::Missing.at(Span::START));
        let Some(captures) = self.policy.captures(route, self.target) else {
            return Some(unreadable);
        };
        if captures.is_empty() {
            return Some(unreadable);
        }
        let mut unmet = captures
            .iter()
            .filter_map(|capture| self.unmet_in(capture, route, token, budget));
        unmet.next()
    }

    fn unmet_in<'p>(
        &self,
        capture: &Capture<'_>,
        route: &'p Route,
        token: Option<TokenFacts<'_>>,
        budget: &mut Budget,
    ) -> Option<Unmet<'p>> {
        let Target {
            method: Method(method),
            host: Host(host),
            path,
            ..
        } = *self.target;
        // Parsed once more, but for those alone who read it.
        let reads_host = route.conditions.iter().any(Condition::reads_host);
        let host = HostName::parse(if reads_host { host } else { b"" }).ok();
        let host = host.as_ref().map(HostName::as_bytes).unwrap_or_default();
        let parameters: Vec<&str> = capture.parameters.iter().map(|value| &**value).collect();
        let facts = Facts {
            method: std::str::from_utf8(method).unwrap_or_default(),
            host: std::str::from_utf8(host).unwrap_or_default(),
            path: &capture.path,
            query: path.query(),
            parameters: &parameters,
            attributes: self.attributes,
            token,
            now: Timestamp::at(self.now),
        };
        route
            .conditions
            .iter()
            .find_map(|condition| match condition.evaluate(&facts, budget) {
                Ok(true) => None,
                Ok(false) => Some(Unmet::Fails(condition)),
                Err(fault) => Some(Unmet::Faults(condition, fault)),
            })
    }
}
