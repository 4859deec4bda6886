//! A model of upstreams: whatever chain of habits one applies to a path that passes without a
//! token, it only ever arrives at what is public.

use proptest::prelude::*;
use proptest::sample::select;

use super::{outcome, source};
use crate::policy::*;

const ALL_RELAXED: &str =
    "{merge_slashes: true, encoded_slashes: true, path_parameters: true, trailing_slash: true}";

/// A route as it is written: hosts, methods, segments of the path, access.
type Written = (
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
    let segments = proptest::collection::vec(select(vec!["a", "b", "é", "{x}"]), 0..4);
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

/// The routes that load together, taken one by one; the name is the route's number.
fn routes() -> impl Strategy<Value = Vec<Written>> {
    proptest::collection::vec(written_route(), 1..12).prop_map(|written| {
        let mut kept: Vec<Written> = Vec::new();
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

fn text(routes: &[Written], paths: &str) -> String {
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
fn odd_path() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "/", "/", "/", "a", "b", "c", ";", "%2F", "%2f", "%3B", "%61", "%3A", "%3F",
    ]);
    proptest::collection::vec(pieces, 1..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

/// What an upstream may do to a path, in any order and any number of times.
const HABITS: [fn(&str) -> String; 7] = [
    |path| {
        let mut path = path.to_owned();
        while path.contains("//") {
            path = path.replace("//", "/");
        }
        path
    },
    |path| match path.strip_suffix('/') {
        Some("") | None => path.to_owned(),
        Some(cut) => cut.to_owned(),
    },
    |path| path.replace("%2F", "/").replace("%2f", "/"),
    |path| {
        let names = path
            .split('/')
            .map(|segment| segment.split(';').next().unwrap());
        names.collect::<Vec<_>>().join("/")
    },
    |path| path.split(';').next().unwrap().to_owned(),
    |path| path.replace("%61", "a"),
    |path| path.replace("%3A", ":"),
];

/// Whether a route may be meant by a path that an upstream sees, and lets nobody through.
fn is_public(policy: &Policy, host: &str, path: &str) -> bool {
    match policy.route(&target("GET", host, path)) {
        Ok(Routed::One(route)) => route.requirement == Requirement::Public,
        Ok(Routed::Every(routes)) => routes
            .iter()
            .all(|route| route.requirement == Requirement::Public),
        Ok(Routed::Unlisted | Routed::Preflight(_)) | Err(_) => false,
    }
}

/// The most routes that an attack can go through at once: the readings of one habit after another.
fn seen_by_upstreams(path: &str) -> Vec<String> {
    let mut seen = vec![path.to_owned()];
    let mut next = 0;
    while next < seen.len() && seen.len() < 500 {
        for habit in HABITS {
            let changed = habit(&seen[next]);
            if !seen.contains(&changed) {
                seen.push(changed);
            }
        }
        next += 1;
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
        method: method.as_bytes(),
        host: host.as_bytes(),
        path: path.as_bytes(),
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
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Whatever an upstream makes of a path that is let through without a token: where the result
    /// is a path that routes name, they are public too.
    #[test]
    fn a_public_path_is_public_to_every_upstream(routes in routes(), path in odd_path()) {
        let policy = compiled(&routes, ALL_RELAXED);
        let strict = compiled(&routes, "{}");
        let host = "a.example";
        if is_public(&policy, host, &path) {
            for seen in seen_by_upstreams(&path) {
                let listed = !matches!(
                    strict.route(&target("GET", host, &seen)),
                    Err(_) | Ok(Routed::Unlisted),
                );
                prop_assert!(
                    !listed || is_public(&strict, host, &seen),
                    "{path} is public, but some upstream sees {seen}",
                );
            }
        }
    }
}
