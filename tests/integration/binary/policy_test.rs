//! `portcullis test`: what it says of tests that hold, that fail, and that cannot be read.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use super::{run, text};

const POLICY: &str = r#"version: 1
scopes: {orders.read: Read}
routes:
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read]}
  - {name: page, methods: [GET], path: /page, access: public}
  - {name: internals, methods: ["*"], path: "/internal/{*rest}", access: nobody}
"#;

fn folder(tests: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("shop.yaml"), POLICY).unwrap();
    std::fs::write(folder.path().join("shop.test.yaml"), tests).unwrap();
    folder
}

fn check(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(&[&["test"], arguments].concat(), folder);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

const FAILING: &str = r"version: 1
callers:
  reader: {scopes: orders.read}
tests:
  - {request: GET /page, expect: allow}
  - {request: GET /orders/1, as: reader, expect: allow, upstream: {x-auth-subject: somebody}}
  - name: nobody reads
    request: GET /orders/1
    as: reader
    expect: 403
    reason: scopes_missing
  - {request: GET /orders/1, claims: {exp: 5}, expect: deny, detail: revoked}
";

#[test]
fn what_differs_and_what_no_test_touches_is_told() {
    let folder = folder(FAILING);
    assert_snapshot!(check(folder.path(), &["shop.test.yaml"], 1));
}

#[test]
fn too_little_coverage_fails_where_asked() {
    let tests = "version: 1\ntests: [{request: GET /page, expect: allow}]\n";
    let folder = folder(tests);
    let said = check(folder.path(), &["."], 0);
    assert!(
        said.contains("1 of 5 requirements covered (20 %)"),
        "{said}"
    );
    check(folder.path(), &[".", "--fail-under", "20"], 0);
    let said = check(folder.path(), &[".", "--fail-under", "21"], 1);
    assert!(said.contains("fewer than the 21 %"), "{said}");
}

#[test]
fn results_are_there_for_programs_and_for_ci() {
    let folder = folder(FAILING);
    let json = check(folder.path(), &["shop.test.yaml", "--format", "json"], 1);
    let results: Value = serde_json::from_str(&json).unwrap();
    let tests = results["files"][0]["tests"].as_array().unwrap();
    let passed: Vec<_> = tests.iter().map(|test| test["passed"].as_bool()).collect();
    assert_eq!(passed, [Some(true), Some(true), Some(false), Some(false)]);
    let junit = check(folder.path(), &["shop.test.yaml", "--format", "junit"], 1);
    assert_snapshot!(junit);
}

#[test]
fn everything_that_is_wrong_with_the_tests_is_told() {
    let folder = folder(
        r"version: 2
callers:
  reader: {scopes: orders.read}
  other: {issuer: staff}
tests:
  - {request: /page, expect: allow}
  - {request: GET page, expect: maybe}
  - {request: GET /page, as: raeder, expect: 404}
  - {request: GET /page, as: other, expect: allow, route: pgae}
  - {request: GET /page, as: reader, scopes: orders.read, expect: allow}
",
    );
    assert_snapshot!(check(folder.path(), &["shop.test.yaml"], 2));
}

#[test]
fn the_sample_policy_meets_its_tests_and_they_cover_it() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/config");
    let arguments = ["policy.test.yaml", "--fail-under", "100"];
    let said = check(Path::new(config), &arguments, 0);
    assert!(said.contains("ok: policy.test.yaml"), "{said}");
}

#[test]
fn tests_are_not_taken_for_a_policy() {
    let folder = folder("version: 1\ntests: []\n");
    let output = run(&["check", "."], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}
