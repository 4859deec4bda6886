//! What a change of `paths` means: to requests whose path is not canonical.

use super::access::Access;
use super::{Caller, Difference, Effect, Requests};
use crate::labels::{Label, closed_set};
use crate::policy::{
    Answer, EncodedSlashes, ExampleRequest, PathRules, Policy, Requirement, Route, RouteIssuers,
    Routed,
};

/// How many routes are tried for an example.
const MAX_TRIES: usize = 2000;

closed_set! {
    /// A rule of `paths`.
    pub enum PathRule {
        MergeSlashes = "merge_slashes",
        EncodedSlashes = "encoded_slashes",
        PathParameters = "path_parameters",
        TrailingSlash = "trailing_slash",
        EncodedDelimiters = "encoded_delimiters",
        IgnoreCase = "ignore_case",
    }
}

impl PathRule {
    pub fn name(self) -> &'static str {
        self.label()
    }

    /// The requests that it is about.
    pub fn requests(self) -> &'static str {
        match self {
            Self::MergeSlashes => "paths with `//`",
            Self::EncodedSlashes => "paths with `%2F`",
            Self::PathParameters => "paths with `;`",
            Self::TrailingSlash => "paths that end in a slash",
            Self::EncodedDelimiters => "paths with `%3F` or `%23`",
            Self::IgnoreCase => "paths that differ from a route's in upper and lower case",
        }
    }

    /// The value as the policy writes it.
    pub fn value(self, rules: PathRules) -> &'static str {
        let flag = match self {
            Self::MergeSlashes => rules.merge_slashes,
            Self::PathParameters => rules.path_parameters,
            Self::TrailingSlash => rules.trailing_slash,
            Self::EncodedDelimiters => rules.encoded_delimiters,
            Self::IgnoreCase => rules.ignore_case,
            Self::EncodedSlashes => {
                return match rules.encoded_slashes {
                    EncodedSlashes::Refused => "false",
                    EncodedSlashes::Both => "true",
                    EncodedSlashes::Kept => "kept",
                };
            }
        };
        if flag { "true" } else { "false" }
    }

    /// Whether the second value lets requests through that the first one refuses. Where both admit
    /// them, it does if it has fewer readings that must be allowed.
    fn opens(self, from: PathRules, to: PathRules) -> Option<bool> {
        let rank = |rules: PathRules| match self.value(rules) {
            "false" => 0,
            "true" => 1,
            _ => 2,
        };
        (self != Self::IgnoreCase).then(|| rank(to) > rank(from))
    }

    /// The same path, as only this rule reads it.
    fn apply(self, path: &str) -> String {
        match self {
            Self::MergeSlashes => {
                let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
                format!("{before}//{last}")
            }
            Self::EncodedSlashes => format!("{path}%2Fx"),
            Self::PathParameters => format!("{path};v=1"),
            Self::TrailingSlash => format!("{path}/"),
            Self::EncodedDelimiters => format!("{path}%3Fx"),
            Self::IgnoreCase => path.to_ascii_uppercase(),
        }
    }
}

/// A difference for each rule of which the policies have another value.
pub(super) fn differences<'p>(
    old: &'p Policy,
    new: &'p Policy,
    trusted: Option<&'p [Box<str>]>,
) -> Vec<Difference<'p>> {
    let (from, to) = (old.path_rules(), new.path_rules());
    let changed = PathRule::ALL
        .iter()
        .copied()
        .filter(|rule| rule.value(from) != rule.value(to));
    changed
        .map(|rule| {
            let effect = match rule.opens(from, to) {
                Some(true) => Effect::MoreOpen,
                Some(false) => Effect::MoreClosed,
                None => Effect::Unclear,
            };
            let (wider, narrower) = match effect {
                Effect::MoreClosed => (old, new),
                _ => (new, old),
            };
            let found = find(rule, wider, narrower);
            let side = |policy| {
                let route = found
                    .as_ref()
                    .and_then(|(_, example)| only(policy, example));
                Access::of(
                    route.map_or(Answer::Unlisted, Answer::Route),
                    policy,
                    trusted,
                )
            };
            let caller = found.as_ref().map(|(route, _)| caller(route));
            Difference {
                // Without an example nobody can check that somebody gains requests, so that it is not claimed. That
                // nobody does needs none.
                effect: if found.is_none() && effect == Effect::MoreOpen {
                    Effect::Unclear
                } else {
                    effect
                },
                requests: Requests::Spelling {
                    rule,
                    old: rule.value(from),
                    new: rule.value(to),
                },
                before: side(old),
                after: side(new),
                example: found.as_ref().map(|(_, example)| example.clone()),
                gains: caller.clone().filter(|_| effect != Effect::MoreClosed),
                loses: caller.filter(|_| effect == Effect::MoreClosed),
                unclear: match (&found, effect) {
                    (None, Effect::MoreOpen) => {
                        Some("no route was found that answers such a request")
                    }
                    (_, Effect::Unclear) => {
                        Some("upper and lower case may change the route of any request")
                    }
                    _ => None,
                },
            }
        })
        .collect()
}

/// A request that one route of `wider` answers and that no caller of it may send under `narrower`.
fn find<'p>(
    rule: PathRule,
    wider: &'p Policy,
    narrower: &Policy,
) -> Option<(&'p Route, ExampleRequest)> {
    let mut routes: Vec<_> = wider.routes().iter().collect();
    // The most open first: an example that anybody can send says more than one that needs scopes.
    routes.sort_by_key(|route| match route.requirement {
        Requirement::Public => 0,
        Requirement::Authenticated => 1,
        Requirement::Scopes(_) => 2,
        Requirement::Nobody => 3,
    });
    let candidates = routes.into_iter().take(MAX_TRIES);
    candidates
        .filter(|route| route.requirement != Requirement::Nobody)
        .find_map(|route| {
            // Made and then asked of both policies, and not argued: what is shown is what they answer.
            let example = ExampleRequest::of(route, |path| rule.apply(path))?;
            let answered = only(wider, &example)?;
            let is_other = narrower
                .route(&example.target())
                .map_or(true, |routed| !matches!(routed, Routed::One(one) if one.requirement == answered.requirement));
            is_other.then_some((&**answered, example))
        })
}

/// The route that alone answers the example.
fn only<'p>(policy: &'p Policy, example: &ExampleRequest) -> Option<&'p std::sync::Arc<Route>> {
    match policy.route(&example.target()) {
        Ok(Routed::One(route)) => Some(route),
        _ => None,
    }
}

fn caller(route: &Route) -> Caller {
    let issuer = match &route.issuers {
        RouteIssuers::Named(names) => names.first().cloned(),
        RouteIssuers::Trusted => None,
    };
    match &route.requirement {
        Requirement::Public | Requirement::Nobody => Caller::Anonymous,
        Requirement::Authenticated => Caller::Holder {
            issuer,
            scopes: Vec::new(),
        },
        Requirement::Scopes(scopes) => Caller::Holder {
            issuer,
            scopes: scopes.least_sets().into_iter().next().unwrap_or_default(),
        },
    }
}
