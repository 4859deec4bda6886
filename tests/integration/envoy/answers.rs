//! What a caller is answered, what the upstream is told, and what stands in Envoy's access log.

use serde_json::{Value, json};

use super::call::{Protocol, call, get};
use super::{Shop, both_encodings};
use crate::client::Answer;
use crate::envoy_process::{NEWEST, OLDEST};
use crate::test_app::Setup;
use crate::test_issuer::ISSUER;

/// Names under which a caller poses as somebody else. Envoy passes all of them on by default.
const POSES: [&str; 9] = [
    "x-auth-subject",
    "X-Auth-Subject",
    "x_auth_subject",
    "x.auth.subject",
    "X_Auth-Subject",
    "x!auth~subject",
    "x-auth-client",
    "x-auth-scopes",
    "x-auth_issuer",
];

#[tokio::test]
async fn the_newest_envoy_over_tcp() {
    check(NEWEST, &Setup::default(), Stripping::Off).await;
}

#[tokio::test]
async fn the_newest_envoy_over_a_unix_socket() {
    check(NEWEST, &over_unix_socket(), Stripping::On).await;
}

#[tokio::test]
async fn the_oldest_envoy_over_tcp() {
    check(OLDEST, &Setup::default(), Stripping::Off).await;
}

#[tokio::test]
async fn the_oldest_envoy_over_a_unix_socket() {
    check(OLDEST, &over_unix_socket(), Stripping::On).await;
}

fn over_unix_socket() -> Setup {
    Setup {
        authz_address: Some("unix:authz.sock".to_owned()),
        extra: "strip_token: true".to_owned(),
        ..Setup::default()
    }
}

/// Whether the gate keeps the token from the upstream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stripping {
    On,
    Off,
}

async fn check(version: &str, setup: &Setup, stripping: Stripping) {
    let mut shop = Shop::open(version, setup, both_encodings).await;
    for door in ["raw", "merged"] {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            refusals_say_why(&shop, door, protocol).await;
            the_upstream_trusts_the_gate_alone(&shop, door, protocol, stripping).await;
            browsers_may_ask_first(&shop, door, protocol).await;
        }
        grpc_callers_are_answered_in_grpc(&shop, door).await;
        upgrades_are_judged(&shop, door).await;
        the_access_log_tells_the_decision(&mut shop, door).await;
    }
    assert_eq!(shop.envoy.count(".error").await, 0);
}

async fn refusals_say_why(shop: &Shop, door: &str, protocol: Protocol) {
    let address = shop.envoy.address(door);
    let reader = shop.gate.issuer.token("alice", "orders.read");
    let plain = "Bearer realm=\"portcullis\"";
    for (call, status, challenge) in [
        (get("/orders/1"), 401, Some(plain)),
        (get("/nobody-listed-this"), 401, Some(plain)),
        (call("DELETE", "/orders/1"), 401, Some(plain)),
        (get("/internal/1"), 403, None),
        (get("/internal/1").token(&reader), 403, None),
        (get("/nobody-listed-this").token(&reader), 403, None),
        (
            get("/orders/1").token("x.y.z"),
            401,
            Some("error=\"invalid_token\""),
        ),
        (
            call("POST", "/orders").token(&reader),
            403,
            Some("error=\"insufficient_scope\""),
        ),
        (get("/products/a;b"), 400, None),
    ] {
        let answer = call.send(address, protocol).await;
        assert_eq!(answer.status, status, "{call:?}: {answer:?}");
        let told = answer.header("www-authenticate");
        match challenge {
            Some(challenge) => assert!(told.unwrap().contains(challenge), "{call:?}: {answer:?}"),
            None => assert_eq!(told, None, "{call:?}"),
        }
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.json()["status"], status);
    }
    let head = call("HEAD", "/orders/1").send(address, protocol).await;
    assert_eq!((head.status, head.body.as_str()), (401, ""));
    let head = call("HEAD", "/products/1").send(address, protocol).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

async fn the_upstream_trusts_the_gate_alone(
    shop: &Shop,
    door: &str,
    protocol: Protocol,
    stripping: Stripping,
) {
    let address = shop.envoy.address(door);
    let token = shop.gate.issuer.token("alice", "orders.read");
    let posing = |call: super::call::Call| {
        POSES.iter().fold(call, |call, name| {
            call.header(name, "root").header(name, "root")
        })
    };
    let public = posing(get("/products/1")).send(address, protocol).await;
    assert_eq!(identity(&public), json!({}), "{door} {protocol:?}");

    let alice = json!({
        "x-auth-subject": ["alice"], "x-auth-client": ["web-shop"],
        "x-auth-scopes": ["orders.read"], "x-auth-issuer": [ISSUER],
    });
    for path in ["/products/1", "/orders/1?as=/products/1"] {
        let call = posing(get(path)).token(&token);
        let answer = call.send(address, protocol).await;
        assert_eq!(identity(&answer), alice, "{door} {protocol:?}");
        let seen = answer.json();
        assert_eq!(seen["path"], path);
        let sent = json!([format!("Bearer {token}")]);
        let authorization = match stripping {
            Stripping::On => Value::Null,
            Stripping::Off => sent,
        };
        assert_eq!(seen["authorization"], authorization, "{door} {protocol:?}");
    }
}

/// The headers that reached the upstream and that anybody could take for an identity.
fn identity(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut seen = answer.json();
    let headers = seen.as_object_mut().unwrap();
    headers.retain(|name, _| {
        let folded: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        folded.starts_with("xauth")
    });
    seen
}

async fn browsers_may_ask_first(shop: &Shop, door: &str, protocol: Protocol) {
    let address = shop.envoy.address(door);
    let asking = |path| {
        call("OPTIONS", path)
            .header("origin", "https://www.shop.example")
            .header("access-control-request-method", "POST")
    };
    for (call, status) in [
        (asking("/orders"), 200),
        (call("OPTIONS", "/orders"), 401),
        (asking("/account"), 401),
        (
            call("OPTIONS", "/orders").header("origin", "https://www.shop.example"),
            401,
        ),
    ] {
        let answer = call.send(address, protocol).await;
        assert_eq!(answer.status, status, "{call:?}");
    }
}

async fn grpc_callers_are_answered_in_grpc(shop: &Shop, door: &str) {
    let address = shop.envoy.address(door);
    let calling = || {
        call("POST", "/shop.Orders/Get")
            .header("content-type", "application/grpc+proto")
            .header("te", "trailers")
    };
    let refused = calling().send(address, Protocol::Http2).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("content-type"), Some("application/grpc"));
    assert_eq!(refused.header("grpc-status"), Some("16"));
    assert_eq!(refused.header("grpc-message"), Some("a token is required"));
    assert_eq!(refused.body, "");

    let token = shop.gate.issuer.token("alice", "orders.read");
    let allowed = calling().token(&token).send(address, Protocol::Http2).await;
    assert_eq!(allowed.json()["path"], "/shop.Orders/Get");
    assert_eq!(allowed.json()["x-auth-subject"], json!(["alice"]));

    let token = shop.gate.issuer.token("bob", "orders.write");
    let refused = calling().token(&token).send(address, Protocol::Http2).await;
    assert_eq!(refused.header("grpc-status"), Some("7"));
}

async fn upgrades_are_judged(shop: &Shop, door: &str) {
    let address = shop.envoy.address(door);
    let upgrade = get("/orders/1")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(upgrade.send_http1(address).await.status, 401);
}

async fn the_access_log_tells_the_decision(shop: &mut Shop, door: &str) {
    let address = shop.envoy.address(door);
    let token = shop.gate.issuer.token("alice", "orders.read");
    let path = format!("/orders/{door}-log");
    let allowed = get(&path).token(&token).send_http1(address).await;
    assert_eq!(allowed.status, 200);
    let line = shop
        .envoy
        .logged(|line| line["path"] == path.as_str())
        .await;
    let gate = &line["gate"];
    assert_eq!(gate["route"], "read-order", "{line}");
    assert_eq!(gate["reason"], "scopes");
    assert_eq!(gate["subject"], "alice");
    assert_eq!(gate["client"], "web-shop");
    assert_eq!(gate["scopes"], "orders.read");
    assert_eq!(gate["decision_id"].as_str().unwrap().len(), 16);

    let path = format!("/orders/{door}-refused");
    let refused = get(&path).send_http1(address).await;
    let line = shop
        .envoy
        .logged(|line| line["path"] == path.as_str())
        .await;
    let gate = &line["gate"];
    assert_eq!(line["details"], "ext_authz_denied", "{line}");
    assert_eq!(gate["route"], "read-order");
    assert_eq!(gate["reason"], "no_token");
    assert_eq!(gate["decision_id"], refused.json()["decision_id"]);
    assert_eq!(gate.get("subject"), None);

    let lacking = call("POST", "/orders").token(&token);
    let lacking = lacking.send_http1(address).await.json();
    let line = shop
        .envoy
        .logged(|line| line["gate"]["decision_id"] == lacking["decision_id"])
        .await;
    assert_eq!(line["gate"]["reason"], "scopes_missing", "{line}");
    assert_eq!(line["gate"]["subject"], "alice", "{line}");
    assert_eq!(line["gate"]["client"], "web-shop", "{line}");
}
