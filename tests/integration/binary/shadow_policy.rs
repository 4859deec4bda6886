//! A second policy in shadow, as its operator meets it: the warning, the lines, `check` and `explain`.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::logs::{decisions, whole_log};
use super::{Server, run, run_with_input, text};
use crate::asker::Asker;
use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;

const STRICTER: &str = r#"version: 1
scopes: {catalogue.read: Read products, orders.read: Read orders}
routes:
  - {name: browse, methods: [GET], path: "/products/{id}", scopes: [catalogue.read],
     when: 'request.headers["x-region"] == "eu"'}
  - {name: read-order, methods: [GET], path: "/orders/{order_id}", scopes: [orders.read]}
  - {name: open, methods: ["*"], path: "/internal/{*rest}", access: public}
"#;

fn folder(tried: &str, log: &str) -> (TempDir, TestIssuer) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    let setup = Setup {
        extra: format!("shadow_policy: [stricter.yaml]\nlog: {{{log}}}"),
        ..Setup::default()
    };
    write_files(folder.path(), &setup, &issuer);
    fs::write(folder.path().join("stricter.yaml"), tried).unwrap();
    (folder, issuer)
}

fn server(log: &str) -> Server {
    let (folder, issuer) = folder(STRICTER, log);
    let server = Server::spawn_in(folder, issuer, |_| {});
    server.serves();
    server
}

/// The lines about differences.
fn differences(log: &str) -> Vec<Value> {
    let all = decisions(log).into_iter();
    all.filter(|line| line["difference"].is_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_a_line_with_both_answers_and_a_start_warns() {
    let mut server = server("format: json");
    let warning = server.logs("a second policy is tried in shadow");
    assert_eq!(warning["level"], "WARN");
    assert_eq!(warning["shadow.policy.routes"], 3);
    let asker = Asker::connect(&server.authz_url()).await;
    let token = server.issuer.token("alice", "catalogue.read");
    for (path, token, status) in [
        ("/products/1?secret=1", None, 200),
        ("/products/2", Some(&token), 200),
        ("/internal/1", None, 403),
        ("/orders/1", None, 401),
    ] {
        let verdict = asker.ask(path, token.map(String::as_str)).await;
        assert_eq!(verdict.status, status, "{path}");
    }
    let log = whole_log(&mut server);
    let lines = differences(&log);
    let digest = warning["shadow.policy.digest"].as_str().unwrap();
    let expected = [
        json!({"difference": "more_closed", "decision": "allow", "reason": "public",
               "route.name": "browse", "shadow.decision": "deny", "shadow.reason": "no_token",
               "shadow.route.name": "browse", "request.method": "GET",
               "request.host": "shop.example", "request.path": "/products/1", "subject": null,
               "shadow.condition": null, "shadow.policy.digest": &digest[..12]}),
        json!({"difference": "more_closed", "decision": "allow", "shadow.reason": "condition_failed",
               "shadow.detail": "missing", "shadow.condition": "request.headers[\"x-region\"] == \"eu\"",
               "shadow.condition.part": "request.headers[\"x-region\"]",
               "issuer.name": "id.shop.example", "request.path": "/products/2"}),
        json!({"difference": "more_open", "decision": "deny", "reason": "nobody",
               "route.name": "internals", "shadow.decision": "allow", "shadow.reason": "public",
               "shadow.route.name": "open"}),
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, expected) in lines.iter().zip(&expected) {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&line[name], value, "{name} of {line}");
        }
        assert_ne!(line["policy.digest"], line["shadow.policy.digest"]);
    }
    // The line has the id of the answer that the caller got.
    let refused = decisions(&log)
        .into_iter()
        .find(|line| line["difference"].is_null() && line["route.name"] == "internals");
    assert_eq!(refused.unwrap()["decision.id"], lines[2]["decision.id"]);
    assert!(!log.contains("secret=1"), "{log}");
}

#[test]
fn that_a_shadow_policy_can_be_loaded_again_is_told_once() {
    let server = server("");
    let file = server.folder.path().join("stricter.yaml");
    fs::write(&file, "version: 1\nroutes: [{name: a, acess: public}]\n").unwrap();
    server.logs("the shadow policy cannot be loaded");
    // The one that is tried still, so that nothing else is told of it.
    fs::write(&file, STRICTER).unwrap();
    let line = server.logs("the shadow policy can be loaded again");
    assert_eq!(line["level"], "INFO", "{line}");
    assert!(line["shadow.policy.digest"].is_string(), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_flood_of_differences_some_are_logged_and_all_are_counted() {
    const FLOOD: u64 = 300;
    let mut server = server("format: json, refusals_per_second: 2");
    let asker = Asker::connect(&server.authz_url()).await;
    for _ in 0..FLOOD {
        assert_eq!(asker.ask("/products/1", None).await.status, 200);
    }
    // Another difference is not drowned.
    assert_eq!(asker.ask("/internal/1", None).await.status, 403);
    let metrics = crate::client::get(server.admin_address(), "/metrics", &[]).await;
    let count = format!(
        "portcullis_shadow_policy_checks_total{{route=\"browse\",difference=\"more_closed\"}} {FLOOD}\n"
    );
    assert!(metrics.body.contains(&count), "{}", metrics.body);
    let log = whole_log(&mut server);
    let of = |difference: &str| {
        let lines = differences(&log).into_iter();
        let lines = lines.filter(|line| line["difference"] == difference);
        let (mut own, mut withheld) = (0, 0);
        for line in lines {
            own += u64::from(line["decision"].is_string());
            withheld += line["withheld"].as_u64().unwrap_or(0);
        }
        (own, withheld)
    };
    let (own, withheld) = of("more_closed");
    assert!(own < FLOOD / 2, "{own} lines");
    assert_eq!(own + withheld, FLOOD, "{log}");
    assert_eq!(of("more_open"), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_of_differences_are_logged_as_configured() {
    for (path, expected) in [("route", json!("/products/{id}")), ("none", Value::Null)] {
        let mut server = server(&format!("format: json, path: {path}"));
        let asker = Asker::connect(&server.authz_url()).await;
        assert_eq!(asker.ask("/products/alice", None).await.status, 200);
        let log = whole_log(&mut server);
        assert_eq!(differences(&log)[0]["request.path"], expected);
        assert!(!log.contains("alice"), "{log}");
    }
}

fn checked(folder: &Path, arguments: &[&str], code: i32) -> String {
    let fixed = ["check", "--config", "portcullis.yaml"];
    let output = run(&[&fixed, arguments].concat(), folder);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[test]
fn check_tells_what_is_wrong_with_either_policy_and_with_files() {
    let (folder, _) = folder(STRICTER, "");
    let said = checked(folder.path(), &[], 0);
    assert!(said.contains("ok: 6 routes, digest "), "{said}");
    assert!(said.contains("\nin shadow: 3 routes, digest "), "{said}");
    let report: Value =
        serde_json::from_str(&checked(folder.path(), &["--format", "json"], 0)).unwrap();
    assert_eq!(report["shadow_policy"]["routes"], 3);

    let misspelt = STRICTER.replace("access: public", "access: pubic");
    fs::write(folder.path().join("stricter.yaml"), misspelt).unwrap();
    fs::write(folder.path().join("policy.yaml"), "version: 1\nrouts: []\n").unwrap();
    fs::remove_file(folder.path().join("jwks.json")).unwrap();
    let said = checked(folder.path(), &[], 1);
    for words in ["stricter.yaml:7:", "policy.yaml:2:", "jwks.json"] {
        assert!(said.contains(words), "no {words} in {said}");
    }
    fs::remove_file(folder.path().join("stricter.yaml")).unwrap();
    let said = checked(folder.path(), &[], 1);
    for words in [
        "`shadow_policy`: cannot read",
        "policy.yaml:2:",
        "jwks.json",
    ] {
        assert!(said.contains(words), "no {words} in {said}");
    }
    let config = fs::read_to_string(folder.path().join("portcullis.yaml")).unwrap();
    let empty = config.replace("[stricter.yaml]", "[]");
    fs::write(folder.path().join("portcullis.yaml"), empty).unwrap();
    let said = checked(folder.path(), &[], 1);
    assert!(said.contains("`shadow_policy` names no file"), "{said}");
}

#[test]
fn explain_shows_both_answers() {
    let (folder, _) = folder(STRICTER, "");
    let explained = |arguments: &[&str], code: i32| {
        let fixed = ["explain", "--config", "portcullis.yaml"];
        let output = run(&[&fixed, arguments].concat(), folder.path());
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    };
    assert_snapshot!(explained(
        &[
            "GET",
            "https://shop.example/products/1",
            "--scopes",
            "other"
        ],
        0
    ));
    for (arguments, code, change) in [
        (
            &["GET", "/products/1"][..],
            0,
            "the request would be refused (more_closed)",
        ),
        (
            &["GET", "/internal/1"],
            1,
            "the request would pass (more_open)",
        ),
        (&["GET", "/orders/1"], 1, "nothing (none)"),
        (
            &["GET", "/account", "--scopes", ""],
            0,
            "the request would be refused (more_closed)",
        ),
        (
            &["GET", "//orders/1"],
            1,
            "is not asked about what the policy in force calls malformed",
        ),
    ] {
        let said = explained(arguments, code);
        assert!(said.contains(change), "{arguments:?}: {said}");
    }
    let report: Value =
        serde_json::from_str(&explained(&["GET", "/internal/1", "--format", "json"], 1)).unwrap();
    let shadow = &report["shadow_policy"];
    assert_eq!(shadow["difference"], "more_open");
    assert_eq!(shadow["answer"]["decision"], "allow");
    assert_ne!(shadow["policy_digest"], report["policy_digest"]);
    // Another policy is not that of the configuration.
    let said = explained(&["GET", "/products/1", "--policy", "policy.yaml"], 0);
    assert!(!said.contains("shadow policy"), "{said}");
    // What is wrong with it does not keep anybody from an explanation.
    fs::write(folder.path().join("stricter.yaml"), "version: 2\n").unwrap();
    let said = explained(&["GET", "/products/1"], 0);
    assert!(
        said.contains("the shadow policy cannot be loaded"),
        "{said}"
    );
}

const BY_CLAIMS: &str = r#"version: 1
claims: {role: string, level: int}
scopes: {orders.read: Read orders}
routes:
  - {name: opened, methods: [GET], path: "/opened/{id}", scopes: [orders.read],
     when: 'has(token.role) && token.role == "admin"'}
  - {name: other, methods: [GET], path: /other, scopes: [orders.read],
     when: 'has(token.role) && token.role == "admin"'}
"#;
const BY_CLAIMS_TRIED: &str = r#"version: 1
claims: {role: string, level: int}
scopes: {orders.read: Read orders, orders.write: Write orders}
routes:
  - {name: opened, methods: [GET], path: "/opened/{id}", access: authenticated}
  - {name: other, methods: [GET], path: /other, scopes: [orders.write],
     when: 'has(token.level) && token.level > 3'}
"#;

/// No line has the claims of a token, and a line is never contradicted for want of them.
/// The shadow policy gets the token that the policy in force refused, and not a request without one.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_refused_by_the_shadow_policy_too() {
    let mut server = server("format: json");
    let asker = Asker::connect(&server.authz_url()).await;
    assert_eq!(asker.ask("/orders/1", Some("a.b.c")).await.status, 401);
    let log = whole_log(&mut server);
    let line = decisions(&log).remove(0);
    assert_eq!(line["difference"], Value::Null, "{log}");
    let explained = |line: &Value| {
        let arguments = ["explain", "--log-line", "--config", "portcullis.yaml"];
        let output = run_with_input(&arguments, server.folder.path(), &line.to_string());
        text(&output.stdout)
    };
    let said = explained(&line);
    let (_, shadow) = said.split_once("\nshadow policy").unwrap();
    assert!(shadow.contains("(bad_token, "), "{said}");
    assert!(shadow.contains("nothing (none)"), "{said}");
    // Another route may have taken it.
    let mut line = line;
    line["detail"] = "other_issuer".into();
    let said = explained(&line);
    let (_, shadow) = said.split_once("\nshadow policy").unwrap();
    assert!(shadow.contains("cannot tell: see the note"), "{said}");
    assert!(shadow.contains("not known (cannot_tell)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_about_a_condition_is_not_explained_without_its_claims() {
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    let setup = Setup {
        policy: Some(BY_CLAIMS.to_owned()),
        extra: "shadow_policy: [tried.yaml]\nlog: {format: json}".to_owned(),
        ..Setup::default()
    };
    write_files(folder.path(), &setup, &issuer);
    fs::write(folder.path().join("tried.yaml"), BY_CLAIMS_TRIED).unwrap();
    let mut server = Server::spawn_in(folder, issuer, |_| {});
    server.serves();
    let asker = Asker::connect(&server.authz_url()).await;
    let token = server.issuer.token("alice", "orders.read");
    for path in ["/opened/1", "/other"] {
        assert_eq!(asker.ask(path, Some(&token)).await.status, 403, "{path}");
    }
    let log = whole_log(&mut server);
    let lines = decisions(&log);
    let found: Vec<Value> = differences(&log)
        .iter()
        .map(|line| line["difference"].clone())
        .collect();
    assert_eq!(found, ["more_open", "refusal"], "{log}");
    assert_eq!(lines.len(), 4, "{log}");
    let explain = |line: &Value, more: &[&str]| {
        let fixed = ["explain", "--config", "portcullis.yaml", "--log-line"];
        let arguments = [&fixed, more].concat();
        let output = run_with_input(&arguments, server.folder.path(), &line.to_string());
        let said = text(&output.stdout);
        assert_eq!(text(&output.stderr), "", "{said}");
        (output.status.code(), said)
    };
    for line in &lines {
        assert_eq!(line["reason"], "condition_not_met", "{line}");
        let (code, said) = explain(line, &[]);
        assert_eq!(code, Some(2), "{said}");
        for expected in [
            "(condition_not_met)",
            "cannot tell: see the note",
            "reads claims of the token, which no log has",
            "not known (cannot_tell)",
        ] {
            assert!(said.contains(expected), "{expected}: {said}");
        }
        assert!(!said.contains("no_token"), "{said}");
        assert!(!said.contains("alike"), "{said}");
        let logged = line["difference"].as_str();
        let told = said.contains("difference then: ");
        assert_eq!(told, logged.is_some(), "{said}");
        if let Some(difference) = logged {
            let expected = format!(
                "difference then: {difference}, the shadow policy said {}, because {}",
                line["shadow.decision"].as_str().unwrap(),
                line["shadow.reason"].as_str().unwrap(),
            );
            assert!(said.contains(&expected), "{expected}: {said}");
        }
    }
    // With the claims one goes on from there.
    let opened = &lines[0];
    let claims = r#"{"sub": "alice", "scope": "orders.read", "role": "clerk"}"#;
    let (code, said) = explain(opened, &["--claims", claims]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("this policy decides the same"), "{said}");
    assert!(
        said.contains("the request would pass (more_open)"),
        "{said}"
    );
    let admin = claims.replace("clerk", "admin");
    let (code, said) = explain(opened, &["--claims", &admin]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("this policy decides differently"), "{said}");
    let (code, said) = explain(opened, &["--token", &token]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("this policy decides the same"), "{said}");
}
