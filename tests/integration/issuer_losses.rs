//! The issuer when something is taken away: rights, users, its database.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{RoleName, ScopeSet, Status, UserId};
use portcullis::store::{Committed, Store};
use serde_json::json;

use crate::issuer::error;
use crate::postgres::Postgres;
use crate::test_companion::{PASSWORD, TestCompanion};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

const CLIENT_CREDENTIALS: &str = "grant_type=client_credentials";

#[tokio::test]
async fn what_was_taken_away_is_gone_at_once() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let granted = companion.token(&app, CLIENT_CREDENTIALS).await.json();
    let account = companion.get("/consumer/account", &alice).await.json();
    // By another process on the same store, as the command line is.
    let store = Store::open(&companion.store()).await.unwrap();
    let role = RoleName::parse("consumer").unwrap();
    let scopes = ScopeSet::parse("orders.read consumer.account").unwrap();
    let mut change = store.change(NOW).await.unwrap();
    change.remove_role_scopes(&role, &scopes).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(
        error(&companion.get("/consumer/account", &alice).await).0,
        401
    );
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&answer), (400, "invalid_scope".to_owned()));

    let id = UserId::known(account["id"].as_str().unwrap());
    let mut change = store.change(NOW).await.unwrap();
    change.set_user_status(&id, Status::Disabled).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    assert_eq!(error(&companion.get("/consumer/app", &alice).await).0, 401);
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
    let refresh = granted["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(error(&companion.token(&app, &form).await).0, 401);
    let body = json!({"username": "alice", "password": PASSWORD});
    let answer = companion.post("/consumer/login", &body, "").await;
    assert_eq!(error(&answer), (401, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn without_its_database_the_issuer_says_so_and_the_gate_goes_on() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let companion = TestCompanion::on(&postgres.database("issuer"), folder).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    drop(postgres);
    let answer = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let account = companion.get("/consumer/account", &alice).await;
    assert_eq!(error(&account), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
}
