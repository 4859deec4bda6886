//! The small world that random policies are about: their routes, its requests, and its callers.

use proptest::prelude::*;

use super::compiled;
use crate::condition::Condition;
use crate::policy::{Host, Method, Mode, Path, Policy, Requirement, Route, Routed, Target};
use crate::problem::Source;

pub(super) const HOSTS: [&str; 7] = [
    "a.example",
    "b.example",
    "x.b.example",
    "c.b.example",
    "example",
    "elsewhere.test",
    "",
];
pub(super) const PATTERNS: [&str; 5] = [
    "a.example",
    "'*.example'",
    "'*.b.example'",
    "c.b.example",
    "b.example",
];
pub(super) const SEGMENTS: [&str; 9] = [
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
pub(super) const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "OPTIONS", "POST"];
pub(super) const ASKED: [&str; 6] = ["GET", "HEAD", "PUT", "OPTIONS", "POST", "DELETE"];
pub(super) const ACCESS: [&str; 18] = [
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
pub(super) const NAMES: [&str; 8] = ["a", "b", "café", "z", "a:go", "z:go", "zo", "go"];

pub(super) fn route() -> impl Strategy<Value = String> {
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
pub(super) fn policy_of(routes: &[String], closed: bool, head: &str) -> Policy {
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
pub(super) type Somebody = Option<(&'static str, Vec<&'static str>)>;

pub(super) fn callers() -> Vec<Somebody> {
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
pub(super) fn allows(route: &Route, caller: &Somebody) -> bool {
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

pub(super) fn permits(routed: &Routed<'_>, caller: &Somebody) -> bool {
    // A token counts where it counts for every reading.
    let counts = |caller: &&Somebody| {
        let issuer = caller.as_ref().map(|(issuer, _)| *issuer);
        issuer.is_none_or(|issuer| routed.admits(issuer))
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

pub(super) fn paths() -> Vec<String> {
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

pub(super) fn head() -> impl Strategy<Value = String> {
    (prop::bool::weighted(0.1), any::<bool>()).prop_map(|(shadow, parents)| {
        let mode = if shadow { "shadow" } else { "enforce" };
        format!("mode: {mode}\nparent_scopes: {parents}\n")
    })
}

/// The old routes and the new ones; most are in both.
pub(super) fn sides(routes: &[(String, u8)], changed: Vec<String>) -> (Vec<String>, Vec<String>) {
    let but = |side: u8| {
        let kept = routes.iter().filter(move |(_, only)| *only != side);
        kept.map(|(route, _)| route.clone())
    };
    (but(1).collect(), but(2).chain(changed).collect())
}

/// A method, and what a CORS preflight asks for.
pub(super) type Asked = (&'static str, Option<&'static str>);

/// Each host with each method and path, and CORS preflights for these methods.
pub(super) fn each_request<'a>(
    preflights: &'a [&'static str],
    paths: &'a [String],
) -> impl Iterator<Item = (&'static str, Asked, &'a str)> {
    HOSTS.into_iter().flat_map(move |host| {
        let plain = ASKED.into_iter().map(|method| (method, None));
        let preflights = preflights
            .iter()
            .map(|requested| ("OPTIONS", Some(*requested)));
        let methods = plain.chain(preflights);
        methods.flat_map(move |asked| paths.iter().map(move |path| (host, asked, &**path)))
    })
}

pub(super) fn target<'a>(host: &'a str, (method, preflight): Asked, path: &'a str) -> Target<'a> {
    Target {
        method: Method(method.as_bytes()),
        host: Host(host.as_bytes()),
        path: Path(path.as_bytes()),
        preflight: preflight.map(|requested| Method(requested.as_bytes())),
        grpc: false,
    }
}
