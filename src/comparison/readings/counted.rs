//! What it means to requests with several readings that tokens of other issuers count for one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::shared::may_be_read_as;
use super::{Pair, spelled_otherwise};
use crate::comparison::access::ANOTHER_ISSUER;
use crate::comparison::{Caller, Difference, Effect, Requests};
use crate::condition::Condition;
use crate::policy::{
    Answer, ExampleRequest, Mode, RequestClass, Requirement, Route, RouteIssuers, Routed,
};

/// How many routes are tried for an example.
const MAX_TRIES: usize = 2000;

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
        let open: Vec<_> = classes.iter().filter(is_open).collect();
        let class = open.first()?;
        let routes = self.old.routes().iter().chain(self.new.routes());
        let plain = routes
            .take(MAX_TRIES)
            .filter_map(|route| ExampleRequest::of(route, str::to_owned));
        let examples = open.iter().map(|class| class.example.clone()).chain(plain);
        let mut found = examples.flat_map(|plain| spelled_otherwise(&plain).collect::<Vec<_>>());
        let shown = found.find_map(|example| {
            if let Some(caller) = self.newly_counted(&example) {
                return Some(Difference {
                    effect: Effect::MoreOpen,
                    gains: Some(caller),
                    unclear: None,
                    ..self.unclear(class, Some(example), "")
                });
            }
            let why = "a condition of another reading may refuse a token that no longer counts";
            let is_concerned = self.no_longer_counts(&example);
            is_concerned.then(|| self.unclear(class, Some(example), why))
        });
        // Not every request with two such readings is tried.
        let unproven = || {
            let class = open.iter().find(|class| self.may_concern_another(class))?;
            let why = "tokens of other issuers may decide a request with another reading, and no example shows it";
            Some(self.unclear(class, None, why))
        };
        shown.or_else(unproven)
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

    /// Whether a path of the class may have another reading that a route decides by the tokens that count
    /// under one policy alone.
    fn may_concern_another(&self, class: &RequestClass<'p>) -> bool {
        let (before, after) = (self.before(class.old), self.after(class.new));
        let is_gained = after.caller_beside(&before).is_some();
        let is_lost = after.is_open() && before.caller_beside(&after).is_some();
        let rules = self.old.path_rules();
        let own = class.old.route();
        let others = self.old.routes().iter();
        let mut others = others.filter(|route| own.is_none_or(|own| own.index != route.index));
        others.any(|route| {
            let other = self.before(Answer::Route(route));
            let asks = !other.is_closed() && other.reads_token();
            let needs_gained = is_gained && asks && other.caller_beside(&before).is_some();
            let refuses_lost = is_lost && may_refuse_by_token(route);
            (needs_gained || refuses_lost) && may_be_read_as(class, route, rules)
        })
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
                .any(|name| before.counts(&name) && !after.counts(&name))
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
        if routes.iter().any(|route| is_closed(route)) {
            return None;
        }
        let asks = |route: &Route| match route.requirement {
            Requirement::Authenticated | Requirement::Scopes(_) => true,
            Requirement::Public => route.conditions.read_token(),
            Requirement::Nobody => false,
        };
        let issuer = self.issuers(&routes).find(|name| {
            let is_met = |route: &Route| {
                route.mode == Mode::Enforce && asks(route) && route.issuers.include(name)
            };
            !before.counts(name) && asked.iter().any(|route| is_met(route)) && after.counts(name)
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

fn is_closed(route: &Route) -> bool {
    route.requirement == Requirement::Nobody && route.mode == Mode::Enforce
}

/// The routes of which every one must allow.
fn listed<'p>(found: &Routed<'p>) -> Vec<&'p Arc<Route>> {
    match found {
        Routed::One(route) => vec![*route],
        Routed::UnlistedInShadow { listed: routes, .. } | Routed::Every(routes) => routes.clone(),
        Routed::Unlisted | Routed::Preflight(_) => Vec::new(),
    }
}
