//! What an empty store is given once, and what no later start gives to anybody.

use serde_json::{Value, json};

use crate::test_app::Setup;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, setup, sqlite};

const ALL: [&str; 8] = [
    "backend.app",
    "backend.introspect",
    "backend.role",
    "backend.scope",
    "backend.token",
    "backend.user",
    "consumer.account",
    "consumer.app",
];

async fn changed(companion: &TestCompanion, path: &str, body: &Value, token: &str) {
    let answer = companion.put(path, body, token).await;
    assert_eq!(answer.status, 200, "{path} {body}: {answer:?}");
}

/// Gives the administrator another role, so that nobody needs `administrator` any more.
async fn moved(companion: &TestCompanion) -> String {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let body = json!({"name": "root", "scopes": ALL});
    let made = companion.post("/backend/role", &body, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let body = json!({"roles": ["root"]});
    changed(companion, "/backend/user/admin", &body, &admin).await;
    companion.login("admin", ADMIN_PASSWORD).await
}

async fn scopes_of(companion: &TestCompanion, path: &str) -> Vec<String> {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let answer = companion.get(path, &admin).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_value(answer.json()["scopes"].clone()).unwrap()
}

/// As a release has it that does not know this scope.
async fn forget(companion: TestCompanion, scope: &str) -> TestCompanion {
    let folder = companion.stop();
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}/store.db", folder.path().display());
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM scopes WHERE name = $1")
        .bind(scope)
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let store = sqlite(folder.path());
    TestCompanion::second_on(&store, folder, "")
}

#[tokio::test]
async fn no_restart_makes_administrators_of_new_users() {
    let companion = TestCompanion::start().await;
    let admin = moved(&companion).await;
    let body = json!({"scopes": ["consumer.account"]});
    let role = "/backend/role/administrator";
    changed(&companion, role, &body, &admin).await;
    changed(&companion, &format!("{role}/default"), &json!({}), &admin).await;
    let companion = companion.restart();
    assert_eq!(scopes_of(&companion, role).await, ["consumer.account"]);
    let eve = companion.register("eve").await;
    let account = companion.get("/consumer/account", &eve).await.json();
    assert_eq!(account["scopes"], json!(["consumer.account"]), "{account}");
}

#[tokio::test]
async fn what_administrators_took_from_a_role_no_start_gives_back() {
    let companion = TestCompanion::start().await;
    let admin = moved(&companion).await;
    let role = "/backend/role/administrator";
    let body = json!({"scopes": ["backend.user"]});
    changed(&companion, role, &body, &admin).await;
    let body = json!({"scopes": ["orders.read"]});
    changed(&companion, "/backend/role/consumer", &body, &admin).await;
    let companion = companion.restart();
    assert_eq!(scopes_of(&companion, role).await, ["backend.user"]);
    let consumer = "/backend/role/consumer";
    assert_eq!(scopes_of(&companion, consumer).await, ["orders.read"]);
    let users = scopes_of(&companion, "/backend/user/admin").await;
    assert_eq!(users, ALL, "and nobody has less");
}

#[tokio::test]
async fn a_scope_of_a_new_release_goes_to_the_administrators_role_alone() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let body = json!({"name": "staff", "scopes": ["backend.user"]});
    let made = companion.post("/backend/role", &body, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let consumer = scopes_of(&companion, "/backend/role/consumer").await;
    let companion = forget(companion, "backend.introspect").await;
    let role = "/backend/role/administrator";
    assert_eq!(scopes_of(&companion, role).await, ALL);
    let staff = scopes_of(&companion, "/backend/role/staff").await;
    assert_eq!(staff, ["backend.user"]);
    let after = scopes_of(&companion, "/backend/role/consumer").await;
    assert_eq!(after, consumer);

    // A role that is no longer what it was is not made an administrator's, scope by scope.
    let admin = moved(&companion).await;
    let body = json!({"scopes": ["backend.user"]});
    changed(&companion, role, &body, &admin).await;
    let companion = forget(companion, "backend.introspect").await;
    assert_eq!(scopes_of(&companion, role).await, ["backend.user"]);
}

#[tokio::test]
async fn whoever_was_there_before_the_first_start_stays_and_none_is_made_beside() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(folder.path());
    let first: Setup = setup(folder.path(), &store);
    let config = folder.path().join("before.yaml");
    let text = format!("version: 1\npolicy: [policy.yaml]\n{}\n", first.extra);
    std::fs::write(&config, text).unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(arguments)
            .args(["--config", config.to_str().unwrap()])
            .env_clear()
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    let password = folder.path().join("admin-password");
    let password = password.to_str().unwrap();
    run(&["store", "migrate"]);
    run(&["role", "add", "administrator"]);
    run(&["role", "default", "administrator"]);
    let user = ["user", "add", "carol", "--email", "carol@shop.example"];
    run(&[user.as_slice(), &["--password-file", password]].concat());

    let companion = TestCompanion::with(&first, folder);
    let body = json!({"username": "eve", "email": "eve@shop.example", "password": PASSWORD});
    let made = companion.post("/consumer/register", &body, "").await.json();
    assert_eq!(made["roles"], json!(["consumer"]), "{made}");
    assert_eq!(made["scopes"], json!(["consumer.account", "consumer.app"]));
    let admin = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let admin = companion.post("/consumer/login", &admin, "").await;
    assert_eq!(admin.status, 401, "{admin:?}");
}
