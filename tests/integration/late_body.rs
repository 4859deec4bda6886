//! Calls whose token is taken back, or loses its rights, while the body is still arriving.

use portcullis::token::RevocationTarget;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::issuer::parts;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, TestCompanion, bearer};

/// A call of which everything but the second half of the body has been sent, and the server reads.
struct HalfSent {
    stream: TcpStream,
    rest: String,
}

impl HalfSent {
    async fn begin(
        companion: &TestCompanion,
        call: (&str, &str),
        body: &Value,
        token: &str,
    ) -> Self {
        let (method, path) = call;
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n{}\r\n\
             content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
            bearer(token),
            body.len()
        );
        let mut stream = TcpStream::connect(companion.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut told = [0; 25];
        stream.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
        let (half, rest) = body.split_at(body.len() / 2);
        stream.write_all(half.as_bytes()).await.unwrap();
        let rest = rest.to_owned();
        Self { stream, rest }
    }

    /// Sends the rest; the status of the answer.
    async fn end(mut self) -> u16 {
        self.stream.write_all(self.rest.as_bytes()).await.unwrap();
        let mut answer = String::new();
        self.stream.read_to_string(&mut answer).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap();
        status.parse().unwrap()
    }
}

/// How the caller loses what it was let in with.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Token,
    Grant,
    App,
    User,
    Scope,
}

async fn lose(companion: &TestCompanion, loss: Loss, token: &str) {
    let (_, claims) = parts(token);
    let name = |claim: &str| claims[claim].as_str().unwrap().to_owned();
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let subject = match loss {
        Loss::Token => json!({"token": name("jti")}),
        Loss::Grant => json!({"grant": name("sid")}),
        Loss::App => json!({"app": name("client_id")}),
        Loss::User => json!({"user": name("name")}),
        Loss::Scope => {
            let body = json!({"roles": []});
            let path = format!("/backend/user/{}", name("name"));
            let done = companion.put(&path, &body, &admin).await;
            assert_eq!(done.status, 200, "{done:?}");
            return;
        }
    };
    let done = companion.post("/backend/revoke", &subject, &admin).await;
    assert_eq!(done.status, 200, "{done:?}");
}

/// An administrator of this name, and the token of an app of hers.
async fn administrator(companion: &TestCompanion, name: &str) -> String {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let body = json!({
        "username": name, "email": format!("{name}@shop.example"), "password": PASSWORD,
        "roles": ["administrator", "consumer"],
    });
    let made = companion.post("/backend/user", &body, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let login = companion.login(name, PASSWORD).await;
    let scopes = [
        "backend.user",
        "backend.scope",
        "consumer.app",
        "consumer.account",
    ];
    let body = json!({"name": "tool", "scopes": scopes});
    let made = companion.post("/consumer/app", &body, &login).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |member: &str| made.json()[member].as_str().unwrap().to_owned();
    let client = TestClient {
        key: text("app_key"),
        secret: text("app_secret"),
    };
    companion.tokens(&client).await.access
}

#[tokio::test]
async fn a_call_whose_token_is_taken_back_while_its_body_arrives_is_refused() {
    let companion = TestCompanion::start().await;
    let losses = [Loss::Token, Loss::Grant, Loss::App, Loss::User, Loss::Scope];
    for (number, loss) in losses.into_iter().enumerate() {
        let name = format!("carol-{number}");
        let token = administrator(&companion, &name).await;
        let user = json!({
            "username": format!("mallory-{number}"), "password": PASSWORD,
            "email": format!("mallory-{number}@shop.example"), "roles": ["administrator"],
        });
        let scope = json!({"name": format!("scope-{number}"), "description": ""});
        let rows = [
            (("POST", "/backend/user"), user),
            (("POST", "/backend/scope"), scope),
            (("POST", "/consumer/app"), json!({"name": "later"})),
            (
                ("PUT", "/consumer/account"),
                json!({"email": format!("eve-{number}@shop.example")}),
            ),
        ];
        let mut begun = Vec::new();
        for (call, body) in &rows {
            begun.push((call, HalfSent::begin(&companion, *call, body, &token).await));
        }
        lose(&companion, loss, &token).await;
        for (call, half) in begun {
            assert_eq!(half.end().await, 401, "{loss:?} {call:?}");
        }
        let admin = companion.login("admin", ADMIN_PASSWORD).await;
        for (path, status) in [
            (format!("/backend/user/mallory-{number}"), 404),
            (format!("/backend/scope/scope-{number}"), 404),
            (format!("/backend/user/{name}"), 200),
        ] {
            let found = companion.get(&path, &admin).await;
            assert_eq!(found.status, status, "{loss:?} {path}");
        }
        let found = companion
            .get(&format!("/backend/user/{name}"), &admin)
            .await;
        assert_eq!(found.json()["email"], format!("{name}@shop.example"));
        let apps = companion.get("/backend/app?limit=100", &admin).await.body;
        assert!(!apps.contains("later"), "{apps}");
    }
}

/// The guard has let them in by then: each waits for its turn to change something.
#[tokio::test]
async fn calls_that_wait_for_a_change_are_judged_again_when_it_has_ended() {
    let companion = TestCompanion::start().await;
    let token = administrator(&companion, "carol").await;
    let (_, claims) = parts(&token);
    let store = companion.open_store().await;
    let now = portcullis::clock::Clock::now(&portcullis::clock::SystemClock);
    let mut change = store.change(now).await.unwrap();
    let calls = (0..8).map(|number| {
        let body = json!({"name": format!("scope-{number}"), "description": ""});
        let (companion, token) = (&companion, &token);
        async move { companion.post("/backend/scope", &body, token).await.status }
    });
    let ending = async {
        // Nobody waits longer than for these: they read while the change is under way.
        for _ in 0..20 {
            companion.get("/authorization/whoami", &token).await;
        }
        let grant = RevocationTarget::Grant(claims["sid"].as_str().unwrap().to_owned());
        change.revoke(grant);
        let committed = change.commit().await.unwrap();
        assert_eq!(committed, portcullis::store::Committed::Yes);
    };
    let (statuses, ()) = tokio::join!(futures_util::future::join_all(calls), ending);
    assert_eq!(statuses, [401; 8]);
}
