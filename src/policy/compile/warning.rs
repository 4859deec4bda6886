//! What a policy may well mean, but its author perhaps does not.

use super::closed::ClosedHost;
use super::mode::PolicyMode;
use super::route::ParsedRoute;
use crate::policy::host::HostPattern;
use crate::policy::table::Tables;
use crate::policy::template::{Template, TemplateSegment};
use crate::policy::{Mode, Requirement};
use crate::problem::Problem;

/// The most pairs of routes that are compared, so that a policy of 100,000 routes loads in time.
const MAX_PAIRS: usize = 1_000_000;

/// The warnings about a policy without problems.
pub(super) fn warnings(
    routes: &[ParsedRoute<'_>],
    tables: &Tables,
    closed: &[ClosedHost],
) -> Vec<Problem> {
    let mut warnings = bypassed(routes, tables, closed);
    warnings.extend(unnamed(routes, closed));
    warnings
}

/// What is in shadow: the policy as a whole, or some routes.
pub(super) fn in_shadow(
    routes: &[ParsedRoute<'_>],
    policy: Option<&PolicyMode>,
) -> Option<Problem> {
    let help = "what it would refuse is logged and counted (`would_deny`); remove `mode: shadow` to \
                enforce it";
    if let Some(policy) = policy
        && policy.mode == Mode::Shadow
    {
        let message = "the policy is in shadow mode: every request that is not malformed is let through, \
                       except where a route says `mode: enforce`, for its own hosts and methods alone";
        return Some(Problem::new(message).help(help).at(policy.place.clone()));
    }
    let mut in_shadow = routes
        .iter()
        .filter(|parsed| parsed.route.mode == Mode::Shadow);
    let first = in_shadow.next()?;
    let name = &first.route.name;
    let message = match in_shadow.count() {
        0 => format!("the route `{name}` is in shadow mode: it lets everybody through"),
        others => format!(
            "{} routes, `{name}` first, are in shadow mode: they let everybody through",
            others + 1
        ),
    };
    Some(Problem::new(message).help(help).at(first.place()))
}

/// Closed hosts that no route names.
fn unnamed(routes: &[ParsedRoute<'_>], closed: &[ClosedHost]) -> Vec<Problem> {
    let is_named = |closed: &HostPattern| {
        let mut hosts = routes.iter().flat_map(|parsed| &parsed.route.hosts);
        hosts.any(|host| closed.covers(host))
    };
    let unnamed = closed.iter().filter(|closed| !is_named(&closed.pattern));
    unnamed
        .map(|closed| {
            let message = format!("no route names the closed host `{}`", closed.pattern);
            Problem::new(message)
                .help("every request to it is refused; check the spelling if this is not intended")
                .at(closed.place.clone())
        })
        .collect()
}

/// Catch-alls of hosts before which a route without `hosts` answers that asks for less.
fn bypassed(routes: &[ParsedRoute<'_>], tables: &Tables, closed: &[ClosedHost]) -> Vec<Problem> {
    let for_every_host: Vec<_> = routes
        .iter()
        .filter(|parsed| parsed.route.hosts.is_empty())
        .collect();
    let mut pairs_left = MAX_PAIRS;
    let mut warnings = Vec::new();
    for catch_all in routes
        .iter()
        .filter(|parsed| is_catch_all(&parsed.template))
    {
        let hosts = catch_all.route.hosts.iter();
        let open = hosts.filter(|host| !closed.iter().any(|closed| closed.pattern.covers(host)));
        for host in open {
            let Some(left) = pairs_left.checked_sub(for_every_host.len()) else {
                return warnings;
            };
            pairs_left = left;
            let bypasses = |parsed: &&&ParsedRoute<'_>| {
                let own = tables.own_leaf(host, &parsed.template);
                is_bypass(parsed, catch_all)
                    && !own.is_some_and(|own| own.answers_all(&parsed.route.methods))
            };
            let bypassing: Vec<_> = for_every_host.iter().filter(bypasses).collect();
            if let Some((first, others)) = bypassing.split_first() {
                warnings.push(bypass_warning(host, catch_all, first, others.len()));
                // The other hosts would tell the same.
                break;
            }
        }
    }
    warnings
}

fn bypass_warning(
    host: &HostPattern,
    catch_all: &ParsedRoute<'_>,
    first: &ParsedRoute<'_>,
    others: usize,
) -> Problem {
    let (name, behind) = (&first.route.name, &catch_all.route.name);
    let message = match others {
        0 => format!("the route `{name}` without `hosts` answers before `{behind}` on `{host}`"),
        others => format!(
            "{} routes without `hosts`, such as `{name}`, answer before `{behind}` on `{host}`",
            others + 1
        ),
    };
    Problem::new(message)
    .help(format!(
        "the more specific path wins; add `{host}` to `closed_hosts` if only routes that name the \
         host should answer there"
    ))
    .at(catch_all.place())
    .related(first.place(), format!("the path of `{name}`"))
}

fn is_catch_all(template: &Template) -> bool {
    matches!(template, Template::Path(segments)
        if matches!(segments.last(), Some(TemplateSegment::Rest(_))))
}

/// Whether `route` answers requests that otherwise only `catch_all` would, and asks for less.
fn is_bypass(route: &ParsedRoute<'_>, catch_all: &ParsedRoute<'_>) -> bool {
    let (Template::Path(segments), Template::Path(prefix)) = (&route.template, &catch_all.template)
    else {
        return false;
    };
    strictness(&route.route.requirement) < strictness(&catch_all.route.requirement)
        && is_below(segments, prefix)
        && route
            .route
            .methods
            .common(&catch_all.route.methods)
            .is_some()
}

/// Whether `segments` is more specific than `prefix`, which ends in a rest, and matches only paths
/// that it matches.
fn is_below(segments: &[TemplateSegment], prefix: &[TemplateSegment]) -> bool {
    let mut segments = segments.iter();
    let mut is_more_specific = false;
    for wanted in prefix {
        match (segments.next(), wanted) {
            (Some(TemplateSegment::Rest(_)), TemplateSegment::Rest(_)) => return is_more_specific,
            (Some(_), TemplateSegment::Rest(_)) => return true,
            (
                Some(TemplateSegment::Literal(_) | TemplateSegment::Suffixed { .. }),
                TemplateSegment::Parameter(_),
            ) => {
                is_more_specific = true;
            }
            (Some(TemplateSegment::Literal(name)), TemplateSegment::Suffixed { suffix, .. })
                if name.len() > suffix.len() && name.ends_with(suffix) =>
            {
                is_more_specific = true;
            }
            (
                Some(TemplateSegment::Suffixed { suffix, .. }),
                TemplateSegment::Suffixed { suffix: wanted, .. },
            ) if suffix.ends_with(wanted) => {
                is_more_specific |= suffix.len() > wanted.len();
            }
            (Some(TemplateSegment::Parameter(_)), TemplateSegment::Parameter(_)) => {}
            (Some(TemplateSegment::Literal(name)), TemplateSegment::Literal(wanted))
                if name == wanted => {}
            _ => return false,
        }
    }
    false
}

/// How much a route asks for; two sets of scopes are not compared.
fn strictness(requirement: &Requirement) -> u8 {
    match requirement {
        Requirement::Public => 0,
        Requirement::Authenticated => 1,
        Requirement::Scopes(_) => 2,
        Requirement::Nobody => 3,
    }
}
