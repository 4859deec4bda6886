//! A second policy in shadow, behind a real Envoy: callers, upstream and access log see nothing of it.

use std::fs;

use super::call::get;
use super::{Shop, both_encodings};
use crate::client::Answer;
use crate::envoy_process::{Envoy, NEWEST, OLDEST};
use crate::test_app::{Setup, TestApp};
use crate::upstream::Upstream;

const TRIED: &str = r#"
version: 1
scopes: {orders.read: Read orders}
routes:
  - {name: browse, methods: [GET], path: "/products/{id}", access: nobody}
  - {name: tried-order, methods: [GET], path: "/orders/{order_id}", access: public}
  - {name: internals, methods: ["*"], path: "/internal/{*rest}", access: public}
"#;

#[tokio::test]
async fn a_policy_in_shadow_behind_the_newest_envoy() {
    check(NEWEST).await;
}

#[tokio::test]
async fn a_policy_in_shadow_behind_the_oldest_envoy() {
    check(OLDEST).await;
}

async fn opened(version: &str) -> Shop {
    let setup = Setup {
        extra: "shadow_policy: [tried.yaml]".to_owned(),
        ..Setup::default()
    };
    let gate = TestApp::prepared(&setup, |folder| {
        fs::write(folder.join("tried.yaml"), TRIED).unwrap();
    });
    let upstream = Upstream::start().await;
    let doors = both_encodings(gate.app.authz_address());
    let envoy = Envoy::start(version, &doors, upstream.address).await;
    Shop {
        gate,
        upstream,
        envoy,
    }
}

async fn check(version: &str) {
    let shop = opened(version).await;
    let token = shop.gate.issuer.token("alice", "orders.read");
    let address = |door: &str| shop.envoy.address(door);
    let ask = async |door: &str, path: &str, with_token: bool| -> Answer {
        let call = get(path).header("x-auth-subject", "root");
        let call = if with_token { call.token(&token) } else { call };
        call.send_http1(address(door)).await
    };
    for door in ["raw", "merged"] {
        for (path, with_token, status) in [
            ("/products/1", false, 200),
            ("/orders/1", false, 401),
            ("/orders/1", true, 200),
            ("/internal/1", true, 403),
            ("/orders/1%2540x", true, 400),
        ] {
            let answer = ask(door, path, with_token).await;
            assert_eq!(answer.status, status, "{door} {path}");
            assert!(!answer.body.contains("tried"), "{}", answer.body);
        }
    }
    let seen = shop.upstream.seen();
    let paths: Vec<_> = seen.iter().map(|request| &*request.path).collect();
    assert_eq!(
        paths,
        ["/products/1", "/orders/1", "/products/1", "/orders/1"]
    );
    for request in &seen {
        let header = |name: &str| {
            let mut headers = request.headers.iter();
            headers
                .find(|(known, _)| known == name)
                .map(|(_, value)| &**value)
        };
        let expected = (request.path == "/orders/1").then_some("alice");
        assert_eq!(header("x-auth-subject"), expected);
        assert!(!format!("{:?}", request.headers).contains("tried"));
    }
    for line in [
        r#"portcullis_shadow_policy_checks_total{route="browse",difference="more_closed"} 2"#,
        r#"portcullis_shadow_policy_checks_total{route="tried-order",difference="more_open"} 2"#,
        r#"portcullis_shadow_policy_checks_total{route="read-order",difference="none"} 2"#,
        r#"portcullis_shadow_policy_checks_total{route="internals",difference="more_open"} 2"#,
    ] {
        shop.gate.admin_shows("/metrics", line).await;
    }
    // What the gate tells Envoy of a decision names the policy in force alone.
    let mut envoy = shop.envoy;
    let logged = envoy
        .logged(|line| line.to_string().contains("/orders/1"))
        .await;
    assert!(!logged.to_string().contains("tried"), "{logged}");
}
