//! Random policies, each pair held against deciding every request of a small world with both.

mod spelled;

use proptest::prelude::*;

use super::*;
use crate::condition::Condition;
use crate::policy::{
    Host, HostPattern, Method, Mode, OtherHosts, Path, Requirement, Route, Routed, Target,
};

const HOSTS: [&str; 7] = [
    "a.example",
    "b.example",
    "x.b.example",
    "c.b.example",
    "example",
    "elsewhere.test",
    "",
];
const PATTERNS: [&str; 5] = [
    "a.example",
    "'*.example'",
    "'*.b.example'",
    "c.b.example",
    "b.example",
];
const SEGMENTS: [&str; 9] = [
    "a",
    "b",
    "a:go",
    "caf%C3%A9",
    "{x}",
    "{x}:go",
    "{x}o",
    "{x}",
    "{*r}",
];
const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "OPTIONS", "POST"];
const ASKED: [&str; 6] = ["GET", "HEAD", "PUT", "OPTIONS", "POST", "DELETE"];
const ACCESS: [&str; 18] = [
    "access: public, issuers: [one], when: '!has(token.ban)'",
    "access: public, issuers: [one, two], when: '!has(token.ban)'",
    "any_scope: [r.s, w.s, r]",
    "scopes: [r.s, w.s]",
    "access: public, issuers: [one], when: has(token.sub)",
    "access: public, when: has(token.sub)",
    "access: authenticated, issuers: [one, two], when: has(token.sub)",
    "scopes: [w], mode: shadow",
    "access: public",
    "access: public, issuers: [one]",
    "access: nobody",
    "access: authenticated",
    "access: authenticated, issuers: [one]",
    "scopes: [r], issuers: [one, two]",
    "scopes: [r]",
    "scopes: [r, w]",
    "any_scope: [r, w]",
    "scopes: [r], any_scope: [w, x]",
];
/// What segments of requests are; the empty one ends the path.
const NAMES: [&str; 8] = ["a", "b", "café", "z", "a:go", "z:go", "zo", "go"];

fn route() -> impl Strategy<Value = String> {
    let host = prop::option::weighted(0.4, prop::sample::select(&PATTERNS[..]));
    let methods = prop_oneof![
        Just(vec!["'*'"]),
        prop::sample::subsequence(&METHODS[..], 1..4),
    ];
    let segments = prop::collection::vec(prop::sample::select(&SEGMENTS[..]), 0..4);
    let access = prop::sample::select(&ACCESS[..]);
    (host, methods, segments, access, any::<bool>()).prop_map(
        |(host, methods, mut segments, access, preflight)| {
            if let Some(rest) = segments.iter().position(|one| *one == "{*r}") {
                segments.truncate(rest + 1);
            }
            let names = ["{p", "{q", "{s", "{t"];
            let path: Vec<String> = segments
                .iter()
                .zip(names)
                .map(|(one, name)| one.replace("{x", name))
                .collect();
            let host = host.map_or(String::new(), |host| format!("hosts: [{host}], "));
            let preflight = if preflight
                && methods != ["OPTIONS"]
                && methods != ["'*'"]
                && !methods.contains(&"OPTIONS")
            {
                ", preflight: true"
            } else {
                ""
            };
            format!(
                "{host}methods: [{}], path: \"/{}\", {access}{preflight}",
                methods.join(", "),
                path.join("/")
            )
        },
    )
}

/// A policy of those routes that go together.
fn policy_of(routes: &[String], closed: bool, head: &str) -> Policy {
    let mut kept: Vec<String> = Vec::new();
    let text = |kept: &[String]| {
        let closed = if closed {
            "closed_hosts: ['*.b.example']\n"
        } else {
            ""
        };
        let routes = kept.iter().enumerate();
        let routes: Vec<String> = routes
            .map(|(index, route)| {
                format!(
                    "  - {{name: r{index}, {route}}}
"
                )
            })
            .collect();
        let routes = routes.concat();
        let routes = if kept.is_empty() {
            " []\n".to_owned()
        } else {
            format!("\n{routes}")
        };
        format!(
            "version: 1\n{head}scopes: {{r: R, w: W, x: X, r.s: RS, w.s: WS}}\n{closed}routes:{routes}"
        )
    };
    let mut policy = compiled(&text(&kept));
    for route in routes {
        kept.push(route.clone());
        let source = Source {
            name: "policy.yaml".to_owned(),
            text: text(&kept),
        };
        match Policy::compile(&[source]) {
            Ok(with_it) => policy = with_it,
            Err(_) => {
                kept.pop();
            }
        }
    }
    policy
}

/// A caller of the small world: an issuer and scopes, or nobody in particular.
type Somebody = Option<(&'static str, Vec<&'static str>)>;

fn callers() -> Vec<Somebody> {
    let mut all: Vec<Somebody> = vec![None];
    let names = ["r", "w", "x", "r.s", "w.s"];
    // The scopes of others are compared alike: of these the smallest sets that a route asks for are enough.
    let every: Vec<u8> = (0..1 << 5).collect();
    let least = vec![0, 0b1, 0b10, 0b11, 0b101, 0b1000, 0b10000, 0b11000];
    for (issuer, sets) in [("one", every), ("two", least.clone()), ("three", least)] {
        for bits in sets {
            let scopes = names.into_iter().enumerate();
            let scopes = scopes.filter(|(bit, _)| bits & (1 << bit) != 0);
            all.push(Some((issuer, scopes.map(|(_, scope)| scope).collect())));
        }
    }
    all
}

/// Deciding, in the words of the design.
fn allows(route: &Route, caller: &Somebody) -> bool {
    if route.mode == Mode::Shadow {
        return true;
    }
    let holds = caller
        .as_ref()
        .filter(|(issuer, _)| route.issuers.include(issuer));
    // Every token has a subject, and those of one issuer a ban.
    let holds_for_it = |condition: &Condition| {
        if condition.text().contains("ban") {
            holds.as_ref().is_none_or(|(issuer, _)| *issuer != "two")
        } else {
            holds.is_some()
        }
    };
    if !route.conditions.iter().all(holds_for_it) {
        return false;
    }
    match &route.requirement {
        Requirement::Public => true,
        Requirement::Nobody => false,
        Requirement::Authenticated => holds.is_some(),
        Requirement::Scopes(scopes) => {
            holds.is_some_and(|(_, has)| scopes.are_met(|scope| has.contains(&scope)))
        }
    }
}

fn permits(routed: &Routed<'_>, caller: &Somebody) -> bool {
    // A token counts where it counts for every reading.
    let counts = |caller: &&Somebody| {
        let issuer = caller.as_ref().map(|(issuer, _)| *issuer);
        issuer.is_none_or(|issuer| routed.counts(issuer))
    };
    let caller = Some(caller).filter(counts).unwrap_or(&None);
    match routed {
        Routed::Unlisted => false,
        Routed::Preflight(_) => true,
        Routed::One(route) => allows(route, caller),
        Routed::UnlistedInShadow {
            listed: readings, ..
        }
        | Routed::Every(readings) => readings.iter().all(|route| allows(route, caller)),
    }
}

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

fn paths() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = vec![String::new()];
    for _ in 0..3 {
        longest = longest
            .iter()
            .flat_map(|path| NAMES.iter().map(move |name| format!("{path}/{name}")))
            .collect();
        all.extend(longest.iter().cloned());
    }
    all[0] = "/".to_owned();
    all
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

fn check_all(
    old: &Policy,
    new: &Policy,
    closed: bool,
    paths: &[String],
) -> Result<(), TestCaseError> {
    let comparison = compare(old, new, None).unwrap();
    let callers = callers();
    let patterns = patterns_of([old, new], closed);
    let set = |routed: &Routed<'_>| -> Vec<bool> {
        callers
            .iter()
            .map(|caller| permits(routed, caller))
            .collect()
    };
    // What is said holds of its own example.
    let of_plain = |one: &&Difference<'_>| matches!(one.requests, Requests::Class { .. });
    for one in comparison.differences.iter().filter(of_plain) {
        let example = one.example.as_ref().unwrap();
        let (before, after) = (
            old.route(&example.target()).unwrap(),
            new.route(&example.target()).unwrap(),
        );
        prop_assert_eq!(name(&before), answer_name(&one.before), "{:?}", one);
        prop_assert_eq!(name(&after), answer_name(&one.after), "{:?}", one);
        let (before, after) = (set(&before), set(&after));
        let gains = before
            .iter()
            .zip(&after)
            .any(|(before, after)| !before && *after);
        let loses = before
            .iter()
            .zip(&after)
            .any(|(before, after)| *before && !after);
        if one.before.is_conditional() || one.after.is_conditional() {
            // Who meets a condition is not compared: more may be said, and nothing left out.
            let may_open = [Effect::MoreOpen, Effect::Changed, Effect::Unclear];
            let is_same = [Effect::Identity, Effect::Refusal].contains(&one.effect);
            prop_assert!(!gains || may_open.contains(&one.effect), "{:?}", one);
            prop_assert!(!loses || !is_same, "{:?}", one);
            continue;
        }
        let expected = match (gains, loses) {
            (true, true) => &[Effect::Changed][..],
            (true, false) => &[Effect::MoreOpen],
            (false, true) => &[Effect::MoreClosed],
            (false, false) => &[Effect::Identity, Effect::Refusal],
        };
        prop_assert!(expected.contains(&one.effect), "{:?}", one);
    }
    // What differs is said.
    for host in HOSTS {
        for (method, preflight) in ASKED
            .into_iter()
            .map(|method| (method, None))
            .chain([("OPTIONS", Some("PUT")), ("OPTIONS", Some("DELETE"))])
        {
            for path in paths {
                let target = Target {
                    method: Method(method.as_bytes()),
                    host: Host(host.as_bytes()),
                    path: Path(path.as_bytes()),
                    preflight: preflight.map(|requested: &str| Method(requested.as_bytes())),
                    grpc: false,
                };
                let (Ok(before), Ok(after)) = (old.route(&target), new.route(&target)) else {
                    return Err(TestCaseError::fail(format!("malformed {path}")));
                };
                if set(&before) == set(&after) {
                    continue;
                }
                let (before, after) = (name(&before), name(&after));
                let is_said = comparison.differences.iter().any(|one| {
                    let Requests::Class { hosts, methods, .. } = &one.requests else {
                        return false;
                    };
                    answer_name(&one.before) == before
                        && answer_name(&one.after) == after
                        && covers_method(methods, method, preflight)
                        && covers_host(hosts, host, &patterns)
                });
                prop_assert!(
                    is_said,
                    "{} {}{}: {} -> {}, not in {:?}",
                    method,
                    host,
                    path,
                    before,
                    after,
                    comparison.differences
                );
            }
        }
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

fn head() -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.1), any::<bool>()).prop_map(|(shadow, parents)| {
        let mode = if shadow { "shadow" } else { "enforce" };
        format!("mode: {mode}\nparent_scopes: {parents}\n")
    })
}

/// The old routes and the new ones; most are in both.
fn sides(routes: &[(String, u8)], changed: Vec<String>) -> (Vec<String>, Vec<String>) {
    let but = |side: u8| {
        let kept = routes.iter().filter(move |(_, only)| *only != side);
        kept.map(|(route, _)| route.clone())
    };
    (but(1).collect(), but(2).chain(changed).collect())
}
