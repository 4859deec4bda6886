//! Settings of Envoy under which what the gate says about identity headers does not reach the
//! upstream, and the settings of Envoy and gate that help.

use portcullis::config::ListenAddress;
use serde_json::{Value, json};

use super::Shop;
use super::call::get;
use crate::client::Answer;
use crate::envoy_process::{Door, HeaderEncoding, NEWEST, OLDEST};
use crate::test_app::Setup;

const REFUSING: &str = "identity_headers: {from_caller: refuse}";

/// Each with its members of the `ext_authz` filter.
fn doors(gate: &ListenAddress) -> Vec<Door> {
    let doors = [
        ("usual", json!({})),
        (
            "all",
            json!({"decoder_header_mutation_rules": {"disallow_all": true}}),
        ),
        (
            "names",
            json!({"decoder_header_mutation_rules": {"disallow_expression": {"regex": "x-auth-.*"}}}),
        ),
        (
            "error",
            json!({"decoder_header_mutation_rules": {
                "disallow_all": true, "disallow_is_error": true,
            }}),
        ),
        (
            "hidden",
            json!({"allowed_headers": {"patterns": [{"exact": "authorization"}]}}),
        ),
    ];
    let early = Door::new("early", gate, HeaderEncoding::Raw)
        .with(json!({"decoder_header_mutation_rules": {"disallow_all": true}}))
        .managed(json!({"early_header_mutation_extensions": [{
            "name": "envoy.http.early_header_mutation.header_mutation",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.http.early_header_mutation.\
                          header_mutation.v3.HeaderMutation",
                "mutations": [{"remove": "x-auth-subject"}],
            },
        }]}));
    let door = |(name, filter): (&'static str, Value)| {
        Door::new(name, gate, HeaderEncoding::Raw).with(filter)
    };
    doors.map(door).into_iter().chain([early]).collect()
}

async fn ask(shop: &Shop, door: &str, headers: &[(&str, &str)]) -> Answer {
    let token = shop.gate.issuer.token("alice", "orders.read");
    let mut call = get("/orders/1").token(&token);
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send_http1(shop.envoy.address(door)).await
}

#[tokio::test]
async fn mutation_rules_and_hidden_headers_of_the_newest_envoy() {
    check(NEWEST).await;
}

#[tokio::test]
async fn mutation_rules_and_hidden_headers_of_the_oldest_envoy() {
    check(OLDEST).await;
}

async fn check(version: &str) {
    let shop = Shop::open(version, &Setup::default(), doors).await;
    let root = [("x-auth-subject", "root"), ("x_auth_client", "root")];
    let seen = ask(&shop, "usual", &root).await.json();
    assert_eq!(seen["x-auth-subject"], json!(["alice"]));
    assert_eq!(seen["x_auth_client"], Value::Null);
    // The danger: the caller is alice and the upstream trusts root.
    for door in ["all", "names"] {
        let seen = ask(&shop, door, &root).await.json();
        assert_eq!(seen["x-auth-subject"], json!(["root"]), "{door}");
    }
    // Envoy can remove it before it asks.
    let seen = ask(&shop, "early", &root).await.json();
    assert_eq!(seen["x-auth-subject"], Value::Null);
    // Or make an error of it.
    for headers in [&root[..], &[]] {
        assert_eq!(ask(&shop, "error", headers).await.status, 500);
    }
    // What the gate cannot see it removes under its likely names.
    let spellings = [
        ("x-auth-subject", "root"),
        ("x_auth_subject", "root"),
        ("x-auth_subject", "root"),
        ("x.auth.client", "root"),
        ("X_Auth-Scopes", "root"),
    ];
    let seen = ask(&shop, "hidden", &spellings).await.json();
    assert_eq!(seen["x-auth-subject"], json!(["alice"]));
    for name in [
        "x_auth_subject",
        "x-auth_subject",
        "x.auth.client",
        "x_auth-scopes",
    ] {
        assert_eq!(seen[name], Value::Null, "{name}");
    }
}

#[tokio::test]
async fn a_gate_that_refuses_identity_headers_depends_on_no_mutation() {
    let setup = Setup {
        extra: REFUSING.to_owned(),
        ..Setup::default()
    };
    let shop = Shop::open(NEWEST, &setup, doors).await;
    for door in ["usual", "all", "names"] {
        assert_eq!(ask(&shop, door, &[]).await.status, 200, "{door}");
        for name in [
            "x-auth-subject",
            "X_Auth_Subject",
            "x.auth.client",
            "x-auth-scopes",
        ] {
            let before = shop.upstream.seen().len();
            let answer = ask(&shop, door, &[(name, "root")]).await;
            assert_eq!(answer.status, 400, "{door} {name}");
            assert_eq!(shop.upstream.seen().len(), before);
        }
    }
}
