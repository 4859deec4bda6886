//! A role is deleted at once or not at all; one of very many users in steps that can be gone on with.

use serde_json::{Value, json};

use crate::test_companion::{ADMIN_PASSWORD, TestCompanion, sqlite};

/// Runs a statement on the store of a companion.
async fn run(companion: &TestCompanion, text: &'static str) {
    sqlx::any::install_default_drivers();
    let url = sqlite(companion.path()).replacen("sqlite:", "sqlite://", 1);
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    sqlx::query(text).execute(&pool).await.unwrap();
    pool.close().await;
}

/// As a store does that fails at the last step.
const FAIL: &str =
    "CREATE TRIGGER fails BEFORE DELETE ON roles BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END";

async fn actions(companion: &TestCompanion, admin: &str) -> Vec<(String, String)> {
    let path = "/backend/audit?object=clerk&object_kind=role";
    let audit = companion.get(path, admin).await.json();
    let text = |entry: &Value, member: &str| entry[member].as_str().unwrap().to_owned();
    let items = audit["items"].as_array().unwrap().iter();
    let told = items.map(|entry| (text(entry, "action"), text(entry, "change")));
    told.collect()
}

/// A companion with the role `clerk`, which so many users have.
async fn with_clerks(users: &'static str) -> (TestCompanion, String) {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": "clerk", "scopes": ["orders.read"]});
    let made = companion.post("/backend/role", &role, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    run(&companion, users).await;
    let given = "INSERT INTO user_roles (user_id, role) SELECT id, 'clerk' FROM users WHERE id LIKE 'many-%'";
    run(&companion, given).await;
    (companion, admin)
}

#[tokio::test]
async fn a_role_whose_deletion_fails_is_as_it_was() {
    let (companion, admin) = with_clerks(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
         INSERT INTO users (id, username, folded_username, email, folded_email, status, password_hash, created_at) \
         SELECT 'many-' || n, 'many-' || n, 'many-' || n, n || '@m.example', n || '@m.example', 'active', '*', 1 \
         FROM numbers",
    )
    .await;
    let read = async || companion.get("/backend/role/clerk", &admin).await;
    let before = read().await.json();
    assert_eq!(before["users"], 10_000, "{before}");
    run(&companion, FAIL).await;
    let failed = companion
        .delete("/backend/role/clerk?force=true", &admin)
        .await;
    assert_eq!(failed.status, 503, "{failed:?}");
    assert_eq!(read().await.json(), before);
    run(&companion, "DROP TRIGGER fails").await;
    let deleted = companion
        .delete("/backend/role/clerk?force=true", &admin)
        .await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    assert_eq!(read().await.status, 404);
    let told = actions(&companion, &admin).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], ("deleted".to_owned(), "users 10000".to_owned()));
}

#[tokio::test]
async fn a_role_of_very_many_users_gives_nothing_and_is_deleted_by_deleting_it_again() {
    let (companion, admin) = with_clerks(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10001) \
         INSERT INTO users (id, username, folded_username, email, folded_email, status, password_hash, created_at) \
         SELECT 'many-' || n, 'many-' || n, 'many-' || n, n || '@m.example', n || '@m.example', 'active', '*', 1 \
         FROM numbers",
    )
    .await;
    run(&companion, FAIL).await;
    let failed = companion
        .delete("/backend/role/clerk?force=true", &admin)
        .await;
    assert_eq!(failed.status, 503, "{failed:?}");
    let left = companion.get("/backend/role/clerk", &admin).await.json();
    assert_eq!(left["scopes"], json!([]), "{left}");
    run(&companion, "DROP TRIGGER fails").await;
    let deleted = companion
        .delete("/backend/role/clerk?force=true", &admin)
        .await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    let gone = companion.get("/backend/role/clerk", &admin).await;
    assert_eq!(gone.status, 404, "{gone:?}");
    let told = actions(&companion, &admin).await;
    let told: Vec<&str> = told.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(told, ["deleted", "emptied", "added"]);
}
