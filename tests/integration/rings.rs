//! The three rings: arrows go inward only, and the pure ring touches nothing outside.

mod imports;

use std::collections::{BTreeMap, BTreeSet};

use imports::{SourceFile, files_below, files_of, paths_in, source};

const PURE: [&str; 17] = [
    "clock",
    "coding",
    "comparison",
    "condition",
    "connection_limits",
    "decision",
    "doctor",
    "identity",
    "labels",
    "logo",
    "migration",
    "openapi",
    "policy",
    "problem",
    "token",
    "uri_host",
    "yaml",
];
const SHELL: [&str; 19] = [
    "admin",
    "authorizer",
    "backoff",
    "certificates",
    "ext_authz",
    "feed",
    "files",
    "gate",
    "issuer",
    "jwks",
    "keyring",
    "proto",
    "reload",
    "revocation",
    "shutdown",
    "store",
    "telemetry",
    "tls",
    "traces",
];
const WIRING: [&str; 3] = ["app", "cli", "config"];

/// What speaks a proxy's protocol. A second one must not find half of the gate in the first.
const FRONT_ENDS: [&str; 1] = ["ext_authz"];

/// What would bring I/O, a runtime or the time of day into the pure ring.
const IMPURE: [&[&str]; 16] = [
    &["tokio"],
    &["tonic"],
    &["axum"],
    &["hyper"],
    &["sqlx"],
    &["notify"],
    &["moka"],
    &["arc_swap"],
    &["tracing"],
    &["std", "fs"],
    &["std", "io"],
    &["std", "net", "TcpListener"],
    &["std", "net", "TcpStream"],
    &["std", "net", "UdpSocket"],
    &["std", "thread"],
    &["std", "env"],
];

#[test]
fn every_module_has_a_ring() {
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs");
    let map = std::fs::read_to_string(map).unwrap();
    let declared = map.lines().filter_map(|line| line.strip_prefix("pub mod "));
    for module in declared.map(|rest| rest.trim_end_matches(';')) {
        let count = all().filter(|ringed| *ringed == module).count();
        assert_eq!(count, 1, "`{module}` must be in one ring");
    }
}

#[test]
fn the_pure_ring_knows_the_pure_ring_alone() {
    for file in PURE.into_iter().flat_map(files_of) {
        for name in SHELL.iter().chain(&WIRING) {
            refuse(&file, &["crate", name]);
        }
        for path in IMPURE {
            refuse(&file, path);
        }
    }
}

#[test]
fn the_shell_does_not_know_the_wiring() {
    for file in SHELL.into_iter().flat_map(files_of) {
        for name in WIRING {
            refuse(&file, &["crate", name]);
        }
    }
}

#[test]
fn nothing_but_the_app_knows_a_front_end() {
    for front_end in FRONT_ENDS {
        let others = all().filter(|module| ![front_end, "app"].contains(module));
        for file in others.flat_map(files_of) {
            refuse(&file, &["crate", front_end]);
        }
    }
}

#[test]
fn nothing_but_main_and_the_command_line_is_about_the_process() {
    let modules = PURE.into_iter().chain(SHELL).chain(["config"]);
    for file in modules.flat_map(files_of) {
        for path in &file.paths {
            let named = path.join("::");
            for name in ["process::exit", "signal::unix"] {
                assert!(!named.contains(name), "{}: {named}", file.path.display());
            }
        }
        let text = std::fs::read_to_string(&file.path).unwrap();
        assert!(
            !text.contains("#[global_allocator]"),
            "{}",
            file.path.display()
        );
    }
}

/// The file that declares a module knows all of it and is known by all of it; the files below must
/// not know each other in circles.
#[test]
fn the_files_of_a_module_do_not_import_each_other_in_circles() {
    for module in all() {
        let arrows = arrows_within(module);
        for start in arrows.keys() {
            let mut reached = BTreeSet::new();
            let mut next = vec![start];
            while let Some(file) = next.pop() {
                for other in arrows.get(file).into_iter().flatten() {
                    assert_ne!(
                        other, start,
                        "{module}: {start} leads back to itself by {file}"
                    );
                    if reached.insert(other) {
                        next.push(other);
                    }
                }
            }
        }
    }
}

/// For each file directly below a module, the others of them that it imports: by their path, or by
/// what the module hands on from them.
fn arrows_within(module: &str) -> BTreeMap<String, BTreeSet<String>> {
    let files = files_of(module);
    let root = &files[0];
    let children: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| file.module.get(2).map(String::as_str))
        .collect();
    // What `token.rs` names as `trust::Trust` is `super::Trust` to its files.
    let handed_on: BTreeMap<&str, &str> = root
        .paths
        .iter()
        .filter_map(|path| match path.as_slice() {
            [_, _, child, item] if children.contains(child.as_str()) => {
                Some((item.as_str(), child.as_str()))
            }
            _ => None,
        })
        .collect();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &files {
        let Some(from) = file.module.get(2) else {
            continue;
        };
        let named = file.paths.iter().filter_map(|path| match path.as_slice() {
            [first, second, name, ..] if first == "crate" && second == module => {
                Some(name.as_str())
            }
            _ => None,
        });
        let known = named.filter_map(|name| children.get(name).or_else(|| handed_on.get(name)));
        let others = known.filter(|other| **other != from.as_str());
        arrows
            .entry(from.clone())
            .or_default()
            .extend(others.map(|other| (*other).to_owned()));
    }
    arrows
}

/// What is two modules away is named from the crate: moving a file must not change what it means.
#[test]
fn nobody_counts_the_modules_above_it() {
    for path in files_below(source()) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("super::super"), "{}", path.display());
    }
}

#[test]
fn comments_texts_and_tests_do_not_count() {
    let code = r##"
        use crate::policy::{self, Route as Way, path::{Reading, *}}; // use crate::app::A;
        use super::turn;
        use child::Thing;
        mod child;
        /* crate::cli::B */
        fn f<'a>(text: &'a str) -> char { tokio::spawn("crate::app::C \" crate::app::D"); '"' }
        const RAW: &str = r#"crate::app::E"#; fn g() -> impl Sized + use<'_> { crate::clock::now() }
        #[cfg(test)]
        use crate::app::F;
        #[cfg(test)]
        mod tests { fn h() { crate::app::G } }
        fn last() { super::super::yaml::read() }
    "##;
    let module = ["crate", "gate", "request"].map(str::to_owned);
    let paths = paths_in(code, &module);
    let found: Vec<_> = paths.iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::clock::now",
        "crate::gate::request::child::Thing",
        "crate::gate::turn",
        "crate::policy",
        "crate::policy::Route",
        "crate::policy::path::*",
        "crate::policy::path::Reading",
        "crate::yaml::read",
        "tokio::spawn",
    ];
    assert_eq!(found, expected);
}

fn all() -> impl Iterator<Item = &'static str> {
    PURE.into_iter().chain(SHELL).chain(WIRING)
}

#[track_caller]
fn refuse(file: &SourceFile, path: &[&str]) {
    let named = path.join("::");
    assert!(!file.names(path), "{} knows `{named}`", file.path.display());
}
