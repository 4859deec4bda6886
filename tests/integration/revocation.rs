//! Taking access back, from outside.

use std::time::Duration;

use portcullis::identity::UserId;
use portcullis::store::Store;
use portcullis::token::RevocationTarget;

use serde_json::json;
use sqlx::Row;

use crate::postgres::Postgres;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion};

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
        .revoke(&RevocationTarget::App(app.key.clone()), now)
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
        .revoke(&RevocationTarget::User(id.as_str().to_owned()), now)
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
        assert_eq!(done.status, 200, "{done:?}");
        let status = companion.check("GET", "/orders/1", &token).await;
        assert_eq!(status, 401, "the very next check, in round {round}");
    }
    let again = companion.login("alice", PASSWORD).await;

    store
        .revoke(&RevocationTarget::Everyone, now)
        .await
        .unwrap();
    for token in [&again, &bob] {
        refused(&companion, token).await;
    }
    // A new process knows what the log says.
    let companion = companion.restart();
    assert_eq!(companion.check("GET", "/orders/1", &bob).await, 401);
    let bob = companion.login("bobby", PASSWORD).await;
    assert_eq!(companion.check("GET", "/orders/1", &bob).await, 200);
}

/// What users without an app of their own get through somebody else's.
const PASSWORD_GRANT: &str = ", grants: [client_credentials, refresh_token, password]";

/// A user's token through somebody else's app.
async fn through(companion: &TestCompanion, app: &TestClient, username: &str) -> (String, String) {
    let password = PASSWORD.replace(' ', "+");
    let form = format!("grant_type=password&username={username}&password={password}");
    let answer = companion.token(app, &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    (text("access_token"), text("refresh_token"))
}

#[tokio::test]
async fn what_others_got_through_an_app_ends_when_its_owner_loses_a_scope() {
    let companion = TestCompanion::with_issuer_keys(PASSWORD_GRANT).await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let does = async |method: &str, path: &str, body: serde_json::Value| {
        let answer = match method {
            "POST" => companion.post(path, &body, &admin).await,
            _ => companion.put(path, &body, &admin).await,
        };
        assert!(answer.status < 300, "{path}: {answer:?}");
    };
    let own = ["consumer.account", "consumer.app"];
    does("PUT", "/backend/role/consumer", json!({"scopes": own})).await;
    for role in ["selling", "lending", "buying"] {
        let body = json!({"name": role, "scopes": ["orders.read", "orders.write"]});
        does("POST", "/backend/role", body).await;
    }
    companion.register("alice").await;
    companion.register("bobby").await;
    let roles = |role: &str| json!({"roles": ["consumer", role]});
    does("PUT", "/backend/user/bobby", roles("buying")).await;
    does("PUT", "/backend/user/alice", roles("selling")).await;
    let alice = companion.login("alice", PASSWORD).await;
    let app = companion.app(&alice, "web-shop").await;
    let of_bobby = companion.login("bobby", PASSWORD).await;
    let is_active = async |token: &str| {
        let form = format!("token={token}");
        let told = companion
            .form("/authorization/introspect", &app, &form)
            .await;
        told.json()["active"].as_bool().unwrap()
    };
    let losses = [
        // She has the scope by another role now, which the token does not name.
        ("/backend/user/alice", roles("lending"), roles("selling")),
        (
            "/backend/user/alice",
            json!({"roles": ["consumer"]}),
            roles("selling"),
        ),
        (
            "/backend/role/selling",
            json!({"scopes": ["orders.write"]}),
            json!({"scopes": ["orders.read", "orders.write"]}),
        ),
    ];
    for (path, loss, back) in losses {
        let (token, refresh) = through(&companion, &app, "bobby").await;
        assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
        assert!(is_active(&token).await);
        does("PUT", path, loss.clone()).await;
        assert!(!is_active(&token).await, "{loss}");
        assert_eq!(
            companion.check("GET", "/orders/1", &token).await,
            401,
            "{loss}"
        );
        assert_eq!(
            companion.check("GET", "/orders/1", &of_bobby).await,
            200,
            "{loss}"
        );
        does("PUT", path, back).await;
        assert_eq!(
            companion.check("GET", "/orders/1", &token).await,
            401,
            "{loss}"
        );
        // The grant stays, and gives what is left at each time.
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        let answer = companion.token(&app, &form).await.json();
        assert_eq!(answer["scope"], "orders.read orders.write", "{loss}");
        let token = answer["access_token"].as_str().unwrap();
        assert_eq!(
            companion.check("GET", "/orders/1", token).await,
            200,
            "{loss}"
        );
    }
    let (token, _) = through(&companion, &app, "bobby").await;
    does("PUT", "/backend/user/alice", json!({"status": "disabled"})).await;
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 401);
    assert_eq!(companion.check("GET", "/orders/1", &of_bobby).await, 200);
}

/// The token of before names the role that is lost; the one that has stayed came later.
#[tokio::test]
async fn a_token_does_not_outlive_the_role_that_it_rests_on() {
    let companion = TestCompanion::with_issuer_keys(PASSWORD_GRANT).await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let both = json!({"scopes": ["orders.read", "orders.write"]});
    let own = json!({"scopes": ["consumer.account", "consumer.app"]});
    companion.put("/backend/role/consumer", &own, &admin).await;
    for role in ["selling", "lending", "buying"] {
        let body = json!({"name": role, "scopes": both["scopes"]});
        let made = companion.post("/backend/role", &body, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
    }
    companion.register("alice").await;
    companion.register("bobby").await;
    let has = async |user: &str, roles: &[&str]| {
        let path = format!("/backend/user/{user}");
        let given = companion.put(&path, &json!({"roles": roles}), &admin).await;
        assert_eq!(given.status, 200, "{given:?}");
    };
    has("bobby", &["consumer", "buying"]).await;
    has("alice", &["consumer", "selling"]).await;
    let alice = companion.login("alice", PASSWORD).await;
    let app = companion.app(&alice, "web-shop").await;
    for by_force in [false, true] {
        has("alice", &["consumer", "selling"]).await;
        let tokens = [
            companion.login("alice", PASSWORD).await,
            companion.tokens(&app).await.access,
            through(&companion, &app, "bobby").await.0,
        ];
        for token in &tokens {
            assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
        }
        has("alice", &["consumer", "selling", "lending"]).await;
        has("alice", &["consumer", "lending"]).await;
        let (lending, scope) = ("/backend/role/lending", "/backend/scope/orders.read");
        let lost = if by_force {
            let path = format!("{scope}?force=true");
            companion.delete(&path, &admin).await
        } else {
            let less = json!({"scopes": ["orders.write"]});
            companion.put(lending, &less, &admin).await
        };
        assert!(lost.status < 300, "{lost:?}");
        for (number, token) in tokens.iter().enumerate() {
            let status = companion.check("GET", "/orders/1", token).await;
            assert_eq!(status, 401, "token {number}, by force: {by_force}");
        }
        let back = companion.put(lending, &both, &admin).await;
        assert!(by_force || back.status == 200, "{back:?}");
    }
}

/// Its users lose it in steps: whoever gives it a scope between two of them gives nobody a token that
/// nothing takes back.
#[tokio::test]
async fn a_role_that_gets_a_scope_while_it_is_deleted_leaves_nobody_a_token() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let url = postgres.database("issuer");
    let companion = TestCompanion::on(&url, tempfile::tempdir().unwrap()).await;
    // Changes of one process wait for each other before the database sees them.
    let other = TestCompanion::second_on(&url, tempfile::tempdir().unwrap(), "");
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let own = json!({"scopes": ["consumer.account"]});
    companion.put("/backend/role/consumer", &own, &admin).await;
    companion.register("alice").await;
    let body = json!({"name": "lending", "scopes": ["orders.read"]});
    let made = companion.post("/backend/role", &body, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(&url).await.unwrap();
    // More than are done in one step.
    let many = [
        "INSERT INTO users (id, username, folded_username, email, folded_email, status, \
         password_hash, created_at) SELECT 'many-' || n, 'many-' || n, 'many-' || n, \
         n || '@many.example', n || '@many.example', 'active', '', 0 \
         FROM generate_series(1, 12000) n",
        "INSERT INTO user_roles (user_id, role) SELECT id, 'lending' FROM users \
         WHERE username <> 'admin'",
    ];
    for text in many {
        sqlx::raw_sql(text).execute(&pool).await.unwrap();
    }
    let mut held = pool.begin().await.unwrap();
    let all = "SELECT role FROM user_roles WHERE role = 'lending' FOR UPDATE";
    sqlx::raw_sql(all).execute(&mut *held).await.unwrap();
    let waiting = async |number: i64| {
        let text = "SELECT COUNT(DISTINCT pid) AS waiting FROM pg_locks WHERE NOT granted";
        loop {
            let row = sqlx::raw_sql(text).fetch_one(&pool).await.unwrap();
            if row.get::<i64, _>("waiting") >= number {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let path = "/backend/role/lending";
    let forced = "/backend/role/lending?force=true";
    let deleting = companion.delete(forced, &admin);
    let extending = async {
        waiting(1).await;
        let body = json!({"add_scopes": ["orders.read"]});
        let extended = other.put(path, &body, &admin);
        tokio::pin!(extended);
        let extended = tokio::select! {
            extended = &mut extended => Ok(extended),
            () = waiting(2) => Err(extended),
        };
        let early = match &extended {
            Ok(_) => Some(companion.login("alice", PASSWORD).await),
            Err(_) => None,
        };
        held.commit().await.unwrap();
        match extended {
            Ok(extended) => (extended, early),
            Err(extended) => (extended.await, early),
        }
    };
    let (deleted, (extended, early)) = tokio::join!(deleting, extending);
    let token = match early {
        Some(token) => token,
        None => companion.login("alice", PASSWORD).await,
    };
    let again = match deleted.status {
        409 => companion.delete(forced, &admin).await.status,
        status => status,
    };
    assert_eq!(again, 204, "{deleted:?}");
    assert_ne!(companion.check("GET", "/orders/1", &token).await, 200);
    // Whoever comes between two steps keeps the role there.
    let outcome = (deleted.status, extended.status);
    assert!(
        [(204, 404), (409, 200)].contains(&outcome),
        "{deleted:?} {extended:?}"
    );
    let gone = companion.get(path, &admin).await;
    assert_eq!(gone.status, 404, "{gone:?}");
}

/// More roles than a token names: it ends with any of them.
#[tokio::test]
async fn a_token_of_somebody_with_many_roles_ends_with_each_of_them() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    companion.register("alice").await;
    companion.register("bobby").await;
    let mut names = vec!["consumer".to_owned()];
    for number in 0..20 {
        let name = format!("role-{number}");
        let body = json!({"name": name, "scopes": ["orders.read", "orders.write"]});
        assert_eq!(
            companion.post("/backend/role", &body, &admin).await.status,
            201
        );
        names.push(name);
    }
    let body = json!({"roles": names});
    assert_eq!(
        companion
            .put("/backend/user/alice", &body, &admin)
            .await
            .status,
        200
    );
    let alice = companion.login("alice", PASSWORD).await;
    let bobby = companion.login("bobby", PASSWORD).await;
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
    let body = json!({"scopes": ["orders.write"]});
    assert_eq!(
        companion
            .put("/backend/role/role-19", &body, &admin)
            .await
            .status,
        200
    );
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 401);
    assert_eq!(companion.check("GET", "/orders/1", &bobby).await, 200);
    let alice = companion.login("alice", PASSWORD).await;
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
}

#[tokio::test]
async fn who_mints_and_revokes_tokens_harms_nobody_else() {
    let keys = ", max_revocations: 50, max_revocations_per_user: 5";
    let companion = TestCompanion::with_issuer_keys(keys).await;
    let mallory = companion.register("mallory").await;
    let bobby = companion.register("bobby").await;
    let app = companion.app(&mallory, "flood").await;
    for round in 0..60 {
        let tokens = companion.tokens(&app).await;
        let form = format!("token={}", tokens.access);
        let revoked = companion.form("/authorization/revoke", &app, &form).await;
        assert_eq!(revoked.status, 200, "{revoked:?}");
        let status = companion.check("GET", "/orders/1", &tokens.access).await;
        assert_eq!(status, 401, "in round {round}");
    }
    assert_eq!(companion.check("GET", "/orders/1", &bobby).await, 200);
    assert_eq!(
        companion.check("GET", "/orders/1", &mallory).await,
        401,
        "its own"
    );
    // What it gets afterwards holds, and its login goes on.
    let tokens = companion.tokens(&app).await;
    assert_eq!(
        companion.check("GET", "/orders/1", &tokens.access).await,
        200
    );
    assert_eq!(entries(&companion).await, "6.0", "five grants and the user");
}

/// How many revocations the gate remembers.
async fn entries(companion: &TestCompanion) -> String {
    let (_, metrics) = companion.gate.admin("/metrics").await;
    let mut lines = metrics.lines();
    let entries = lines.find(|line| line.starts_with("portcullis_revocation_entries"));
    entries.unwrap().rsplit(' ').next().unwrap().to_owned()
}

/// However many apps somebody has: it may do so as often as it likes.
#[tokio::test]
async fn a_password_that_ends_many_apps_fills_two_rows() {
    let companion = TestCompanion::with_issuer_keys(PASSWORD_GRANT).await;
    let bobby = companion.register("bobby").await;
    let mut login = companion.register("alice").await;
    let mut password = PASSWORD.to_owned();
    let mut apps = Vec::new();
    for number in 0..8 {
        apps.push(companion.app(&login, &format!("app-{number}")).await);
    }
    let app = apps.pop().unwrap();
    let own = companion.tokens(&app).await;
    let (token, refresh) = through(&companion, &app, "bobby").await;
    for access in [&own.access, &token] {
        assert_eq!(companion.check("GET", "/orders/1", access).await, 200);
    }
    for round in 0..3 {
        let next = format!("{password} und mehr");
        let body = json!({"old_password": password, "new_password": next, "end_apps": true});
        let path = "/consumer/account/change_password";
        let changed = companion.post(path, &body, &login).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        for access in [&own.access, &token, &login] {
            assert_eq!(companion.check("GET", "/orders/1", access).await, 401);
        }
        assert_eq!(entries(&companion).await, "2.0", "in round {round}");
        login = companion.login("alice", &next).await;
        password = next;
    }
    // Another secret brings back nothing of what there was.
    let rotate = format!("/consumer/app/{}/rotate_secret", app.key);
    let made = companion.post(&rotate, &json!({}), &login).await;
    let secret = made.json()["app_secret"].as_str().unwrap().to_owned();
    let app = TestClient { secret, ..app };
    for refresh in [&own.refresh, &refresh] {
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        let refreshed = companion.token(&app, &form).await;
        assert_eq!(refreshed.json()["error"], "invalid_grant", "{refreshed:?}");
    }
    let (token, _) = through(&companion, &app, "bobby").await;
    for access in [&token, &bobby, &login] {
        assert_eq!(companion.check("GET", "/orders/1", access).await, 200);
    }
}
