//! A second policy in shadow beside the one in force: what it would change is counted and told, and
//! nothing changes.

use std::fs;

use portcullis::config::{Config, Overrides};
use serde_json::{Value, json};

use crate::asker::{Asker, Verdict};
use crate::test_app::{POLICY, Setup, TestApp, write_files};
use crate::test_issuer::TestIssuer;

/// Stricter for one route, more open for two, and without another.
const STRICTER: &str = r#"
version: 1
scopes:
  orders.read: Read orders
  orders.write: Place orders
routes:
  - {name: browse, methods: [GET], path: "/products/{id}", access: authenticated}
  - {name: read-order, methods: [GET], path: "/orders/{order_id}", scopes: [orders.read]}
  - {name: place-order, methods: [POST], path: /orders, scopes: [orders.write], preflight: true}
  - {name: reports, methods: [GET], path: "/internal/reports", access: public}
  - {name: help, methods: [GET], path: /help, access: public}
"#;

const KEY: &str = "shadow_policy: [stricter.yaml]";

fn setup() -> Setup {
    Setup {
        extra: KEY.to_owned(),
        ..Setup::default()
    }
}

fn started(tried: &str) -> TestApp {
    TestApp::prepared(&setup(), |folder| {
        fs::write(folder.join("stricter.yaml"), tried).unwrap();
    })
}

async fn status(app: &TestApp) -> Value {
    let (_, status) = app.admin("/status").await;
    serde_json::from_str(&status).unwrap()
}

fn series(route: &str, difference: &str) -> String {
    format!(
        "portcullis_shadow_policy_checks_total{{route=\"{route}\",difference=\"{difference}\"}}"
    )
}

/// An answer without what is new in each.
fn comparable(verdict: &Verdict) -> (i32, i32, Value, Vec<Option<&str>>) {
    let mut body: Value = serde_json::from_str(&verdict.body).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("decision_id");
    }
    let names = ["x-auth-subject", "x-auth-scopes", "www-authenticate"];
    let headers = names.map(|name| verdict.header(name)).to_vec();
    (verdict.status, verdict.code, body, headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_stay_as_they_are_and_differences_are_counted_by_route() {
    let (plain, trying) = (TestApp::start(), started(STRICTER));
    let asker = Asker::connect(&trying.authz_url()).await;
    let plain_asker = Asker::connect(&plain.authz_url()).await;
    for (path, scope, expected) in [
        ("/products/1", None, ("browse", "more_closed")),
        ("/products/1", Some("orders.read"), ("browse", "none")),
        ("/orders/1", None, ("read-order", "none")),
        ("/orders/1", Some("orders.read"), ("read-order", "none")),
        ("/orders/1", Some("other"), ("read-order", "none")),
        ("/account", Some("orders.read"), ("account", "more_closed")),
        ("/internal/reports", None, ("reports", "more_open")),
        ("/internal/reports", Some("other"), ("reports", "more_open")),
        ("/internal/1", Some("other"), ("internals", "refusal")),
        ("/help", None, ("help", "more_open")),
        ("/nothing", None, ("(no route)", "none")),
    ] {
        let (route, difference) = expected;
        let counted = |metrics: &str| {
            let wanted = series(route, difference);
            let line = metrics.lines().find(|line| line.starts_with(&wanted));
            let (_, count) = line.expect(&wanted).rsplit_once(' ').unwrap();
            count.parse::<u64>().unwrap()
        };
        let before = counted(&trying.admin("/metrics").await.1);
        let token = |app: &TestApp| scope.map(|scope| app.issuer.token("alice", scope));
        let answer = asker.ask(path, token(&trying).as_deref()).await;
        let without = plain_asker.ask(path, token(&plain).as_deref()).await;
        assert_eq!(comparable(&answer), comparable(&without), "{path}");
        let after = counted(&trying.admin("/metrics").await.1);
        assert_eq!(after, before + 1, "{path} {scope:?}");
    }
    // Nobody knows how an upstream reads these.
    for path in ["/orders/a%2Fb", "/products/../help", "//help"] {
        assert_eq!(asker.ask(path, None).await.status, 400);
    }
    let status = status(&trying).await;
    let shadow = &status["shadow_policy"];
    assert_eq!(
        shadow["checks"],
        json!({"none": 5, "more_open": 3, "more_closed": 2, "identity": 0, "refusal": 1,
               "cannot_tell": 0})
    );
    assert_eq!(shadow["routes"], 5);
    assert_ne!(shadow["digest"], status["policy"]["digest"]);
    let (_, metrics) = plain.admin("/metrics").await;
    assert!(!metrics.contains("shadow_policy"), "{metrics}");
    let (_, told) = plain.admin("/status").await;
    assert!(!told.contains("shadow_policy"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shadow_policy_is_reloaded_by_itself_and_a_bad_one_keeps_the_last_good_one() {
    let app = started(STRICTER);
    let asker = Asker::connect(&app.authz_url()).await;
    let file = app.folder.path().join("stricter.yaml");
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
    app.admin_shows("/metrics", &(series("browse", "more_closed") + " 1"))
        .await;
    let first = status(&app).await;

    // Seen by the watcher.
    fs::write(
        &file,
        STRICTER.replace("/help, access: public", "/help, access: nobody"),
    )
    .unwrap();
    let other = |digest: &Value| digest != &first["shadow_policy"]["digest"];
    let waiting = async {
        while !other(&status(&app).await["shadow_policy"]["digest"]) {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    tokio::time::timeout(patience, waiting).await.unwrap();
    let second = status(&app).await;
    assert_eq!(second["policy"]["digest"], first["policy"]["digest"]);
    assert_eq!(asker.ask("/help", None).await.status, 401);
    app.admin_shows("/metrics", &(series("help", "refusal") + " 1"))
        .await;
    app.admin_shows("/metrics", &(series("browse", "more_closed") + " 1"))
        .await;

    // The policy in force is taken over all the same.
    fs::write(
        &file,
        "version: 1\nroutes: [{name: a, path: /a, acess: public}]\n",
    )
    .unwrap();
    app.write_policy(&POLICY.replace("path: /account", "path: /me"));
    app.app.reload().unwrap();
    let third = status(&app).await;
    assert_eq!(
        third["shadow_policy"]["digest"],
        second["shadow_policy"]["digest"]
    );
    let error = third["shadow_policy"]["last_reload_error"]
        .as_str()
        .unwrap();
    assert!(error.contains("stricter.yaml"), "{error}");
    assert_eq!(third["policy"]["last_reload_error"], Value::Null);
    assert_ne!(third["policy"]["digest"], second["policy"]["digest"]);
    assert_eq!(asker.ask("/me", None).await.status, 401);
    app.admin_shows("/metrics", "\nportcullis_shadow_policy_reload_success 0\n")
        .await;
    app.admin_shows("/metrics", "\nportcullis_policy_reload_success 1\n")
        .await;

    fs::write(&file, STRICTER).unwrap();
    app.app.reload().unwrap();
    let fourth = status(&app).await;
    assert_eq!(fourth["shadow_policy"]["last_reload_error"], Value::Null);
    assert_eq!(
        fourth["shadow_policy"]["digest"],
        first["shadow_policy"]["digest"]
    );
    app.admin_shows("/metrics", "\nportcullis_shadow_policy_reload_success 1\n")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_policy_comes_and_goes_with_the_configuration() {
    let app = TestApp::start();
    let config = app.folder.path().join("portcullis.yaml");
    let plain = fs::read_to_string(&config).unwrap();
    // The first one cannot be loaded: there is none yet, and the gate says so.
    fs::write(&config, format!("{plain}{KEY}\n")).unwrap();
    app.app.reload().unwrap();
    let told = status(&app).await;
    assert_eq!(told["shadow_policy"]["digest"], Value::Null);
    let error = told["shadow_policy"]["last_reload_error"].as_str().unwrap();
    assert!(error.starts_with("`shadow_policy`: cannot read"), "{error}");

    fs::write(app.folder.path().join("stricter.yaml"), STRICTER).unwrap();
    app.admin_shows("/metrics", "\nportcullis_shadow_policy_reload_success 1\n")
        .await;
    let asker = Asker::connect(&app.authz_url()).await;
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
    app.admin_shows("/metrics", &(series("browse", "more_closed") + " 1"))
        .await;

    fs::write(&config, plain).unwrap();
    app.app.reload().unwrap();
    let (_, metrics) = app.admin("/metrics").await;
    assert!(!metrics.contains("shadow_policy"), "{metrics}");
    assert_eq!(asker.ask("/products/1", None).await.status, 200);
}

#[test]
fn a_shadow_policy_that_cannot_be_loaded_ends_a_start() {
    let misspelt = "version: 1\nroutes: [{name: a, methods: [GET], path: /a, access: pubic}]\n";
    for (text, expected) in [
        (Some(misspelt), "stricter.yaml:2"),
        (None, "`shadow_policy`: cannot read"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write_files(folder.path(), &setup(), &TestIssuer::new("key-1"));
        if let Some(text) = text {
            fs::write(folder.path().join("stricter.yaml"), text).unwrap();
        }
        let config = folder.path().join("portcullis.yaml");
        let config = Config::load(&config, &Overrides::default()).unwrap();
        let error = portcullis::app::build(&config, None).err().unwrap();
        let error = format!("{error:#}");
        assert!(error.contains(expected), "{error}");
    }
}
