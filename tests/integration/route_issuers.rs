//! Two trusted issuers: the tokens of one never open what is there for the other.

use serde_json::json;

use portcullis::clock::{Clock, SystemClock};

use crate::asker::Asker;
use crate::test_app::{Setup, TestApp};
use crate::test_issuer::{AUDIENCE, ISSUER, TestIssuer};

const PIPELINES: &str = "https://token.ci.example";

const POLICY: &str = r#"
version: 1
issuers: [staff]
scopes: {orders.read: Read orders}
routes:
  - {name: account, methods: [GET], path: /account, access: authenticated}
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read]}
  - {name: hook, methods: [GET], path: /hook, access: authenticated, issuers: [token.ci.example]}
  - {name: either, methods: [GET], path: /either, access: authenticated, issuers: [staff, token.ci.example]}
  - {name: browse, methods: [GET], path: /products, access: public}
"#;

fn trust(with_names: &str) -> String {
    format!(
        "{{{with_names}issuer: \"{ISSUER}\", audiences: [{AUDIENCE}], algorithms: [ES256], \
         jwks_file: jwks.json}}, {{issuer: \"{PIPELINES}\", audiences: [{AUDIENCE}], \
         algorithms: [ES256], jwks_file: pipelines.json}}"
    )
}

/// A gate that trusts both, and a token of each.
async fn start(policy: &str) -> (TestApp, Asker, String, String) {
    let pipelines = TestIssuer::new("pipelines-1");
    let setup = Setup {
        policy: Some(policy.to_owned()),
        trust: Some(trust("name: staff, ")),
        ..Setup::default()
    };
    let keys = TestIssuer::jwks([&pipelines]);
    let app = TestApp::prepared(&setup, |folder| {
        std::fs::write(folder.join("pipelines.json"), keys).unwrap();
    });
    let asker = Asker::connect(&app.authz_url()).await;
    let now = SystemClock.now().0;
    let pipeline = pipelines.sign(&json!({
        "iss": PIPELINES, "aud": AUDIENCE, "sub": "repo:stranger/fork", "scope": "orders.read",
        "iat": now, "exp": now + 600,
    }));
    let staff = app.issuer.token("alice", "orders.read");
    (app, asker, staff, pipeline)
}

#[tokio::test]
async fn tokens_count_only_where_the_policy_says_so() {
    let (_app, asker, staff, pipeline) = start(POLICY).await;
    for (path, of_staff, of_pipeline) in [
        ("/account", 200, 401),
        ("/orders/1", 200, 401),
        ("/hook", 401, 200),
        ("/either", 200, 200),
        ("/products", 200, 200),
        ("/nowhere", 403, 403),
    ] {
        // Twice: the second time the proof comes from the cache.
        for _ in 0..2 {
            assert_eq!(
                asker.ask(path, Some(&staff)).await.status,
                of_staff,
                "{path}"
            );
            assert_eq!(
                asker.ask(path, Some(&pipeline)).await.status,
                of_pipeline,
                "{path}"
            );
        }
    }
    let refused = asker.ask("/account", Some(&pipeline)).await;
    assert_eq!(refused.code, 16);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[tokio::test]
async fn on_a_public_route_only_issuers_that_count_there_identify_the_caller() {
    let (_app, asker, staff, pipeline) = start(POLICY).await;
    let known = asker.ask("/products", Some(&staff)).await;
    assert_eq!(known.header("x-auth-subject"), Some("alice"));
    let stranger = asker.ask("/products", Some(&pipeline)).await;
    assert_eq!(stranger.status, 200);
    assert_eq!(stranger.header("x-auth-subject"), None);
}

#[tokio::test]
async fn a_reload_that_would_open_routes_to_another_issuer_is_refused() {
    let (app, asker, staff, pipeline) = start(POLICY).await;
    app.write_policy(&POLICY.replace("issuers: [staff]\n", ""));
    app.admin_shows("/status", "do not say whose tokens count")
        .await;
    assert_eq!(asker.ask("/account", Some(&staff)).await.status, 200);
    assert_eq!(asker.ask("/account", Some(&pipeline)).await.status, 401);
}
