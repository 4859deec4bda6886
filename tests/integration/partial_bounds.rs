//! How much of the directory an administrator with some of the `backend.*` scopes can fill, and how fast.

use serde_json::{Value, json};
use sqlx::AnyPool;

use crate::admin_verbs::Machine;
use crate::client::Answer;
use crate::issuer::error;
use crate::partial_administrators::{does, partial};
use crate::postgres::Postgres;
use crate::test_browser::{TestBrowser, form};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion, sqlite};

/// As many roles, and as many scopes, as there may be.
const MOST: i64 = 10_000;

/// Names that begin with a letter and are numbered from one to the next number.
async fn insert(database: &AnyPool, letter: char, numbers: [i64; 2]) {
    let [from, to] = numbers;
    for into in [
        "roles (name)",
        "scopes (name, description)",
        "role_scopes (role, scope)",
    ] {
        let more = match into {
            "roles (name)" => "",
            "scopes (name, description)" => ", 'for tests'",
            _ => ", 'backend.role'",
        };
        let text = format!(
            "INSERT INTO {into} WITH RECURSIVE n (i) AS (SELECT CAST({from} AS BIGINT) UNION ALL SELECT i + 1 FROM n \
             WHERE i + 1 < {to}) SELECT '{letter}' || i{more} FROM n"
        );
        let filled = sqlx::query(sqlx::AssertSqlSafe(text));
        filled.execute(database).await.unwrap();
    }
}

async fn count(database: &AnyPool, table: &str) -> i64 {
    let text = format!("SELECT COUNT(*) FROM {table}");
    let counted = sqlx::query_scalar(sqlx::AssertSqlSafe(text));
    counted.fetch_one(database).await.unwrap()
}

async fn database(url: &str) -> AnyPool {
    sqlx::any::install_default_drivers();
    AnyPool::connect(url).await.unwrap()
}

/// A store of before has more roles than there may be, all of which have a scope of the issuer's own. `number` of
/// them are more than one statement can name.
async fn changes_go_on(companion: &TestCompanion, url: &str, number: i64) {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    companion.register("alice").await;
    let database = database(url).await;
    insert(&database, 'w', [0, number]).await;
    let disabled = json!({"status": "disabled"});
    does(companion, "PUT /backend/user/alice", &disabled, &admin, 200).await;
    Machine(companion).ok("user enable alice");
    // Still nobody takes the last administrator away, nor makes one of everybody.
    let alone = companion
        .put("/backend/user/admin", &disabled, &admin)
        .await;
    assert_eq!(error(&alone).0, 409, "{alone:?}");
    let harmful = json!({"add_scopes": ["backend.role"]});
    let refused = companion
        .put("/backend/role/consumer", &harmful, &admin)
        .await;
    assert_eq!(error(&refused).0, 409, "{refused:?}");
    let body = json!({"username": "second", "email": "second@shop.example", "password": PASSWORD,
        "roles": ["administrator"]});
    does(companion, "POST /backend/user", &body, &admin, 201).await;
    does(companion, "PUT /backend/user/admin", &disabled, &admin, 200).await;
    let second = companion.login("second", PASSWORD).await;
    let alone = companion
        .put("/backend/user/second", &disabled, &second)
        .await;
    assert_eq!(error(&alone).0, 409, "{alone:?}");
    database.close().await;
}

#[tokio::test]
async fn roles_without_number_stop_no_change_on_sqlite() {
    let companion = TestCompanion::start().await;
    let url = sqlite(companion.path()).replacen("sqlite:", "sqlite://", 1);
    changes_go_on(&companion, &url, 33_000).await;
}

#[tokio::test]
async fn roles_without_number_stop_no_change_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database("roles");
    let companion = TestCompanion::on(&url, folder).await;
    changes_go_on(&companion, &url, 66_000).await;
}

#[tokio::test]
async fn there_are_so_many_roles_and_scopes_and_no_more() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let url = sqlite(companion.path()).replacen("sqlite:", "sqlite://", 1);
    let database = database(&url).await;
    let scopes = count(&database, "scopes").await;
    insert(&database, 'w', [scopes + 1, MOST]).await;
    let roles = count(&database, "roles").await;
    let more = MOST - 1 - roles;
    let text = format!(
        "INSERT INTO roles (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {more}) \
         SELECT 'v' || i FROM n"
    );
    sqlx::query(sqlx::AssertSqlSafe(text))
        .execute(&database)
        .await
        .unwrap();
    assert_eq!(count(&database, "scopes").await, MOST - 1);
    assert_eq!(count(&database, "roles").await, MOST - 1);

    let role = |name: &str| json!({"name": name, "scopes": []});
    let scope = |name: &str| json!({"name": name, "description": "for tests"});
    does(&companion, "POST /backend/role", &role("last"), &admin, 201).await;
    does(
        &companion,
        "POST /backend/scope",
        &scope("last.x"),
        &admin,
        201,
    )
    .await;
    let machine = Machine(&companion);
    let bootstrap = "version: 1\nscopes: {orders.read: Read orders}\nroles: {last: []}\n";
    std::fs::write(companion.gate.folder.path().join("same.yaml"), bootstrap).unwrap();
    let bootstrap = "version: 1\nroles: {another: []}\n";
    std::fs::write(companion.gate.folder.path().join("more.yaml"), bootstrap).unwrap();
    machine.ok("bootstrap same.yaml");
    let beyond = async || {
        let refused = [
            companion.post("/backend/role", &role("more"), &admin).await,
            companion
                .post("/backend/scope", &scope("more.x"), &admin)
                .await,
        ];
        for answer in &refused {
            assert_eq!(error(answer).0, 409, "{answer:?}");
            assert!(answer.body.contains("10000"), "{answer:?}");
        }
        for line in [
            "role add more",
            "scope add more.x --description more",
            "bootstrap more.yaml",
        ] {
            let arguments: Vec<&str> = line.split(' ').collect();
            let (code, answer) = machine.json(&arguments);
            assert_eq!(code, 1, "{line}: {answer}");
            assert!(answer.to_string().contains("10000"), "{line}: {answer}");
        }
    };
    beyond().await;
    // What there is can be renamed and deleted, and that makes room.
    does(
        &companion,
        "PUT /backend/role/last",
        &json!({"name": "first"}),
        &admin,
        200,
    )
    .await;
    assert_eq!(
        companion.delete("/backend/role/first", &admin).await.status,
        204
    );
    assert_eq!(
        companion
            .delete("/backend/scope/last.x", &admin)
            .await
            .status,
        204
    );
    does(&companion, "POST /backend/role", &role("more"), &admin, 201).await;
    does(
        &companion,
        "POST /backend/scope",
        &scope("more.x"),
        &admin,
        201,
    )
    .await;
    database.close().await;
}

/// Sends requests until one is answered 429, and gives that back.
async fn until_held_up(name: &str, send: impl AsyncFn() -> Answer) {
    for done in 0..3000 {
        let answer = send().await;
        if answer.status == 429 {
            assert!(done >= 900, "{name}: {done}");
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
            return;
        }
        assert!(answer.status < 500, "{name}: {answer:?}");
    }
    panic!("{name}: never held up");
}

#[tokio::test]
async fn whoever_changes_the_directory_without_end_is_held_up() {
    let companion = TestCompanion::start().await;
    let rows = [
        ("ron", "backend.role", "POST", "/backend/role"),
        ("sam", "backend.scope", "POST", "/backend/scope"),
        ("una", "backend.user", "POST", "/backend/user"),
        ("uwe", "backend.user", "DELETE", "/backend/user/nobody"),
        ("uli", "backend.user", "PUT", "/backend/user/nobody"),
        ("amy", "backend.app", "DELETE", "/backend/app/none"),
        (
            "abe",
            "backend.app",
            "POST",
            "/backend/app/none/rotate_secret",
        ),
        ("tom", "backend.token", "GET", "/backend/revoke?user=nobody"),
    ];
    for (name, scope, method, path) in rows {
        let token = partial(&companion, name, &[scope]).await;
        let empty = json!({});
        until_held_up(path, async || match method {
            "POST" => companion.post(path, &empty, &token).await,
            "PUT" => companion.put(path, &empty, &token).await,
            "GET" => companion.get(path, &token).await,
            _ => companion.delete(path, &token).await,
        })
        .await;
        // It is its own share, and reading goes on.
        if scope != "backend.token" {
            let (path, _) = path.split_once("/no").unwrap_or((path, ""));
            assert_eq!(companion.get(path, &token).await.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn whoever_changes_the_directory_by_pages_is_held_up_as_well() {
    let companion = TestCompanion::start().await;
    let token = partial(&companion, "ron", &["backend.role"]).await;
    let mut browser = TestBrowser::new(&companion);
    let login = form(&browser.get("/portal/log-in").await, "/portal/log-in");
    browser
        .submit(&login.with("username", "ron").with("password", PASSWORD))
        .await;
    let new_role = form(&browser.get("/panel/new-role").await, "/panel/new-role");
    let mut done = 0;
    let held_up = loop {
        let answer = browser.submit(&new_role.clone().with("name", "a b")).await;
        if answer.status == 429 {
            break answer;
        }
        done += 1;
        assert!(done < 3000 && answer.status < 500, "{answer:?}");
    };
    assert!(held_up.body.contains("<html"), "{held_up:?}");
    let body: Value = json!({"name": "clerk", "scopes": []});
    does(&companion, "POST /backend/role", &body, &token, 429).await;
}

#[tokio::test]
async fn users_without_number_fill_the_list_of_revocations_for_nobody() {
    let companion = TestCompanion::with_issuer_keys(", max_revocations_per_user: 3").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    companion.register("alice").await;
    let una = partial(&companion, "una", &["backend.user"]).await;
    let zap = async |number: u32, token: &str| {
        let name = format!("zap{number}");
        let user = json!({"username": name, "email": format!("{name}@shop.example"), "password": PASSWORD});
        does(&companion, "POST /backend/user", &user, token, 201).await;
        companion
            .delete(&format!("/backend/user/{name}"), token)
            .await
    };
    for number in 0..3 {
        assert_eq!(zap(number, &una).await.status, 204);
    }
    let store = companion.open_store().await;
    let before = store.log_position().await.unwrap();
    let full = zap(3, &una).await;
    assert_eq!(full.status, 429, "{full:?}");
    let disabled = json!({"status": "disabled"});
    does(&companion, "PUT /backend/user/alice", &disabled, &una, 429).await;
    assert_eq!(store.log_position().await.unwrap(), before);
    let alice = companion.get("/backend/user/alice", &admin).await.json();
    assert_eq!(alice["status"], "active", "nothing is half done");
    // What takes nothing away goes on, and whoever has all scopes is never stopped.
    let email = json!({"email": "alice@other.example"});
    does(&companion, "PUT /backend/user/alice", &email, &una, 200).await;
    for number in 10..15 {
        assert_eq!(zap(number, &admin).await.status, 204);
    }
    does(
        &companion,
        "PUT /backend/user/alice",
        &disabled,
        &admin,
        200,
    )
    .await;
}

/// Where the list is full, tokens from before its older half are refused, whosesoever they are.
#[tokio::test]
async fn the_issuer_refuses_what_the_gate_refuses_where_the_list_is_full() {
    let companion = TestCompanion::with_issuer_keys(", max_revocations: 4").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    for number in 0..6 {
        companion.register(&format!("user{number}")).await;
    }
    let whoami = async || companion.get("/authorization/whoami", &alice).await.status;
    assert_eq!(
        (
            companion.check("GET", "/account", &alice).await,
            whoami().await
        ),
        (200, 200)
    );
    for number in 0..6 {
        let admin = companion.login("admin", ADMIN_PASSWORD).await;
        let what = json!({"user": format!("user{number}")});
        does(&companion, "POST /backend/revoke", &what, &admin, 200).await;
    }
    assert_eq!(companion.check("GET", "/account", &alice).await, 401);
    assert_eq!(whoami().await, 401);
    assert_eq!(companion.get("/backend/role", &admin).await.status, 401);
    let again = companion.login("alice", PASSWORD).await;
    assert_eq!(companion.check("GET", "/account", &again).await, 200);
    assert_eq!(
        companion.get("/authorization/whoami", &again).await.status,
        200
    );
}
