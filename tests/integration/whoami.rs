//! `GET /authorization/whoami`: each token is told what it stands for, and no more.

use serde_json::{Value, json};

use crate::issuer::error;
use crate::test_companion::{PASSWORD, TestCompanion};

const WHOAMI: &str = "/authorization/whoami";

#[tokio::test]
async fn each_token_is_told_what_it_stands_for() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let account = companion.get("/consumer/account", &alice).await.json();
    let answer = companion.get(WHOAMI, &alice).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.json();
    let mut user = account.clone();
    for other in ["scopes", "passkeys"] {
        user.as_object_mut().unwrap().remove(other);
    }
    let expected = json!({
        "user": user, "app": Value::Null, "scope": "consumer.account consumer.app orders.read",
        "expires_at": answer["expires_at"],
    });
    assert_eq!(answer, expected);
    assert!(answer["expires_at"].is_i64());

    let app = companion.app(&alice, "web-shop").await;
    let tokens = companion.tokens(&app).await;
    let answer = companion.get(WHOAMI, &tokens.access).await.json();
    let expected = json!({
        "user": {"id": account["id"], "username": "alice"},
        "app": {"app_key": app.key, "name": "web-shop"},
        "scope": "orders.read", "expires_at": answer["expires_at"],
    });
    assert_eq!(
        answer, expected,
        "no address without the scope of the account"
    );
}

#[tokio::test]
async fn without_a_token_that_holds_there_is_no_answer() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let login = companion.login_tokens("alice", PASSWORD).await;
    for token in [&login.refresh, "x.y.z"] {
        let answer = companion.get(WHOAMI, token).await;
        assert_eq!(error(&answer), (401, "invalid_token".to_owned()));
    }
    let answer = companion.send("GET", WHOAMI, &[], "").await;
    assert_eq!(error(&answer), (401, "unauthorized".to_owned()));
    let answer = companion.post(WHOAMI, &json!({}), &login.access).await;
    assert_eq!(error(&answer), (405, "invalid_request".to_owned()));
}
