//! `portcullis test --record`: tests of what a gate has decided.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use tempfile::TempDir;

use super::logs::whole_log;
use super::{PATIENCE, Server, run, run_with_input, text};
use crate::asker::Asker;
use crate::client;
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::test_app::{Setup, TestApp};
use crate::upstream::Upstream;

const POLICY: &str = r#"version: 1
scopes: {orders.read: Read, orders.write: Write}
routes:
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read]}
  - {name: cancel, methods: [DELETE], path: "/orders/{id}", any_scope: [orders.write]}
  - {name: account, methods: [GET], path: "/users/{id}", access: authenticated, when: token.sub == path.id}
  - {name: page, methods: [GET], path: /page, access: public}
  - {name: trial, methods: [GET], path: /trial, access: authenticated, mode: shadow}
  - {name: internals, methods: ["*"], path: "/internal/{*rest}", access: nobody}
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shop.yaml"), POLICY).unwrap();
    folder
}

/// Records this log; what is said, and the file.
#[track_caller]
fn record(folder: &Path, log: &str) -> (String, String) {
    let arguments = ["test", "shop.test.yaml", "--record", "-"];
    let output = run_with_input(&arguments, folder, log);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let file = fs::read_to_string(folder.join("shop.test.yaml")).unwrap_or_default();
    (said, file)
}

#[track_caller]
fn holds(folder: &Path) {
    let output = run(&["test", "shop.test.yaml"], folder);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

fn json_log() -> String {
    let told = |method: &str, path: &str, status: u16, told: &str| {
        let details = if status < 300 {
            "via_upstream"
        } else {
            "ext_authz_denied"
        };
        format!(
            "{{\"method\":\"{method}\",\"host\":\"shop.example\",\"path\":\"{path}\",\"status\":{status},\
             \"details\":\"{details}\",\"portcullis\":{{{told}}}}}\n"
        )
    };
    [
        told("GET", "/orders/1?key=s3cret", 200, r#""reason":"scopes","route":"read-order","scopes":"orders.read other","subject":"alice""#),
        told("GET", "/orders/2", 200, r#""reason":"scopes","route":"read-order","scopes":"orders.read","subject":"bob""#),
        told("GET", "/orders/3", 401, r#""reason":"no_token","route":"read-order""#),
        told("GET", "/orders/3", 401, r#""reason":"bad_token","route":"read-order""#),
        told("GET", "/users/alice", 200, r#""reason":"authenticated","route":"account","scopes":"","subject":"alice""#),
        told("GET", "/trial", 200, r#""reason":"shadow","would_deny":"no_token","route":"trial""#),
        told("GET", "/page", 200, r#""reason":"public","route":"page""#),
        told("GET", "/page/4ksCb5fbaCDG0XIELgKHnF9a", 401, r#""reason":"no_token""#),
        told("GET", "/nothing", 401, r#""reason":"no_token""#),
        told("GET", "/orders/9", 200, r#""reason":"public","route":"read-order""#),
        "not a log line\n".to_owned(),
    ]
    .concat()
}

#[test]
fn an_access_log_becomes_tests_that_hold() {
    let folder = folder();
    let (said, file) = record(folder.path(), &json_log());
    assert!(!file.contains("s3cret") && !file.contains("bob"), "{file}");
    assert_snapshot!(format!("{said}\n{file}"));
    holds(folder.path());
    // Nothing is added twice.
    let (said, again) = record(folder.path(), &json_log());
    assert!(said.contains("0 tests added to shop.test.yaml"), "{said}");
    assert_eq!(again, file);
}

/// Where a request came from is written only where a condition reads it, and only if the log says it.
#[test]
fn addresses_and_principals_are_those_of_the_log() {
    let folder = folder();
    let by_source = r#"  - {name: inside, methods: [GET], path: /inside, access: public, when: 'request.source.address == "10.0.0.1"'}
  - {name: peers, methods: [GET], path: /peers, access: public, when: 'request.source.principal == "spiffe://shop/web"'}
"#;
    fs::write(
        folder.path().join("shop.yaml"),
        format!("{POLICY}{by_source}"),
    )
    .unwrap();
    let line = |path: &str, route: &str, more: &str| {
        format!(
            "{{\"method\":\"GET\",\"host\":\"shop.example\",\"path\":\"{path}\",\"status\":200,\
             \"details\":\"via_upstream\",\"portcullis\":{{\"reason\":\"public\",\"route\":\"{route}\"}},{more}}}\n"
        )
    };
    let sources =
        r#""downstream_direct_remote_address":"10.0.0.1:4711","peer_uri_san":"spiffe://shop/web""#;
    let log = [
        line("/page", "page", sources),
        line(
            "/inside",
            "inside",
            r#""downstream_remote_address":"10.0.0.1:4711""#,
        ),
        line("/inside", "inside", sources),
        line("/peers", "peers", sources),
    ]
    .concat();
    let (said, file) = record(folder.path(), &log);
    for expected in [
        "/page\", expect: allow, reason: public, route: \"page\"}",
        "/inside\", source_address: \"10.0.0.1\", expect: allow",
        "/peers\", source_principal: \"spiffe://shop/web\", expect: allow",
    ] {
        assert!(file.contains(expected), "{expected}: {file}");
    }
    assert!(
        said.contains("left out: 1 line decided in another way"),
        "{said}"
    );
    assert!(said.contains("3 tests added"), "{said}");
    holds(folder.path());
}

/// What a caller chose of a path is written only where the decision rests on it.
#[test]
fn a_path_is_written_with_examples() {
    let folder = folder();
    let line = |path: &str, more: &str| {
        format!(
            "{{\"decision\":\"deny\",\"status\":401,\"reason\":\"no_token\",\"request.method\":\"GET\",\
             \"request.host\":\"shop.example\",\"request.path\":\"{path}\"{more}}}\n"
        )
    };
    let log = [
        line("/orders/hunter2", r#","route.name":"read-order""#),
        line(
            "/internal/4ksCb5fbaCDG0XIELgKH/x",
            r#","route.name":"internals""#,
        )
        .replace("no_token", "nobody")
        .replace("401", "403"),
        line("/nothing/alice@shop.example", ""),
        line("/orders/1;...", ""),
    ]
    .concat();
    let (said, file) = record(folder.path(), &log);
    for expected in [
        "GET https://shop.example/orders/1\"",
        "GET https://shop.example/internal/1\"",
    ] {
        assert!(file.contains(expected), "{expected}: {file}");
    }
    for secret in ["hunter2", "4ksC", "alice"] {
        assert!(!file.contains(secret), "{file}");
    }
    for expected in [
        "left out: 1 line with a path that the log cuts at a path parameter (`;`)",
        "left out: 1 line with a host or path that may hold a secret",
        "2 tests added",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    holds(folder.path());
}

/// Whoever commits the file does not look for people in it.
#[test]
fn the_address_of_a_caller_is_not_written() {
    let folder = folder();
    let routes = "version: 1\nroutes:\n  - {name: staff, methods: [GET], path: /staff, access: authenticated, \
                  when: 'token.sub.endsWith(\"@shop.example\")'}\n  - {name: own, methods: [GET], path: /own, \
                  access: authenticated, when: 'token.sub != \"\"'}\n";
    fs::write(folder.path().join("shop.yaml"), routes).unwrap();
    let line = |path: &str, subject: &str| {
        format!(
            "{{\"method\":\"GET\",\"host\":\"shop.example\",\"path\":\"/{path}\",\"status\":200,\
             \"details\":\"via_upstream\",\"portcullis\":{{\"reason\":\"authenticated\",\"route\":\"{path}\",\
             \"scopes\":\"\",\"subject\":\"{subject}\"}}}}\n"
        )
    };
    let log = line("staff", "alice@shop.example") + &line("own", "u-1");
    let (said, file) = record(folder.path(), &log);
    let left_out = "left out: 1 line decided by a caller whose e-mail address would be in the test";
    assert!(said.contains(left_out), "{said}");
    assert!(file.contains("/own") && !file.contains('@'), "{file}");
    holds(folder.path());
}

#[test]
fn a_file_is_extended_and_nothing_of_it_is_changed() {
    let folder = folder();
    let path = folder.path().join("shop.test.yaml");
    let written = "# Ours.\nversion: 1\ncallers: {r: {scopes: orders.read}}\ntests:\n    - {request: GET /orders/1, as: r, expect: allow}   # kept";
    fs::write(&path, written).unwrap();
    let (said, file) = record(folder.path(), &json_log());
    assert!(
        file.starts_with(&format!("{written}\n    - {{request: ")),
        "{file}"
    );
    assert!(said.starts_with("5 tests added"), "{said}");
    holds(folder.path());
    for other in [
        "version: 1\ntests: [{request: GET /page, expect: allow}]\n",
        "version: 1\ntests:\n- {request: GET /page, expect: allow}\nnow: 5\n",
    ] {
        fs::write(&path, other).unwrap();
        let output = run_with_input(
            &["test", "shop.test.yaml", "--record", "-"],
            folder.path(),
            &json_log(),
        );
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(fs::read_to_string(&path).unwrap(), other, "{said}");
    }
}

#[test]
fn a_policy_elsewhere_is_named_in_a_new_file() {
    let folder = folder();
    fs::create_dir(folder.path().join("tests")).unwrap();
    let file = "tests/recorded.test.yaml";
    let arguments = ["test", file, "--policy", "shop.yaml", "--record", "-"];
    let output = run_with_input(&arguments, folder.path(), &json_log());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = fs::read_to_string(folder.path().join(file)).unwrap();
    assert!(
        written.contains("policy: [\"../shop.yaml\"]\n"),
        "{written}"
    );
    assert_eq!(run(&["test", file], folder.path()).status.code(), Some(0));
}

#[test]
fn what_cannot_be_recorded_is_said_with_the_fix() {
    let folder = folder();
    for (arguments, expected) in [
        (
            &["shop.yaml", "--record", "-"][..],
            "call it `NAME.test.yaml`",
        ),
        (
            &["a.test.yaml", "b.test.yaml", "--record", "-"],
            "name one file of tests",
        ),
        (
            &["shop.test.yaml", "--record", "none.log"],
            "cannot read the log `none.log`",
        ),
        (
            &["shop.test.yaml", "--record", "-", "--fail-under", "5"],
            "cannot be used with",
        ),
    ] {
        let output = run(&[&["test"], arguments].concat(), folder.path());
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(2));
    }
    assert!(!folder.path().join("shop.test.yaml").exists());
    let long = format!("{{\"method\":\"{}\"}}\n", "x".repeat(100_000));
    let (said, file) = record(folder.path(), &long);
    assert!(said.contains("left out: 1 line too long"), "{said}");
    assert_eq!(file, "");
}

/// Methods and paths are the callers' to choose: they fill neither the file nor the memory.
#[test]
fn a_log_of_a_flood_adds_a_bounded_number_of_tests() {
    let folder = folder();
    let line = |number: usize| {
        format!(
            "{{\"method\":\"M{number}\",\"path\":\"/x\",\"status\":401,\"details\":\"ext_authz_denied\"}}\n"
        )
    };
    let log: String = (0..1200).map(line).collect();
    let (said, _) = record(folder.path(), &log);
    assert!(said.starts_with("1000 tests added"), "{said}");
    assert!(
        said.contains("left out: 200 lines about more kinds"),
        "{said}"
    );
    holds(folder.path());
}

/// Real lines of a real gate.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_gate_becomes_tests_that_hold() {
    let mut server = Server::start(&Setup {
        extra: "log: {allowed: true}".to_owned(),
        ..Setup::default()
    });
    let asker = Asker::connect(&server.authz_url()).await;
    let good = server.issuer.token("alice", "orders.read");
    let poor = server.issuer.token("alice", "other");
    for (path, token) in [
        ("/orders/1", Some(&good)),
        ("/orders/2?a=b", Some(&good)),
        ("/orders/1", Some(&poor)),
        ("/orders/1", None),
        ("/account", Some(&poor)),
        ("/products/1", None),
        ("/internal/a", Some(&good)),
        ("/nothing", Some(&good)),
        ("/orders/%2e%2e", None),
    ] {
        asker.ask(path, token.map(String::as_str)).await;
    }
    let log = whole_log(&mut server);
    let folder = server.folder.path();
    let arguments = ["test", "shop.test.yaml", "--config", "portcullis.yaml"];
    let output = run_with_input(&[&arguments[..], &["--record", "-"]].concat(), folder, &log);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.starts_with("8 tests added"), "{said}");
    let output = run(&arguments, folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let file = fs::read_to_string(folder.join("shop.test.yaml")).unwrap();
    assert_snapshot!(file);
}

/// Real lines of a real Envoy, in its default format.
#[tokio::test(flavor = "multi_thread")]
async fn the_default_log_of_envoy_becomes_tests_that_hold() {
    let upstream = Upstream::start().await;
    let gate = TestApp::start();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let door = Door::new("door", gate.app.authz_address(), HeaderEncoding::Raw).managed(
        serde_json::json!({"access_log": [{"name": "file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": log,
        }}]}),
    );
    let envoy = Envoy::start(NEWEST, &[door], upstream.address).await;
    let address = envoy.address("door");
    let token = gate.issuer.token("alice", "orders.read");
    let token = format!("authorization: Bearer {token}");
    for (path, headers) in [
        ("/products/1?secret=5", &[][..]),
        ("/orders/1", &[]),
        ("/orders/2", &[token.as_str()]),
        ("/internal/x", &[token.as_str()]),
    ] {
        client::get(address, path, headers).await;
    }
    let written = || fs::read_to_string(&log).unwrap_or_default();
    let all = async {
        while written().lines().count() < 4 {
            tokio::task::yield_now().await;
        }
    };
    let ended = tokio::time::timeout(PATIENCE, all).await;
    assert!(ended.is_ok(), "Envoy wrote no more than:\n{}", written());
    fs::copy(
        gate.folder.path().join("policy.yaml"),
        folder.path().join("shop.yaml"),
    )
    .unwrap();
    let output = run(
        &["test", "shop.test.yaml", "--record", "access.log"],
        folder.path(),
    );
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.starts_with("4 tests added"), "{said}\n{}", written());
    holds(folder.path());
    let file = fs::read_to_string(folder.path().join("shop.test.yaml")).unwrap();
    assert!(!file.contains("secret"), "{file}");
    for part in [
        "scopes: \"orders.read\", expect: allow",
        "expect: 401, reason: no_token",
        "expect: 403, reason: nobody",
    ] {
        assert!(file.contains(part), "{file}");
    }
}
