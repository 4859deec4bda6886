//! `passkeys.required_for: administrators`: what an administrator without a passkey can do by what was given out
//! before the setting, and by apps.

use portcullis::identity::{
    Backup, CredentialId, NewPasskey, PasskeyKey, PasskeyName, UserId, Username,
};
use portcullis::store::{Committed, Created};
use serde_json::json;

use crate::authenticator::TestPasskey;
use crate::issuer::error;
use crate::test_app::Setup;
use crate::test_companion::{
    ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, TestTokens, URL, setup, sqlite,
};

const INTROSPECT: &str = "/authorization/introspect";

/// The same companion, started again with the setting.
fn required(companion: TestCompanion) -> TestCompanion {
    let mut setup: Setup = setup(companion.path(), &sqlite(companion.path()));
    let closing = setup.extra.rfind('}').unwrap();
    let keys = ", passkeys: {required_for: administrators}";
    setup.extra.insert_str(closing, keys);
    companion.restart_with(&setup)
}

/// An app of the administrator that administers, and its tokens.
async fn robot(companion: &TestCompanion, admin: &str) -> (TestClient, TestTokens) {
    let scopes = ["backend.introspect", "backend.user", "consumer.account"];
    let body = json!({"name": "robot", "scopes": scopes});
    let made = companion.post("/consumer/app", &body, admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let robot = TestClient {
        key: made["app_key"].as_str().unwrap().to_owned(),
        secret: made["app_secret"].as_str().unwrap().to_owned(),
    };
    let tokens = companion.tokens(&robot).await;
    (robot, tokens)
}

/// Gives a user a passkey, as if the portal had.
pub(crate) async fn give_passkey(companion: &TestCompanion, username: &str) -> UserId {
    let store = companion.open_store().await;
    let passkey = TestPasskey::es256(URL);
    let username = Username::parse(username).unwrap();
    let user = store.user_named(&username).await.unwrap().unwrap();
    let made = NewPasskey {
        id: CredentialId::new(&passkey.id).unwrap(),
        key: PasskeyKey::parse(&passkey.cose()).unwrap(),
        sign_count: 0,
        backup: Backup::Never,
    };
    let mut change = store.change(user.created_at).await.unwrap();
    let name = PasskeyName::parse("phone").unwrap();
    let created = change.add_passkey(&user.id, &name, &made).await.unwrap();
    assert_eq!(created, Created::Yes);
    assert_eq!(change.commit().await.unwrap(), Committed::Yes);
    user.id
}

#[tokio::test]
async fn an_administrator_without_a_passkey_administers_neither_by_old_tokens_nor_by_apps() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let (robot, old) = robot(&companion, &admin).await;
    let alice = companion.register("alice").await;
    let users = companion.get("/backend/user", &old.access).await;
    assert_eq!(users.status, 200, "{users:?}");

    let companion = required(companion);
    let another = json!({
        "username": "mallory", "email": "m@shop.example", "password": PASSWORD, "roles": ["administrator"],
    });
    let made = companion.post("/backend/user", &another, &admin).await;
    assert_eq!(made.status, 401, "{made:?}");
    for token in [&admin, &old.access] {
        let users = companion.get("/backend/user", token).await;
        assert_eq!(users.status, 401, "{users:?}");
    }
    // What everybody has is left.
    let account = companion.get("/consumer/account", &old.access).await;
    assert_eq!(account.status, 200, "{account:?}");
    let refresh = format!("grant_type=refresh_token&refresh_token={}", old.refresh);
    for form in ["grant_type=client_credentials", refresh.as_str()] {
        let asked = format!("{form}&scope=backend.user");
        let refused = companion.token(&robot, &asked).await;
        assert_eq!(error(&refused), (400, "invalid_scope".to_owned()), "{form}");
    }
    let rest = companion
        .token(&robot, "grant_type=client_credentials")
        .await;
    assert_eq!(rest.json()["scope"], "consumer.account", "{rest:?}");
    let asked = format!("token={alice}");
    let answer = companion.form(INTROSPECT, &robot, &asked).await;
    assert_eq!(answer.json(), json!({"active": false}));
    let asked = format!("token={}", old.access);
    let answer = companion.form(INTROSPECT, &robot, &asked).await;
    assert_eq!(answer.json()["scope"], "consumer.account", "its own");

    // With a passkey the owner administers, and so do its apps.
    give_passkey(&companion, "admin").await;
    let form = "grant_type=client_credentials&scope=backend.user";
    let token = companion.token(&robot, form).await.json();
    let token = token["access_token"].as_str().unwrap();
    let users = companion.get("/backend/user", token).await;
    assert_eq!(users.status, 200, "{users:?}");
    let users = users.json();
    let passkeys = |name: &str| {
        let mut users = users["items"].as_array().unwrap().iter();
        users.find(|user| user["username"] == name).unwrap()["passkeys"].clone()
    };
    assert_eq!((passkeys("admin"), passkeys("alice")), (1.into(), 0.into()));
    let asked = format!("token={alice}");
    let answer = companion.form(INTROSPECT, &robot, &asked).await;
    assert_eq!(answer.json()["active"], true, "{answer:?}");
}

#[tokio::test]
async fn whoever_lacks_the_passkey_is_told_so_by_every_answer() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let body = json!({"name": "robot", "scopes": ["backend.user"]});
    let made = companion.post("/consumer/app", &body, &admin).await.json();
    let robot = TestClient {
        key: made["app_key"].as_str().unwrap().to_owned(),
        secret: made["app_secret"].as_str().unwrap().to_owned(),
    };
    let form = "grant_type=client_credentials";
    let old = companion.token(&robot, form).await.json();
    let old = old["access_token"].as_str().unwrap().to_owned();

    let companion = required(companion);
    let description = |answer: &crate::client::Answer| {
        let text = answer.json()["error_description"].clone();
        (answer.status, text.as_str().unwrap().to_owned())
    };
    let refused = companion.token(&robot, form).await;
    let owner = "the owner needs a passkey first: log in at `/portal`";
    assert_eq!(description(&refused), (400, owner.to_owned()));
    let body = json!({"username": "admin", "password": ADMIN_PASSWORD});
    let refused = companion.post("/consumer/login", &body, "").await;
    let user = "the user needs a passkey first: log in at `/portal`";
    assert_eq!(description(&refused), (400, user.to_owned()));
    for token in [&admin, &old] {
        let refused = companion.get("/backend/user", token).await;
        let owner = "the owner of the token needs a passkey first: log in at `/portal`";
        assert_eq!(description(&refused), (401, owner.to_owned()));
    }
    // Of another reason it is not said.
    let wrong = json!({"username": "admin", "password": "not the password"});
    let refused = companion.post("/consumer/login", &wrong, "").await;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert!(!refused.body.contains("passkey"), "{refused:?}");
    // Nothing is left of it once there is one, and others read who is left.
    let alice = companion.register("alice").await;
    assert_eq!(companion.get("/backend/user", &alice).await.status, 403);
    give_passkey(&companion, "admin").await;
    let token = companion.token(&robot, form).await.json();
    let token = token["access_token"].as_str().unwrap();
    let seen = companion.get("/backend/attention", token).await.json();
    assert_eq!(seen["administrators_without_passkey"], 0, "{seen}");
}
