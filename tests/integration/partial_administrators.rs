//! Administrators with some of the `backend.*` scopes, and what they do not become by them.

use portcullis::clock::UnixSeconds;
use portcullis::identity::{RoleName, SecretDigest, UserId};
use portcullis::store::Committed;
use serde_json::{Value, json};

use crate::issuer::error;
use crate::issuer_process::CLIENT_CREDENTIALS;
use crate::test_app::{POLICY, Setup};
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, setup, sqlite};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

/// A login of a user with a role of its own, which has these scopes.
pub(crate) async fn partial(companion: &TestCompanion, name: &str, scopes: &[&str]) -> String {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let role = json!({"name": format!("role-of-{name}"), "scopes": scopes});
    does(companion, "POST /backend/role", &role, &admin, 201).await;
    let email = format!("{name}@shop.example");
    let user =
        json!({"username": name, "email": email, "password": PASSWORD, "roles": [role["name"]]});
    does(companion, "POST /backend/user", &user, &admin, 201).await;
    companion.login(name, PASSWORD).await
}

/// Carries out a request, such as `PUT /backend/user/alice`, and gives back what is answered.
pub(crate) async fn does(
    companion: &TestCompanion,
    request: &str,
    body: &Value,
    token: &str,
    status: u16,
) -> Value {
    let (method, path) = request.split_once(' ').unwrap();
    let answer = match method {
        "PUT" => companion.put(path, body, token).await,
        _ => companion.post(path, body, token).await,
    };
    assert_eq!(answer.status, status, "{request} {body}: {answer:?}");
    if answer.body.is_empty() {
        Value::Null
    } else {
        answer.json()
    }
}

pub(crate) async fn app_with(
    companion: &TestCompanion,
    owner: &str,
    scopes: &[&str],
) -> TestClient {
    let body = json!({"name": format!("app {}", scopes.len()), "scopes": scopes});
    let made = does(companion, "POST /consumer/app", &body, owner, 201).await;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    TestClient {
        key: text("app_key"),
        secret: text("app_secret"),
    }
}

#[tokio::test]
async fn the_tokens_of_an_administrator_end_by_whoever_could_disable_it() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let tool = app_with(&companion, &admin, &["backend.introspect"]).await;
    let tom = partial(&companion, "tom", &["backend.token"]).await;
    let grant = companion.login_tokens("admin", ADMIN_PASSWORD).await;
    let grants = companion.get("/consumer/grant", &grant.access).await.json();
    let revoke = "POST /backend/revoke";
    let grants = grants["items"].as_array().unwrap();
    assert!(!grants.is_empty());
    let of_grants = grants.iter().map(|grant| json!({"grant": grant["id"]}));
    let others = [
        json!({"user": "admin"}),
        json!({"app": tool.key}),
        json!({"everyone": true}),
    ];
    for what in others.into_iter().chain(of_grants) {
        let refused = does(&companion, revoke, &what, &tom, 403).await;
        assert_eq!(refused["error"], "insufficient_scope", "{what}");
    }
    let account = companion.get("/consumer/account", &admin).await;
    assert_eq!(account.status, 200, "{account:?}");
    // Everybody else is stopped at once.
    let tokens = companion.tokens(&app).await;
    for what in [json!({"app": app.key}), json!({"user": "alice"})] {
        does(&companion, revoke, &what, &tom, 200).await;
    }
    let whoami = companion.get("/authorization/whoami", &tokens.access).await;
    assert_eq!(whoami.status, 401, "{whoami:?}");
    let account = companion.get("/consumer/account", &alice).await;
    assert_eq!(account.status, 401, "{account:?}");
    does(&companion, revoke, &json!({"user": "tom"}), &admin, 200).await;
    does(&companion, revoke, &json!({"everyone": true}), &admin, 200).await;
}

#[tokio::test]
async fn ids_that_nothing_has_fill_the_list_for_nobody() {
    let companion = TestCompanion::with_issuer_keys(", max_revocations_per_user: 3").await;
    let alice = companion.register("alice").await;
    let tom = partial(&companion, "tom", &["backend.token"]).await;
    let revoke = "POST /backend/revoke";
    for what in [
        json!({"token": "a"}),
        json!({"grant": "b"}),
        json!({"token": "c"}),
    ] {
        does(&companion, revoke, &what, &tom, 200).await;
    }
    let store = companion.open_store().await;
    let before = store.log_position().await.unwrap();
    for what in [json!({"token": "d"}), json!({"grant": "e"})] {
        does(&companion, revoke, &what, &tom, 429).await;
    }
    assert_eq!(store.log_position().await.unwrap(), before);
    // What the store knows can be revoked all the same.
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 200);
    does(&companion, revoke, &json!({"user": "alice"}), &tom, 200).await;
    assert_eq!(companion.get("/consumer/account", &alice).await.status, 401);
}

/// Guesses wrong until it is held up, and then takes back what is there.
#[tokio::test]
async fn whoever_has_revoked_too_many_unknown_ids_revokes_what_is_known_all_the_same() {
    let companion = TestCompanion::with_issuer_keys(", max_revocations_per_user: 3").await;
    let mut known = Vec::new();
    for name in ["alice", "bobby", "carol"] {
        companion.register(name).await;
        known.push(json!({"user": name}));
    }
    let dave = companion.register("dave").await;
    let app = companion.app(&dave, "web-shop").await;
    known.push(json!({"app": app.key}));
    let tokens = companion.login_tokens("dave", PASSWORD).await;
    let grants = companion.get("/consumer/grant", &tokens.access).await;
    for grant in grants.json()["items"].as_array().unwrap() {
        known.push(json!({"grant": grant["id"]}));
    }
    assert!(known.len() > 4, "{known:?}");
    let tom = partial(&companion, "tom", &["backend.token"]).await;
    let mut guesses = 0;
    loop {
        let what = if guesses % 2 == 0 { "token" } else { "grant" };
        let body = json!({what: format!("guess{guesses}")});
        let answer = companion.post("/backend/revoke", &body, &tom).await;
        guesses += 1;
        if answer.header("retry-after").is_some() {
            assert_eq!(answer.status, 429, "{answer:?}");
            break;
        }
        assert!(guesses < 5000, "never held up");
    }
    assert!(guesses >= 1000, "{guesses}");
    for what in known {
        does(&companion, "POST /backend/revoke", &what, &tom, 200).await;
    }
    let account = companion.get("/consumer/account", &tokens.access).await;
    assert_eq!(account.status, 401, "{account:?}");
}

#[tokio::test]
async fn what_somebody_may_not_revoke_is_not_charged_to_it() {
    let companion = TestCompanion::start().await;
    for name in ["alice", "bobby", "carol"] {
        companion.register(name).await;
    }
    let tom = partial(&companion, "tom", &["backend.token"]).await;
    // More than anybody may revoke in a row.
    for number in 0..1100 {
        let what = match number % 3 {
            0 => json!({"everyone": true}),
            1 => json!({"user": "nobody"}),
            _ => json!({"user": "admin"}),
        };
        let answer = companion.post("/backend/revoke", &what, &tom).await;
        let expected = if number % 3 == 1 { 404 } else { 403 };
        assert_eq!(answer.status, expected, "{number} {what}: {answer:?}");
    }
    for name in ["alice", "bobby", "carol"] {
        let what = json!({"user": name});
        does(&companion, "POST /backend/revoke", &what, &tom, 200).await;
    }
}

#[tokio::test]
async fn whoever_revokes_without_end_is_held_up() {
    let companion = TestCompanion::start().await;
    companion.register("alice").await;
    let tom = partial(&companion, "tom", &["backend.token"]).await;
    let what = json!({"user": "alice"});
    let mut done = 0;
    let held_up = loop {
        let answer = companion.post("/backend/revoke", &what, &tom).await;
        if answer.status != 200 {
            break answer;
        }
        done += 1;
        assert!(done < 5000, "never held up");
    };
    assert_eq!(held_up.status, 429, "{held_up:?}");
    assert!(held_up.header("retry-after").is_some(), "{held_up:?}");
    assert!(done >= 1000, "{done}");
}

/// A request that was let in, and then waited for the change that gave its user a role: together they would have
/// given the user what neither may after the other.
#[tokio::test]
async fn nobody_extends_a_role_that_it_got_meanwhile() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let pat = partial(&companion, "pat", &["backend.role", "backend.scope"]).await;
    let scope = json!({"name": "secret.x", "description": "for tests"});
    does(&companion, "POST /backend/scope", &scope, &admin, 201).await;
    let empty = json!({"name": "vip", "scopes": []});
    does(&companion, "POST /backend/role", &empty, &admin, 201).await;
    let id = companion.get("/backend/user/pat", &admin).await.json();
    let (id, own) = (
        UserId::known(id["id"].as_str().unwrap()),
        RoleName::parse("role-of-pat").unwrap(),
    );
    let vip = RoleName::parse("vip").unwrap();
    let store = companion.open_store().await;
    let mut change = store.change(NOW).await.unwrap();
    let body = json!({"add_scopes": ["secret.x"]});
    let waiting = companion.put("/backend/role/vip", &body, &pat);
    let meanwhile = async {
        // Answers to requests that were sent later: by now the first has been let in and waits.
        for _ in 0..20 {
            let answer = companion.get("/consumer/account", &alice).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        change.set_user_roles(&id, &[own, vip]).await.unwrap();
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    };
    let (answer, ()) = tokio::join!(waiting, meanwhile);
    assert_eq!(error(&answer), (403, "insufficient_scope".to_owned()));
}

#[tokio::test]
async fn a_link_for_a_password_does_not_outlive_the_raising_of_its_user() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    for (name, scopes) in [("clerk", &["orders.read"][..]), ("ops", &[])] {
        let role = json!({"name": name, "scopes": scopes});
        does(&companion, "POST /backend/role", &role, &admin, 201).await;
    }
    let store = companion.open_store().await;
    // What happens to carol, who has the role `ops`, while she has a link; whether the link goes on.
    let rows = [
        (
            "PUT /backend/user/carol",
            json!({"add_roles": ["clerk"]}),
            true,
        ),
        (
            "PUT /backend/role/ops",
            json!({"add_scopes": ["orders.read"]}),
            true,
        ),
        (
            "PUT /backend/user/carol",
            json!({"add_roles": ["administrator"]}),
            false,
        ),
        (
            "PUT /backend/role/ops",
            json!({"add_scopes": ["backend.user"]}),
            false,
        ),
    ];
    let email = "carol@shop.example";
    let user = json!({"username": "carol", "email": email, "password": PASSWORD, "roles": ["ops"]});
    let made = does(&companion, "POST /backend/user", &user, &admin, 201).await;
    let id = UserId::known(made["id"].as_str().unwrap());
    for (number, (request, body, expected)) in rows.into_iter().enumerate() {
        let digest = SecretDigest::of(&number.to_be_bytes());
        let mut change = store.change(NOW).await.unwrap();
        change.set_reset_link(&id, &digest, NOW.plus(3600));
        assert_eq!(change.commit().await.unwrap(), Committed::Yes);
        does(&companion, request, &body, &admin, 200).await;
        let left = store.reset_link(&digest, NOW).await.unwrap();
        assert_eq!(left.is_some(), expected, "{request} {body}");
    }
}

#[tokio::test]
async fn a_secret_does_not_outlive_what_its_app_gains_at_the_issuer() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = app_with(&companion, &alice, &[]).await;
    let path = format!("PUT /consumer/app/{}", app.key);
    does(
        &companion,
        &path,
        &json!({"add_scopes": ["orders.read"]}),
        &alice,
        200,
    )
    .await;
    assert_eq!(companion.token(&app, CLIENT_CREDENTIALS).await.status, 200);
    does(
        &companion,
        &path,
        &json!({"add_scopes": ["consumer.app"]}),
        &alice,
        200,
    )
    .await;
    let refused = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&refused), (401, "invalid_client".to_owned()));
    let path = format!("POST /consumer/app/{}/rotate_secret", app.key);
    let rotated = does(&companion, &path, &json!({}), &alice, 200).await;
    let app = TestClient {
        secret: rotated["app_secret"].as_str().unwrap().to_owned(),
        ..app
    };
    assert_eq!(companion.token(&app, CLIENT_CREDENTIALS).await.status, 200);
}

#[tokio::test]
async fn nobody_acts_at_the_issuer_by_the_app_of_another() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let amy = partial(&companion, "amy", &["backend.app"]).await;
    let app = app_with(&companion, &alice, &["consumer.account"]).await;
    let path = format!("/backend/app/{}", app.key);
    let (put, rotate) = (format!("PUT {path}"), format!("POST {path}/rotate_secret"));
    let more = json!({"add_scopes": ["consumer.app"]});
    does(&companion, &put, &more, &amy, 400).await;
    let elsewhere = json!({"redirect_uris": ["https://evil.example/"]});
    does(&companion, &put, &elsewhere, &amy, 403).await;
    does(&companion, &rotate, &json!({}), &amy, 403).await;
    // To stop it takes less than to take it over.
    does(&companion, &put, &json!({"status": "disabled"}), &amy, 200).await;
    does(&companion, &put, &json!({"status": "active"}), &amy, 403).await;

    let scopes = [
        "backend.app",
        "backend.user",
        "consumer.account",
        "consumer.app",
    ];
    let zoe = partial(&companion, "zoe", &scopes).await;
    does(&companion, &put, &json!({"status": "active"}), &zoe, 200).await;
    does(&companion, &put, &more, &zoe, 200).await;
    let rotated = does(&companion, &rotate, &json!({}), &zoe, 200).await;
    // What is done by an app in somebody's name says so.
    let app = TestClient {
        secret: rotated["app_secret"].as_str().unwrap().to_owned(),
        ..app
    };
    let token = companion.tokens(&app).await.access;
    does(
        &companion,
        "POST /consumer/app",
        &json!({"name": "tool"}),
        &token,
        201,
    )
    .await;
    let audit = companion.get("/backend/audit?limit=1", &admin).await.json();
    let change = audit["items"][0]["change"].as_str().unwrap();
    assert!(
        change.contains(&format!("through app {}", app.key)),
        "{audit}"
    );
}

/// A gate whose policy asks for a role.
async fn with_vip() -> TestCompanion {
    let route = r#"  - {name: vip, methods: [GET], path: /vip, access: authenticated, when: '"vip" in token.roles'}"#;
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        policy: Some(format!("{POLICY}{route}\n")),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    companion
}

#[tokio::test]
async fn a_role_without_scopes_is_a_loss_like_any_other() {
    let companion = with_vip().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    companion.register("vic").await;
    let refused = async |token: &str| {
        let refused = async {
            while companion.check("GET", "/vip", token).await != 401 {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), refused).await;
        assert!(waited.is_ok(), "still accepted");
    };
    let empty = json!({"name": "vip", "scopes": []});
    for taken in ["PUT /backend/user/vic", "DELETE /backend/role/vip"] {
        if taken.starts_with("PUT") {
            does(&companion, "POST /backend/role", &empty, &admin, 201).await;
        }
        let give = json!({"add_roles": ["vip"]});
        does(&companion, "PUT /backend/user/vic", &give, &admin, 200).await;
        let token = companion.login("vic", PASSWORD).await;
        assert_eq!(companion.check("GET", "/vip", &token).await, 200);
        if let Some(path) = taken.strip_prefix("DELETE ") {
            let path = format!("{path}?force=true");
            assert_eq!(companion.delete(&path, &admin).await.status, 204);
        } else {
            does(
                &companion,
                taken,
                &json!({"remove_roles": ["vip"]}),
                &admin,
                200,
            )
            .await;
        }
        refused(&token).await;
    }
}

#[tokio::test]
async fn nobody_gives_itself_a_role_that_it_does_not_have() {
    let companion = with_vip().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let pat = partial(&companion, "pat", &["backend.role", "backend.user"]).await;
    let empty = json!({"name": "vip", "scopes": []});
    does(&companion, "POST /backend/role", &empty, &pat, 201).await;
    let give = json!({"add_roles": ["vip"]});
    let refused = does(&companion, "PUT /backend/user/pat", &give, &pat, 403).await;
    assert_eq!(refused["error"], "insufficient_scope", "{refused}");
    let rename = json!({"name": "vip-2"});
    does(
        &companion,
        "PUT /backend/role/role-of-pat",
        &rename,
        &pat,
        403,
    )
    .await;
    // Somebody else gets it, and an administrator could have everything anyway.
    companion.register("vic").await;
    does(&companion, "PUT /backend/user/vic", &give, &pat, 200).await;
    does(&companion, "PUT /backend/user/admin", &give, &admin, 200).await;
}

#[tokio::test]
async fn a_user_has_at_most_64_roles_however_they_are_listed() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    companion.register("bob").await;
    let names: Vec<String> = (0..65).map(|number| format!("r{number}")).collect();
    for name in &names {
        let role = json!({"name": name, "scopes": []});
        does(&companion, "POST /backend/role", &role, &admin, 201).await;
    }
    let bob = "PUT /backend/user/bob";
    does(&companion, bob, &json!({"roles": names}), &admin, 400).await;
    does(&companion, bob, &json!({"add_roles": names}), &admin, 400).await;
    let user = json!({"username": "dan", "email": "dan@shop.example", "password": PASSWORD, "roles": names});
    does(&companion, "POST /backend/user", &user, &admin, 400).await;
    let repeated: Vec<&String> = std::iter::repeat_n(&names[..64], 30).flatten().collect();
    let changed = does(&companion, bob, &json!({"roles": repeated}), &admin, 200).await;
    assert_eq!(changed["roles"].as_array().unwrap().len(), 64, "{changed}");
    // Somebody who has more from before may lose some of them.
    let store = companion.open_store().await;
    let id = UserId::known(changed["id"].as_str().unwrap());
    let mut change = store.change(NOW).await.unwrap();
    let all: Vec<RoleName> = names
        .iter()
        .map(|name| RoleName::parse(name).unwrap())
        .collect();
    change.set_user_roles(&id, &all).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    let changed = does(
        &companion,
        bob,
        &json!({"remove_roles": ["r1"]}),
        &admin,
        200,
    )
    .await;
    assert_eq!(changed["roles"].as_array().unwrap().len(), 64, "{changed}");
}
