//! What it means to requests with several readings that tokens of other issuers count for one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Pair;
use super::shared::{Beside, share_methods};
use crate::comparison::access::ANOTHER_ISSUER;
use crate::comparison::{Caller, Difference, Effect, Requests};
use crate::condition::Condition;
use crate::policy::{
    Answer, ExampleRequest, Mode, RequestClass, Requirement, Route, RouteIssuers, Routed,
    SharedReadings,
};

/// How many routes beside a class are tried for an example.
const MAX_TRIES: usize = 500;
/// How many are looked at.
const MAX_COMPARED: usize = 1_000_000;

impl<'p> Pair<'p> {
    /// What it means that tokens of other issuers count where everybody passed. A request with another
    /// reading is decided by a token only if that counts for both. So it may open to these issuers even
    /// where the plain path now asks for scopes.
    pub(super) fn counted(&self, classes: &[RequestClass<'p>]) -> Option<Difference<'p>> {
        let is_open = |class: &&RequestClass<'p>| {
            let (before, after) = (self.before(class.old), self.after(class.new));
            let is_answered = !after.is_closed() && !after.is_preflight();
            before.is_open() && is_answered && !before.has_issuers_of(&after)
        };
        let besides = classes.iter().filter(is_open).flat_map(|class| {
            let routes = self.old.routes().iter();
            routes.map(move |route| (class, route))
        });
        let shared = SharedReadings::of(self.old);
        let mut left = MAX_COMPARED;
        let mut first = None;
        let mut tries = 0;
        for (class, route) in besides {
            let Some(fewer) = left.checked_sub(1) else {
                // Too many to say that none is concerned.
                first = first.or(Some(class));
                break;
            };
            left = fewer;
            let Some(beside) = self.concerned(class, route, &shared) else {
                continue;
            };
            first = first.or(Some(class));
            if let Some(shown) = beside
                .examples()
                .find_map(|example| self.shown(class, example))
            {
                return Some(shown);
            }
            tries += 1;
            if tries == MAX_TRIES {
                break;
            }
        }
        // Not every request with two such readings is tried.
        let why = "tokens of other issuers may decide a request with another reading, and no example shows it";
        first.map(|class| self.unclear(class, None, why))
    }

    /// What an example shows.
    fn shown(&self, class: &RequestClass<'p>, example: ExampleRequest) -> Option<Difference<'p>> {
        if let Some(caller) = self.newly_counted(&example) {
            return Some(Difference {
                effect: Effect::MoreOpen,
                gains: Some(caller),
                unclear: None,
                ..self.unclear(class, Some(example), "")
            });
        }
        let why = "a condition of another reading may refuse a token that no longer counts";
        self.no_longer_counts(&example)
            .then(|| self.unclear(class, Some(example), why))
    }

    fn unclear(
        &self,
        class: &RequestClass<'p>,
        example: Option<ExampleRequest>,
        why: &'static str,
    ) -> Difference<'p> {
        Difference {
            effect: Effect::Unclear,
            requests: Requests::Readings {
                path: class.path.clone(),
            },
            before: self.before(class.old),
            after: self.after(class.new),
            example,
            gains: None,
            loses: None,
            unclear: Some(why),
        }
    }

    /// The route beside the class, if a path of the class may have another reading that the route decides
    /// by tokens that count for the class under one policy alone.
    fn concerned<'a>(
        &self,
        class: &'a RequestClass<'p>,
        route: &'p Arc<Route>,
        shared: &SharedReadings,
    ) -> Option<Beside<'a, 'p>> {
        if class
            .old
            .route()
            .is_some_and(|own| own.index == route.index)
        {
            return None;
        }
        let (before, after) = (self.before(class.old), self.after(class.new));
        let other = self.before(Answer::Route(route));
        let asks = !other.is_closed() && other.reads_token();
        let needs_gained = asks && after.counts_more(&before, &other);
        let refuses_lost =
            after.is_open() && may_refuse_by_token(route) && before.counts_more(&after, &other);
        let is_concerned = (needs_gained || refuses_lost) && share_methods(class, route);
        is_concerned.then(|| Beside::of(class, route, shared))?
    }

    /// Whether a condition may have refused the example for a token that counts for all readings of it
    /// only under the old policy.
    fn no_longer_counts(&self, example: &ExampleRequest) -> bool {
        let target = example.target();
        let (Ok(before), Ok(after @ Routed::Every(_))) =
            (self.old.route(&target), self.new.route(&target))
        else {
            return false;
        };
        let routes = listed(&before);
        let every = listed(&after);
        routes.iter().any(|route| may_refuse_by_token(route))
            && every
                .iter()
                .all(|route| route.requirement == Requirement::Public || route.mode == Mode::Shadow)
            && self
                .issuers(&routes)
                .any(|name| before.admits(&name) && !after.admits(&name))
    }

    /// The issuers whose tokens may count on these routes.
    fn issuers(&self, routes: &[&'p Arc<Route>]) -> impl Iterator<Item = Box<str>> {
        let trusted = self.trusted;
        let named = routes.iter().flat_map(move |route| match &route.issuers {
            RouteIssuers::Named(names) => &**names,
            RouteIssuers::Trusted => trusted.unwrap_or_default(),
        });
        let other = trusted.is_none().then(|| ANOTHER_ISSUER.into());
        named.cloned().chain(other)
    }

    /// A caller whose token the example may need, and whose token counts for all readings of it only under
    /// the new policy.
    fn newly_counted(&self, example: &ExampleRequest) -> Option<Caller> {
        let target = example.target();
        let (Ok(before), Ok(after)) = (self.old.route(&target), self.new.route(&target)) else {
            return None;
        };
        let (asked, routes) = (listed(&before), listed(&after));
        if routes.iter().any(|route| route.is_closed()) {
            return None;
        }
        let issuer = self.issuers(&routes).find(|name| {
            let is_met = |route: &Route| {
                route.mode == Mode::Enforce && route.may_read_token() && route.issuers.include(name)
            };
            !before.admits(name) && asked.iter().any(|route| is_met(route)) && after.admits(name)
        })?;
        let scopes = routes.iter().filter_map(|route| route.requirement.scopes());
        let least = scopes.filter_map(|scopes| scopes.least_sets().into_iter().next());
        let scopes: BTreeSet<Box<str>> = least.flatten().collect();
        Some(Caller::Holder {
            issuer: Some(issuer),
            scopes: scopes.into_iter().collect(),
        })
    }
}

/// Whether a condition may refuse a caller for the token and hold without one.
fn may_refuse_by_token(route: &Route) -> bool {
    let mut conditions = route.conditions.iter();
    route.conditions.read_token() && conditions.all(Condition::may_hold_without_token)
}

/// The routes of which every one must allow.
fn listed<'p>(found: &Routed<'p>) -> Vec<&'p Arc<Route>> {
    match found {
        Routed::One(route) => vec![*route],
        Routed::UnlistedInShadow { listed: routes, .. } | Routed::Every(routes) => routes.clone(),
        Routed::Unlisted | Routed::Preflight(_) => Vec::new(),
    }
}
