//! Taking access back, from outside.

use std::time::Duration;

use portcullis::identity::UserId;
use portcullis::store::Store;
use portcullis::token::Subject;

use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

/// As another issuer on the same store sees it.
async fn store(companion: &TestCompanion) -> Store {
    Store::open(&companion.store()).await.unwrap()
}

/// Asks until the gate refuses; the runner's patience is the bound.
async fn refused(companion: &TestCompanion, token: &str) {
    while companion.check("GET", "/orders/1", token).await != 401 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_taken_back_is_refused_and_what_comes_after_is_not() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let bob = companion.register("bobby").await;
    let app = companion.app(&alice, "web-shop").await;
    let id = companion.get("/consumer/account", &alice).await.json()["id"].clone();
    let id = UserId::known(id.as_str().unwrap());
    let now = portcullis::clock::UnixSeconds(i64::MAX / 4);
    let store = store(&companion).await;

    let answer = companion
        .token(&app, "grant_type=client_credentials")
        .await
        .json();
    let token = answer["access_token"].as_str().unwrap();
    assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
    store
        .revoke(&Subject::App(app.key.clone()), now)
        .await
        .unwrap();
    // The issuer at once, the gate a moment later.
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        answer["refresh_token"].as_str().unwrap()
    );
    let refreshed = companion.token(&app, &form).await;
    assert_eq!(refreshed.json()["error"], "invalid_grant", "{refreshed:?}");
    refused(&companion, token).await;
    assert_eq!(
        companion.check("GET", "/orders/1", &alice).await,
        200,
        "the login's token"
    );

    // The app itself was not disabled: what it gets in the same second holds.
    let answer = companion
        .token(&app, "grant_type=client_credentials")
        .await
        .json();
    let renewed = answer["access_token"].as_str().unwrap();
    assert_eq!(companion.check("GET", "/orders/1", renewed).await, 200);

    store
        .revoke(&Subject::User(id.as_str().to_owned()), now)
        .await
        .unwrap();
    let account = companion.get("/consumer/account", &alice).await;
    assert_eq!(account.status, 401, "{account:?}");
    refused(&companion, &alice).await;
    refused(&companion, renewed).await;
    let again = companion.login("alice", PASSWORD).await;
    assert_eq!(companion.check("GET", "/orders/1", &again).await, 200);
    assert_eq!(companion.check("GET", "/orders/1", &bob).await, 200);

    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    for round in 0..20 {
        let token = companion.login("alice", PASSWORD).await;
        let body = serde_json::json!({"user": "alice"});
        let done = companion.post("/backend/revoke", &body, &admin).await;
        assert_eq!(done.status, 204, "{done:?}");
        let status = companion.check("GET", "/orders/1", &token).await;
        assert_eq!(status, 401, "the very next check, in round {round}");
    }
    let again = companion.login("alice", PASSWORD).await;

    store.revoke(&Subject::Everyone, now).await.unwrap();
    for token in [&again, &bob] {
        refused(&companion, token).await;
    }
    // A new process knows what the log says.
    let companion = companion.restart();
    assert_eq!(companion.check("GET", "/orders/1", &bob).await, 401);
    let bob = companion.login("bobby", PASSWORD).await;
    assert_eq!(companion.check("GET", "/orders/1", &bob).await, 200);
}
