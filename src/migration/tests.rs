//! Rules of others as policies: random rules and requests, judged by the source's own semantics and by the
//! imported policy, which must never be wider.

mod envoy;
mod heimdall;
mod istio;
mod opa;
mod world;

use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::*;

/// Always the same random cases.
fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(14),
        failure_persistence: None,
        ..Config::with_cases(cases)
    })
}

fn source(text: &str) -> Source {
    Source {
        name: "rules.yaml".to_owned(),
        text: text.to_owned(),
    }
}

/// The notes, a line for each.
fn told(migrated: &Migrated) -> String {
    let notes = migrated.notes.iter();
    let lines: Vec<String> = notes
        .map(|note| format!("{}: {}", note.place, note.message))
        .collect();
    lines.join("\n")
}
