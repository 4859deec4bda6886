//! Conditions on what a real Envoy tells of a request, in both encodings of headers.

use super::call::get;
use super::{Shop, both_encodings};
use crate::envoy_process::{NEWEST, OLDEST};
use crate::test_app::Setup;

const POLICY: &str = r#"
version: 1
requirements:
  owner: {access: authenticated, when: token.sub == path.user_id}
routes:
  - {name: account, methods: [GET], path: "/users/{user_id}", requires: [owner]}
  - {name: files, methods: [GET], path: "/users/{user_id}/files/{*rest}", requires: [owner],
     when: request.query.version == "2" && path.rest.startsWith("a/")}
  - {name: region, methods: [GET], path: /region, access: public,
     when: 'request.headers["x-region"] in ["eu", "us"]'}
  - {name: here, methods: [GET], path: /here, access: public,
     when: request.source.address == "127.0.0.1" && request.scheme == "http" && request.host == "shop.example"}
  - {name: tomorrow, methods: [GET], path: /tomorrow, access: public, when: 'now > timestamp("2999-01-01T00:00:00Z")'}
"#;

#[tokio::test]
async fn conditions_behind_the_newest_envoy() {
    check(NEWEST).await;
}

#[tokio::test]
async fn conditions_behind_the_oldest_envoy() {
    check(OLDEST).await;
}

async fn check(version: &str) {
    let setup = Setup {
        policy: Some(POLICY.to_owned()),
        ..Setup::default()
    };
    let shop = Shop::open(version, &setup, both_encodings).await;
    let alice = shop.gate.issuer.token("alice@shop.example", "");
    for door in ["raw", "merged"] {
        let address = shop.envoy.address(door);
        for (path, expected) in [
            ("/users/alice@shop.example", 200),
            ("/users/alice%40shop.example", 200),
            ("/users/bob", 403),
            ("/users/alice%2540shop.example", 400),
            ("/users/alice@shop.example/files/a/b?version=2", 200),
            (
                "/users/alice@shop.example/files/a/b?version=2&version=2",
                403,
            ),
            ("/users/alice@shop.example/files/a/b?version=1", 403),
            ("/users/alice@shop.example/files/a/b", 403),
            ("/users/alice@shop.example/files/b?version=2", 403),
            ("/here", 200),
            ("/tomorrow", 403),
        ] {
            let answer = get(path).token(&alice).send_http1(address).await;
            assert_eq!(answer.status, expected, "{door} {path}");
        }
        assert_eq!(get("/users/bob").send_http1(address).await.status, 401);
        let region = |values: &'static [&'static str]| async move {
            let mut call = get("/region");
            for value in values {
                call = call.header("X-Region", value);
            }
            call.send_http1(address).await.status
        };
        assert_eq!(region(&["eu"]).await, 200, "{door}");
        assert_eq!(region(&["cn"]).await, 403, "{door}");
        assert_eq!(region(&[]).await, 403, "{door}");
        assert_eq!(region(&["eu", "us"]).await, 403, "{door}");
        assert_eq!(region(&["eu", "eu"]).await, 403, "{door}");
    }
    let seen = shop.upstream.seen();
    assert!(!seen.is_empty());
    assert!(!seen.iter().any(|request| request.path.contains("bob")));
}
