//! `POST /authorization/introspect`: who may ask, and that the answer is of now.

use portcullis::clock::{Clock, SystemClock, UnixSeconds};
use portcullis::token::RevocationTarget;
use serde_json::{Value, json};

use crate::issuer::{error, parts};
use crate::test_companion::{
    ADMIN_PASSWORD, FORM, PASSWORD, TestClient, TestCompanion, URL, basic, bearer,
};
use crate::test_issuer::TestIssuer;

const INTROSPECT: &str = "/authorization/introspect";

/// What `client` is told of `token`.
async fn told(companion: &TestCompanion, client: &TestClient, token: &str) -> Value {
    let form = format!("token={token}");
    let answer = companion.form(INTROSPECT, client, &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = answer.json();
    if answer["active"] == false {
        assert_eq!(answer, json!({"active": false}), "and not a word more");
    }
    answer
}

async fn is_active(companion: &TestCompanion, client: &TestClient, token: &str) -> bool {
    told(companion, client, token).await["active"] == true
}

/// An app of the administrator that may ask about all tokens.
async fn resource_server(companion: &TestCompanion) -> TestClient {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let wanted = json!({"name": "orders-api", "scopes": ["backend.introspect"]});
    let made = companion.post("/consumer/app", &wanted, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
    TestClient {
        key: text("app_key"),
        secret: text("app_secret"),
    }
}

#[tokio::test]
async fn an_app_is_told_all_about_its_own_tokens() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let tokens = companion.tokens(&app).await;
    let id = companion.get("/consumer/account", &alice).await.json()["id"].clone();

    let access = told(&companion, &app, &tokens.access).await;
    let expected = json!({
        "active": true, "scope": "orders.read", "client_id": app.key, "username": "alice",
        "token_type": "bearer", "sub": id, "iss": URL, "aud": [URL, "orders-api"],
        "exp": access["exp"], "iat": access["iat"], "jti": access["jti"],
    });
    assert_eq!(access, expected);
    let number = |name: &str| access[name].as_i64().unwrap();
    assert_eq!(number("exp") - number("iat"), 3600);
    assert!(!access["jti"].as_str().unwrap().is_empty());

    let refresh = told(&companion, &app, &tokens.refresh).await;
    let expected = json!({
        "active": true, "scope": "orders.read", "client_id": app.key, "username": "alice",
        "token_type": "refresh_token", "sub": id, "iss": URL, "aud": URL,
        "exp": refresh["exp"], "iat": refresh["iat"],
    });
    assert_eq!(refresh, expected);
    let form = format!("token={}&token_type_hint=access_token", tokens.refresh);
    let hinted = companion.form(INTROSPECT, &app, &form).await;
    assert_eq!(hinted.json(), refresh, "a wrong hint");

    let form = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh);
    assert_eq!(companion.token(&app, &form).await.status, 200);
    assert!(!is_active(&companion, &app, &tokens.refresh).await, "used");
    assert!(is_active(&companion, &app, &tokens.access).await);
}

#[tokio::test]
async fn others_are_told_nothing_unless_they_have_the_scope() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let stranger = companion.app(&alice, "other-app").await;
    let server = resource_server(&companion).await;
    let tokens = companion.tokens(&app).await;
    let login = companion.login_tokens("alice", PASSWORD).await;
    let rows = [
        // token, its app, another app, a resource server
        (&tokens.access, true, false, true),
        // No resource server may take one for an access token.
        (&tokens.refresh, true, false, false),
        (&login.access, false, false, true),
        (&login.refresh, false, false, false),
    ];
    for (row, (token, own, other, with_scope)) in rows.into_iter().enumerate() {
        assert_eq!(is_active(&companion, &app, token).await, own, "{row}");
        assert_eq!(
            is_active(&companion, &stranger, token).await,
            other,
            "{row}"
        );
        assert_eq!(
            is_active(&companion, &server, token).await,
            with_scope,
            "{row}"
        );
    }
    assert_eq!(
        told(&companion, &server, &login.access).await["client_id"],
        "portcullis"
    );
}

#[tokio::test]
async fn the_answer_is_of_now() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let server = resource_server(&companion).await;
    let store = companion.open_store().await;
    let now = UnixSeconds(i64::MAX / 4);
    let login = companion.login_tokens("alice", PASSWORD).await;
    let app = companion.app(&login.access, "web-shop").await;

    let tokens = companion.tokens(&app).await;
    let subject = RevocationTarget::App(app.key.clone());
    store.revoke(&subject, now).await.unwrap();
    for token in [&tokens.access, &tokens.refresh] {
        assert!(!is_active(&companion, &app, token).await, "revoked");
    }
    let tokens = companion.tokens(&app).await;
    for token in [&tokens.access, &tokens.refresh] {
        assert!(
            is_active(&companion, &app, token).await,
            "given out afterwards"
        );
    }
    companion.take_scope("orders.read").await;
    for token in [&tokens.access, &tokens.refresh, &login.access] {
        let told = is_active(&companion, &server, token).await;
        assert!(!told, "its user has less than it says");
    }
    let login = companion.login_tokens("alice", PASSWORD).await;
    assert!(is_active(&companion, &server, &login.access).await);
    companion.disable("alice").await;
    assert!(
        !is_active(&companion, &server, &login.access).await,
        "disabled"
    );
    let login = companion.login_tokens("admin", ADMIN_PASSWORD).await;
    assert!(is_active(&companion, &server, &login.access).await);
    store
        .revoke(&RevocationTarget::Everyone, now)
        .await
        .unwrap();
    assert!(
        !is_active(&companion, &server, &login.access).await,
        "everybody's"
    );
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_not_active() {
    let companion = TestCompanion::start().await;
    let server = resource_server(&companion).await;
    let alice = companion.register("alice").await;
    let parts: Vec<&str> = alice.split('.').collect();
    let rows = [
        TestIssuer::new("key-1").token("alice", "orders.read"),
        format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(86)),
        "x".to_owned(),
        "a.b.c".to_owned(),
        "%00x".replace("%00", "%01"),
        "x".repeat(15_000),
        companion.app(&alice, "web-shop").await.secret,
    ];
    for token in rows {
        assert!(!is_active(&companion, &server, &token).await, "{token}");
    }
}

#[tokio::test]
async fn our_own_signature_is_not_enough() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let tokens = companion.tokens(&app).await;
    let (_, good) = parts(&tokens.access);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let now = SystemClock.now().0;
    let rows = [
        ("at+jwt", good.clone(), true),
        ("at+jwt", with("jti", json!("another")), true),
        // Whoever verifies it himself may still let it pass: clocks differ.
        ("at+jwt", with("exp", json!(now - 1)), false),
        ("at+jwt", with("exp", json!(now - 1000)), false),
        ("at+jwt", with("exp", json!(now + 1_000_000)), false),
        ("at+jwt", with("iat", json!(now + 1000)), false),
        (
            "at+jwt",
            with("aud", json!(["https://elsewhere.example"])),
            false,
        ),
        (
            "at+jwt",
            with("iss", json!("https://elsewhere.example")),
            false,
        ),
        ("at+jwt", with("sub", json!("nobody")), false),
        ("at+jwt", with("scope", json!("orders.write")), false),
        ("at+jwt", with("client_id", json!("nobody")), false),
        ("JWT", good.clone(), false),
    ];
    for (kind, claims, active) in rows {
        let token = companion.sign(kind, &claims).await;
        let told = is_active(&companion, &app, &token).await;
        assert_eq!(told, active, "{kind} {claims}");
    }
    // What has expired cannot be given back, and the grant it was of goes on.
    let expired = companion
        .sign("at+jwt", &with("exp", json!(now - 1000)))
        .await;
    let form = format!("token={expired}");
    let answer = companion.form("/authorization/revoke", &app, &form).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(is_active(&companion, &app, &tokens.access).await);
}

#[tokio::test]
async fn wrong_requests_are_refused_as_rfc_7662_says() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let tokens = companion.tokens(&app).await;
    let token = format!("token={}", tokens.access);
    let good = basic(&app.key, &app.secret);
    let wrong = basic(&app.key, "wrong");
    let of_app = bearer(&tokens.access);
    let of_login = bearer(&alice);
    let twice = format!("{token}&{token}");
    let both = format!("{token}&client_id={}&client_secret={}", app.key, app.secret);
    let large = format!("{token}&x={}", "x".repeat(20_000));
    let json = "content-type: application/json";
    let rows: [(&[&str], &str, u16, &str); 13] = [
        (&[FORM], &token, 401, "invalid_client"),
        (&[FORM, &wrong], &token, 401, "invalid_client"),
        (&[FORM, &of_app], &token, 401, "invalid_client"),
        (&[FORM, &of_login], &token, 401, "invalid_client"),
        (&[FORM, &good, &good], &token, 400, "invalid_request"),
        (&[FORM, &good], &both, 400, "invalid_request"),
        (&[FORM, &good], "", 400, "invalid_request"),
        (&[FORM, &good], "token=", 400, "invalid_request"),
        (
            &[FORM, &good],
            "token_type_hint=access_token",
            400,
            "invalid_request",
        ),
        (&[FORM, &good], &twice, 400, "invalid_request"),
        (&[FORM, &good], "token=%00", 400, "invalid_request"),
        (&[json, &good], "{}", 400, "invalid_request"),
        (&[FORM, &good], &large, 413, "invalid_request"),
    ];
    for (headers, body, status, code) in rows {
        let answer = companion.send("POST", INTROSPECT, headers, body).await;
        assert_eq!(
            error(&answer),
            (status, code.to_owned()),
            "{headers:?} {answer:?}"
        );
        let challenged = answer.header("www-authenticate").is_some();
        assert!(challenged || status != 401, "{answer:?}");
    }
    let query = format!("{INTROSPECT}?{token}");
    for (method, path) in [("GET", query.as_str()), ("PUT", INTROSPECT)] {
        let answer = companion.send(method, path, &[&good], "").await;
        assert_eq!(
            error(&answer),
            (405, "invalid_request".to_owned()),
            "{method}"
        );
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    let answer = companion.send("POST", &query, &[FORM, &good], "").await;
    assert_eq!(error(&answer), (400, "invalid_request".to_owned()));
    let answer = companion.send("POST", INTROSPECT, &[FORM], &both).await;
    assert_eq!(answer.json()["active"], true, "key and secret in the body");
}
