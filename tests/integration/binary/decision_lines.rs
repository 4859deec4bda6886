//! What the line of a refusal tells, so that nobody has to ask the caller for more.

use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use serde_json::{Value, json};

use super::Server;
use super::logs::{decisions, logging, whole_log};
use crate::asker::{Asker, message};
use crate::test_app::Setup;
use crate::test_issuer::{TestIssuer, claims};

/// One request, and what its line has to hold.
struct Row {
    request: HttpRequest,
    line: Value,
}

fn row(method: &str, path: &str, headers: &[(&str, &str)], line: Value) -> Row {
    let attributes = message(path, None).attributes.unwrap();
    let mut request = attributes.request.unwrap().http.unwrap();
    method.clone_into(&mut request.method);
    for (name, value) in headers {
        let entry = ((*name).to_owned(), (*value).to_owned());
        request.headers.extend([entry]);
    }
    Row { request, line }
}

/// Asks each and compares the lines, of which each has at least what its row says; `null` stands for
/// what must not be there.
async fn check(mut server: Server, rows: Vec<Row>) {
    let asker = Asker::connect(&server.authz_url()).await;
    for row in &rows {
        let verdict = asker.ask_http(row.request.clone()).await;
        assert_ne!(verdict.status, 200, "{:?}", row.line);
    }
    let log = whole_log(&mut server);
    let lines = decisions(&log);
    assert_eq!(lines.len(), rows.len(), "{log}");
    for (line, Row { line: expected, .. }) in lines.iter().zip(&rows) {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&line[name], value, "{name} of {line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_which_request_it_was() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ids = [("x-request-id", "req-1"), ("traceparent", trace)];
    let rows = vec![
        row(
            "GET",
            "/orders/1?access_token=secret",
            &ids,
            json!({"request.method": "GET", "request.host": "shop.example",
                   "request.path": "/orders/1", "request.id": "req-1",
                   "trace.id": "4bf92f3577b34da6a3ce929d0e0e4736", "mismatch": null}),
        ),
        row(
            "GET",
            "/orders/a\u{1b}[31m",
            &[("x-request-id", "a\u{7}b")],
            json!({"reason": "malformed_target", "request.path": "/orders/a\\u{1b}[31m",
                   "request.id": "a\\u{7}b", "trace.id": null}),
        ),
        row(
            "GET",
            "/orders/1#access_token=secret",
            &[],
            json!({"reason": "malformed_target", "request.path": "/orders/1#..."}),
        ),
        row(
            "GET",
            "/orders/1%3Faccess_token=secret",
            &[],
            json!({"request.path": "/orders/1%3F..."}),
        ),
        row(
            "GET",
            "/orders/1;jsessionid=secret",
            &[],
            json!({"reason": "malformed_target", "request.path": "/orders/1;..."}),
        ),
        row(
            "GET",
            "/orders/1%3bjsessionid=secret",
            &[],
            json!({"request.path": "/orders/1%3b..."}),
        ),
        row(
            "GET",
            "/orders/1%253bjsessionid=secret",
            &[],
            json!({"reason": "malformed_target", "request.path": "/orders/1%253b..."}),
        ),
        row(
            "GET",
            "//bob:secret@shop.example/orders",
            &[],
            json!({"reason": "malformed_target", "request.path": "//***@shop.example/orders"}),
        ),
        row(
            "GET",
            "http://bob:secret@shop.example/orders",
            &[],
            json!({"reason": "malformed_target", "request.path": "http://***@shop.example/orders"}),
        ),
        Row {
            request: HttpRequest {
                host: "user:secret@shop.example".to_owned(),
                ..row("GET", "/orders/1", &[], Value::Null).request
            },
            line: json!({"reason": "malformed_target", "request.host": "***@shop.example"}),
        },
        row(
            "GET",
            "/orders/1",
            &[("accept", "a\0")],
            json!({"reason": "malformed_check", "detail": "header_control",
                   "request.path": "/orders/1", "status": 400}),
        ),
    ];
    check(Server::start(&Setup::default()), rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_why_no_route_lists_the_request() {
    let server = Server::start(&Setup::default());
    let bearer = format!("Bearer {}", server.issuer.token("alice", "orders.read"));
    let token = [("authorization", bearer.as_str())];
    let rows = vec![
        row(
            "GET",
            "/order/1",
            &[],
            json!({"reason": "no_token", "mismatch": "path", "nearest.route": "read-order"}),
        ),
        row(
            "POST",
            "/products/1",
            &token,
            json!({"reason": "unlisted", "mismatch": "method", "nearest.route": "browse"}),
        ),
        row(
            "GET",
            "/nothing/like/it",
            &token,
            json!({"reason": "unlisted", "mismatch": "path", "nearest.route": null}),
        ),
        row(
            "POST",
            "/orders",
            &token,
            json!({"reason": "scopes_missing", "mismatch": null, "token.scopes": "orders.read",
                   "issuer.name": "id.shop.example"}),
        ),
    ];
    check(server, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_what_is_wrong_with_the_token() {
    let server = Server::start(&Setup::default());
    let bearer = |issuer: &TestIssuer, name: &str, value: &str| {
        let mut claims = claims("alice", "orders.read");
        claims[name] = value.into();
        format!("Bearer {}", issuer.sign(&claims))
    };
    let long = "x".repeat(1000);
    let credentials = [
        (
            bearer(&server.issuer, "aud", "billing\u{202e}"),
            json!({"detail": "wrong_audience", "token.aud": "billing\\u{202e}",
                   "issuer.name": "id.shop.example", "token.iss": null}),
        ),
        (
            bearer(&server.issuer, "iss", "https://elsewhere.example"),
            json!({"detail": "unknown_issuer", "token.iss": "https://elsewhere.example",
                   "issuer.name": null}),
        ),
        (
            bearer(&server.issuer, "iss", &long),
            json!({"detail": "unknown_issuer", "token.iss": format!("{}...", &long[..128])}),
        ),
        (
            bearer(&TestIssuer::new("key-of-nobody"), "sub", "alice"),
            json!({"detail": "unknown_key", "token.kid": "key-of-nobody",
                   "issuer.name": "id.shop.example"}),
        ),
        (
            "Basic YWxpY2U6c2VjcmV0".to_owned(),
            json!({"reason": "no_token", "detail": "other_scheme"}),
        ),
        (
            server.issuer.token("alice", "orders.read"),
            json!({"reason": "no_token", "detail": "other_scheme"}),
        ),
    ];
    let rows = credentials.into_iter().map(|(credential, line)| {
        let headers = [("authorization", credential.as_str())];
        row("GET", "/orders/1", &headers, line)
    });
    let rows = rows.collect();
    check(server, rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_are_logged_as_far_as_configured() {
    for (setting, known, unknown) in [
        ("full", json!("/orders/1"), json!("/order/1")),
        ("route", json!("/orders/{order_id}"), Value::Null),
        ("none", Value::Null, Value::Null),
    ] {
        let server = Server::start(&logging(&format!("path: {setting}")));
        let rows = vec![
            row("GET", "/orders/1", &[], json!({"request.path": known})),
            row("GET", "/order/1", &[], json!({"request.path": unknown})),
        ];
        check(server, rows).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_flood_of_one_reason_withholds_is_counted() {
    const ASKED: usize = 300;
    let mut server = Server::start(&logging("refusals_per_second: 5"));
    let asker = Asker::connect(&server.authz_url()).await;
    for _ in 0..ASKED {
        assert_eq!(asker.ask("/orders/1", None).await.status, 401);
    }
    assert_eq!(asker.ask("/../1", None).await.status, 400);
    let lines = decisions(&whole_log(&mut server));
    let of = |reason: &str| {
        let lines = lines.iter().filter(move |line| line["reason"] == reason);
        let told = |line: &Value| {
            let own = u64::from(line["message"] == "request refused");
            own + line["withheld"].as_u64().unwrap_or(0)
        };
        usize::try_from(lines.map(told).sum::<u64>()).unwrap()
    };
    assert_eq!((of("no_token"), of("malformed_target")), (ASKED, 1));
    let own = lines.iter().filter(|line| line["status"] == 401).count();
    assert!(own < ASKED, "{own} lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_can_be_quiet_while_the_rest_is_not() {
    for (log, refusals, reloads) in [
        ("levels: {decision: none}", false, true),
        ("level: warn, levels: {decision: info}", true, false),
        ("level: none", false, false),
    ] {
        let mut server = Server::spawn(&logging(log), |command| {
            command.env("PORTCULLIS_AUTHZ_ADDRESS", "unix:gate.sock");
        });
        let socket = server.folder.path().join("gate.sock");
        super::logs::appears(&socket).await;
        let asker = Asker::connect_unix(socket).await;
        assert_eq!(asker.ask("/orders/1", None).await.status, 401);
        let log_text = whole_log(&mut server);
        assert_eq!(!decisions(&log_text).is_empty(), refusals, "{log}");
        assert_eq!(log_text.contains("\"draining\""), reloads, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_shadow_lets_through_is_a_line_of_its_own() {
    let policy = crate::test_app::POLICY.replace("[orders.read]}", "[orders.read], mode: shadow}");
    let mut server = Server::start(&Setup {
        policy: Some(policy),
        ..Setup::default()
    });
    let warning = server.logs("shadow mode");
    assert_eq!(warning["level"], "WARN");
    let asker = Asker::connect(&server.authz_url()).await;
    assert_eq!(asker.ask("/orders/1", None).await.status, 200);
    let lines = decisions(&whole_log(&mut server));
    let [line] = &lines[..] else {
        panic!("{lines:?}")
    };
    for (name, value) in [
        ("decision", json!("would_deny")),
        ("reason", json!("no_token")),
        ("status", json!(401)),
        ("route.name", json!("read-order")),
        ("request.path", json!("/orders/1")),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_is_told_which_rule_it_broke() {
    let server = Server::start(&Setup::default());
    let asker = Asker::connect(&server.authz_url()).await;
    for (path, rule) in [
        ("/orders/a%2Fb", "the path has an encoded slash"),
        ("/orders/../1", "the path has a dot segment"),
        ("/orders//1", "the path has an empty segment"),
        (
            "/orders/%zz",
            "the path contains an invalid percent-encoding",
        ),
    ] {
        let verdict = asker.ask(path, None).await;
        let body: Value = serde_json::from_str(&verdict.body).unwrap();
        assert_eq!(verdict.status, 400);
        assert_eq!(body["detail"], rule, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_says_which_part_of_which_condition_refused() {
    let text = "request.headers[\\\"x-region\\\"] == \\\"eu\\\"";
    let policy = format!(
        "version: 1\nroutes: [{{name: region, methods: [GET], path: /region, access: public, \
         when: \"{text}\"}}]\n"
    );
    let server = Server::start(&Setup {
        policy: Some(policy),
        ..Setup::default()
    });
    let condition = "request.headers[\"x-region\"] == \"eu\"";
    let rows = vec![
        row(
            "GET",
            "/region",
            &[("x-region", "secret-value")],
            json!({"reason": "condition_not_met", "route.name": "region", "status": 403,
                   "condition": condition, "condition.part": null, "detail": null}),
        ),
        row(
            "GET",
            "/region",
            &[],
            json!({"reason": "condition_failed", "detail": "missing", "status": 403,
                   "condition": condition, "condition.part": "request.headers[\"x-region\"]"}),
        ),
    ];
    check(server, rows).await;
}
