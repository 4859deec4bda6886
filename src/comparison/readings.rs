//! What a change means to requests whose path has several readings, beyond what it means to each reading
//! alone.
//!
//! A reading that no template can name is looked at only where a template matches it. So a route that is
//! gone may have refused what the routes of the other readings let through. And readings of which some
//! are answered as CORS preflights and others by a route are refused, whatever each of them is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::access::{ANOTHER_ISSUER, Access, Admits, admits};
use super::{Caller, Difference, Effect, Requests};
use crate::condition::Condition;
use crate::policy::{
    Answer, DroppedReading, ExampleRequest, Methods, Policy, RequestClass, Requirement, Route,
    RouteIssuers, Routed, TooManyPaths,
};

/// How many routes are tried for an example.
const MAX_TRIES: usize = 2000;

/// The differences of which the classes of plain paths, which are given, say nothing.
pub(super) fn differences<'p>(
    old: &'p Policy,
    new: &'p Policy,
    trusted: Option<&'p [Box<str>]>,
    classes: &[RequestClass<'p>],
) -> Result<Vec<Difference<'p>>, TooManyPaths> {
    let pair = Pair { old, new, trusted };
    let mut all: Vec<Difference<'p>> = Vec::new();
    for reading in old.dropped_readings(new)? {
        let is_known = all.iter().any(|known| {
            known.before.answer() == reading.other && known.after.answer() == reading.after
        });
        if !is_known {
            all.extend(pair.dropped(&reading));
        }
    }
    all.extend(pair.unmixed()?);
    all.extend(pair.counted(classes));
    Ok(all)
}

struct Pair<'p> {
    old: &'p Policy,
    new: &'p Policy,
    trusted: Option<&'p [Box<str>]>,
}

impl<'p> Pair<'p> {
    fn before(&self, answer: Answer<'p>) -> Access<'p> {
        Access::of(answer, self.old, self.trusted)
    }

    fn after(&self, answer: Answer<'p>) -> Access<'p> {
        Access::of(answer, self.new, self.trusted)
    }

    /// What it means that the new policy no longer looks at a reading.
    fn dropped(&self, reading: &DroppedReading<'p>) -> Option<Difference<'p>> {
        let (plain, after) = (self.before(reading.before), self.after(reading.after));
        let before = self.before(reading.other);
        // Whom the plain path is opened to is told where plain paths are compared.
        if after.is_closed() || admits(&plain, &after) != Admits::NoOther {
            return None;
        }
        let gained = if are_mixed(reading.before, reading.other) && !self.old.is_in_shadow() {
            Admits::Another(after.least_caller())
        } else {
            match admits(&before, &after) {
                Admits::NoOther => counted_without(&before, &after),
                gained => gained,
            }
        };
        let effect = match gained {
            Admits::NoOther => return None,
            Admits::Another(_) | Admits::Perhaps(_) => Effect::MoreOpen,
            Admits::Unclear => Effect::Unclear,
        };
        let mut examples = reading.examples.iter();
        let example = examples.find(|example| self.is_let_in(example));
        Some(Difference {
            effect,
            requests: requests(reading.after),
            before,
            after,
            example: example.or(reading.examples.first()).cloned(),
            gains: gained.caller(),
            loses: None,
            unclear: (effect == Effect::Unclear).then_some("the conditions of the routes differ"),
        })
    }

    /// Whether the new policy has a route for every reading that must have one.
    fn is_let_in(&self, example: &ExampleRequest) -> bool {
        match self.new.route(&example.target()) {
            Ok(Routed::One(_) | Routed::Every(_) | Routed::Preflight(_)) => true,
            Ok(Routed::Unlisted | Routed::UnlistedInShadow { .. }) | Err(_) => false,
        }
    }

    /// What it means that readings are all answered as preflights, or all by routes, of which only some
    /// were.
    fn unmixed(&self) -> Result<Vec<Difference<'p>>, TooManyPaths> {
        let routes = || self.old.routes().iter();
        let answers_options = |methods: &Methods| match methods {
            Methods::Every => true,
            Methods::Listed(listed) => listed.iter().any(|method| &**method == "OPTIONS"),
        };
        let can_mix = routes().any(|route| route.preflight)
            && routes().any(|route| answers_options(&route.methods));
        if !can_mix || self.old.is_in_shadow() {
            return Ok(Vec::new());
        }
        let turns = |before: Answer<'p>, after: Answer<'p>| {
            are_mixed(before, after)
                && !self.after(after).is_closed()
                && !self.before(before).is_closed()
        };
        let classes = self.old.classes(self.new, turns)?;
        Ok(classes.iter().map(|class| self.turned(class)).collect())
    }

    fn turned(&self, class: &RequestClass<'p>) -> Difference<'p> {
        let is_refused = |example: &ExampleRequest| {
            matches!(self.old.route(&example.target()), Ok(Routed::Unlisted))
        };
        let mut examples = spelled_otherwise(&class.example);
        let example = examples.find(|example| is_refused(example) && self.is_let_in(example));
        let after = self.after(class.new);
        Difference {
            effect: match example {
                Some(_) => Effect::MoreOpen,
                None => Effect::Unclear,
            },
            requests: requests(class.new),
            gains: example.is_some().then(|| after.least_caller()),
            loses: None,
            unclear: example.is_none().then_some(
                "some readings of a path may have been CORS preflights and others not, which is refused",
            ),
            before: self.before(class.old),
            after,
            example,
        }
    }
}

impl<'p> Pair<'p> {
    /// What it means that tokens of other issuers count on a public route. A request with another reading
    /// is decided by a token only if that counts for both.
    fn counted(&self, classes: &[RequestClass<'p>]) -> Option<Difference<'p>> {
        let is_open = |class: &&RequestClass<'p>| {
            let (before, after) = (self.before(class.old), self.after(class.new));
            before.is_public() && after.is_public() && !before.has_issuers_of(&after)
        };
        let open: Vec<_> = classes.iter().filter(is_open).collect();
        let class = open.first()?;
        let routes = self.old.routes().iter().chain(self.new.routes());
        let plain = routes
            .take(MAX_TRIES)
            .filter_map(|route| ExampleRequest::of(route, str::to_owned));
        let examples = open.iter().map(|class| class.example.clone()).chain(plain);
        let mut found = examples.flat_map(|plain| spelled_otherwise(&plain).collect::<Vec<_>>());
        found.find_map(|example| {
            let (effect, gains) = match self.newly_counted(&example) {
                Some(caller) => (Effect::MoreOpen, Some(caller)),
                None if self.no_longer_counts(&example) => (Effect::Unclear, None),
                None => return None,
            };
            Some(Difference {
                effect,
                requests: requests(class.new),
                before: self.before(class.old),
                after: self.after(class.new),
                example: Some(example),
                gains,
                loses: None,
                unclear: (effect == Effect::Unclear).then_some(
                    "a condition of another reading may refuse a token that no longer counts",
                ),
            })
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
        let may_refuse = |route: &Route| {
            let mut conditions = route.conditions.iter();
            route.conditions.read_token() && conditions.all(Condition::may_hold_without_token)
        };
        let routes = listed(&before);
        let every = listed(&after);
        routes.iter().any(|route| may_refuse(route))
            && every
                .iter()
                .all(|route| route.requirement == Requirement::Public)
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

    /// A caller whose token the example needs, and whose token counts for all readings of it only under
    /// the new policy.
    fn newly_counted(&self, example: &ExampleRequest) -> Option<Caller> {
        let target = example.target();
        let (Ok(Routed::Every(before)), Ok(after)) =
            (self.old.route(&target), self.new.route(&target))
        else {
            return None;
        };
        let routes = listed(&after);
        let asks = |route: &Route| match route.requirement {
            Requirement::Authenticated | Requirement::Scopes(_) => true,
            Requirement::Public | Requirement::Nobody => false,
        };
        let issuer = self.issuers(&routes).find(|name| {
            let is_met = |route: &Route| asks(route) && route.issuers.include(name);
            !before.iter().all(|route| route.issuers.include(name))
                && before.iter().any(|route| is_met(route))
                && after.counts(name)
        })?;
        let scopes = routes.iter().filter_map(|route| route.requirement.scopes());
        let least = scopes.flat_map(|scopes| scopes.least_sets().into_iter().next());
        let scopes: BTreeSet<Box<str>> = least.flatten().collect();
        Some(Caller::Holder {
            issuer: Some(issuer),
            scopes: scopes.into_iter().collect(),
        })
    }
}

/// Whether a token counts without this reading that did not count with it.
fn counted_without(before: &Access<'_>, after: &Access<'_>) -> Admits {
    let is_concerned = before.route().is_some() && after.reads_token();
    let caller = is_concerned.then(|| after.caller_beside(before)).flatten();
    caller.map_or(Admits::NoOther, Admits::Perhaps)
}

/// The routes of which every one must allow.
fn listed<'p>(routed: &Routed<'p>) -> Vec<&'p Arc<Route>> {
    match routed {
        Routed::One(route) => vec![*route],
        Routed::Every(routes) => routes.clone(),
        Routed::Unlisted | Routed::UnlistedInShadow { .. } | Routed::Preflight(_) => Vec::new(),
    }
}

fn requests(answer: Answer<'_>) -> Requests {
    Requests::Readings {
        path: answer
            .route()
            .map(|route| route.path.clone())
            .unwrap_or_default(),
    }
}

/// Whether a request with both readings is refused because nothing fits both.
fn are_mixed(one: Answer<'_>, other: Answer<'_>) -> bool {
    matches!(
        (one, other),
        (Answer::Route(_), Answer::Preflight(_)) | (Answer::Preflight(_), Answer::Route(_))
    )
}

/// The same request with one letter encoded, with a verb that is empty, or as only some rules of `paths`
/// admit it.
fn spelled_otherwise(example: &ExampleRequest) -> impl Iterator<Item = ExampleRequest> {
    let path = &*example.path;
    let letters = path
        .char_indices()
        .filter(|(_, one)| one.is_ascii_alphanumeric());
    let encoded = letters.filter_map(move |(place, letter)| {
        let (before, after) = (path.get(..place)?, path.get(place + 1..)?);
        // What is encoded already stays so.
        let is_escape = [1, 2].iter().any(|back| {
            place
                .checked_sub(*back)
                .and_then(|start| path.as_bytes().get(start))
                == Some(&b'%')
        });
        (!is_escape).then(|| format!("{before}%{:02X}{after}", u32::from(letter)))
    });
    let longer = ["/", ":", ";v=1"].map(|end| format!("{path}{end}"));
    encoded.chain(longer).map(move |path| ExampleRequest {
        path: path.into(),
        ..example.clone()
    })
}
