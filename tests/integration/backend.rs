//! What administrators do to users, roles, scopes and apps, and what becomes of tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::accounts::refused;
use crate::issuer::error;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion};

const CLIENT_CREDENTIALS: &str = "grant_type=client_credentials";

/// A companion, its administrator's token, and what most tests are about: the token of a user with a
/// role of its own, and that of the user's app.
struct Shop {
    companion: TestCompanion,
    admin: String,
    app: TestClient,
}

impl Shop {
    async fn start() -> Self {
        let companion = TestCompanion::start().await;
        let admin = companion.login("admin", ADMIN_PASSWORD).await;
        let body = json!({"name": "sales", "scopes": ["orders.read", "orders.write"]});
        let made = companion.post("/backend/role", &body, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
        let body = json!({"username": "Alice", "email": "alice@shop.example",
            "password": PASSWORD, "roles": ["consumer", "sales"]});
        let made = companion.post("/backend/user", &body, &admin).await;
        assert_eq!(made.status, 201, "{made:?}");
        let alice = companion.login("alice", PASSWORD).await;
        let app = companion.app(&alice, "web-shop").await;
        Self {
            companion,
            admin,
            app,
        }
    }

    async fn app_token(&self) -> String {
        let answer = self.companion.token(&self.app, CLIENT_CREDENTIALS).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Waits until the gate has what the issuer logged: a single token that is taken back last.
    async fn settled(&self) {
        let last = self.app_token().await;
        let payload = last.split('.').nth(1).unwrap();
        let claims = URL_SAFE_NO_PAD.decode(payload).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let body = json!({"token": claims["jti"]});
        assert_eq!(self.call("POST", "/backend/revoke", &body).await, 204);
        refused(&self.companion, &last).await;
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> u16 {
        self.answer(method, path, body, &self.admin).await.0
    }

    async fn answer(&self, method: &str, path: &str, body: &Value, token: &str) -> (u16, Value) {
        let answer = match method {
            "GET" => self.companion.get(path, token).await,
            "DELETE" => self.companion.delete(path, token).await,
            "PUT" => self.companion.put(path, body, token).await,
            "POST" => self.companion.post(path, body, token).await,
            other => panic!("{other}"),
        };
        if answer.status >= 400 {
            error(&answer);
        }
        let body = if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        };
        (answer.status, body)
    }
}

/// What becomes of a token that alice's app has, and whether the app gets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Stays,
    /// The next one holds.
    Ends,
    /// There is no next one.
    Refused,
    /// It had ended, and is not raised; the next one holds.
    Dead,
}

#[tokio::test]
async fn what_is_taken_away_ends_tokens_and_what_comes_back_raises_none() {
    use Token::{Dead, Ends, Refused, Stays};
    let shop = Shop::start().await;
    let user = "/backend/user/alice";
    let app = &format!("/backend/app/{}", shop.app.key);
    let rows = [
        ("PUT", user, json!({"status": "disabled"}), Refused),
        ("PUT", user, json!({"status": "active"}), Dead),
        ("PUT", user, json!({"roles": ["sales"]}), Ends),
        ("PUT", user, json!({"roles": ["sales", "consumer"]}), Stays),
        ("PUT", user, json!({"email": "a@b.example"}), Stays),
        ("PUT", user, json!({"username": "alicia"}), Ends),
        (
            "PUT",
            "/backend/user/ALICIA",
            json!({"username": "alice"}),
            Ends,
        ),
        (
            "POST",
            "/backend/user/alice/set_password",
            json!({"password": PASSWORD}),
            Ends,
        ),
        // She has orders.read by the other role as well.
        (
            "PUT",
            "/backend/role/sales",
            json!({"scopes": ["orders.write"]}),
            Stays,
        ),
        ("PUT", "/backend/role/sales", json!({"scopes": []}), Ends),
        (
            "PUT",
            "/backend/role/sales",
            json!({"scopes": ["orders.write"]}),
            Stays,
        ),
        (
            "PUT",
            "/backend/role/sales",
            json!({"name": "selling"}),
            Stays,
        ),
        (
            "PUT",
            "/backend/role/consumer",
            json!({"name": "customer"}),
            Stays,
        ),
        ("PUT", "/backend/role/customer/default", json!({}), Stays),
        (
            "PUT",
            "/backend/scope/orders.write",
            json!({"description": "Order"}),
            Stays,
        ),
        (
            "PUT",
            "/backend/scope/orders.write",
            json!({"name": "orders.place"}),
            Ends,
        ),
        ("DELETE", "/backend/scope/orders.place", json!({}), Ends),
        ("DELETE", "/backend/role/selling", json!({}), Stays),
        ("PUT", app, json!({"name": "new-shop"}), Stays),
        ("PUT", app, json!({"status": "disabled"}), Refused),
        ("PUT", app, json!({"status": "active"}), Dead),
        ("POST", "/backend/revoke", json!({"user": "alice"}), Ends),
        (
            "POST",
            "/backend/revoke",
            json!({"app": shop.app.key}),
            Ends,
        ),
        ("POST", "/backend/revoke", json!({"token": "other"}), Stays),
    ];
    let mut token = shop.app_token().await;
    for (method, path, body, becomes) in rows {
        let status = shop.call(method, path, &body).await;
        assert!(status == 200 || status == 204, "{path} {body}: {status}");
        // The issuer has committed: what it gives out now is younger, and the gate follows.
        let next = shop.companion.token(&shop.app, CLIENT_CREDENTIALS).await;
        match becomes {
            Stays => {}
            Ends | Refused => refused(&shop.companion, &token).await,
            Dead => {
                let status = shop.companion.check("GET", "/orders/1", &token).await;
                assert_eq!(status, 401, "{path} {body}");
            }
        }
        if becomes == Refused {
            assert_eq!(error(&next).0, 401, "{path} {body}");
            continue;
        }
        assert_eq!(next.status, 200, "{path} {body}: {next:?}");
        let next = next.json()["access_token"].as_str().unwrap().to_owned();
        let status = shop.companion.check("GET", "/orders/1", &next).await;
        assert_eq!(status, 200, "{path} {body}");
        if becomes == Stays {
            // By now the gate knows all that the issuer has logged, if it had.
            shop.settled().await;
            let status = shop.companion.check("GET", "/orders/1", &token).await;
            assert_eq!(status, 200, "{path} {body}");
        }
        token = next;
    }
    let account = shop.answer("GET", user, &json!({}), &shop.admin).await.1;
    assert_eq!(account["roles"], json!(["customer"]));
    let listed = shop.answer("GET", app, &json!({}), &shop.admin).await.1;
    assert_eq!(
        listed["scopes"],
        json!(["orders.read"]),
        "what is gone vanished"
    );
    assert_eq!(shop.call("DELETE", user, &json!({})).await, 204);
    refused(&shop.companion, &token).await;
    assert_eq!(
        shop.call("GET", app, &json!({})).await,
        404,
        "apps go along"
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let shop = Shop::start().await;
    let (own, reserved) = ("is one of the issuer's own", "are the issuer's own");
    let rows = [
        (
            "POST",
            "/backend/role",
            json!({"name": "sales", "scopes": []}),
            409,
            "taken",
        ),
        (
            "POST",
            "/backend/role",
            json!({"name": "x", "scopes": ["y"]}),
            400,
            "no scope `y`",
        ),
        (
            "POST",
            "/backend/role",
            json!({"name": "a b", "scopes": []}),
            400,
            "printable",
        ),
        (
            "PUT",
            "/backend/role/sales",
            json!({"name": "consumer"}),
            409,
            "taken",
        ),
        (
            "PUT",
            "/backend/role/sales",
            json!({"colour": "red"}),
            400,
            "unknown field",
        ),
        (
            "PUT",
            "/backend/role/administrator",
            json!({"name": "x"}),
            409,
            own,
        ),
        ("DELETE", "/backend/role/administrator", json!({}), 409, own),
        (
            "DELETE",
            "/backend/role/consumer",
            json!({}),
            409,
            "another default role",
        ),
        (
            "DELETE",
            "/backend/role/nobody",
            json!({}),
            404,
            "no such role",
        ),
        (
            "PUT",
            "/backend/role/administrator/default",
            json!({}),
            409,
            "everybody",
        ),
        (
            "PUT",
            "/backend/role/consumer",
            json!({"scopes": ["backend.user"]}),
            409,
            "everybody",
        ),
        (
            "POST",
            "/backend/scope",
            json!({"name": "backend.x", "description": ""}),
            400,
            reserved,
        ),
        (
            "POST",
            "/backend/scope",
            json!({"name": "orders.read", "description": ""}),
            409,
            "taken",
        ),
        (
            "POST",
            "/backend/scope",
            json!({"name": "x", "description": "\n"}),
            400,
            "one line",
        ),
        (
            "PUT",
            "/backend/scope/orders.read",
            json!({"name": "orders.write"}),
            409,
            "taken",
        ),
        (
            "PUT",
            "/backend/scope/orders.read",
            json!({"name": "consumer.x"}),
            400,
            reserved,
        ),
        (
            "PUT",
            "/backend/scope/backend.user",
            json!({"name": "x"}),
            409,
            own,
        ),
        ("DELETE", "/backend/scope/consumer.app", json!({}), 409, own),
        (
            "DELETE",
            "/backend/scope/nothing",
            json!({}),
            404,
            "no such scope",
        ),
        (
            "PUT",
            "/backend/user/alice",
            json!({"username": "admin"}),
            409,
            "taken",
        ),
        (
            "PUT",
            "/backend/user/alice",
            json!({"email": "admin@localhost"}),
            409,
            "taken",
        ),
        (
            "PUT",
            "/backend/user/alice",
            json!({"status": "asleep"}),
            400,
            "no status",
        ),
        (
            "PUT",
            "/backend/user/alice",
            json!({"roles": ["nobody"]}),
            400,
            "no role `nobody`",
        ),
        (
            "PUT",
            "/backend/user/nobody",
            json!({}),
            404,
            "no such user",
        ),
        ("PUT", "/backend/app/nothing", json!({}), 404, "no such app"),
        (
            "POST",
            "/backend/app/nothing/rotate_secret",
            json!({}),
            404,
            "no such app",
        ),
        ("POST", "/backend/revoke", json!({}), 400, "exactly one"),
        (
            "POST",
            "/backend/revoke",
            json!({"everyone": false}),
            400,
            "exactly one",
        ),
        (
            "POST",
            "/backend/revoke",
            json!({"user": "a", "app": "b"}),
            400,
            "exactly one",
        ),
        (
            "POST",
            "/backend/revoke",
            json!({"user": "nobody"}),
            404,
            "no such user",
        ),
    ];
    let token = shop.app_token().await;
    let lists = [
        "/backend/user",
        "/backend/role",
        "/backend/scope",
        "/backend/app",
    ];
    let mut before = Vec::new();
    for list in lists {
        before.push(shop.answer("GET", list, &json!({}), &shop.admin).await);
    }
    for (method, path, body, status, says) in rows {
        let (found, answer) = shop.answer(method, path, &body, &shop.admin).await;
        assert_eq!(found, status, "{method} {path} {body}: {answer}");
        let said = answer["error_description"].as_str().unwrap();
        assert!(said.contains(says), "{method} {path} {body}: {said}");
    }
    for (list, before) in lists.iter().zip(before) {
        let after = shop.answer("GET", list, &json!({}), &shop.admin).await;
        assert_eq!(after, before, "{list}");
    }
    assert_eq!(shop.companion.check("GET", "/orders/1", &token).await, 200);
}

#[tokio::test]
async fn lists_find_pages_and_owners() {
    let shop = Shop::start().await;
    let names = async |path: &str, name: &str| {
        let (status, page) = shop.answer("GET", path, &json!({}), &shop.admin).await;
        assert_eq!(status, 200, "{page}");
        let items = page["items"].as_array().unwrap();
        let names = items.iter().map(|item| item[name].as_str().unwrap());
        let names = names.collect::<Vec<_>>().join(" ");
        (names, page["next"].as_str().map(str::to_owned))
    };
    let all = |names: &str| (names.to_owned(), None);
    assert_eq!(names("/backend/user", "username").await, all("admin Alice"));
    for search in ["ALI", "shop.example", "lice"] {
        let path = format!("/backend/user?search={search}");
        assert_eq!(names(&path, "username").await, all("Alice"), "{search}");
    }
    for search in ["%25", "_", "!", "bob"] {
        let path = format!("/backend/user?search={search}");
        assert_eq!(names(&path, "username").await, all(""), "{search}");
    }
    let page = names("/backend/user?limit=1", "username").await;
    assert_eq!(page, ("admin".to_owned(), Some("admin".to_owned())));
    let page = names("/backend/user?limit=1&after=admin", "username").await;
    assert_eq!(page, all("Alice"));
    assert_eq!(
        names("/backend/role", "name").await,
        all("administrator consumer sales")
    );
    let page = names("/backend/scope?limit=2&after=consumer.app", "name").await;
    assert_eq!(page, all("orders.read orders.write"));
    for (owner, expected) in [("ALICE", "web-shop"), ("admin", "")] {
        let path = format!("/backend/app?owner={owner}");
        assert_eq!(names(&path, "name").await, all(expected));
    }
    let (status, _) = shop
        .answer("GET", "/backend/app?owner=nobody", &json!({}), &shop.admin)
        .await;
    assert_eq!(status, 404);
    let (_, page) = shop
        .answer("GET", "/backend/app", &json!({}), &shop.admin)
        .await;
    assert_eq!(page["items"][0]["owner"], "Alice");
    let (_, role) = shop
        .answer("GET", "/backend/role/consumer", &json!({}), &shop.admin)
        .await;
    assert_eq!(role["default"], true);
}

/// A lesser administrator's token, and what it must not reach.
#[tokio::test]
async fn nobody_passes_on_more_than_it_has() {
    let shop = Shop::start().await;
    let support = json!({"name": "support", "scopes": ["backend.user", "backend.role",
        "backend.app", "consumer.app"]});
    assert_eq!(shop.call("POST", "/backend/role", &support).await, 201);
    let body = json!({"username": "sam", "email": "sam@shop.example", "password": PASSWORD,
        "roles": ["support"]});
    assert_eq!(shop.call("POST", "/backend/user", &body).await, 201);
    // The administrator's own app, whose secret would be worth having.
    let body = json!({"name": "robot", "scopes": ["backend.scope", "backend.token"]});
    let made = shop
        .answer("POST", "/consumer/app", &body, &shop.admin)
        .await;
    assert_eq!(made.0, 201, "{made:?}");
    let robot = made.1["app_key"].as_str().unwrap();
    let robot = &format!("/backend/app/{robot}");
    let sam = shop.companion.login("sam", PASSWORD).await;
    let rows = [
        // To itself: by a role, in a role.
        (
            "PUT",
            "/backend/user/sam",
            json!({"roles": ["support", "administrator"]}),
            403,
        ),
        (
            "PUT",
            "/backend/user/sam",
            json!({"roles": ["support", "sales"]}),
            403,
        ),
        (
            "PUT",
            "/backend/role/support",
            json!({"scopes": ["backend.user", "backend.role",
            "backend.app", "consumer.app", "orders.read"]}),
            403,
        ),
        (
            "PUT",
            "/backend/role/support",
            json!({"scopes": ["backend.scope"]}),
            403,
        ),
        // To others.
        (
            "PUT",
            "/backend/user/alice",
            json!({"roles": ["administrator"]}),
            403,
        ),
        (
            "POST",
            "/backend/role",
            json!({"name": "x", "scopes": ["backend.token"]}),
            403,
        ),
        (
            "POST",
            "/backend/user",
            json!({"username": "eve", "email": "eve@shop.example",
            "password": PASSWORD, "roles": ["administrator"]}),
            403,
        ),
        // By somebody who has more.
        (
            "POST",
            "/backend/user/admin/set_password",
            json!({"password": PASSWORD}),
            403,
        ),
        (
            "PUT",
            "/backend/user/admin",
            json!({"email": "sam2@shop.example"}),
            403,
        ),
        (
            "PUT",
            "/backend/user/admin",
            json!({"status": "disabled"}),
            403,
        ),
        ("DELETE", "/backend/user/admin", json!({}), 403),
        (
            "PUT",
            "/backend/role/administrator",
            json!({"scopes": ["consumer.app"]}),
            403,
        ),
        (
            "PUT",
            robot,
            json!({"redirect_uris": ["https://evil.example"]}),
            403,
        ),
        ("POST", &format!("{robot}/rotate_secret"), json!({}), 403),
        ("DELETE", robot, json!({}), 403),
        // An app never exceeds its owner, whoever changes it.
        (
            "PUT",
            &format!("/backend/app/{}", shop.app.key),
            json!({"scopes": ["backend.user"]}),
            400,
        ),
        // Not its endpoints.
        ("POST", "/backend/revoke", json!({"everyone": true}), 403),
        (
            "POST",
            "/backend/scope",
            json!({"name": "x", "description": ""}),
            403,
        ),
        // What it is there for.
        (
            "PUT",
            "/backend/user/alice",
            json!({"roles": ["consumer", "sales", "support"]}),
            200,
        ),
        (
            "POST",
            "/backend/user/alice/set_password",
            json!({"password": PASSWORD}),
            204,
        ),
        (
            "PUT",
            "/backend/role/sales",
            json!({"scopes": ["orders.write", "orders.read"]}),
            200,
        ),
        (
            "PUT",
            "/backend/user/sam",
            json!({"roles": ["support"]}),
            200,
        ),
    ];
    for (method, path, body, status) in rows {
        let (found, answer) = shop.answer(method, path, &body, &sam).await;
        assert_eq!(found, status, "{method} {path} {body}: {answer}");
    }
}

/// An app of an administrator that was granted `backend.user` alone makes its owner no more than its
/// token may.
#[tokio::test]
async fn an_app_raises_neither_its_owner_nor_itself() {
    let shop = Shop::start().await;
    let body = json!({"name": "robot", "scopes": ["backend.user", "consumer.app"]});
    let made = shop
        .answer("POST", "/consumer/app", &body, &shop.admin)
        .await
        .1;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let robot = TestClient {
        key: text("app_key"),
        secret: text("app_secret"),
    };
    let answer = shop
        .companion
        .token(&robot, CLIENT_CREDENTIALS)
        .await
        .json();
    let token = answer["access_token"].as_str().unwrap();
    let rows = [
        (
            "PUT",
            "/backend/user/admin",
            json!({"roles": ["administrator", "sales"]}),
            403,
        ),
        (
            "POST",
            "/backend/user/admin/set_password",
            json!({"password": PASSWORD}),
            403,
        ),
        (
            "POST",
            "/consumer/app",
            json!({"name": "child", "scopes": ["backend.role"]}),
            400,
        ),
        ("GET", "/backend/user/admin", json!({}), 200),
        (
            "PUT",
            "/backend/user/alice",
            json!({"status": "disabled"}),
            200,
        ),
    ];
    for (method, path, body, status) in rows {
        let (found, answer) = shop.answer(method, path, &body, token).await;
        assert_eq!(found, status, "{method} {path} {body}: {answer}");
    }
}

#[tokio::test]
async fn an_administrator_ends_everybodys_tokens() {
    let shop = Shop::start().await;
    let token = shop.app_token().await;
    assert_eq!(
        shop.call("POST", "/backend/revoke", &json!({"everyone": true}))
            .await,
        204
    );
    refused(&shop.companion, &token).await;
    assert_eq!(shop.call("GET", "/backend/user", &json!({})).await, 401);
    shop.app_token().await;
}
