//! What the issuer tells its operators: metrics and status.

use std::fs;

use serde_json::{Value, json};
use sqlx::Connection;

use crate::issuer::error;
use crate::postgres::Postgres;
use crate::test_companion::{ADMIN_PASSWORD, FORM, TestCompanion};

#[tokio::test]
async fn what_the_issuer_does_is_counted() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let granted = companion.token(&app, "grant_type=client_credentials").await;
    let first = refresh_form(&granted.json());
    let second = refresh_form(&companion.token(&app, &first).await.json());
    let third = companion.token(&app, &second).await;
    assert_eq!(third.status, 200);
    assert_eq!(
        error(&companion.token(&app, &first).await).0,
        400,
        "a replay"
    );
    let get = companion
        .send("GET", "/authorization/token", &[FORM], "")
        .await;
    assert_eq!(error(&get).0, 405);
    companion.get("/nowhere/at/all", "").await;

    let metrics = companion.gate.admin("/metrics").await.1;
    for line in [
        "portcullis_issuer_requests_total{endpoint=\"/authorization/token\",status=\"2xx\"} 3",
        "portcullis_issuer_requests_total{endpoint=\"/authorization/token\",status=\"4xx\"} 2",
        "portcullis_issuer_requests_total{endpoint=\"/consumer/register\",status=\"2xx\"} 1",
        "portcullis_issuer_requests_total{endpoint=\"none\",status=\"4xx\"} 1",
        "portcullis_issuer_tokens_issued_total{grant=\"client_credentials\"} 1",
        "portcullis_issuer_tokens_issued_total{grant=\"refresh_token\"} 2",
        "portcullis_issuer_tokens_issued_total{grant=\"login\"} 2",
        "portcullis_issuer_tokens_issued_total{grant=\"login_refresh\"} 0",
        "portcullis_issuer_logins_total{outcome=\"succeeded\"} 2",
        "portcullis_issuer_logins_total{outcome=\"failed\"} 0",
        "portcullis_issuer_client_authentications_total{outcome=\"succeeded\"} 4",
        "portcullis_issuer_passkey_proofs_total{outcome=\"throttled\"} 0",
        "portcullis_issuer_recovery_code_proofs_total{outcome=\"failed\"} 0",
        "portcullis_issuer_passkey_registrations_total{outcome=\"added\"} 0",
        "portcullis_issuer_throttled_total{limit=\"registration\"} 0",
        "portcullis_issuer_refresh_replays_total 1",
        "portcullis_issuer_sign_ins_lost_total 0",
        "portcullis_issuer_throttled_total{limit=\"unknown_revocation\"} 0",
        "portcullis_issuer_store_errors_total 0",
        "portcullis_issuer_store_up 1",
        "portcullis_issuer_store_writable 1",
        "portcullis_issuer_settings_disagreements 0",
        "portcullis_issuer_hashing_waiting 0",
        "portcullis_issuer_hashing_busy 0",
        "portcullis_issuer_hashing_turned_away_total 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    for secret in [alice.as_str(), &app.key, &app.secret] {
        assert!(!metrics.contains(secret));
    }
    let status: Value = serde_json::from_str(&companion.gate.admin("/status").await.1).unwrap();
    assert_eq!(status["companion"]["store_up"], true);
    assert_eq!(status["companion"]["store_writable"], true);
    assert_eq!(status["companion"]["store_error"], Value::Null);
}

fn refresh_form(granted: &Value) -> String {
    let token = granted["refresh_token"].as_str().unwrap();
    format!("grant_type=refresh_token&refresh_token={token}")
}

#[tokio::test]
async fn a_gate_without_an_issuer_tells_nothing_of_one() {
    let gate = crate::test_app::TestApp::start();
    assert!(
        !gate
            .admin("/metrics")
            .await
            .1
            .contains("portcullis_issuer_")
    );
    assert!(!gate.admin("/status").await.1.contains("companion"));
}

#[tokio::test]
async fn a_store_that_is_gone_is_seen_and_the_gate_stays_ready() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let companion = TestCompanion::on(&postgres.database("issuer"), folder).await;
    let alice = companion.register("alice").await;
    drop(postgres);
    let answer = companion.get("/consumer/account", &alice).await;
    assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    let gate = &companion.gate;
    gate.admin_shows("/metrics", "portcullis_issuer_store_up 0")
        .await;
    gate.admin_shows("/metrics", "portcullis_issuer_store_errors_total 1")
        .await;
    gate.admin_shows("/status", "\"store_up\": false").await;
    assert_eq!(gate.admin("/readyz").await.0, 200);
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
}

/// By another process, as by one that copies the file with a lock.
#[tokio::test]
async fn a_store_that_others_have_locked_is_seen_by_whatever_asks_it() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/store.db", companion.path().display());
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    let lock = sqlx::raw_sql("BEGIN IMMEDIATE");
    lock.execute(&mut other).await.unwrap();
    let scope = json!({"name": "orders.late", "description": "Late"});
    let answer = companion.post("/backend/scope", &scope, &admin).await;
    assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let gate = &companion.gate;
    for text in [
        "portcullis_issuer_store_errors_total 1",
        "portcullis_issuer_store_up 0",
    ] {
        gate.admin_shows("/metrics", text).await;
    }
    let end = sqlx::raw_sql("ROLLBACK");
    end.execute(&mut other).await.unwrap();
    gate.admin_shows("/metrics", "portcullis_issuer_store_up 1")
        .await;
    let answer = companion.post("/backend/scope", &scope, &admin).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// As a full disk does: reading goes on.
#[tokio::test]
async fn a_store_that_takes_no_writes_is_seen_with_its_error() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/store.db", companion.path().display());
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    for table in ["settings", "scopes"] {
        let text = format!(
            "CREATE TRIGGER full_{table} BEFORE INSERT ON {table} \
             BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        );
        let full = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
        full.execute(&mut other).await.unwrap();
    }
    let scope = json!({"name": "orders.late", "description": "Late"});
    let answer = companion.post("/backend/scope", &scope, &admin).await;
    assert!(answer.status >= 500, "{answer:?}");
    let gate = &companion.gate;
    gate.admin_shows("/metrics", "portcullis_issuer_store_writable 0")
        .await;
    let status: Value = serde_json::from_str(&gate.admin("/status").await.1).unwrap();
    let told = &status["companion"];
    assert_eq!(
        (&told["store_up"], &told["store_writable"]),
        (&true.into(), &false.into())
    );
    let error = told["store_error"]["error"].as_str().unwrap();
    assert!(error.contains("database or disk is full"), "{error}");
    assert!(
        told["store_error"]["since_unix_seconds"].as_i64() > Some(1_700_000_000),
        "{told}"
    );
    let space = "DROP TRIGGER full_settings; DROP TRIGGER full_scopes";
    sqlx::raw_sql(space).execute(&mut other).await.unwrap();
    gate.admin_shows("/metrics", "portcullis_issuer_store_writable 1")
        .await;
    gate.admin_shows("/status", "\"store_error\": null").await;
}

/// Two issuers on one store, of which one was configured otherwise.
#[tokio::test]
async fn issuers_that_judge_differently_are_seen() {
    let first = TestCompanion::with_issuer_keys(", registration: closed").await;
    let store = crate::test_companion::sqlite(first.path());
    let folder = tempfile::tempdir().unwrap();
    let second = TestCompanion::second_on(&store, folder, "");
    second
        .gate
        .admin_shows("/status", "issuer.registration")
        .await;
    let status: Value = serde_json::from_str(&second.gate.admin("/status").await.1).unwrap();
    let told = &status["companion"];
    assert_eq!(told["other_issuers"], 1);
    let [one] = told["disagreements"].as_array().unwrap().as_slice() else {
        panic!("{told}")
    };
    assert_eq!(
        (&one["own"], &one["other"]),
        (&json!("open"), &json!("closed"))
    );
    second
        .gate
        .admin_shows("/metrics", "portcullis_issuer_settings_disagreements 1")
        .await;
}

/// As a deadlock does, or a distributed database that cannot put two transactions into an order.
#[tokio::test]
async fn a_change_that_others_are_in_the_way_of_is_to_be_tried_again() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database("issuer");
    let companion = TestCompanion::on(&url, folder).await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    sqlx::any::install_default_drivers();
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    let refuse = "CREATE FUNCTION in_the_way() RETURNS TRIGGER LANGUAGE plpgsql AS \
                  $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END $$; \
                  CREATE TRIGGER in_the_way BEFORE INSERT ON scopes \
                  EXECUTE FUNCTION in_the_way()";
    sqlx::raw_sql(refuse).execute(&mut other).await.unwrap();
    let scope = json!({"name": "orders.late", "description": "Late"});
    let answer = companion.post("/backend/scope", &scope, &admin).await;
    assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let allow = sqlx::raw_sql("DROP TRIGGER in_the_way ON scopes");
    allow.execute(&mut other).await.unwrap();
    let answer = companion.post("/backend/scope", &scope, &admin).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(companion.gate.admin("/readyz").await.0, 200);
}

/// A backup that is put in place of the file of a running issuer: `portcullis app disable` would write to it,
/// and the issuer would go on with the other one.
#[tokio::test]
async fn a_store_whose_file_is_replaced_is_used_no_more_until_it_is_back() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let store = companion.path().join("store.db");
    let aside = companion.path().join("aside.db");
    for replaced in [false, true] {
        fs::rename(&store, &aside).unwrap();
        if replaced {
            fs::copy(&aside, &store).unwrap();
        }
        let name = if replaced {
            "orders.late"
        } else {
            "orders.early"
        };
        let scope = json!({"name": name, "description": "Late"});
        let answer = companion.post("/backend/scope", &scope, &admin).await;
        assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
        let gate = &companion.gate;
        gate.admin_shows("/metrics", "portcullis_issuer_store_up 0")
            .await;
        gate.admin_shows("/status", "\"store_up\": false").await;
        // The gate goes on.
        assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
        fs::rename(&aside, &store).unwrap();
        let answer = companion.post("/backend/scope", &scope, &admin).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        gate.admin_shows("/metrics", "portcullis_issuer_store_up 1")
            .await;
    }
}
