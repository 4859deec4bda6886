//! With `failure_mode_allow: true` an error at the gate is an open door: no caller can make one.

use portcullis::config::ListenAddress;
use serde_json::{Value, json};

use super::Shop;
use super::call::{Protocol, call, get};
use crate::client;
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST, OLDEST};
use crate::jwks_server::{Behaviour, JwksServer, ok};
use crate::test_app::{Setup, TestApp};
use crate::test_issuer::TestIssuer;
use crate::upstream::Upstream;

fn body_door(name: &'static str, gate: &ListenAddress, body: &Value) -> Door {
    Door::new(name, gate, HeaderEncoding::Raw).with(json!({
        "failure_mode_allow": true,
        "with_request_body": body,
    }))
}

fn doors(gate: &ListenAddress) -> Vec<Door> {
    let partial = json!({"max_request_bytes": 65536, "allow_partial_message": true});
    let packed = json!({"max_request_bytes": 65536, "allow_partial_message": true,
        "pack_as_bytes": true});
    let whole = json!({"max_request_bytes": 65536});
    let some = json!({"failure_mode_allow": true, "allowed_headers": {"patterns": [
        {"exact": "accept"}, {"exact": "origin"},
    ]}});
    vec![
        Door::new("raw", gate, HeaderEncoding::Raw).failing_open(),
        Door::new("merged", gate, HeaderEncoding::Merged).failing_open(),
        body_door("partial", gate, &partial),
        body_door("packed", gate, &packed),
        body_door("whole", gate, &whole),
        Door::new("some", gate, HeaderEncoding::Merged).with(some),
    ]
}

#[tokio::test]
async fn no_caller_opens_the_door_of_the_newest_envoy() {
    large_requests_are_refused(NEWEST).await;
}

#[tokio::test]
async fn no_caller_opens_the_door_of_the_oldest_envoy() {
    large_requests_are_refused(OLDEST).await;
}

/// Larger than the gate reads, in headers and in bodies.
async fn large_requests_are_refused(version: &str) {
    let setup = Setup {
        authz_extra: ", max_message_bytes: 8192".to_owned(),
        ..Setup::default()
    };
    let shop = Shop::open(version, &setup, doors).await;
    let token = shop.gate.issuer.token("alice", "orders.read");
    let huge = "x".repeat(50_000);
    let body = "\u{fffd}body".repeat(20_000);
    for door in ["raw", "merged", "partial", "packed", "whole"] {
        let address = shop.envoy.address(door);
        let fine = get("/orders/1").token(&token);
        assert_eq!(fine.send_http1(address).await.status, 200, "{door}");
        for call in [
            get("/orders/1").token(&token).header("x-huge", &huge),
            get(&format!("/orders/{huge}")).token(&token),
            get("/orders/1").token(&huge),
            get("/orders/1").header(&huge[..16_000], "1"),
            call("POST", "/orders").body(&body),
            call("POST", "/orders").token(&huge).body(&body),
        ] {
            for protocol in [Protocol::Http1, Protocol::Http2] {
                let status = call.send(address, protocol).await.status;
                // 413 where Envoy itself holds the body for too large, 431 where it does the headers.
                let refused = matches!(status, 400 | 401 | 403 | 413 | 431);
                assert!(refused, "{door} {protocol:?}: {status}");
            }
        }
    }
    let hidden = get("/orders/1").token(&token);
    let hidden = hidden.send_http1(shop.envoy.address("some")).await;
    assert_eq!(hidden.status, 401, "the gate was not shown the token");
    let seen = shop.upstream.seen();
    assert_eq!(seen.len(), 5, "one for each door");
    assert_eq!(shop.envoy.count(".error").await, 0);
    assert_eq!(shop.envoy.count(".failure_mode_allowed").await, 0);
}

#[tokio::test]
async fn an_issuer_that_stalls_holds_no_answer_back_beyond_the_proxys_patience() {
    let issuer = TestIssuer::new("key-1");
    let keys = JwksServer::start(ok(&TestIssuer::jwks([&issuer]))).await;
    let setup = Setup::waiting_for(&keys);
    let shop = Shop::open(NEWEST, &setup, |gate| {
        // What is left of it is for a busy machine.
        let brief = json!({"failure_mode_allow": true, "timeout": "2s"});
        vec![Door::new("brief", gate, HeaderEncoding::Raw).with(brief)]
    })
    .await;
    let address = shop.envoy.address("brief");
    let known = get("/orders/1").token(&issuer.token("alice", "orders.read"));
    while known.send_http1(address).await.status != 200 {
        tokio::task::yield_now().await;
    }
    keys.behave(Behaviour::Stall);
    let seen = shop.upstream.seen().len();
    let stranger = TestIssuer::new("key-2");
    let unknown = get("/orders/1").token(&stranger.token("mallory", "orders.read"));
    let fetches = keys.requests().len();
    // Within the cooldown nobody waits; the first after it does, and so do those with it. Nobody
    // knows whether the issuer has the key, so that it is not the token's fault.
    while keys.requests().len() == fetches {
        let answers = (0..8).map(|_| unknown.send_http1(address));
        for answer in futures_util::future::join_all(answers).await {
            assert_eq!(answer.status, 503, "{answer:?}");
        }
    }
    assert_eq!(shop.upstream.seen().len(), seen);
    assert_eq!(shop.envoy.count(".error").await, 0);
}

#[tokio::test]
async fn without_a_gate_the_door_stays_shut() {
    let upstream = Upstream::start().await;
    let gate = TestApp::start();
    let address = gate.app.authz_address();
    let doors = [
        Door::new("shut", address, HeaderEncoding::Raw),
        Door::new("open", address, HeaderEncoding::Raw).failing_open(),
    ];
    let envoy = Envoy::start(NEWEST, &doors, upstream.address).await;
    let (shut, open) = (envoy.address("shut"), envoy.address("open"));
    assert_eq!(client::get(shut, "/products/1", &[]).await.status, 200);
    assert_eq!(client::get(open, "/orders/1", &[]).await.status, 401);
    drop(gate);
    for path in ["/products/1", "/orders/1"] {
        assert_eq!(client::get(shut, path, &[]).await.status, 503);
    }
    assert_eq!(upstream.seen().len(), 1);
    // What the other tests must never see, so that they would.
    assert_eq!(client::get(open, "/orders/1", &[]).await.status, 200);
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(envoy.count(".error").await, 3);
    assert_eq!(envoy.count(".failure_mode_allowed").await, 1);
}
