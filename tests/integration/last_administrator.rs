//! Nothing removes the last administrator: by no endpoint, and by no race.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{
    Email, Role, RoleName, ScopeName, ScopeSet, Status, User, UserId, Username,
};
use portcullis::store::{Change, Committed, Store, StoreLocation};
use portcullis::token::{LogPosition, RevocationTarget};
use serde_json::json;

use crate::issuer::error;
use crate::postgres::Postgres;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestCompanion};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const EVERYTHING: &str =
    "backend.app backend.introspect backend.role backend.scope backend.token backend.user";

#[tokio::test]
async fn no_endpoint_removes_the_last_administrator() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let user = "/backend/user/admin";
    let role = "/backend/role/administrator";
    let own = [
        "backend.app",
        "backend.scope",
        "backend.token",
        "backend.user",
    ];
    let rows = [
        ("PUT", user, json!({"status": "disabled"})),
        ("PUT", user, json!({"roles": []})),
        ("PUT", user, json!({"roles": ["consumer"]})),
        ("DELETE", user, json!({})),
        ("PUT", role, json!({"scopes": []})),
        ("PUT", role, json!({"scopes": own})),
    ];
    for (method, path, body) in &rows {
        let answer = match *method {
            "DELETE" => companion.delete(path, &admin).await,
            _ => companion.put(path, body, &admin).await,
        };
        assert_eq!(
            error(&answer),
            (409, "invalid_request".to_owned()),
            "{path} {body}"
        );
        assert!(answer.body.contains("no administrator"), "{answer:?}");
    }
    let still = companion.get(user, &admin).await;
    assert_eq!(still.status, 200, "nothing has changed, no token has ended");

    // With a second one who is active, the first may go; then the second is the last.
    let body = json!({"username": "second", "email": "second@shop.example",
        "password": PASSWORD, "roles": ["administrator"]});
    let made = companion.post("/backend/user", &body, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let second = companion.login("second", PASSWORD).await;
    let disabled = json!({"status": "disabled"});
    let other = "/backend/user/second";
    assert_eq!(companion.put(other, &disabled, &admin).await.status, 200);
    let answer = companion.delete(user, &admin).await;
    assert_eq!(error(&answer).0, 409, "a disabled one does not count");
    let active = json!({"status": "active"});
    assert_eq!(companion.put(other, &active, &admin).await.status, 200);
    let dead = companion.get(user, &second).await;
    assert_eq!(error(&dead).0, 401, "no dead token lives");
    let second = companion.login("second", PASSWORD).await;
    assert_eq!(companion.delete(user, &second).await.status, 204);
    assert_eq!(error(&companion.delete(other, &second).await).0, 409);
}

/// A request that was let in, and then waited for the change that took its rights.
#[tokio::test]
async fn who_has_lost_its_rights_meanwhile_changes_nothing() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let body = json!({"username": "second", "email": "second@shop.example",
        "password": PASSWORD, "roles": ["administrator"]});
    let made = companion.post("/backend/user", &body, &admin).await;
    let second = UserId::known(made.json()["id"].as_str().unwrap());
    let token = companion.login("second", PASSWORD).await;

    let store = Store::open(&companion.store()).await.unwrap();
    let mut change = store.change(NOW).await.unwrap();
    let disabled = json!({"status": "disabled"});
    let waiting = companion.put("/backend/user/alice", &disabled, &token);
    let meanwhile = async {
        // Answers to requests that were sent later: by now the first has been let in and waits.
        for _ in 0..20 {
            let answer = companion.get("/consumer/account", &alice).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        let status = Status::Disabled;
        change.set_user_status(&second, status).await.unwrap();
        let subject = RevocationTarget::User(second.as_str().to_owned());
        change.revoke(subject);
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    };
    let (answer, ()) = tokio::join!(waiting, meanwhile);
    assert_eq!(error(&answer), (401, "invalid_token".to_owned()));
    let account = companion.get("/backend/user/alice", &admin).await;
    assert_eq!(account.json()["status"], "active");
}

#[tokio::test]
async fn no_race_removes_the_last_administrator_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let place = StoreLocation::parse("sqlite:race.db", folder.path()).unwrap();
    races(&place).await;
}

#[tokio::test]
async fn no_race_removes_the_last_administrator_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let url = postgres.database("race");
    races(&StoreLocation::parse(&url, std::path::Path::new("")).unwrap()).await;
}

/// Two administrators who take each other's rights at the same moment, each on an issuer of its own.
async fn races(place: &StoreLocation) {
    let one = Store::open(place).await.unwrap();
    let other = Store::open(place).await.unwrap();
    for scope in ScopeSet::parse(EVERYTHING).unwrap().iter() {
        one.add_scope(scope, "").await.unwrap();
    }
    for round in 0..10 {
        let role = Role {
            name: RoleName::parse(&format!("administrator-{round}")).unwrap(),
            scopes: ScopeSet::parse(EVERYTHING).unwrap(),
            is_default: false,
        };
        let scopes: Vec<ScopeName> = role.scopes.iter().cloned().collect();
        assert!(one.extend_role(&role.name, &scopes).await.unwrap());
        let users = [
            user(&format!("a{round}"), &role),
            user(&format!("b{round}"), &role),
        ];
        for user in &users {
            one.add_user(user, "hash").await.unwrap();
        }
        // Whoever was left by the round before goes first.
        remove_others(&one, round).await;
        let attempts = [(&one, &users[1]), (&other, &users[0])].map(async |(store, user)| {
            let mut change = store.change(NOW).await.unwrap();
            match round % 3 {
                0 => change
                    .set_user_status(&user.id, Status::Disabled)
                    .await
                    .unwrap(),
                1 => change.delete_user(&user.id).await.unwrap(),
                _ => change.set_user_roles(&user.id, &[]).await.unwrap(),
            }
            change.commit().await.unwrap()
        });
        let outcomes = futures_util::future::join_all(attempts).await;
        let count = |expected| outcomes.iter().filter(|found| **found == expected).count();
        assert_eq!(
            (count(Committed::Yes), count(Committed::LastAdministrator)),
            (1, 1),
            "round {round}"
        );
    }
}

async fn remove_others(store: &Store, round: i32) {
    let mut change: Change = store.change(NOW).await.unwrap();
    for earlier in 0..round {
        for name in ["a", "b"] {
            let id = UserId::known(&format!("id-{name}{earlier}"));
            change.delete_user(&id).await.unwrap();
        }
    }
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
}

fn user(name: &str, role: &Role) -> User {
    User {
        id: UserId::known(&format!("id-{name}")),
        username: Username::parse(&format!("user-{name}")).unwrap(),
        email: Email::parse(&format!("{name}@shop.example")).unwrap(),
        status: Status::Active,
        roles: vec![role.name.clone()],
        scopes: ScopeSet::default(),
        created_at: NOW,
        passkeys: 0,
        as_of: LogPosition::default(),
        revoked_through: LogPosition::default(),
    }
}
