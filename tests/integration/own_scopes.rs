//! Scopes that open the issuer itself: no upstream gets a token that has them.

use std::sync::Arc;

use portcullis::clock::{Clock, ManualClock, SystemClock};
use serde_json::{Value, json};

use crate::issuer::{error, parts};
use crate::test_app::Setup;
use crate::test_browser::{CALLBACK, TestBrowser, encode, form, request, returned};
use crate::test_companion::{
    ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, URL, setup, sqlite,
};

/// Scopes and audiences of a token.
fn rights(token: &str) -> (Value, Value) {
    let (_, claims) = parts(token);
    (claims["scope"].clone(), claims["aud"].clone())
}

fn everywhere() -> Value {
    json!([URL, "orders-api"])
}

/// An app of `owner` that may have both kinds of scopes.
async fn app(companion: &TestCompanion, owner: &str, scopes: &[&str]) -> TestClient {
    let body = json!({"name": "tool", "scopes": scopes, "redirect_uris": [CALLBACK]});
    let made = companion.post("/consumer/app", &body, owner).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |member: &str| made.json()[member].as_str().unwrap().to_owned();
    TestClient {
        key: text("app_key"),
        secret: text("app_secret"),
    }
}

#[tokio::test]
async fn a_login_is_for_the_issuer_or_has_none_of_its_scopes() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let all = "consumer.account consumer.app orders.read";
    let rows = [
        (json!(null), all, json!([URL])),
        (json!(["orders.read"]), "orders.read", everywhere()),
        (json!(["consumer.app"]), "consumer.app", json!([URL])),
        (
            json!(["orders.read", "consumer.app"]),
            "consumer.app orders.read",
            json!([URL]),
        ),
    ];
    for (scopes, expected, audiences) in rows {
        let mut body = json!({"username": "alice", "password": PASSWORD});
        if !scopes.is_null() {
            body["scopes"] = scopes.clone();
        }
        let answer = companion.post("/consumer/login", &body, "").await.json();
        assert_eq!(answer["scope"], expected, "{scopes}");
        let token = answer["token"].as_str().unwrap();
        assert_eq!(rights(token), (json!(expected), audiences.clone()));
        let whoami = companion.get("/authorization/whoami", token).await;
        assert_eq!(whoami.status, 200, "{scopes}");
        let body = json!({"refresh_token": answer["refresh_token"]}).to_string();
        let headers = ["content-type: application/json"];
        let next = companion
            .send("PUT", "/consumer/login", &headers, &body)
            .await;
        let next = next.json();
        let token = next["token"].as_str().unwrap();
        assert_eq!(rights(token), (json!(expected), audiences));
    }
}

#[tokio::test]
async fn what_a_login_gives_to_an_upstream_cannot_be_used_at_the_issuer() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let body = json!({"username": "alice", "password": PASSWORD, "scopes": ["orders.read"]});
    let answer = companion.post("/consumer/login", &body, "").await.json();
    let stolen = answer["token"].as_str().unwrap();
    assert_eq!(companion.check("GET", "/orders/1", stolen).await, 200);
    let calls = [
        ("POST", "/consumer/app", json!({"name": "backdoor"})),
        ("GET", "/consumer/app", json!(null)),
        (
            "PUT",
            "/consumer/account",
            json!({"email": "a@b.example", "password": "x"}),
        ),
        ("GET", "/consumer/account", json!(null)),
        ("GET", "/consumer/grant", json!(null)),
    ];
    for (method, path, body) in calls {
        let answer = match method {
            "GET" => companion.get(path, stolen).await,
            "PUT" => companion.put(path, &body, stolen).await,
            _ => companion.post(path, &body, stolen).await,
        };
        assert_eq!(
            error(&answer),
            (403, "insufficient_scope".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_app_has_the_issuers_scopes_in_tokens_for_the_issuer_alone() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let both = app(&companion, &alice, &["orders.read", "consumer.account"]).await;
    let resource = format!("&resource={}", encode(URL));
    let rows = [
        (String::new(), "orders.read", everywhere()),
        ("&scope=orders.read".to_owned(), "orders.read", everywhere()),
        (
            "&scope=consumer.account".to_owned(),
            "consumer.account",
            json!([URL]),
        ),
        (resource, "consumer.account orders.read", json!([URL])),
    ];
    for (more, scopes, audiences) in rows {
        let form = format!("grant_type=client_credentials{more}");
        let answer = companion.token(&both, &form).await.json();
        assert_eq!(answer["scope"], scopes, "{more}");
        let token = answer["access_token"].as_str().unwrap();
        assert_eq!(rights(token), (json!(scopes), audiences.clone()), "{more}");
        let refresh = answer["refresh_token"].as_str().unwrap();
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        let next = companion.token(&both, &form).await.json();
        let token = next["access_token"].as_str().unwrap();
        assert_eq!(rights(token), (json!(scopes), audiences), "{more}");
    }

    // Through a browser: what is shown is what is given.
    let mut browser = TestBrowser::new(&companion);
    let page = browser.log_in(&request(&both), "alice").await;
    assert!(!page.body.contains("consumer.account"), "{page:?}");
    let narrow = format!("{}&scope=consumer.account+orders.read", request(&both));
    let page = browser.get(&narrow).await;
    assert!(page.body.contains("consumer.account"), "{page:?}");
    let allow = form(&page, "/authorization/consent").with("decision", "allow");
    let back = returned(&browser.submit(&allow).await, CALLBACK);
    let answer = companion
        .redeem(&both, back.get("code").unwrap())
        .await
        .json();
    let token = answer["access_token"].as_str().unwrap();
    let expected = json!("consumer.account orders.read");
    assert_eq!(rights(token), (expected, json!([URL])));
}

#[tokio::test]
async fn the_issuers_scopes_for_another_resource_are_refused() {
    let audiences = "[orders-api, \"https://orders.example/api\"]";
    let companion = TestCompanion::with_audiences(audiences).await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let tool = app(&companion, &admin, &["backend.user"]).await;
    let answer = companion
        .token(&tool, "grant_type=client_credentials")
        .await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(rights(&token), (json!("backend.user"), json!([URL])));
    let form = "grant_type=client_credentials&resource=https%3A%2F%2Forders.example%2Fapi";
    let refused = companion.token(&tool, form).await;
    assert_eq!(error(&refused), (400, "invalid_scope".to_owned()));
}

/// A companion whose time the test makes.
async fn companion_with_a_clock() -> (TestCompanion, Arc<ManualClock>) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let setup = Setup {
        clock: Some(Arc::clone(&clock)),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    (companion, clock)
}

/// The token of an app for itself, with these scopes.
async fn app_token(companion: &TestCompanion, app: &TestClient, scopes: &str) -> String {
    let form = format!("grant_type=client_credentials&scope={}", encode(scopes));
    let answer = companion.token(app, &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn not_fresh() -> (u16, String) {
    (401, "insufficient_user_authentication".to_owned())
}

#[tokio::test]
async fn apps_and_secrets_take_a_fresh_login() {
    let (companion, clock) = companion_with_a_clock().await;
    companion.register("alice").await;
    let login = companion.login_tokens("alice", PASSWORD).await;
    let tool = companion.app(&login.access, "tool").await;
    let rotate = format!("/consumer/app/{}/rotate_secret", tool.key);
    let body = json!({"refresh_token": login.refresh}).to_string();
    let headers = ["content-type: application/json"];
    let refreshed = companion
        .send("PUT", "/consumer/login", &headers, &body)
        .await;
    let refreshed = refreshed.json()["token"].as_str().unwrap().to_owned();
    let again = companion.login("alice", PASSWORD).await;
    clock.advance(300);
    let made = companion.post(&rotate, &json!({}), &again).await;
    assert_eq!(made.status, 200, "{made:?}");
    clock.advance(1);
    for token in [&login.access, &again, &refreshed] {
        for (path, body) in [
            ("/consumer/app", json!({"name": "backdoor"})),
            (&*rotate, json!({})),
        ] {
            let refused = companion.post(path, &body, token).await;
            assert_eq!(error(&refused), not_fresh(), "{path}");
            let challenge = refused.header("www-authenticate").unwrap();
            assert!(challenge.contains("max_age=\"300\""), "{challenge}");
        }
        // It is a good token otherwise.
        assert_eq!(companion.get("/consumer/app", token).await.status, 200);
    }
    // An app is stopped at any time, and goes on only after a login.
    let app = format!("/consumer/app/{}", tool.key);
    let set = async |status: &str, token: &str| {
        let body = json!({"status": status});
        companion.put(&app, &body, token).await
    };
    assert_eq!(set("disabled", &again).await.status, 200);
    assert_eq!(error(&set("active", &again).await), not_fresh());
    let fresh = companion.login("alice", PASSWORD).await;
    assert_eq!(set("active", &fresh).await.status, 200);
    companion.app(&fresh, "another").await;
}

/// An app of somebody else would leave behind one that nobody has consented to.
#[tokio::test]
async fn in_the_name_of_a_user_only_its_own_apps_make_apps_and_secrets() {
    let (companion, clock) = companion_with_a_clock().await;
    let mallory = companion.register("mallory").await;
    let alice = companion.register("alice").await;
    let foreign = app(&companion, &mallory, &["consumer.app", "orders.read"]).await;
    let own = app(&companion, &alice, &["consumer.app", "orders.read"]).await;
    let mut browser = TestBrowser::new(&companion);
    let wanted = format!("{}&scope=consumer.app+orders.read", request(&foreign));
    let code = browser.code(&wanted, "alice").await;
    let granted = companion.redeem(&foreign, &code).await.json();
    let token = granted["access_token"].as_str().unwrap();
    let refresh = granted["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let refreshed = companion.token(&foreign, &form).await.json();
    let refreshed = refreshed["access_token"].as_str().unwrap();
    let rotate = format!("/consumer/app/{}/rotate_secret", own.key);
    let backdoor = json!({"name": "backdoor"});
    for token in [token, refreshed] {
        assert_eq!(companion.get("/consumer/app", token).await.status, 200);
        for (path, body) in [("/consumer/app", &backdoor), (&*rotate, &json!({}))] {
            let refused = companion.post(path, body, token).await;
            assert_eq!(error(&refused), not_fresh(), "{path}");
        }
    }
    clock.advance(301);
    let token = app_token(&companion, &own, "consumer.app orders.read").await;
    let made = companion.post("/consumer/app", &backdoor, &token).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = companion.post(&rotate, &json!({}), &token).await;
    assert_eq!(made.status, 200, "{made:?}");
}

/// What an administrator does that outlives its token and its password.
const LASTING: &[(&str, &str, &str)] = &[
    ("POST", "/backend/app/APP/rotate_secret", "{}"),
    (
        "POST",
        "/backend/user",
        r#"{"username": "mallory", "email": "m@b.example", "password": "pfannkuchen mit apfelmus"}"#,
    ),
    (
        "POST",
        "/backend/user/alice/set_password",
        r#"{"password": "kaiserschmarrn mit zwetschgen"}"#,
    ),
    ("PUT", "/backend/user/alice", r#"{"add_roles": ["sales"]}"#),
    (
        "PUT",
        "/backend/role/sales",
        r#"{"add_scopes": ["orders.write"]}"#,
    ),
    ("PUT", "/backend/role/sales/default", "{}"),
];

#[tokio::test]
async fn what_an_administrator_leaves_behind_takes_a_fresh_login() {
    let (companion, clock) = companion_with_a_clock().await;
    let alice = companion.register("alice").await;
    let tool = companion.app(&alice, "tool").await;
    let login = companion.login_tokens("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "sales", "scopes": ["orders.read"]});
    let made = companion.post("/backend/role", &role, &login.access).await;
    assert_eq!(made.status, 201, "{made:?}");
    let scopes = ["backend.app", "backend.role", "backend.user"];
    let robot = app(&companion, &login.access, &scopes).await;
    let call = async |(method, path, body): (&str, &str, &str), token: &str| {
        let path = path.replace("APP", &tool.key);
        let body: Value = serde_json::from_str(body).unwrap();
        match method {
            "PUT" => companion.put(&path, &body, token).await,
            _ => companion.post(&path, &body, token).await,
        }
    };
    clock.advance(301);
    let body = json!({"refresh_token": login.refresh}).to_string();
    let headers = ["content-type: application/json"];
    let refreshed = companion
        .send("PUT", "/consumer/login", &headers, &body)
        .await;
    let refreshed = refreshed.json()["token"].as_str().unwrap().to_owned();
    for token in [&login.access, &refreshed] {
        for lasting in LASTING {
            let refused = call(*lasting, token).await;
            assert_eq!(error(&refused), not_fresh(), "{lasting:?}");
        }
    }
    // What takes away does not have to wait for a login.
    let end = ("POST", "/backend/revoke", r#"{"user": "alice"}"#);
    assert_eq!(call(end, &login.access).await.status, 200);
    let robot = app_token(&companion, &robot, &scopes.join(" ")).await;
    let fresh = companion.login("admin", ADMIN_PASSWORD).await;
    for lasting in LASTING {
        let by_app = call(*lasting, &robot).await;
        assert!(
            (200..300).contains(&by_app.status),
            "{lasting:?}: {by_app:?}"
        );
    }
    let delete = companion.delete("/backend/user/mallory", &fresh).await;
    assert_eq!(delete.status, 204, "{delete:?}");
    for lasting in LASTING {
        let by_login = call(*lasting, &fresh).await;
        assert!(
            (200..300).contains(&by_login.status),
            "{lasting:?}: {by_login:?}"
        );
    }
}

/// Updates of an app, one after the other, and whether each gives it something.
const UPDATES: &[(&str, bool)] = &[
    (r#"{"name": "shop"}"#, false),
    (r#"{"redirect_uris": []}"#, false),
    (
        r#"{"redirect_uris": ["https://elsewhere.example/back"]}"#,
        true,
    ),
    (
        r#"{"redirect_uris": ["https://elsewhere.example/back"]}"#,
        false,
    ),
    (r#"{"add_scopes": ["orders.read"]}"#, true),
    (r#"{"remove_scopes": ["consumer.app"]}"#, false),
    (r#"{"scopes": ["consumer.app", "orders.read"]}"#, true),
    (r#"{"scopes": ["orders.read"]}"#, false),
    (r#"{"follows_owner": true}"#, true),
    (r#"{"follows_owner": false}"#, false),
    (r#"{"status": "disabled"}"#, false),
    (r#"{"status": "disabled", "name": "stopped"}"#, false),
    (r#"{"status": "active"}"#, true),
    (r#"{"status": "active"}"#, false),
];

/// Whoever has a stolen token, and perhaps the secret of an app, gets nothing by it that stays: neither as the
/// owner nor as an administrator.
#[tokio::test]
async fn what_gives_an_app_more_takes_a_fresh_login() {
    let (companion, clock) = companion_with_a_clock().await;
    let alice = companion.register("alice").await;
    let of_owner = app(&companion, &alice, &["consumer.app"]).await;
    let body = json!({"name": "other", "scopes": ["consumer.app"]});
    let bob = companion.register("bob").await;
    let other = companion.post("/consumer/app", &body, &bob).await.json();
    let other = other["app_key"].as_str().unwrap().to_owned();
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    clock.advance(301);
    let rows = [
        (
            format!("/consumer/app/{}", of_owner.key),
            &alice,
            companion.login("alice", PASSWORD).await,
        ),
        (
            format!("/backend/app/{other}"),
            &admin,
            companion.login("admin", ADMIN_PASSWORD).await,
        ),
    ];
    for (path, old, fresh) in rows {
        for (update, gives) in UPDATES {
            let update: Value = serde_json::from_str(update).unwrap();
            let by_old = companion.put(&path, &update, old).await;
            if *gives {
                assert_eq!(error(&by_old), not_fresh(), "{path}: {update}");
                let by_fresh = companion.put(&path, &update, &fresh).await;
                assert_eq!(by_fresh.status, 200, "{path}: {update}: {by_fresh:?}");
            } else {
                assert_eq!(by_old.status, 200, "{path}: {update}: {by_old:?}");
            }
        }
    }
}

/// Whoever has a scope has it under its new name, which may be the right that another policy asks for.
#[tokio::test]
async fn another_name_for_a_scope_takes_a_fresh_login() {
    let (companion, clock) = companion_with_a_clock().await;
    let old = companion.login("admin", ADMIN_PASSWORD).await;
    clock.advance(301);
    let path = "/backend/scope/orders.write";
    let described = json!({"name": "orders.write", "description": "changes orders"});
    let answer = companion.put(path, &described, &old).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let renamed = json!({"name": "orders.delete"});
    let refused = companion.put(path, &renamed, &old).await;
    assert_eq!(error(&refused), not_fresh());
    let fresh = companion.login("admin", ADMIN_PASSWORD).await;
    let answer = companion.put(path, &renamed, &fresh).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn with_the_password_the_apps_end_where_that_is_asked_for() {
    let companion = TestCompanion::start().await;
    companion.register("bobby").await;
    let mut password = PASSWORD.to_owned();
    let mut login = companion.register("alice").await;
    let tool = companion.app(&login, "tool").await;
    let tokens = companion.tokens(&tool).await;
    for (end_apps, status) in [(json!(null), 200), (json!(false), 200), (json!(true), 401)] {
        let next = format!("{password} und mehr");
        let mut body = json!({"old_password": password, "new_password": next});
        if !end_apps.is_null() {
            body["end_apps"] = end_apps.clone();
        }
        let path = "/consumer/account/change_password";
        let changed = companion.post(path, &body, &login).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        assert!(changed.body.contains("apps"), "{changed:?}");
        let answer = companion
            .token(&tool, "grant_type=client_credentials")
            .await;
        assert_eq!(answer.status, status, "{end_apps}: {answer:?}");
        login = companion.login("alice", &next).await;
        password = next;
    }
    assert_eq!(
        companion.check("GET", "/orders/1", &tokens.access).await,
        401
    );
    // The app is still there, and lives again with another secret.
    let rotate = format!("/consumer/app/{}/rotate_secret", tool.key);
    let made = companion.post(&rotate, &json!({}), &login).await;
    assert_eq!(made.status, 200, "{made:?}");
    let secret = made.json()["app_secret"].as_str().unwrap().to_owned();
    let tool = TestClient { secret, ..tool };
    companion.tokens(&tool).await;
}
