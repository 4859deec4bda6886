//! What administrators do to users, roles, scopes and apps, and what becomes of tokens.

mod role_deletion;
mod tables;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::accounts::refused;
use crate::issuer::error;
use crate::postgres::Postgres;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion};

use tables::{LESSER, OF_ROBOT, REFUSED, SUPPORT, TAKEN, Token};

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
        let revoke = format!("POST /backend/revoke {}", json!({"token": claims["jti"]}));
        assert_eq!(self.does(&revoke).await, 200);
        refused(&self.companion, &last).await;
    }

    /// An app of the administrator.
    async fn robot(&self, scopes: &str) -> TestClient {
        let request = format!("POST /consumer/app {{\"name\": \"robot\", \"scopes\": {scopes}}}");
        let (status, made) = self.ask(&request, &self.admin).await;
        assert_eq!(status, 201, "{made}");
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        TestClient {
            key: text("app_key"),
            secret: text("app_secret"),
        }
    }

    /// The status that the administrator is answered with.
    async fn does(&self, request: &str) -> u16 {
        self.ask(request, &self.admin).await.0
    }

    /// Sends `METHOD path {json}`, in which `APP` stands for the app's key.
    async fn ask(&self, request: &str, token: &str) -> (u16, Value) {
        let request = request
            .replace("/APP", &format!("/{}", self.app.key))
            .replace("\"APP\"", &format!("\"{}\"", self.app.key))
            .replace("PASSWORD", PASSWORD);
        let (method, rest) = request.split_once(' ').unwrap();
        let (path, body) = rest.split_once(' ').unwrap_or((rest, "{}"));
        let body: Value = serde_json::from_str(body).unwrap();
        let answer = match method {
            "GET" => self.companion.get(path, token).await,
            "DELETE" => self.companion.delete(path, token).await,
            "PUT" => self.companion.put(path, &body, token).await,
            "POST" => self.companion.post(path, &body, token).await,
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

#[tokio::test]
async fn what_is_taken_away_ends_tokens_and_what_comes_back_raises_none() {
    let shop = Shop::start().await;
    let mut token = shop.app_token().await;
    for (request, becomes) in TAKEN.iter().copied() {
        let status = shop.does(request).await;
        assert!(status == 200 || status == 204, "{request}: {status}");
        // The issuer has committed: what it gives out now is younger, and the gate follows.
        let next = shop.companion.token(&shop.app, CLIENT_CREDENTIALS).await;
        match becomes {
            Token::Stays => {}
            Token::Ends | Token::Refused => refused(&shop.companion, &token).await,
            Token::Dead => {
                let status = shop.companion.check("GET", "/orders/1", &token).await;
                assert_eq!(status, 401, "{request}");
            }
        }
        if becomes == Token::Refused {
            assert_eq!(error(&next).0, 401, "{request}");
            continue;
        }
        assert_eq!(next.status, 200, "{request}: {next:?}");
        let next = next.json()["access_token"].as_str().unwrap().to_owned();
        let status = shop.companion.check("GET", "/orders/1", &next).await;
        assert_eq!(status, 200, "{request}");
        if becomes == Token::Stays {
            // By now the gate knows all that the issuer has logged, if it had.
            shop.settled().await;
            let status = shop.companion.check("GET", "/orders/1", &token).await;
            assert_eq!(status, 200, "{request}");
        }
        token = next;
    }
    let account = shop.ask("GET /backend/user/alice", &shop.admin).await.1;
    assert_eq!(account["roles"], json!(["customer"]));
    let listed = shop.ask("GET /backend/app/APP", &shop.admin).await.1;
    assert_eq!(
        listed["scopes"],
        json!(["orders.read"]),
        "what is gone vanished"
    );
    assert_eq!(shop.does("DELETE /backend/user/alice").await, 204);
    refused(&shop.companion, &token).await;
    assert_eq!(
        shop.does("GET /backend/app/APP").await,
        404,
        "apps go along"
    );
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let shop = Shop::start().await;
    let token = shop.app_token().await;
    let lists = ["user", "role", "scope", "app"].map(|list| format!("GET /backend/{list}"));
    let mut before = Vec::new();
    for list in &lists {
        before.push(shop.ask(list, &shop.admin).await);
    }
    for (request, status, says) in REFUSED {
        let (found, answer) = shop.ask(request, &shop.admin).await;
        assert_eq!(found, *status, "{request}: {answer}");
        let said = answer["error_description"].as_str().unwrap();
        assert!(said.contains(says), "{request}: {said}");
    }
    for (list, before) in lists.iter().zip(before) {
        let after = shop.ask(list, &shop.admin).await;
        assert_eq!(without_last_use(after), without_last_use(before), "{list}");
    }
    assert_eq!(shop.companion.check("GET", "/orders/1", &token).await, 200);
}

#[tokio::test]
async fn lists_find_pages_and_owners() {
    let shop = Shop::start().await;
    let names = async |path: &str, name: &str| {
        let (status, page) = shop.ask(&format!("GET {path}"), &shop.admin).await;
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
    let (status, _) = shop.ask("GET /backend/app?owner=nobody", &shop.admin).await;
    assert_eq!(status, 404);
    let (_, page) = shop.ask("GET /backend/app", &shop.admin).await;
    assert_eq!(page["items"][0]["owner"], "Alice");
    let (_, role) = shop.ask("GET /backend/role/consumer", &shop.admin).await;
    assert_eq!(role["default"], true);
}

#[tokio::test]
async fn nobody_passes_on_more_than_it_has() {
    let shop = Shop::start().await;
    for request in SUPPORT {
        assert_eq!(shop.does(request).await, 201);
    }
    // The administrator's own app, whose secret would be worth having.
    let robot = shop.robot(r#"["backend.scope", "backend.token"]"#).await;
    let sam = shop.companion.login("sam", PASSWORD).await;
    for (request, status) in LESSER {
        let request = request.replace("ROBOT", &robot.key);
        let (found, answer) = shop.ask(&request, &sam).await;
        assert_eq!(found, *status, "{request}: {answer}");
    }
}

#[tokio::test]
async fn an_app_raises_neither_its_owner_nor_itself() {
    let shop = Shop::start().await;
    // By its own login an administrator gives itself whatever it wants.
    let more = r#"PUT /backend/user/admin {"roles": ["administrator", "reading"]}"#;
    let reading = r#"POST /backend/role {"name": "reading", "scopes": ["orders.read"]}"#;
    assert_eq!(shop.does(reading).await, 201);
    assert_eq!(shop.does(more).await, 200);
    let robot = r#"["backend.user", "backend.scope", "consumer.app"]"#;
    let robot = shop.robot(robot).await;
    let answer = shop.companion.token(&robot, CLIENT_CREDENTIALS).await;
    let answer = answer.json();
    let token = answer["access_token"].as_str().unwrap();
    for (request, status) in OF_ROBOT {
        let (found, answer) = shop.ask(request, token).await;
        assert_eq!(found, *status, "{request}: {answer}");
    }
}

#[tokio::test]
async fn an_administrator_ends_everybodys_tokens() {
    let shop = Shop::start().await;
    let token = shop.app_token().await;
    assert_eq!(
        shop.does(r#"POST /backend/revoke {"everyone": true}"#)
            .await,
        200
    );
    refused(&shop.companion, &token).await;
    assert_eq!(shop.does("GET /backend/user").await, 401);
    shop.app_token().await;
}

/// What no database keeps is no reason to try again later. PostgreSQL takes no NUL, and no long text
/// into an index.
#[tokio::test]
async fn what_will_never_work_is_not_put_off() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let companion = TestCompanion::on(&postgres.database("issuer"), folder).await;
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    for (what, status, code) in [
        (json!({"grant": "\0"}), 400, "invalid_request"),
        (json!({"token": "\0"}), 400, "invalid_request"),
        (json!({"token": "x".repeat(65)}), 400, "invalid_request"),
        (json!({"grant": ""}), 400, "invalid_request"),
        (json!({"grant": "a.b"}), 400, "invalid_request"),
        (json!({"app": "\0"}), 404, "not_found"),
        (json!({"user": "\0"}), 404, "not_found"),
    ] {
        let refused = companion.post("/backend/revoke", &what, &admin).await;
        assert_eq!(error(&refused), (status, code.to_owned()), "{what}");
    }
    let known = json!({"token": "x".repeat(64)});
    let revoked = companion.post("/backend/revoke", &known, &admin).await;
    assert_eq!(revoked.status, 200, "{revoked:?}");
    for path in [
        "/backend/app/%00",
        "/backend/user/%00",
        "/backend/app?owner=%00",
        "/backend/app?after=%00",
        "/backend/user?search=%00",
        "/backend/user?after=%00",
        "/consumer/grant?after=%00",
    ] {
        let answer = companion.get(path, &admin).await;
        assert!((200..500).contains(&answer.status), "{path}: {answer:?}");
    }
}

/// When apps were used is written beside everything else.
fn without_last_use((status, mut answer): (u16, Value)) -> (u16, Value) {
    for item in answer["items"].as_array_mut().into_iter().flatten() {
        if let Some(fields) = item.as_object_mut() {
            fields.remove("last_used_at");
        }
    }
    (status, answer)
}
