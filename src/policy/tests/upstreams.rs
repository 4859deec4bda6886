//! A model of upstreams: whatever chain of habits one applies to a path that passes without a
//! token, it only ever arrives at what is public.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::{outcome, source};
use crate::policy::*;

const ALL_RELAXED: &str = "{merge_slashes: true, encoded_slashes: true, path_parameters: true, \
                           trailing_slash: true, encoded_delimiters: true}";

/// Some of the relaxations, or all of them.
pub(super) fn relaxations() -> impl Strategy<Value = String> {
    let keys = [
        "merge_slashes",
        "encoded_slashes",
        "path_parameters",
        "trailing_slash",
        "encoded_delimiters",
    ];
    let some = proptest::sample::subsequence(keys.to_vec(), 0..=keys.len());
    let all = Just(keys.to_vec());
    prop_oneof![some, all].prop_map(|keys| {
        let entries: Vec<String> = keys.iter().map(|key| format!("{key}: true")).collect();
        format!("{{{}}}", entries.join(", "))
    })
}

/// A route as it is written: hosts, methods, segments of the path, access.
pub(super) type Written = (
    Vec<&'static str>,
    Vec<&'static str>,
    Vec<&'static str>,
    &'static str,
);

fn written_route() -> impl Strategy<Value = Written> {
    let hosts = select(vec![
        vec![],
        vec!["a.example"],
        vec!["*.a.example"],
        vec!["*.b.a.example", "a.example"],
        vec!["*.example"],
    ]);
    let methods = select(vec![
        vec!["*"],
        vec!["GET"],
        vec!["HEAD"],
        vec!["POST", "GET"],
    ]);
    let segments =
        proptest::collection::vec(select(vec!["a", "b", "é", "{x}", "{x}:b", "{x}b"]), 0..4);
    let rest = any::<bool>();
    let access = select(vec!["public", "nobody", "authenticated"]);
    (hosts, methods, segments, rest, access).prop_map(
        |(hosts, methods, mut segments, rest, access)| {
            if rest {
                segments.push("{*rest}");
            }
            (hosts, methods, segments, access)
        },
    )
}

/// The routes that load together, taken one by one; the name is the route's number. In half of the
/// policies most is public, so that many odd paths come through.
pub(super) fn routes() -> impl Strategy<Value = Vec<Written>> {
    let open = |segments: &[&'static str]| (vec![], vec!["*"], segments.to_vec(), "public");
    let wide = [open(&[]), open(&["{*rest}"]), open(&["{x}", "{x}"])];
    let some = proptest::collection::vec(written_route(), 1..12);
    (any::<bool>(), some).prop_map(move |(is_wide, written)| {
        let mut kept: Vec<Written> = if is_wide { wide.to_vec() } else { Vec::new() };
        for route in written {
            kept.push(route);
            if Policy::compile(&[source(&text(&kept, "{}"))]).is_err() {
                kept.pop();
            }
        }
        kept
    })
}

fn line(number: usize, (hosts, methods, segments, access): &Written) -> String {
    let names = ["p", "q", "r", "s"];
    let segments: Vec<String> = segments
        .iter()
        .zip(names)
        .map(|(segment, name)| segment.replace("{x}", &format!("{{{name}}}")))
        .collect();
    let path = format!("/{}", segments.join("/"));
    let methods = methods.join(",");
    let route = format!("r{number} {methods} {path} {access} {}", hosts.join(" "));
    yaml(route.trim_end())
}

pub(super) fn text(routes: &[Written], paths: &str) -> String {
    let lines: String = routes
        .iter()
        .enumerate()
        .map(|(number, route)| line(number, route))
        .collect();
    format!(
        "version: 1\npaths: {paths}\nroutes:\n{lines}{}",
        if lines.is_empty() { "  []\n" } else { "" }
    )
}

#[track_caller]
fn compiled(routes: &[Written], paths: &str) -> Policy {
    Policy::compile(&[source(&text(routes, paths))]).unwrap()
}

/// A path that upstreams may take apart in several ways.
pub(super) fn odd_path() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "/", "/", "/", "/", "a", "a", "b", "b", "c", ":", ";", "%2F", "%2f", "%3B", "%3b", "%61",
        "%3A", "%3F", "%23", "%C3%A9", ".", "..",
    ]);
    proptest::collection::vec(pieces, 1..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// What an upstream may do to a path, in any order and any number of times. nginx with `proxy_pass
/// http://up$uri` decodes, merges and has the next server cut at `?`; Tomcat and Spring cut
/// parameters, decode and merge; Go cleans what it has decoded; Node resolves the target like a
/// reference, which may have an authority; Python's `urlparse` cuts parameters of the last segment.
const HABITS: [fn(&str) -> String; 15] = [
    merged,
    |path| match path.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => path.to_owned(),
    },
    |path| match path.strip_suffix('/') {
        Some("") | None => path.to_owned(),
        Some(cut) => cut.to_owned(),
    },
    |path| path.replace("%2F", "/").replace("%2f", "/"),
    |path| path.replace("%3B", ";").replace("%3b", ";"),
    |path| path.replace("%3F", "?"),
    |path| path.replace("%23", "#"),
    |path| path.replace("%61", "a").replace("%C3%A9", "é"),
    |path| path.replace("%3A", ":"),
    decoded,
    |path| {
        let names = path
            .split('/')
            .map(|segment| segment.split(';').next().unwrap());
        names.collect::<Vec<_>>().join("/")
    },
    |path| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        format!("{folder}/{}", name.split(';').next().unwrap())
    },
    |path| path.split(';').next().unwrap().to_owned(),
    |path| path.split(['?', '#']).next().unwrap().to_owned(),
    without_authority,
];

fn merged(path: &str) -> String {
    let mut path = path.to_owned();
    while path.contains("//") {
        path = path.replace("//", "/");
    }
    path
}

fn decoded(path: &str) -> String {
    let mut path = path.to_owned();
    for (code, text) in [
        ("%2F", "/"),
        ("%2f", "/"),
        ("%3B", ";"),
        ("%3b", ";"),
        ("%61", "a"),
        ("%3A", ":"),
        ("%3F", "?"),
        ("%23", "#"),
        ("%C3%A9", "é"),
    ] {
        path = path.replace(code, text);
    }
    path
}

/// A reference that begins with two slashes names an authority (RFC 3986 section 4.2). The
/// authority ends at a slash, `?` or `#`; browsers and Node let it begin after further slashes.
fn without_authority(path: &str) -> String {
    let Some(rest) = path.strip_prefix("//") else {
        return path.to_owned();
    };
    let rest = rest.trim_start_matches('/');
    let (_, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if rest.starts_with('/') {
        rest.to_owned()
    } else {
        format!("/{rest}")
    }
}

/// Whether a route may be meant by a path that an upstream sees, and lets nobody through.
fn is_public(policy: &Policy, host: &str, path: &str) -> bool {
    match policy.route(&target("GET", host, path)) {
        Ok(Routed::One(route)) => route.requirement == Requirement::Public,
        Ok(Routed::Every(routes)) => routes
            .iter()
            .all(|route| route.requirement == Requirement::Public),
        Ok(Routed::Unlisted | Routed::UnlistedInShadow { .. } | Routed::Preflight(_)) | Err(_) => {
            false
        }
    }
}

/// Everything that one habit after another makes of a path.
fn seen_by_upstreams(path: &str) -> Vec<String> {
    let mut seen = vec![path.to_owned()];
    let mut known: HashSet<String> = seen.iter().cloned().collect();
    let mut next = 0;
    while next < seen.len() {
        for habit in HABITS {
            let changed = habit(&seen[next]);
            if known.insert(changed.clone()) {
                seen.push(changed);
            }
        }
        next += 1;
        assert!(seen.len() < 20_000, "{path}");
    }
    seen
}

/// One route as a line of YAML.
fn yaml(route: &str) -> String {
    let words: Vec<&str> = route.split(' ').collect();
    let [name, methods, path, access, hosts @ ..] = words.as_slice() else {
        panic!("{route}");
    };
    let access = match *access {
        "preflight" => "scopes: [read], preflight: true".to_owned(),
        "read" | "write" => format!("scopes: [{access}]"),
        _ => format!("access: {access}"),
    };
    let hosts = match hosts {
        [] => String::new(),
        _ => format!(", hosts: ['{}']", hosts.join("', '")),
    };
    let methods = methods.replace(',', "', '");
    format!("  - {{name: {name}, methods: ['{methods}'], path: '{path}', {access}{hosts}}}\n")
}

fn target<'a>(method: &'a str, host: &'a str, path: &'a str) -> Target<'a> {
    Target {
        method: Method(method.as_bytes()),
        host: Host(host.as_bytes()),
        path: Path(path.as_bytes()),
        preflight: None,
        grpc: false,
    }
}

proptest! {
    #[test]
    fn what_strictness_refuses_no_relaxation_makes_wider(routes in routes(), path in odd_path()) {
        let target = target("GET", "a.example", &path);
        let strict = outcome(&compiled(&routes, "{}"), &target);
        let relaxed = outcome(&compiled(&routes, ALL_RELAXED), &target);
        prop_assert!(strict == relaxed || strict.starts_with("400 "), "{} {}", strict, relaxed);
    }
}

proptest! {
    /// Whatever an upstream makes of a path that is let through without a token: where the policy
    /// could list the result, it does, as public; and any other result is let through as well.
    #[test]
    fn a_public_path_is_public_to_every_upstream(
        routes in routes(),
        path in odd_path(),
        paths in relaxations(),
    ) {
        let policy = compiled(&routes, &paths);
        let strict = compiled(&routes, "{}");
        let host = "a.example";
        if is_public(&policy, host, &path) {
            for seen in seen_by_upstreams(&path) {
                let target = target("GET", host, &seen);
                prop_assert!(
                    strict.route(&target).is_err() || is_public(&strict, host, &seen),
                    "{path} is public, but some upstream sees {seen}",
                );
                let own = seen.split(['?', '#']).next().unwrap();
                let dots = own.split('/').any(|name| name == "." || name == "..");
                prop_assert!(!dots, "{path} hides {seen}");
                prop_assert!(
                    policy.route(&target).is_err() || is_public(&policy, host, &seen),
                    "{path} is public, but {seen} is not",
                );
            }
        }
    }
}
