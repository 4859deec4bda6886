//! What is known of the last log-ins of an issuer that ends.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use portcullis::clock::{Clock, SystemClock};
use portcullis::identity::{SignIn, SignInOutcome, Username};
use portcullis::store::{Store, StoreLocation};
use serde_json::json;
use sqlx::Connection;

use crate::issuer_process::{PATIENCE, Process, call, json_headers};
use crate::postgres::Postgres;
use crate::test_app::{Setup, write_files};
use crate::test_companion::{ADMIN_PASSWORD, setup, sqlite};
use crate::test_issuer::TestIssuer;

/// An issuer in a process of its own, at which somebody has guessed, and then logged in as the administrator.
async fn with_log_ins(folder: &Path, store: &str) -> Process {
    let setup: Setup = setup(folder, store);
    write_files(folder, &setup, &TestIssuer::new("key-1"));
    let issuer = Process::start(folder);
    for (password, expected) in [("a guess", 401), (ADMIN_PASSWORD, 200)] {
        let body = json!({"username": "admin", "password": password}).to_string();
        let headers = json_headers("");
        let (status, answer) = call(issuer.address, "/consumer/login", &headers, &body)
            .await
            .unwrap();
        assert_eq!(status, expected, "{answer}");
    }
    issuer
}

/// Asks the process to end, and waits until it has.
async fn end(issuer: &mut Process) {
    let pid = issuer.child.id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
    assert!(sent.unwrap().success());
    let deadline = Instant::now() + PATIENCE;
    let ended = loop {
        if let Some(ended) = issuer.child.try_wait().unwrap() {
            break ended;
        }
        assert!(Instant::now() < deadline, "it does not end");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert!(ended.success(), "{ended}");
}

async fn known(store: &str, folder: &Path) -> Vec<SignIn> {
    let place = StoreLocation::parse(store, folder).unwrap();
    let store = Store::open_existing(&place).await.unwrap();
    let name = Username::parse("admin").unwrap();
    let admin = store.user_named(&name).await.unwrap().unwrap();
    let now = SystemClock.now();
    store.sign_ins(&admin.id, now).await.unwrap()
}

async fn keeps_the_last_log_ins(store: &str, folder: &Path) {
    let mut issuer = with_log_ins(folder, store).await;
    end(&mut issuer).await;
    let mut outcomes: Vec<_> = known(store, folder)
        .await
        .iter()
        .map(|sign_in| sign_in.kind.outcome)
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, [SignInOutcome::Succeeded, SignInOutcome::Failed]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_ends_writes_the_last_log_ins_to_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    keeps_the_last_log_ins(&sqlite(folder.path()), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_ends_writes_the_last_log_ins_to_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    keeps_the_last_log_ins(&postgres.database("issuer"), folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_takes_nothing_does_not_keep_an_issuer_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(folder.path());
    let mut issuer = with_log_ins(folder.path(), &store).await;
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/store.db", folder.path().display());
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    let lock = sqlx::raw_sql("BEGIN IMMEDIATE");
    lock.execute(&mut other).await.unwrap();
    end(&mut issuer).await;
    other.close().await.unwrap();
    assert_eq!(known(&store, folder.path()).await, []);
}
