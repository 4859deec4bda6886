//! What users do with their own account, apps and grants.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::issuer::error;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion};

const CLIENT_CREDENTIALS: &str = "grant_type=client_credentials";
const OTHER_PASSWORD: &str = "kaiserschmarrn mit zwetschgen";

fn invalid(status: u16) -> (u16, String) {
    (status, "invalid_request".to_owned())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

async fn access_token(companion: &TestCompanion, app: &TestClient) -> String {
    let answer = companion.token(app, CLIENT_CREDENTIALS).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json(), "access_token").to_owned()
}

/// Asks until the gate refuses; the runner's patience is the bound.
pub(crate) async fn refused(companion: &TestCompanion, token: &str) {
    while companion.check("GET", "/orders/1", token).await != 401 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_account_is_read_and_its_address_changed() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    companion.register("bobby").await;
    let path = "/consumer/account";
    let update = |email: &str| json!({"email": email, "password": PASSWORD});
    let changed = companion.put(path, &update("a@b.example"), &alice).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.json()["email"], "a@b.example");
    assert_eq!(
        companion.get(path, &alice).await.json(),
        changed.json(),
        "tokens live on"
    );
    companion.login("a@b.example", PASSWORD).await;
    for (body, status) in [
        (update("BOBBY@shop.example"), 409),
        (update("nowhere"), 400),
        (
            json!({"email": "a@b.example", "password": PASSWORD, "username": "root"}),
            400,
        ),
        (
            json!({"email": "a@b.example", "password": PASSWORD, "roles": ["administrator"]}),
            400,
        ),
        (json!({"email": "c@b.example"}), 400),
        (json!({"password": PASSWORD}), 400),
        (json!({}), 400),
    ] {
        let answer = companion.put(path, &body, &alice).await;
        assert_eq!(error(&answer), invalid(status), "{body}");
    }
    // A token that was stolen does not bring the account along.
    let stolen = json!({"email": "eve@evil.example", "password": "wrong"});
    let answer = companion.put(path, &stolen, &alice).await;
    assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    companion.login("a@b.example", PASSWORD).await;
}

#[tokio::test]
async fn where_registration_is_closed_administrators_alone_add_users() {
    let companion = TestCompanion::with_issuer_keys(", registration: closed").await;
    let wanted = json!({"username": "eve", "email": "eve@shop.example", "password": PASSWORD});
    let closed = companion.post("/consumer/register", &wanted, "").await;
    assert_eq!(error(&closed), (403, "access_denied".to_owned()));
    assert!(closed.body.contains("ask an administrator"), "{closed:?}");
    let document = companion.send("GET", "/openapi.json", &[], "").await.json();
    assert_eq!(document["paths"].get("/consumer/register"), None);
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let added = companion.post("/backend/user", &wanted, &admin).await;
    assert_eq!(added.status, 201, "{added:?}");
    companion.login("eve", PASSWORD).await;
}

#[tokio::test]
async fn a_new_password_ends_all_tokens() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let token = access_token(&companion, &app).await;
    let path = "/consumer/account/change_password";
    let change =
        |old: &str, new: &str| json!({"old_password": old, "new_password": new}).to_owned();
    for (body, expected) in [
        (
            change("wrong", OTHER_PASSWORD),
            (400, "invalid_grant".to_owned()),
        ),
        (change(PASSWORD, "short"), invalid(400)),
        (change(PASSWORD, "alice@shop.example"), invalid(400)),
        (json!({"new_password": OTHER_PASSWORD}), invalid(400)),
    ] {
        let answer = companion.put(path, &body, &alice).await;
        assert_eq!(error(&answer), expected, "{body}");
    }
    let done = companion
        .put(path, &change(PASSWORD, OTHER_PASSWORD), &alice)
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(done.body.contains("log in again"), "{done:?}");
    let again = companion.get("/consumer/account", &alice).await;
    assert_eq!(error(&again), (401, "invalid_token".to_owned()));
    refused(&companion, &alice).await;
    refused(&companion, &token).await;
    let old = json!({"username": "alice", "password": PASSWORD});
    let old = companion.post("/consumer/login", &old, "").await;
    assert_eq!(error(&old).0, 401);
    let alice = companion.login("alice", OTHER_PASSWORD).await;
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
    // The app itself has done nothing wrong.
    access_token(&companion, &app).await;
}

#[tokio::test]
async fn an_owner_disables_an_app_and_enables_what_no_administrator_has_disabled() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let bobby = companion.register("bobby").await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let app = companion.app(&alice, "web-shop").await;
    let token = access_token(&companion, &app).await;
    let (own, all) = (
        format!("/consumer/app/{}", app.key),
        format!("/backend/app/{}", app.key),
    );
    let set = async |path: &str, status: &str, token: &str| {
        let body = json!({"status": status});
        companion.put(path, &body, token).await
    };
    let others = set(&own, "disabled", &bobby).await;
    assert_eq!(error(&others), (404, "not_found".to_owned()));

    let disabled = set(&own, "disabled", &alice).await.json();
    assert_eq!(
        (&disabled["status"], &disabled["disabled_by"]),
        (&json!("disabled"), &json!("owner"))
    );
    refused(&companion, &token).await;
    let nothing = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&nothing), (401, "invalid_client".to_owned()));
    let enabled = set(&own, "active", &alice).await.json();
    assert_eq!(enabled["status"], "active");
    assert_eq!(enabled.get("disabled_by"), None);
    refused(&companion, &token).await;
    access_token(&companion, &app).await;

    // An administrator has the last word, also over what the owner has disabled.
    set(&own, "disabled", &alice).await;
    let by_both = set(&all, "disabled", &admin).await.json();
    assert_eq!(by_both["disabled_by"], "administrator");
    set(&own, "disabled", &alice).await;
    let denied = set(&own, "active", &alice).await;
    assert_eq!(error(&denied), (403, "access_denied".to_owned()));
    let read = companion.get(&own, &alice).await.json();
    assert_eq!(read["disabled_by"], "administrator");
    set(&all, "active", &admin).await;
    access_token(&companion, &app).await;
    set(&own, "disabled", &alice).await;
    let by_admin = set(&all, "active", &admin).await.json();
    assert_eq!(by_admin["status"], "active", "{by_admin}");
}

#[tokio::test]
async fn an_app_is_read_changed_and_deleted_by_its_owner_alone() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let bobby = companion.register("bobby").await;
    let app = companion.app(&alice, "web-shop").await;
    companion.app(&alice, "other-app").await;
    let path = format!("/consumer/app/{}", app.key);
    let read = companion.get(&path, &alice).await;
    assert_eq!(read.status, 200, "{read:?}");
    let listed = companion.get("/consumer/app?after=other-app", &alice).await;
    let mut expected = read.json();
    // Whom it concerns is counted for one app alone.
    for (member, count) in [("users", 1), ("grants", 0)] {
        let removed = expected.as_object_mut().unwrap().remove(member);
        assert_eq!(removed, Some(json!(count)), "{member}");
    }
    // So it is with what its secrets are told by; the secret itself was shown when it was made.
    let secrets = expected.as_object_mut().unwrap().remove("secrets");
    assert_eq!(secrets.unwrap()[0]["expires_at"], Value::Null);
    assert_eq!(listed.json()["items"], json!([expected]));
    for told in ["app_secret", app.secret.as_str()] {
        assert!(!read.body.contains(told), "{read:?}");
    }

    for (body, expected) in [
        (json!({"name": "other-app"}), invalid(409)),
        (json!({"name": "a\u{202e}b"}), invalid(400)),
        (
            json!({"redirect_uris": ["http://evil.example"]}),
            invalid(400),
        ),
        (
            json!({"scopes": ["orders.write"]}),
            (400, "invalid_scope".to_owned()),
        ),
        (
            json!({"scopes": ["nonsense"]}),
            (400, "invalid_scope".to_owned()),
        ),
        (json!({"status": "asleep"}), invalid(400)),
        (json!({"owner": "bobby"}), invalid(400)),
    ] {
        let answer = companion.put(&path, &body, &alice).await;
        assert_eq!(error(&answer), expected, "{body}");
    }
    assert_eq!(companion.get(&path, &alice).await.json(), read.json());

    let rotate = format!("{path}/rotate_secret");
    let name = json!({"name": "stolen"});
    let by_others: [Answer; 4] = [
        companion.get(&path, &bobby).await,
        companion.put(&path, &name, &bobby).await,
        companion.delete(&path, &bobby).await,
        companion
            .send(
                "POST",
                &rotate,
                &[&crate::test_companion::bearer(&bobby)],
                "",
            )
            .await,
    ];
    for answer in by_others {
        assert_eq!(error(&answer), (404, "not_found".to_owned()));
    }

    let token = access_token(&companion, &app).await;
    let uris = json!(["https://shop.example/cb"]);
    let body = json!({"name": "new-shop", "redirect_uris": uris});
    let changed = companion.put(&path, &body, &alice).await.json();
    assert_eq!(
        (&changed["name"], &changed["redirect_uris"], &changed["id"]),
        (&json!("new-shop"), &uris, &json!(app.key))
    );
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
    let reduced = companion.put(&path, &json!({"scopes": []}), &alice).await;
    assert_eq!(reduced.status, 200, "{reduced:?}");
    refused(&companion, &token).await;
    let nothing = companion.token(&app, CLIENT_CREDENTIALS).await;
    assert_eq!(error(&nothing), (400, "invalid_scope".to_owned()));
    let body = json!({"scopes": ["orders.read"]});
    assert_eq!(companion.put(&path, &body, &alice).await.status, 200);
    assert_eq!(
        companion.check("GET", "/orders/1", &token).await,
        401,
        "given back, and no dead token lives"
    );

    let token = access_token(&companion, &app).await;
    let gone = companion.delete(&path, &alice).await;
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert_eq!(gone.header("cache-control"), Some("no-store"));
    refused(&companion, &token).await;
    assert_eq!(error(&companion.get(&path, &alice).await).0, 404);
    assert_eq!(
        error(&companion.token(&app, CLIENT_CREDENTIALS).await).0,
        401
    );
}

#[tokio::test]
async fn an_app_without_a_list_of_scopes_follows_its_owner() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let role = async |body: Value| {
        let answer = companion.put("/backend/role/consumer", &body, &admin).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    role(json!({"remove_scopes": ["orders.read"]})).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let path = format!("/consumer/app/{}", app.key);
    let granted = async |form: &str| {
        let answer = companion.token(&app, form).await;
        if answer.status == 200 {
            return text(&answer.json(), "scope").to_owned();
        }
        assert_eq!(error(&answer), (400, "invalid_scope".to_owned()));
        text(&answer.json(), "error_description").to_owned()
    };
    let update = async |body: Value| {
        let alice = companion.login("alice", PASSWORD).await;
        let answer = companion.put(&path, &body, &alice).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let told = granted(CLIENT_CREDENTIALS).await;
    assert!(told.contains("the app has no scope"), "{told}");
    let changed = role(json!({"add_scopes": ["orders.read"]})).await;
    assert_eq!(changed["added_scopes"], json!(["orders.read"]));
    assert_eq!(changed["removed_scopes"], json!([]));
    assert_eq!(changed["users"], 1, "{changed}");
    assert_eq!(granted(CLIENT_CREDENTIALS).await, "orders.read");

    // With a list it stays as it is, and it can follow again.
    let fixed = update(json!({"follows_owner": false})).await;
    assert_eq!(fixed["follows_owner"], false);
    assert_eq!(fixed["scopes"], json!(["orders.read"]));
    role(json!({"add_scopes": ["orders.write"]})).await;
    assert_eq!(granted(CLIENT_CREDENTIALS).await, "orders.read");
    let follows = update(json!({"follows_owner": true})).await;
    assert_eq!(follows["scopes"], json!(["orders.read", "orders.write"]));
    assert_eq!(
        granted(CLIENT_CREDENTIALS).await,
        "orders.read orders.write"
    );

    // Each reason is another one's business.
    let asked = format!("{CLIENT_CREDENTIALS}&scope=nonsense");
    let told = granted(&asked).await;
    assert!(told.contains("none of the requested scopes"), "{told}");
    update(json!({"scopes": []})).await;
    let told = granted(CLIENT_CREDENTIALS).await;
    assert!(told.contains("the app has no scope"), "{told}");
    let nothing = json!({"scopes": []});
    role(nothing.clone()).await;
    let told = granted(CLIENT_CREDENTIALS).await;
    assert!(told.contains("the owner of the app has no scope"), "{told}");
    let credentials = json!({"username": "alice", "password": PASSWORD});
    let refused = companion.post("/consumer/login", &credentials, "").await;
    assert_eq!(error(&refused), (400, "invalid_scope".to_owned()));
    assert!(
        refused.body.contains("the user has no scope"),
        "{refused:?}"
    );
}

/// It would get by another app what it was not granted, as soon as its owner has more.
#[tokio::test]
async fn an_app_with_a_list_makes_no_app_that_follows_its_owner() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let wanted = json!({"name": "robot", "scopes": ["consumer.app", "orders.read"]});
    let made = companion
        .post("/consumer/app", &wanted, &alice)
        .await
        .json();
    let robot = TestClient {
        key: text(&made, "app_key").to_owned(),
        secret: text(&made, "app_secret").to_owned(),
    };
    let form = format!("{CLIENT_CREDENTIALS}&scope=consumer.app+orders.read");
    let answer = companion.token(&robot, &form).await.json();
    let token = text(&answer, "access_token").to_owned();
    let silent = json!({"name": "silent"});
    let made = companion
        .post("/consumer/app", &silent, &token)
        .await
        .json();
    assert_eq!(made["follows_owner"], false, "{made}");
    assert_eq!(made["scopes"], json!(["orders.read"]));
    let path = format!("/consumer/app/{}", text(&made, "app_key"));
    let follow = json!({"follows_owner": true});
    let refused = companion.put(&path, &follow, &token).await;
    assert_eq!(error(&refused), (400, "invalid_scope".to_owned()));
    assert!(
        refused.body.contains("not of an app with a list"),
        "{refused:?}"
    );
    let changed = companion.put(&path, &follow, &alice).await;
    assert_eq!(changed.json()["follows_owner"], true, "{changed:?}");
}

#[tokio::test]
async fn a_secret_is_replaced_while_the_one_before_lives_on() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let first = companion.app(&alice, "web-shop").await;
    let path = format!("/consumer/app/{}/rotate_secret", first.key);
    let rotated = async |body: Value| {
        let answer = companion.post(&path, &body, &alice).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        TestClient {
            key: first.key.clone(),
            secret: text(&answer.json(), "app_secret").to_owned(),
        }
    };
    let works =
        async |client: &TestClient| companion.token(client, CLIENT_CREDENTIALS).await.status == 200;
    let second = rotated(json!({})).await;
    assert!(works(&first).await && works(&second).await);
    let token = access_token(&companion, &first).await;
    let third = rotated(json!({"overlap_seconds": 60})).await;
    assert!(!works(&first).await, "never more than two");
    assert!(works(&second).await && works(&third).await);
    assert_eq!(companion.check("GET", "/orders/1", &token).await, 200);
    let fourth = rotated(json!({"overlap_seconds": 0})).await;
    assert!(!works(&second).await && !works(&third).await && works(&fourth).await);
    refused(&companion, &token).await;
    for body in [
        json!({"overlap_seconds": -1}),
        json!({"overlap_seconds": 2_592_001}),
        json!({"secret": "mine"}),
    ] {
        let answer = companion.post(&path, &body, &alice).await;
        assert_eq!(error(&answer), invalid(400), "{body}");
    }
    let bodiless = [crate::test_companion::bearer(&alice)];
    let bodiless = companion.send("POST", &path, &[&bodiless[0]], "").await;
    assert_eq!(bodiless.status, 200, "{bodiless:?}");
}

#[tokio::test]
async fn a_token_with_little_does_nothing_to_an_app_with_more() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let body = json!({"username": "alice", "password": PASSWORD, "scopes": ["consumer.app"]});
    let narrow = companion.post("/consumer/login", &body, "").await.json();
    let narrow = text(&narrow, "token");
    let path = format!("/consumer/app/{}", app.key);
    let secret = companion
        .post(&format!("{path}/rotate_secret"), &json!({}), narrow)
        .await;
    assert_eq!(error(&secret), (403, "insufficient_scope".to_owned()));
    let challenge = secret.header("www-authenticate").unwrap();
    assert!(challenge.contains("scope=\"orders.read\""), "{challenge}");
    let uris = json!({"redirect_uris": ["https://evil.example"]});
    let code = companion.put(&path, &uris, narrow).await;
    assert_eq!(error(&code), (403, "insufficient_scope".to_owned()));
    assert_eq!(companion.get(&path, narrow).await.status, 200);
}

/// The scopes that its owner lacks for a while come back, and a secret that was taken meanwhile has
/// them then.
#[tokio::test]
async fn an_app_takes_no_secret_of_one_that_is_to_have_more() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let alice = companion.register("alice").await;
    let new_app = async |name: &str, scopes: Value| {
        let body = json!({"name": name, "scopes": scopes});
        let made = companion.post("/consumer/app", &body, &alice).await;
        assert_eq!(made.status, 201, "{made:?}");
        TestClient {
            key: text(&made.json(), "app_key").to_owned(),
            secret: text(&made.json(), "app_secret").to_owned(),
        }
    };
    let robot = new_app("robot", json!(["consumer.app"])).await;
    let strong = new_app("strong", json!(["orders.read"])).await;
    let follower = companion.app(&alice, "follower").await;
    let less = json!({"remove_scopes": ["orders.read"]});
    let changed = companion.put("/backend/role/consumer", &less, &admin).await;
    assert_eq!(changed.status, 200, "{changed:?}");

    let token = access_token(&companion, &robot).await;
    let path = |app: &TestClient| format!("/consumer/app/{}", app.key);
    let rotate = |app: &TestClient| format!("/consumer/app/{}/rotate_secret", app.key);
    let uris = json!({"redirect_uris": ["https://evil.example"]});
    for app in [&strong, &follower] {
        for answer in [
            companion.post(&rotate(app), &json!({}), &token).await,
            companion.put(&path(app), &uris, &token).await,
            companion.delete(&path(app), &token).await,
        ] {
            assert_eq!(error(&answer), (403, "insufficient_scope".to_owned()));
            assert!(answer.header("www-authenticate").is_some(), "{answer:?}");
        }
    }
    // The owner is not shut out of its own apps by what it has lost.
    let alice = companion.login("alice", PASSWORD).await;
    for app in [&strong, &follower] {
        let made = companion.post(&rotate(app), &json!({}), &alice).await;
        assert_eq!(made.status, 200, "{made:?}");
        assert_eq!(companion.delete(&path(app), &alice).await.status, 204);
    }
    // Nor is an app by what others have: this one does as it likes with itself.
    let made = companion.post(&rotate(&robot), &json!({}), &token).await;
    assert_eq!(made.status, 200, "{made:?}");
}

#[tokio::test]
async fn grants_are_listed_and_ended() {
    let companion = TestCompanion::start().await;
    let alice = companion.register("alice").await;
    let bobby = companion.register("bobby").await;
    let app = companion.app(&alice, "web-shop").await;
    let first = companion.token(&app, CLIENT_CREDENTIALS).await.json();
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&first, "refresh_token")
    );
    let second = companion.token(&app, &form).await.json();
    let listed = companion.get("/consumer/grant", &alice).await.json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "the login and the app's, refreshed or not");
    let grant = items.iter().find(|item| !item["app_key"].is_null());
    let grant = grant.unwrap();
    assert_eq!(grant["app_key"], json!(app.key));
    assert_eq!(grant["scopes"], json!(["orders.read"]));
    assert!(grant["expires_at"].as_i64() > grant["last_used_at"].as_i64());
    assert!(grant["last_used_at"].as_i64() >= grant["created_at"].as_i64());

    let mut paged = Vec::new();
    let mut after = Some(String::new());
    while let Some(cursor) = after {
        let path = format!("/consumer/grant?limit=1&after={cursor}");
        let page = companion.get(&path, &alice).await.json();
        paged.extend(page["items"].as_array().unwrap().clone());
        after = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(&paged, items);

    let path = format!("/consumer/grant/{}", text(grant, "id"));
    let foreign = companion.delete(&path, &bobby).await;
    assert_eq!(error(&foreign), (404, "not_found".to_owned()));
    assert_eq!(companion.delete(&path, &alice).await.status, 204);
    assert_eq!(companion.delete(&path, &alice).await.status, 404);
    for answer in [&first, &second] {
        refused(&companion, text(answer, "access_token")).await;
    }
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&second, "refresh_token")
    );
    let refreshed = companion.token(&app, &form).await;
    assert_eq!(error(&refreshed), (400, "invalid_grant".to_owned()));
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
}

#[tokio::test]
async fn lists_take_what_they_know() {
    let companion = TestCompanion::start().await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let lists = [
        "/consumer/app",
        "/consumer/grant",
        "/backend/user",
        "/backend/role",
        "/backend/scope",
        "/backend/app",
    ];
    for list in lists {
        for query in [
            "limit=0",
            "limit=101",
            "limit=x",
            "limit=1&limit=1",
            "page=2",
            "after=%ff",
        ] {
            let answer = companion.get(&format!("{list}?{query}"), &admin).await;
            assert_eq!(error(&answer), invalid(400), "{list} {query}");
        }
        let answer = companion
            .get(&format!("{list}?limit=1&after="), &admin)
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}
