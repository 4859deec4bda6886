//! `portcullis explain`: from a request, from a line of the log, from the id in an answer.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::logs::{decisions, whole_log};
use super::{Server, portcullis, run, run_with_input, text};
use crate::asker::Asker;
use crate::client;
use crate::test_app::{Setup, write_files};
use crate::test_issuer::{TestIssuer, claims};

const POLICY: &str = r#"version: 1
closed_hosts: [admin.shop.example]
paths: {merge_slashes: true}
scopes: {orders.read: Read, orders.write: Write, reports.read: Reports}
routes:
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read, orders.write]}
  - {name: cancel-order, methods: [POST], path: "/orders/{id}:cancel", access: authenticated}
  - {name: below-orders, methods: ["*"], path: "/orders/{*rest}", access: nobody}
  - {name: reports, methods: [GET], path: /reports, any_scope: [reports.read, orders.write]}
  - {name: shop-reports, hosts: ["*.shop.example"], methods: [POST], path: /reports, access: authenticated}
  - {name: panel, hosts: [admin.shop.example], methods: [GET], path: "/{*rest}", access: authenticated}
"#;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
    folder
}

/// What the verb says about a request under [`POLICY`], without a configuration.
fn explained(arguments: &[&str], code: i32) -> String {
    let folder = folder();
    let fixed = ["explain", "--policy", "policy.yaml", "--now", "1767225600"];
    let all = [&fixed, arguments].concat();
    let output = run(&all, folder.path());
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    text(&output.stdout)
}

#[test]
fn a_request_with_scopes_that_do_not_suffice() {
    assert_snapshot!(explained(
        &[
            "GET",
            "https://Shop.example:443/orders/1?a=b",
            "--scopes",
            "orders.read other",
        ],
        1
    ));
}

#[test]
fn a_request_without_a_token_and_one_of_two_scopes() {
    assert_snapshot!(explained(&["GET", "https://a.shop.example/reports"], 1));
}

#[test]
fn a_request_that_is_allowed() {
    let claims = r#"{"sub": "alice", "client_id": "web", "scope": "reports.read"}"#;
    assert_snapshot!(explained(&["GET", "/reports", "--claims", claims], 0));
}

#[test]
fn a_method_that_no_route_has() {
    assert_snapshot!(explained(
        &[
            "PUT",
            "https://shop.example/orders/7:cancel",
            "--scopes",
            ""
        ],
        1
    ));
}

#[test]
fn a_path_that_no_route_has() {
    assert_snapshot!(explained(
        &["GET", "/order/1", "-H", "host: admin.shop.examples"],
        1
    ));
}

#[test]
fn a_host_that_is_closed() {
    assert_snapshot!(explained(
        &[
            "GET",
            "https://admin.shop.example/orders/1",
            "--claims",
            "{}"
        ],
        0
    ));
}

#[test]
fn a_path_that_can_be_read_in_several_ways() {
    assert_snapshot!(explained(&["GET", "/orders//1", "--claims", "{}"], 1));
}

#[test]
fn a_path_that_is_malformed() {
    assert_snapshot!(explained(&["GET", "/orders/%2e%2e/reports"], 1));
}

#[test]
fn a_path_with_a_parameter_is_explained_with_the_setting() {
    let said = explained(&["GET", "/orders/1;v=1"], 1);
    assert!(
        said.contains("malformed the path has a parameter after `;`\n"),
        "{said}"
    );
    let setting = "setting   `paths.path_parameters` of the policy lets it in\n";
    assert!(said.contains(setting), "{said}");
}

#[test]
fn a_token_of_another_scheme() {
    assert_snapshot!(explained(
        &[
            "GET",
            "/reports",
            "-H",
            "Authorization: Basic YTpi",
            "-H",
            "accept: text/html"
        ],
        1
    ));
}

#[test]
fn the_same_for_programs() {
    let json = explained(
        &[
            "GET",
            "/reports",
            "--scopes",
            "orders.read",
            "--format",
            "json",
        ],
        1,
    );
    let facts: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(facts["answer"]["reason"], "scopes_missing");
    assert_eq!(facts["answer"]["status"], 403);
    assert_eq!(
        facts["token"]["missing_any_of"],
        json!(["orders.write", "reports.read"])
    );
    assert_eq!(
        facts["routing"]["readings"][0]["matches"][0]["route"]["name"],
        "reports"
    );
}

/// The folder of a configuration whose issuer signs real tokens.
fn configured() -> (TempDir, TestIssuer) {
    let folder = tempfile::tempdir().unwrap();
    let issuer = TestIssuer::new("key-1");
    write_files(folder.path(), &Setup::default(), &issuer);
    (folder, issuer)
}

fn explain(folder: &TempDir, arguments: &[&str], input: &str) -> Output {
    let fixed = ["explain", "--config", "portcullis.yaml"];
    run_with_input(&[&fixed, arguments].concat(), folder.path(), input)
}

#[test]
fn a_token_is_verified_with_the_keys_of_the_configuration() {
    let (folder, issuer) = configured();
    let good = issuer.token("alice", "orders.read");
    let mut other = claims("alice", "orders.read");
    other["aud"] = "billing".into();
    let other = issuer.sign(&other);
    let stranger = TestIssuer::new("key-9").token("alice", "orders.read");
    for (token, code, expected) in [
        (&good, 0, "allowed by the route `read-order`"),
        (&other, 1, "aud       billing"),
        (&stranger, 1, "kid       key-9"),
    ] {
        let arguments = ["GET", "/orders/1", "--token", "-"];
        let output = explain(&folder, &arguments, &format!("Bearer {token}\n"));
        let said = text(&output.stdout);
        assert!(said.contains(expected), "{said}{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(!said.contains(token.as_str()), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_the_log_is_explained_and_a_changed_policy_noticed() {
    let mut server = Server::start(&Setup::default());
    let asker = Asker::connect(&server.authz_url()).await;
    let poor = server.issuer.token("alice", "other");
    assert_eq!(asker.ask("/orders/1?a=b", Some(&poor)).await.status, 403);
    let log = whole_log(&mut server);
    let [line] = &decisions(&log)[..] else {
        panic!("{log}")
    };
    let explain = || explain(&server.folder, &["--log-line"], &line.to_string());
    let said = text(&explain().stdout);
    for expected in [
        "decided then, by this policy: deny by the route `read-order` (scopes_missing)",
        "this policy decides the same",
        "missing   orders.read",
        "GET shop.example/orders/1\n",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let path = server.folder.path().join("policy.yaml");
    let policy = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        policy.replace("scopes: [orders.read]", "access: authenticated"),
    )
    .unwrap();
    let said = text(&explain().stdout);
    assert!(said.contains("by another policy"), "{said}");
    assert!(said.contains("this policy decides differently"), "{said}");
    assert!(said.contains("allowed by the route `read-order`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_an_answer_is_enough_for_a_running_gate() {
    let server = Server::start(&Setup {
        extra: "log: {levels: {decision: none}}".to_owned(),
        ..Setup::default()
    });
    let asker = Asker::connect(&server.authz_url()).await;
    let token = server.issuer.token("alice", "orders.read");
    let refused = asker.ask("/internal/a?secret=1", Some(&token)).await;
    let body: Value = serde_json::from_str(&refused.body).unwrap();
    let id = body["decision_id"].as_str().unwrap();
    let admin = server.admin_address();
    let address = admin.to_string();
    let output = |id: &str| {
        let arguments = [
            "explain",
            "--policy",
            "policy.yaml",
            "--decision",
            id,
            "--address",
            &address,
        ];
        portcullis(&arguments, server.folder.path())
            .output()
            .unwrap()
    };
    let said = text(&output(id).stdout);
    for expected in [
        "deny by the route `internals` (nobody)",
        "decides the same",
        "GET shop.example/internal/a\n",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let unknown = output("0123456789abcdef");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("does not know the decision"));
    let shown = client::get(admin, &format!("/decisions/{id}"), &[]).await;
    assert_eq!(shown.status, 200);
    assert!(!shown.body.contains("secret"), "{}", shown.body);
    assert!(!shown.body.contains(&token[..20]), "{}", shown.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_remembers_no_more_of_a_path_than_it_logs() {
    for (path, expected) in [
        ("none", Value::Null),
        ("route", json!("/internal/{*rest}")),
        ("full", json!("/internal/secret")),
    ] {
        let server = Server::start(&Setup {
            extra: format!("log: {{path: {path}}}"),
            ..Setup::default()
        });
        let asker = Asker::connect(&server.authz_url()).await;
        let refused = asker.ask("/internal/secret", None).await;
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        let id = body["decision_id"].as_str().unwrap();
        let shown = client::get(server.admin_address(), &format!("/decisions/{id}"), &[]).await;
        let line: Value = serde_json::from_str(&shown.body).unwrap();
        assert_eq!(line["request.path"], expected, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_about_shadow_mode_is_compared_with_what_it_would_deny() {
    let policy = POLICY.replace("version: 1\n", "version: 1\nmode: shadow\n");
    let mut server = Server::start(&Setup {
        policy: Some(policy),
        ..Setup::default()
    });
    let asker = Asker::connect(&server.authz_url()).await;
    for (path, token) in [
        ("/orders/1", None),
        ("/nothing", None),
        ("/orders/1", Some("a.b.c")),
    ] {
        assert_eq!(asker.ask(path, token).await.status, 200);
    }
    let log = whole_log(&mut server);
    let lines = decisions(&log);
    let expected = [
        "decides the same",
        "decides the same",
        "cannot tell whether",
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, expected) in lines.iter().zip(expected) {
        let said = text(&explain(&server.folder, &["--log-line"], &line.to_string()).stdout);
        let said = said.lines().nth(1).unwrap_or_default().to_owned();
        assert!(said.contains(expected), "{line}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_explained_is_what_the_gate_answers() {
    let server = Server::start(&Setup::default());
    let asker = Asker::connect(&server.authz_url()).await;
    let good = server.issuer.token("alice", "orders.read");
    let poor = server.issuer.token("alice", "other");
    let forged = TestIssuer::new("key-1").token("alice", "orders.read");
    for (path, token) in [
        ("/orders/1", Some(&good)),
        ("/orders/1", Some(&poor)),
        ("/orders/1", Some(&forged)),
        ("/orders/1", None),
        ("/products/1", Some(&good)),
        ("/products/1", Some(&forged)),
        ("/internal/a", Some(&good)),
        ("/nothing", Some(&good)),
        ("/nothing", None),
        ("/orders/%2e%2e", Some(&good)),
        ("/account?a=b", Some(&poor)),
    ] {
        let answered = asker.ask(path, token.map(String::as_str)).await;
        let url = format!("https://shop.example{path}");
        let mut arguments = vec!["GET", url.as_str(), "--format", "json"];
        arguments.extend(token.iter().flat_map(|_| ["--token", "-"]));
        let input = token.map_or("", |token| token);
        let output = explain(&server.folder, &arguments, input);
        let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
        let answer = &facts["answer"];
        assert_eq!(answer["status"], answered.status, "{path} {facts}");
        assert_eq!(answer["grpc_code"], answered.code, "{path} {facts}");
        if let Ok(body) = serde_json::from_str::<Value>(&answered.body) {
            let id = body["decision_id"].as_str().unwrap();
            let body = answered.body.replace(id, "<decision id>");
            assert_eq!(answer["body"], body.as_str(), "{path}");
        }
        let challenge = answered.header("www-authenticate");
        let headers = answer["headers"].as_array();
        let explained = headers.and_then(|headers| {
            let mut headers = headers.iter();
            let found = headers.find(|header| header[0] == "www-authenticate")?;
            found[1].as_str()
        });
        assert_eq!(explained, challenge, "{path}");
        for header in answer["upstream_headers"].as_array().into_iter().flatten() {
            let name = header["name"].as_str().unwrap();
            assert_eq!(
                header["value"].as_str(),
                answered.header(name),
                "{path} {name}"
            );
        }
    }
}

/// What answers there may be anything, and the terminal that shows it must not obey it.
#[test]
fn what_a_stranger_answers_is_shown_escaped() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stranger = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]).unwrap();
        stream
            .write_all(b"HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\nno \x1b[31mred")
            .unwrap();
    });
    let folder = folder();
    let arguments = [
        "explain",
        "--policy",
        "policy.yaml",
        "--decision",
        "0123456789abcdef",
        "--address",
        &address,
    ];
    let output = run(&arguments, folder.path());
    stranger.join().unwrap();
    let said = text(&output.stderr);
    assert!(said.ends_with("says: no \\u{1b}[31mred\n"), "{said}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn times_and_addresses_are_refused_with_the_fix() {
    let folder = folder();
    for (arguments, expected) in [
        (
            &["GET", "/a", "--now", "noon"][..],
            "write seconds in digits alone",
        ),
        (
            &["--decision", "0123456789abcdef", "--address", "localhost"],
            "write an IP address and a port",
        ),
    ] {
        let fixed = ["explain", "--policy", "policy.yaml"];
        let output = run(&[&fixed, arguments].concat(), folder.path());
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{said}");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn a_misspelt_scope_gets_a_suggestion() {
    let said = explained(&["GET", "/orders/1", "--scopes", "orders.raed other"], 1);
    let note =
        "note: the policy does not list the scope `orders.raed`: did you mean `orders.read`?";
    assert!(said.contains(note), "{said}");
    assert!(!said.contains("scope `other`"), "{said}");
}

#[test]
fn what_cannot_be_explained_is_told_with_the_way_to_fix_it() {
    let (folder, _) = configured();
    for (arguments, input, expected) in [
        (&["GET", "orders/1"][..], "", "neither a URL nor a path"),
        (&["GET", "/a", "--claims", "{"], "", "not a JSON object"),
        (
            &["GET", "/a", "--claims", "none.json"],
            "",
            "cannot read the claims",
        ),
        (
            &["GET", "/a", "--scopes", "a", "--issuer", "id.shop.exampel"],
            "",
            "did you mean `id.shop.example`?",
        ),
        (&["--decision", "12"], "", "16 hex digits"),
        (&["--log-line"], "hello", "not a log line in JSON"),
        (&["GET", "/a", "-H", "nothing"], "", "is not a header"),
    ] {
        let output = explain(&folder, arguments, input);
        let said = text(&output.stderr);
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{said}");
    }
}

#[test]
fn a_condition_that_does_not_hold_is_shown_with_its_part() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"version: 1
routes:
  - name: account
    methods: [GET]
    path: /users/{user_id}
    access: authenticated
    when: [token.sub == path.user_id, 'request.headers["x-region"] == "eu"']
"#;
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    for (path, header, code, expected) in [
        (
            "/users/alice",
            "x-region: eu",
            0,
            "when      token.sub == path.user_id\n",
        ),
        (
            "/users/bob",
            "x-region: eu",
            1,
            "unmet     token.sub == path.user_id is false\n",
        ),
        (
            "/users/alice",
            "x-region: us",
            1,
            "unmet     request.headers[\"x-region\"] == \"eu\" is false\n",
        ),
        (
            "/users/alice",
            "x-other: us",
            1,
            "`request.headers[\"x-region\"]`: it is not there\n",
        ),
    ] {
        let claims = r#"{"sub": "alice"}"#;
        let arguments = [
            "explain",
            "--policy",
            "policy.yaml",
            "--now",
            "1767225600",
            "GET",
            path,
            "--claims",
            claims,
            "-H",
            header,
        ];
        let output = run(&arguments, folder.path());
        let told = text(&output.stdout);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{told}{}",
            text(&output.stderr)
        );
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn a_token_that_does_not_count_for_every_reading_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"version: 1
scopes: {deploy: Deploy}
issuers: [one]
routes:
  - {name: site, methods: [GET, POST], path: "/{*rest}", access: public}
  - {name: hook, methods: [POST], path: "/deployments", scopes: [deploy], issuers: [two]}
"#;
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let explained = |path: &str| {
        let claims = r#"{"sub": "mallory", "scope": "deploy"}"#;
        let fixed = ["explain", "--policy", "policy.yaml", "--format", "json"];
        let caller = ["POST", path, "--claims", claims, "--issuer", "two"];
        let output = run(&[&fixed[..], &caller].concat(), folder.path());
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        answer["answer"].clone()
    };
    let plain = explained("/deployments");
    assert_eq!(plain["decision"], "allow");
    // Some upstreams leave `%64` as it is: then it is the route `site`, for which the token does not count,
    // and what passes would pass without a name.
    let spelled = explained("/%64eployments");
    assert_eq!(spelled["decision"], "deny", "{spelled}");
    assert_eq!(spelled["reason"], "bad_token", "{spelled}");
    assert_eq!(spelled["route"], "hook", "{spelled}");
}
