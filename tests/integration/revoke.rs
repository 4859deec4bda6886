//! `POST /authorization/revoke`: giving tokens back, and what others cannot take.

use std::time::Duration;

use portcullis::clock::{Clock, SystemClock};
use portcullis::token::{LogPosition, RevocationTarget};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::issuer::error;
use crate::test_companion::{
    FORM, PASSWORD, TestClient, TestCompanion, TestTokens, URL, basic, bearer, setup, sqlite,
};
use crate::test_issuer::TestIssuer;

const REVOKE: &str = "/authorization/revoke";

/// Whether the access token opens the issuer and its refresh token can be used. Uses it, so it comes
/// last.
async fn lives(
    companion: &TestCompanion,
    client: &TestClient,
    tokens: &TestTokens,
) -> (bool, bool) {
    let whoami = companion.get("/authorization/whoami", &tokens.access).await;
    let form = format!("grant_type=refresh_token&refresh_token={}", tokens.refresh);
    let refreshed = companion.token(client, &form).await;
    (whoami.status == 200, refreshed.status == 200)
}

fn is_empty_success(answer: &Answer) {
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, ""),
        "{answer:?}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn each_token_of_a_grant_ends_all_of_it_and_no_other() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let before = companion.open_store().await.log_position().await.unwrap();
    // Which token is given back, and what is said of it.
    let rows = [
        ("refresh", ""),
        ("refresh", "&token_type_hint=access_token"),
        ("access", ""),
        ("access", "&token_type_hint=refresh_token"),
        ("access", "&token_type_hint=nonsense"),
    ];
    for (kind, hint) in rows {
        let (revoked, other) = (companion.tokens(&app).await, companion.tokens(&app).await);
        let token = match kind {
            "refresh" => &revoked.refresh,
            _ => &revoked.access,
        };
        let form = format!("token={token}{hint}");
        for _ in 0..2 {
            is_empty_success(&companion.form(REVOKE, &app, &form).await);
        }
        let dead = lives(&companion, &app, &revoked).await;
        assert_eq!(dead, (false, false), "{form}");
        while companion.check("GET", "/orders/1", &revoked.access).await != 401 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(
            lives(&companion, &app, &other).await,
            (true, true),
            "{form}"
        );
    }
    // A row for each grant, and none for giving back what had been.
    let position = companion.open_store().await.log_position().await.unwrap();
    assert_eq!(position.0, before.0 + 5);
}

#[tokio::test]
async fn a_used_refresh_token_ends_its_grant_as_well() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let first = companion.tokens(&app).await;
    let form = format!("grant_type=refresh_token&refresh_token={}", first.refresh);
    let second = companion.token(&app, &form).await.json();
    let second = TestTokens {
        access: second["access_token"].as_str().unwrap().to_owned(),
        refresh: second["refresh_token"].as_str().unwrap().to_owned(),
    };
    let form = format!("token={}", first.refresh);
    is_empty_success(&companion.form(REVOKE, &app, &form).await);
    assert_eq!(lives(&companion, &app, &second).await, (false, false));
}

#[tokio::test]
async fn an_access_token_without_a_grant_ends_alone() {
    let keys = ", refresh_token: {with_client_credentials: false}";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let answer = companion.token(&app, "grant_type=client_credentials").await;
        assert!(answer.json().get("refresh_token").is_none());
        tokens.push(answer.json()["access_token"].as_str().unwrap().to_owned());
    }
    let form = format!("token={}", tokens[0]);
    is_empty_success(&companion.form(REVOKE, &app, &form).await);
    for (token, status) in tokens.iter().zip([401, 200]) {
        let whoami = companion.get("/authorization/whoami", token).await;
        assert_eq!(whoami.status, status);
    }
}

#[tokio::test]
async fn who_logged_in_logs_out_with_the_token_itself() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    companion.register("bobby").await;
    let alices = companion.login_tokens("alice", PASSWORD).await;
    let again = companion.login_tokens("alice", PASSWORD).await;
    let bobs = companion.login_tokens("bobby", PASSWORD).await;
    let by = |token: &str| bearer(token);
    let app = companion.app(&alices.access, "web-shop").await;
    let of_app = companion.tokens(&app).await;

    // Nobody else's: done nothing, said nothing.
    for foreign in [&bobs.access, &bobs.refresh, &of_app.access, &of_app.refresh] {
        let form = format!("token={foreign}");
        let answer = companion
            .send("POST", REVOKE, &[FORM, &by(&alices.access)], &form)
            .await;
        is_empty_success(&answer);
    }
    assert_eq!(
        companion
            .get("/authorization/whoami", &bobs.access)
            .await
            .status,
        200
    );
    assert_eq!(lives(&companion, &app, &of_app).await, (true, true));
    // Nor an app those of a login.
    let form = format!("token={}", bobs.refresh);
    is_empty_success(&companion.form(REVOKE, &app, &form).await);

    let form = format!("token={}", alices.refresh);
    let answer = companion
        .send("POST", REVOKE, &[FORM, &by(&alices.access)], &form)
        .await;
    is_empty_success(&answer);
    assert_eq!(
        companion
            .get("/authorization/whoami", &alices.access)
            .await
            .status,
        401
    );
    let put = |refresh: &str| serde_json::json!({"refresh_token": refresh}).to_string();
    let json = ["content-type: application/json"];
    for (tokens, status) in [(&alices, 400), (&again, 200), (&bobs, 200)] {
        let body = put(&tokens.refresh);
        let answer = companion.send("PUT", "/consumer/login", &json, &body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // Its own access token: the shortest way to log out.
    let form = format!("token={}", again.access);
    let answer = companion
        .send("POST", REVOKE, &[FORM, &by(&again.access)], &form)
        .await;
    is_empty_success(&answer);
    let answer = companion
        .send("POST", REVOKE, &[FORM, &by(&again.access)], &form)
        .await;
    assert_eq!(
        error(&answer),
        (401, "invalid_token".to_owned()),
        "it has ended"
    );
}

#[tokio::test]
async fn what_is_not_the_apps_token_changes_nothing() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let other = companion.app(&alice, "other-app").await;
    let victim = companion.tokens(&other).await;
    let before = companion.open_store().await.log_position().await.unwrap();
    let [header, claims, signature] = parts(&victim.access);
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}.");
    let foreign = TestIssuer::new("key-1").token("alice", "orders.read");
    let rows = [
        victim.access.clone(),
        victim.refresh.clone(),
        none,
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", signature.replace('A', "B")),
        foreign,
        "x".to_owned(),
        "...".to_owned(),
        "%F0%9F%92%A9".to_owned(),
        "x".repeat(15_000),
    ];
    for token in rows {
        for hint in ["", "&token_type_hint=access_token", "&token_type_hint=x"] {
            let form = format!("token={token}{hint}");
            is_empty_success(&companion.form(REVOKE, &app, &form).await);
        }
    }
    assert_eq!(lives(&companion, &other, &victim).await, (true, true));
    let position = companion.open_store().await.log_position().await.unwrap();
    assert_eq!(position, before, "nothing was revoked");
}

#[tokio::test]
async fn wrong_requests_are_refused_as_rfc_7009_says() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let tokens = companion.tokens(&app).await;
    let token = format!("token={}", tokens.refresh);
    let good = basic(&app.key, &app.secret);
    let wrong = basic(&app.key, "wrong");
    let twice = format!("{token}&{token}");
    let both = format!("{token}&client_id={}&client_secret={}", app.key, app.secret);
    let large = format!("{token}&x={}", "x".repeat(20_000));
    let of_app = bearer(&tokens.access);
    let of_login = bearer(&alice);
    let json = "content-type: application/json";
    let rows: [(&[&str], &str, u16, &str); 16] = [
        (&[FORM], &token, 401, "invalid_client"),
        (&[FORM, &wrong], &token, 401, "invalid_client"),
        (
            &[FORM, "authorization: Basic !"],
            &token,
            401,
            "invalid_client",
        ),
        (
            &[FORM, "authorization: Digest x"],
            &token,
            401,
            "invalid_client",
        ),
        (&[FORM, &of_app], &token, 401, "invalid_client"),
        (
            &[FORM, "authorization: Bearer x.y.z"],
            &token,
            401,
            "invalid_token",
        ),
        (
            &[FORM, "authorization: Bearer"],
            &token,
            401,
            "invalid_client",
        ),
        (&[FORM, &good, &of_login], &token, 400, "invalid_request"),
        (&[FORM, &good], &both, 400, "invalid_request"),
        (&[FORM, &of_login], &both, 400, "invalid_request"),
        (&[FORM, &good], "", 400, "invalid_request"),
        (&[FORM, &good], "token=", 400, "invalid_request"),
        (&[FORM, &good], &twice, 400, "invalid_request"),
        (&[FORM, &good], "token=%zz", 400, "invalid_request"),
        (&[json, &good], "{}", 400, "invalid_request"),
        (&[FORM, &good], &large, 413, "invalid_request"),
    ];
    for (headers, body, status, code) in rows {
        let answer = companion.send("POST", REVOKE, headers, body).await;
        assert_eq!(
            error(&answer),
            (status, code.to_owned()),
            "{headers:?} {answer:?}"
        );
        let challenged = answer.header("www-authenticate").is_some();
        assert!(challenged || status != 401, "{answer:?}");
    }
    let query = format!("{REVOKE}?{token}");
    let answer = companion.send("POST", &query, &[FORM, &good], "").await;
    assert_eq!(error(&answer), (400, "invalid_request".to_owned()));
    for method in ["GET", "PUT", "DELETE"] {
        let answer = companion.send(method, REVOKE, &[&good], "").await;
        assert_eq!(
            error(&answer),
            (405, "invalid_request".to_owned()),
            "{method}"
        );
        assert_eq!(answer.header("allow"), Some("POST"));
    }
    assert_eq!(lives(&companion, &app, &tokens).await, (true, true));
    let tokens = companion.tokens(&app).await;
    let both = format!(
        "token={}&client_id={}&client_secret={}",
        tokens.refresh, app.key, app.secret
    );
    is_empty_success(&companion.send("POST", REVOKE, &[FORM], &both).await);
    assert_eq!(lives(&companion, &app, &tokens).await, (false, false));
}

#[tokio::test]
async fn what_the_gates_still_accept_can_be_given_back_whatever_the_issuers_rules_are_now() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let tokens = companion.tokens(&app).await;
    // Tokens may live less from now on, so the issuer itself refuses those from before.
    let mut setup = setup(companion.path(), &sqlite(companion.path()));
    let closing = setup.extra.rfind('}').unwrap();
    setup
        .extra
        .insert_str(closing, ", access_token_seconds: 60");
    let companion = companion.restart_with(&setup);
    let whoami = companion.get("/authorization/whoami", &tokens.access).await;
    assert_eq!(whoami.status, 401, "{whoami:?}");
    assert_eq!(
        companion.check("GET", "/orders/1", &tokens.access).await,
        200
    );
    let form = format!("token={}", tokens.access);
    is_empty_success(&companion.form(REVOKE, &app, &form).await);
    assert_eq!(
        companion.check("GET", "/orders/1", &tokens.access).await,
        401
    );
}

#[tokio::test]
async fn a_signature_and_the_issuers_name_are_enough_to_give_a_token_back() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let (now, store) = (SystemClock.now().0, companion.open_store().await);
    let claims = |id: &str, changes: Value| {
        let mut claims = json!({
            "iss": URL, "aud": "orders-api", "sub": "alice", "client_id": app.key,
            "scope": "orders.read", "iat": now, "exp": now + 60, "jti": id,
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let rows = [
        ("at+jwt", json!({"iat": now + 8, "exp": now + 68}), 1),
        ("at+jwt", json!({"exp": now + 86_400}), 1),
        ("at+jwt", json!({"nbf": now + 500}), 1),
        ("at+jwt", json!({"aud": "gone"}), 1),
        ("at+jwt", json!({"aud": null, "scope": 5}), 1),
        ("at+jwt", json!({"exp": "tomorrow"}), 1),
        ("at+jwt", json!({"iat": now - 90, "exp": now - 30}), 1),
        ("JWT", json!({}), 1),
        // Somebody else's, and no token of this issuer.
        ("at+jwt", json!({"client_id": "other"}), 0),
        ("at+jwt", json!({"client_id": null}), 0),
        ("at+jwt", json!({"iss": "https://other.example"}), 0),
    ];
    for (number, (kind, changes, appended)) in rows.into_iter().enumerate() {
        let mut claims = claims(&format!("token-{number}"), changes.clone());
        claims["rev"] = store.log_position().await.unwrap().0.into();
        let token = companion.sign(kind, &claims).await;
        let before = store.log_position().await.unwrap().0;
        // Twice: the log grows by what changes something.
        for _ in 0..2 {
            let form = format!("token={token}");
            is_empty_success(&companion.form(REVOKE, &app, &form).await);
        }
        let after = store.log_position().await.unwrap().0;
        assert_eq!(after - before, appended, "{kind} {changes}");
        let subject = [RevocationTarget::Token(format!("token-{number}"))];
        let revoked = store
            .is_revoked(&subject, LogPosition(before))
            .await
            .unwrap();
        assert_eq!(revoked, appended == 1, "{kind} {changes}");
    }
}

fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<&str> = token.split('.').collect();
    parts.try_into().unwrap()
}
