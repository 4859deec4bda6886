//! Shadow mode: what is refused is let through, and everything else stays as strict as it is.

use serde_json::Value;

use crate::asker::{Asker, Verdict};
use crate::test_app::{Setup, TestApp};

const POLICY: &str = r#"
version: 1
scopes: {orders.read: Read orders}
routes:
  - {name: browse, methods: [GET], path: "/products/{id}", access: public}
  - {name: read-order, methods: [GET], path: "/orders/{order_id}", scopes: [orders.read], mode: shadow}
  - {name: account, methods: [GET], path: /account, access: authenticated}
  - {name: internals, methods: ["*"], path: "/internal/{*rest}", access: nobody, mode: shadow}
"#;

async fn started(policy: &str) -> (TestApp, Asker) {
    let app = TestApp::with(&Setup {
        policy: Some(policy.to_owned()),
        ..Setup::default()
    });
    let asker = Asker::connect(&app.authz_url()).await;
    (app, asker)
}

fn subject(verdict: &Verdict) -> Option<&str> {
    verdict.header("x-auth-subject")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_in_shadow_lets_through_and_names_only_whom_a_token_proves() {
    let (app, asker) = started(POLICY).await;
    let good = app.issuer.token("alice", "orders.read");
    let poor = app.issuer.token("alice", "other");
    for (path, token, status, named) in [
        ("/orders/1", Some(&good), 200, Some("alice")),
        ("/orders/1", Some(&poor), 200, Some("alice")),
        ("/orders/1", None, 200, None),
        ("/orders/1", Some(&format!("{good}x")), 200, None),
        ("/internal/a", Some(&good), 200, Some("alice")),
        ("/internal/a", None, 200, None),
        // The other routes are enforced.
        ("/account", None, 401, None),
        ("/account", Some(&poor), 200, Some("alice")),
        ("/nothing", Some(&good), 403, None),
        // What is malformed is never let through.
        ("/orders/a%2Fb", Some(&good), 400, None),
        ("/internal/../orders/1", None, 400, None),
    ] {
        let verdict = asker.ask(path, token.map(String::as_str)).await;
        assert_eq!(verdict.status, status, "{path} {verdict:?}");
        assert_eq!(subject(&verdict), named, "{path} {verdict:?}");
    }
    let several = format!("Bearer {good}, Bearer {poor}");
    assert_eq!(asker.status_of_credential(&several).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_shadow_is_counted_and_shown() {
    let (app, asker) = started(POLICY).await;
    let poor = app.issuer.token("alice", "other");
    assert_eq!(asker.ask("/orders/1", None).await.status, 200);
    assert_eq!(asker.ask("/orders/1", Some(&poor)).await.status, 200);
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
    for line in [
        "portcullis_checks_allowed_total 3",
        "portcullis_checks_would_deny_total{reason=\"no_token\",detail=\"\"} 1",
        "portcullis_checks_would_deny_total{reason=\"scopes_missing\",detail=\"\"} 1",
        "portcullis_checks_denied_total{reason=\"no_token\",detail=\"\"} 0",
        "portcullis_route_checks_total{route=\"read-order\",decision=\"would_deny\"} 2",
        "portcullis_route_checks_total{route=\"read-order\",decision=\"allow\"} 0",
        "portcullis_policy_routes_in_shadow 2",
    ] {
        app.admin_shows("/metrics", line).await;
    }
    let (_, status) = app.admin("/status").await;
    let status: Value = serde_json::from_str(&status).unwrap();
    let shadow = &status["policy"]["shadow"];
    assert_eq!(shadow["whole_policy"], false);
    assert_eq!(
        shadow["names"],
        serde_json::json!(["internals", "read-order"])
    );
    let enforced = POLICY.replace(", mode: shadow", "");
    app.write_policy(&enforced);
    app.app.reload().unwrap();
    assert_eq!(asker.ask("/orders/1", None).await.status, 401);
    let (_, status) = app.admin("/status").await;
    assert!(!status.contains("\"shadow\""), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_in_shadow_lets_through_what_no_route_lists() {
    let policy = POLICY
        .replace(", mode: shadow", "")
        .replace("access: nobody", "access: nobody, mode: enforce")
        .replace("version: 1", "version: 1\nmode: shadow");
    let (app, asker) = started(&policy).await;
    let token = app.issuer.token("alice", "other");
    for (path, token, status) in [
        ("/nothing", None, 200),
        ("/nothing", Some(&token), 200),
        ("/account", None, 200),
        ("/orders/1", Some(&token), 200),
        ("/internal/a", Some(&token), 403),
        ("/orders//1", Some(&token), 400),
    ] {
        let verdict = asker.ask(path, token.map(String::as_str)).await;
        assert_eq!(verdict.status, status, "{path} {verdict:?}");
    }
    for line in [
        "portcullis_checks_would_deny_total{reason=\"unlisted\",detail=\"\"} 1",
        "portcullis_checks_would_deny_total{reason=\"no_token\",detail=\"\"} 2",
        "portcullis_policy_in_shadow 1",
    ] {
        app.admin_shows("/metrics", line).await;
    }
    let (_, status) = app.admin("/status").await;
    assert!(status.contains("\"whole_policy\": true"), "{status}");
}

/// Some servers take what follows an encoded `;` for a parameter, so that no route lists one reading
/// of the path, and an enforced one the other.
#[tokio::test(flavor = "multi_thread")]
async fn an_enforced_route_is_not_passed_by_another_reading_of_its_path() {
    let policy = r#"
version: 1
mode: shadow
paths: {path_parameters: true, encoded_delimiters: true}
routes:
  - {name: admin, methods: ["*"], path: /admin/delete, access: nobody, mode: enforce}
  - {name: account, methods: ["*"], path: /admin/account, access: authenticated, mode: enforce}
"#;
    let (app, asker) = started(policy).await;
    let token = app.issuer.token("alice", "other");
    for (path, token, status) in [
        ("/admin/delete", Some(&token), 403),
        ("/admin/delete%3Bx", Some(&token), 403),
        ("/admin/delete%3Fx", Some(&token), 403),
        ("/admin/account%3Bx", None, 401),
        ("/admin/account%3Bx", Some(&token), 200),
        ("/admin/other%3Bx", None, 200),
    ] {
        let verdict = asker.ask(path, token.map(String::as_str)).await;
        assert_eq!(verdict.status, status, "{path} {verdict:?}");
    }
    let line = "portcullis_checks_would_deny_total{reason=\"unlisted\",detail=\"\"} 1";
    app.admin_shows("/metrics", line).await;
}
