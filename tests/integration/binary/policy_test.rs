//! `portcullis test`: what it says of tests that hold, that fail, and that cannot be read.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;
use tempfile::TempDir;

use super::{portcullis, run, text};
use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;

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
    // Programs read standard output.
    let arguments = ["test", ".", "--fail-under", "21", "--format", "json"];
    let output = run(&arguments, folder.path());
    assert_eq!(output.status.code(), Some(1));
    serde_json::from_slice::<Value>(&output.stdout).unwrap();
    assert!(text(&output.stderr).contains("fewer than the 21 %"));
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

/// A misspelt scope is refused like any that does not suffice, so that a test holds for a wrong reason.
#[test]
fn what_is_misspelt_in_a_test_gets_a_suggestion() {
    let folder = folder(
        r"version: 1
callers: {reader: {scopes: orders.raed}}
tests:
  - {request: GET /orders/1, as: reader, expect: deny}
  - {request: GET /orders/1, scopes: other order.read, expect: deny}
",
    );
    let said = check(folder.path(), &["shop.test.yaml"], 0);
    for expected in [
        "shop.test.yaml:2: the policy does not list the scope `orders.raed`: did you mean `orders.read`?",
        "shop.test.yaml:5: the policy does not list the scope `order.read`: did you mean `orders.read`?",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(!said.contains("`other`"), "{said}");
    let folder =
        self::folder("version: 1\ntests: [{request: GET /page, expect: allow, reason: pubic}]\n");
    let said = check(folder.path(), &["shop.test.yaml"], 2);
    assert!(said.contains("unknown reason `pubic`"), "{said}");
    assert!(said.contains("did you mean `public`?"), "{said}");
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

#[test]
fn a_file_without_tests_does_not_hold() {
    let folder = folder("version: 1\ntests: []\n");
    let said = check(folder.path(), &["shop.test.yaml"], 2);
    assert!(said.contains("the file has no tests"), "{said}");
}

/// Also where a configuration is named.
#[test]
fn the_policy_that_a_file_names_is_the_one_that_is_tested() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &Setup::default(), &TestIssuer::new("key-1"));
    std::fs::write(folder.path().join("shop.yaml"), POLICY).unwrap();
    let tests = "version: 1\npolicy: [shop.yaml]\ntests: [{request: GET /page, expect: allow}]\n";
    std::fs::write(folder.path().join("own.test.yaml"), tests).unwrap();
    let arguments = ["own.test.yaml", "--config", "portcullis.yaml"];
    let said = check(folder.path(), &arguments, 0);
    assert!(said.contains("1 of 5 requirements covered"), "{said}");
}

#[test]
fn a_pipe_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("policy.yaml"))
        .status()
        .unwrap();
    assert!(made.success());
    let output = run(&["check", "policy.yaml"], folder.path());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`policy.yaml` is not a file"), "{said}");
}

/// As `portcullis test | head -1` does.
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = folder("version: 1\ntests: [{request: GET /page, expect: deny}]\n");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = ["test", "shop.test.yaml"];
    let child = portcullis(&arguments, folder.path())
        .stdout(writer)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(1));
}

/// A test may mean it, so that it is told only where it fails.
#[test]
fn a_method_in_lower_case_is_told_of_tests_that_fail() {
    let folder = folder(
        "version: 1\ntests:\n  - {request: get /page, expect: allow}\n  - {request: get /page, expect: deny}\n",
    );
    let said = check(folder.path(), &["shop.test.yaml"], 1);
    let hint = "methods are upper case: did you mean `GET`?";
    assert_eq!(said.matches(hint).count(), 1, "{said}");
}
