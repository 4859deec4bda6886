//! Which routes and requirements of a policy the tests touch.

use std::collections::BTreeSet;

use crate::authorizer::{Effort, Question};
use crate::cli::rehearsal::{AskedRequest, Rehearsal};
use crate::decision::{Decision, Denial, DenialKind};
use crate::policy::{Policy, Requirement, Route, Routed};

/// What a test can show of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Aspect {
    /// Somebody gets through.
    Allowed,
    /// Somebody without a good token does not.
    Unproven,
    /// Somebody with a good token, and without what the route asks for, does not.
    Insufficient,
    /// Somebody for whom a condition does not hold does not.
    Unmet,
    /// Nobody gets through.
    Closed,
}

/// What the tests have shown so far.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    seen: BTreeSet<(usize, Aspect)>,
}

/// Something that no test shows.
#[derive(Debug)]
pub(super) struct Gap {
    pub(super) route: String,
    pub(super) what: &'static str,
}

impl Coverage {
    /// Notes what a request shows. Of a path with several readings, each route that allows it counts
    /// when all of them do.
    pub(super) fn note(&mut self, rehearsal: &Rehearsal, asked: &AskedRequest) {
        let authorizer = rehearsal.authorizer();
        let snapshot = authorizer.snapshot();
        let Ok(request) = rehearsal.read(asked) else {
            return;
        };
        let question = Question {
            target: &request.target,
            attributes: request.attributes,
            credentials: &request.credentials,
        };
        let judged = authorizer.judge_within(&snapshot, &question, Effort::Full);
        let Some(judged) = judged else {
            return;
        };
        match &judged.decision {
            // Shown of the route as it will be when it is enforced.
            Decision::Allow(permit) if permit.shadowed().is_some() => {
                let aspect = permit.shadowed().as_ref().and_then(aspect);
                self.seen
                    .extend(aspect.map(|aspect| (permit.route().index, aspect)));
            }
            Decision::Allow(permit) => {
                let routes = match snapshot.policy().route(&request.target) {
                    Ok(Routed::Every(routes)) => routes.iter().map(|route| route.index).collect(),
                    _ => vec![permit.route().index],
                };
                let allowed = routes.into_iter().map(|index| (index, Aspect::Allowed));
                self.seen.extend(allowed);
            }
            Decision::Deny(denial) => {
                let aspect = aspect(denial);
                let index = denial.route().map(|route| route.index);
                self.seen.extend(index.zip(aspect));
            }
        }
    }

    /// How many aspects of the policy's routes there are, how many the tests show, and those that they
    /// do not.
    pub(super) fn of(&self, policy: &Policy) -> (usize, usize, Vec<Gap>) {
        let mut gaps = Vec::new();
        let (mut all, mut shown) = (0, 0);
        for route in policy.routes() {
            let conditions = (!route.conditions.is_empty()).then_some(&UNMET);
            for (aspect, what) in aspects(route).iter().chain(conditions) {
                all += 1;
                if self.seen.contains(&(route.index, *aspect)) {
                    shown += 1;
                } else {
                    gaps.push(Gap {
                        route: route.name.to_string(),
                        what,
                    });
                }
            }
        }
        (all, shown, gaps)
    }
}

/// Share of what is shown, in whole percent, rounded down: 100 means all of it.
pub(super) fn percent(all: usize, shown: usize) -> usize {
    (shown * 100).checked_div(all).unwrap_or(100)
}

fn aspect(denial: &Denial<'_>) -> Option<Aspect> {
    match denial.kind() {
        DenialKind::NoToken | DenialKind::BadToken => Some(Aspect::Unproven),
        DenialKind::ScopesMissing => Some(Aspect::Insufficient),
        DenialKind::ConditionNotMet | DenialKind::ConditionFailed => Some(Aspect::Unmet),
        DenialKind::Nobody => Some(Aspect::Closed),
        DenialKind::MalformedTarget
        | DenialKind::SeveralCredentials
        | DenialKind::Unlisted
        | DenialKind::KeysNotLoaded
        | DenialKind::RevocationsStale => None,
    }
}

const UNMET: (Aspect, &str) = (Aspect::Unmet, "no test is refused by a condition");

fn aspects(route: &Route) -> &'static [(Aspect, &'static str)] {
    const ALLOWED: (Aspect, &str) = (Aspect::Allowed, "no test expects this route to allow");
    const UNPROVEN: (Aspect, &str) = (
        Aspect::Unproven,
        "no test is refused for a missing or bad token",
    );
    const INSUFFICIENT: (Aspect, &str) = (
        Aspect::Insufficient,
        "no test is refused for a missing scope",
    );
    const CLOSED: (Aspect, &str) = (Aspect::Closed, "no test is refused");
    match route.requirement {
        Requirement::Public => &[ALLOWED],
        Requirement::Authenticated => &[ALLOWED, UNPROVEN],
        Requirement::Scopes(_) => &[ALLOWED, UNPROVEN, INSUFFICIENT],
        Requirement::Nobody => &[CLOSED],
    }
}
