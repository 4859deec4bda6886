//! The three rings: arrows go inward only, and the pure ring touches nothing outside.

use std::path::{Path, PathBuf};

const PURE: [&str; 9] = [
    "clock",
    "connection_limits",
    "decision",
    "identity",
    "labels",
    "policy",
    "problem",
    "token",
    "yaml",
];
const SHELL: [&str; 15] = [
    "admin",
    "authorizer",
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
];
const WIRING: [&str; 3] = ["app", "cli", "config"];

/// What would bring I/O, a runtime or the time of day into the pure ring.
const IMPURE: [&str; 14] = [
    "tokio",
    "tonic",
    "axum",
    "hyper",
    "sqlx",
    "notify",
    "moka",
    "arc_swap",
    "tracing",
    "std::fs",
    "std::io",
    "std::net::Tcp",
    "std::thread",
    "std::env",
];

#[test]
fn every_module_has_a_ring() {
    let map = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared = map.lines().filter_map(|line| line.strip_prefix("pub mod "));
    for module in declared.map(|rest| rest.trim_end_matches(';')) {
        let rings = [PURE.as_slice(), SHELL.as_slice(), WIRING.as_slice()];
        let count = rings.iter().filter(|ring| ring.contains(&module)).count();
        assert_eq!(count, 1, "`{module}` must be in one ring");
    }
}

#[test]
fn the_pure_ring_knows_the_pure_ring_alone() {
    for module in PURE {
        for (file, line) in code(module) {
            for name in SHELL.iter().chain(&WIRING) {
                assert!(!uses(&line, name), "{}: {line}", file.display());
            }
            for name in IMPURE {
                let path = format!("{name}::");
                let used = line.contains(&path) || line.contains(&format!("use {name}"));
                assert!(!used, "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn the_shell_does_not_know_the_wiring() {
    for module in SHELL {
        for (file, line) in code(module) {
            for name in WIRING {
                assert!(!uses(&line, name), "{}: {line}", file.display());
            }
        }
    }
}

#[test]
fn nothing_but_main_and_the_command_line_is_about_the_process() {
    for module in PURE.iter().chain(&SHELL).chain(&["config"]) {
        for (file, line) in code(module) {
            for name in ["process::exit", "signal::unix", "#[global_allocator]"] {
                assert!(!line.contains(name), "{}: {line}", file.display());
            }
        }
    }
}

fn uses(line: &str, module: &str) -> bool {
    line.contains(&format!("crate::{module}::")) || line.contains(&format!("use crate::{module}"))
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The lines of a module that are neither comments nor tests.
fn code(module: &str) -> Vec<(PathBuf, String)> {
    let mut files = vec![source().join(format!("{module}.rs"))];
    let mut folders = vec![source().join(module)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    let is_test = |path: &PathBuf| {
        path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs")
    };
    let mut lines = Vec::new();
    for file in files.into_iter().filter(|file| !is_test(file)) {
        let text = std::fs::read_to_string(&file).unwrap();
        let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let code = before_tests
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines.extend(code.map(|line| (file.clone(), line.to_owned())));
    }
    assert!(!lines.is_empty(), "`{module}` is gone");
    lines
}
