//! Random policies, each pair held against deciding every request of a small world with both.

mod respelled;
mod spelled;
mod world;

use proptest::prelude::*;

use super::*;
use crate::policy::{HostPattern, OtherHosts, Routed};
use world::{
    Somebody, callers, each_request, head, paths, permits, policy_of, route, sides, target,
};

fn name(routed: &Routed<'_>) -> String {
    match routed {
        Routed::Unlisted | Routed::UnlistedInShadow { .. } => "-".to_owned(),
        Routed::Preflight(route) => format!("preflight {}", route.name),
        Routed::One(route) => route.name.to_string(),
        Routed::Every(readings) => {
            let names: Vec<&str> = readings.iter().map(|route| &*route.name).collect();
            names.join(" ")
        }
    }
}

fn answer_name(access: &Access<'_>) -> String {
    match access.answer() {
        Answer::Unlisted => "-".to_owned(),
        Answer::Route(route) => route.name.to_string(),
        Answer::Preflight(route) => format!("preflight {}", route.name),
    }
}

fn covers_host(hosts: &Hosts, host: &str, patterns: &[HostPattern]) -> bool {
    let is_below =
        |pattern: &str| host.len() > pattern.len() + 1 && host.ends_with(&format!(".{pattern}"));
    let matching = patterns.iter().filter(|pattern| match pattern {
        HostPattern::Exact(name) => **name == *host,
        HostPattern::Below(name) => is_below(name),
    });
    // The exact name, else the longest wildcard.
    let own = matching.max_by_key(|pattern| match pattern {
        HostPattern::Exact(_) => usize::MAX,
        HostPattern::Below(name) => name.len(),
    });
    match (own, hosts.others) {
        (_, OtherHosts::Every) | (None, OtherHosts::Included) => true,
        (None, OtherHosts::Excluded) => false,
        (Some(own), _) => hosts.named.contains(own),
    }
}

fn covers_method(methods: &ClassMethods, method: &str, preflight: Option<&str>) -> bool {
    let has = |list: &[Box<str>], wanted: &str| list.iter().any(|one| **one == *wanted);
    let plain = has(&methods.listed, method)
        || methods
            .all_but
            .as_ref()
            .is_some_and(|except| !has(except, method));
    let as_preflight = preflight.is_some_and(|requested| {
        method == "OPTIONS" && (methods.other_preflights || has(&methods.preflights_of, requested))
    });
    plain || as_preflight
}

fn patterns_of(policies: [&Policy; 2], closed: bool) -> Vec<HostPattern> {
    let routes = policies.iter().flat_map(|policy| policy.routes());
    let mut all: Vec<_> = routes
        .flat_map(|route| route.hosts.iter().cloned())
        .collect();
    if closed {
        all.push(HostPattern::Below("b.example".into()));
    }
    all
}

/// Which of the callers may send it.
fn permitted(routed: &Routed<'_>, callers: &[Somebody]) -> Vec<bool> {
    callers
        .iter()
        .map(|caller| permits(routed, caller))
        .collect()
}

/// What is said holds of its own example.
fn check_example(one: &Difference<'_>, old: &Policy, new: &Policy) -> Result<(), TestCaseError> {
    let example = one.example.as_ref().unwrap();
    let (before, after) = (
        old.route(&example.target()).unwrap(),
        new.route(&example.target()).unwrap(),
    );
    prop_assert_eq!(name(&before), answer_name(&one.before), "{:?}", one);
    prop_assert_eq!(name(&after), answer_name(&one.after), "{:?}", one);
    let callers = callers();
    let (before, after) = (permitted(&before, &callers), permitted(&after, &callers));
    let mut pairs = before.iter().zip(&after);
    let gains = pairs.clone().any(|(before, after)| !before && *after);
    let loses = pairs.any(|(before, after)| *before && !after);
    if one.before.is_conditional() || one.after.is_conditional() {
        // Who meets a condition is not compared: more may be said, and nothing left out.
        let may_open = [Effect::MoreOpen, Effect::Changed, Effect::Unclear];
        let is_same = [Effect::Identity, Effect::Refusal].contains(&one.effect);
        prop_assert!(!gains || may_open.contains(&one.effect), "{:?}", one);
        prop_assert!(!loses || !is_same, "{:?}", one);
        return Ok(());
    }
    let expected = match (gains, loses) {
        (true, true) => &[Effect::Changed][..],
        (true, false) => &[Effect::MoreOpen],
        (false, true) => &[Effect::MoreClosed],
        (false, false) => &[Effect::Identity, Effect::Refusal],
    };
    prop_assert!(expected.contains(&one.effect), "{:?}", one);
    Ok(())
}

fn check_all(
    old: &Policy,
    new: &Policy,
    closed: bool,
    paths: &[String],
) -> Result<(), TestCaseError> {
    let comparison = compare(old, new, None).unwrap();
    let of_plain = |one: &&Difference<'_>| matches!(one.requests, Requests::Class { .. });
    for one in comparison.differences.iter().filter(of_plain) {
        check_example(one, old, new)?;
    }
    let (callers, patterns) = (callers(), patterns_of([old, new], closed));
    // What differs is said.
    for (host, asked, path) in each_request(&["PUT", "DELETE"], paths) {
        let target = target(host, asked, path);
        let (Ok(before), Ok(after)) = (old.route(&target), new.route(&target)) else {
            return Err(TestCaseError::fail(format!("malformed {path}")));
        };
        if permitted(&before, &callers) == permitted(&after, &callers) {
            continue;
        }
        let (before, after) = (name(&before), name(&after));
        let (method, preflight) = asked;
        let is_said = comparison.differences.iter().any(|one| {
            let Requests::Class { hosts, methods, .. } = &one.requests else {
                return false;
            };
            answer_name(&one.before) == before
                && answer_name(&one.after) == after
                && covers_method(methods, method, preflight)
                && covers_host(hosts, host, &patterns)
        });
        let differences = &comparison.differences;
        prop_assert!(
            is_said,
            "{method} {host}{path}: {before} -> {after}, not in {differences:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn what_differs_is_said_and_only_that(
        routes in prop::collection::vec((route(), 0_u8..4), 0..14),
        changed in prop::collection::vec(route(), 0..4),
        closed in any::<bool>(),
        heads in (head(), head()),
    ) {
        let (old, new) = sides(&routes, changed);
        let (old, new) = (policy_of(&old, closed, &heads.0), policy_of(&new, closed, &heads.1));
        check_all(&old, &new, closed, &paths())?;
    }
}
