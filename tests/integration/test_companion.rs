//! A gate with its issuer, and the calls of their users.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use portcullis::clock::ManualClock;
use portcullis::store::{Store, StoreLocation};
use portcullis::token::SigningKey;
use serde_json::{Value, json};

use crate::client::{Answer, exchange};
use crate::test_app::{Setup, TestApp};

pub(crate) const ADMIN_PASSWORD: &str = "correct horse battery staple";
pub(crate) const PASSWORD: &str = "pfannkuchen mit apfelmus";
pub(crate) const URL: &str = "https://id.shop.example";

/// A gate whose tokens come from its own issuer, with scopes and a default role for the shop.
pub(crate) struct TestCompanion {
    pub(crate) gate: TestApp,
    pub(crate) address: SocketAddr,
    folder: tempfile::TempDir,
    listeners: String,
}

/// An app's key and secret.
pub(crate) struct TestClient {
    pub(crate) key: String,
    pub(crate) secret: String,
}

/// What a grant gave.
#[derive(Debug, Clone)]
pub(crate) struct TestTokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl TestTokens {
    fn of(answer: &Value, name: &str) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self {
            access: text(name),
            refresh: text("refresh_token"),
        }
    }
}

impl TestCompanion {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite(folder.path());
        Self::on(&store, folder).await
    }

    /// Under its real URL, for clients that find everything from there.
    pub(crate) async fn reachable() -> Self {
        Self::reachable_as("127.0.0.1", None).await
    }

    /// Under this name of the machine, with the clock of the test if it has one.
    pub(crate) async fn reachable_as(host: &str, clock: Option<Arc<ManualClock>>) -> Self {
        let companion = Self::bare(host, "", clock);
        companion.furnish().await;
        companion
    }

    /// The same with further keys of the section `issuer`, and with nothing in its store but its own.
    pub(crate) fn bare_at(host: &str, keys: &str) -> Self {
        Self::bare(host, keys, None)
    }

    fn bare(host: &str, keys: &str, clock: Option<Arc<ManualClock>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        let url = format!("http://{host}:{}", address.port());
        let setup = setup_at(folder.path(), &sqlite(folder.path()), &url, address);
        let mut setup = Setup { clock, ..setup };
        let closing = setup.extra.rfind('}').unwrap();
        setup.extra.insert_str(closing, keys);
        Self::with(&setup, folder)
    }

    /// With further keys of the section `issuer`, as YAML flow entries with a comma in front.
    pub(crate) async fn with_issuer_keys(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = setup(folder.path(), &sqlite(folder.path()));
        let closing = setup.extra.rfind('}').unwrap();
        setup.extra.insert_str(closing, keys);
        Self::begin(&setup, folder).await
    }

    /// Whose tokens are for these audiences, as YAML.
    pub(crate) async fn with_audiences(audiences: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = setup(folder.path(), &sqlite(folder.path()));
        let audiences = format!("audiences: {audiences}, store");
        setup.extra = setup
            .extra
            .replace("audiences: [orders-api], store", &audiences);
        Self::begin(&setup, folder).await
    }

    /// With this store, whose files, if any, are in `folder`.
    pub(crate) async fn on(store: &str, folder: tempfile::TempDir) -> Self {
        Self::begin(&setup(folder.path(), store), folder).await
    }

    async fn begin(setup: &Setup, folder: tempfile::TempDir) -> Self {
        let companion = Self::with(setup, folder);
        companion.furnish().await;
        companion
    }

    /// One that also serves the feed; `keys` are further ones of the listener, with a comma in front.
    pub(crate) async fn with_feed(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = sqlite(folder.path());
        let companion = Self::second_on(&store, folder, &feed_listener(keys));
        companion.furnish().await;
        companion
    }

    /// One on a store that is prepared already, or will be, with these listeners beside.
    pub(crate) fn second_on(store: &str, folder: tempfile::TempDir, listeners: &str) -> Self {
        let setup = Setup {
            listeners: listeners.to_owned(),
            ..setup(folder.path(), store)
        };
        Self::with(&setup, folder)
    }

    /// Made otherwise, with its files in `folder`, and with nothing in its store but its own.
    pub(crate) fn with(setup: &Setup, folder: tempfile::TempDir) -> Self {
        let gate = TestApp::with(setup);
        Self {
            address: gate.app.issuer_address().unwrap(),
            gate,
            folder,
            listeners: setup.listeners.clone(),
        }
    }

    /// Adds the shop's scopes and role.
    pub(crate) async fn furnish(&self) {
        let companion = self;
        let admin = companion.login("admin", ADMIN_PASSWORD).await;
        for scope in ["orders.read", "orders.write"] {
            let body = json!({"name": scope, "description": "for tests"});
            let made = companion.post("/backend/scope", &body, &admin).await;
            assert_eq!(made.status, 201, "{made:?}");
        }
        let body = json!({"scopes": ["consumer.account", "consumer.app", "orders.read"]});
        let made = companion.put("/backend/role/consumer", &body, &admin).await;
        assert_eq!(made.status, 200, "{made:?}");
    }

    /// Ends the process and starts another one on the same store.
    pub(crate) fn restart(self) -> Self {
        self.restarted_after(|_| {})
    }

    /// The same, with a change to its files in between.
    pub(crate) fn restarted_after(self, change: impl FnOnce(&Path)) -> Self {
        let Self {
            gate,
            folder,
            listeners,
            ..
        } = self;
        drop(gate);
        change(folder.path());
        let store = sqlite(folder.path());
        Self::second_on(&store, folder, &listeners)
    }

    /// Ends the process and starts one that is made otherwise.
    pub(crate) fn restart_with(self, setup: &Setup) -> Self {
        let Self { gate, folder, .. } = self;
        drop(gate);
        Self::with(setup, folder)
    }

    /// Ends the process; the folder with its store stays.
    pub(crate) fn stop(self) -> tempfile::TempDir {
        drop(self.gate);
        self.folder
    }

    /// Where its files are.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where its rows are.
    pub(crate) fn store(&self) -> StoreLocation {
        StoreLocation::parse(&sqlite(self.folder.path()), Path::new("")).unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &str,
    ) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: id.shop.example\r\n");
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        let length = body.len();
        text.push_str("connection: close\r\n");
        let text = format!("{text}content-length: {length}\r\n\r\n{body}");
        let answer = Box::pin(exchange(self.address, text.as_bytes())).await;
        crate::openapi::check(method, path, &answer);
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: &Value, token: &str) -> Answer {
        self.json("POST", path, body, token).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value, token: &str) -> Answer {
        self.json("PUT", path, body, token).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send("DELETE", path, &[&bearer(token)], "").await
    }

    /// Sends JSON; an empty token sends none.
    async fn json(&self, method: &str, path: &str, body: &Value, token: &str) -> Answer {
        let authorization = bearer(token);
        let mut headers = vec!["content-type: application/json"];
        if !token.is_empty() {
            headers.push(&authorization);
        }
        self.send(method, path, &headers, &body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send("GET", path, &[&bearer(token)], "").await
    }

    /// A form to the token endpoint, with Basic credentials.
    pub(crate) async fn token(&self, client: &TestClient, form: &str) -> Answer {
        self.form("/authorization/token", client, form).await
    }

    /// A form to one of the endpoints where apps authenticate, with Basic credentials.
    pub(crate) async fn form(&self, path: &str, client: &TestClient, form: &str) -> Answer {
        let basic = basic(&client.key, &client.secret);
        self.send("POST", path, &[FORM, &basic], form).await
    }

    /// Access and refresh token of an app.
    pub(crate) async fn tokens(&self, client: &TestClient) -> TestTokens {
        let answer = self.token(client, "grant_type=client_credentials").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        TestTokens::of(&answer.json(), "access_token")
    }

    /// Access and refresh token of a login.
    pub(crate) async fn login_tokens(&self, username: &str, password: &str) -> TestTokens {
        let body = json!({"username": username, "password": password});
        let answer = self.post("/consumer/login", &body, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        TestTokens::of(&answer.json(), "token")
    }

    /// As another process on the same store, such as the command line, has it.
    pub(crate) async fn open_store(&self) -> Store {
        Store::open(&self.store()).await.unwrap()
    }

    /// The token of a login that must succeed.
    pub(crate) async fn login(&self, username: &str, password: &str) -> String {
        let body = json!({"username": username, "password": password});
        let answer = self.post("/consumer/login", &body, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Registers a user; returns the token of its login.
    pub(crate) async fn register(&self, username: &str) -> String {
        let email = format!("{username}@shop.example");
        let body = json!({"username": username, "email": email, "password": PASSWORD});
        let answer = self.post("/consumer/register", &body, "").await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.login(username, PASSWORD).await
    }

    /// Makes an app for the bearer of `token`.
    pub(crate) async fn app(&self, token: &str, name: &str) -> TestClient {
        let answer = self
            .post("/consumer/app", &json!({"name": name}), token)
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let answer = answer.json();
        TestClient {
            key: answer["app_key"].as_str().unwrap().to_owned(),
            secret: answer["app_secret"].as_str().unwrap().to_owned(),
        }
    }

    /// A token by the issuer's own key, with whatever claims.
    pub(crate) async fn sign(&self, kind: &str, claims: &Value) -> String {
        let stored = self.open_store().await.signing_keys().await.unwrap();
        let (key, algorithm) = (&stored[0].private_key, stored[0].life.algorithm);
        let key = SigningKey::read(key.as_bytes(), algorithm).unwrap();
        key.issue(kind, claims.as_object().unwrap()).unwrap()
    }

    /// The status that the gate would have the proxy answer; 200 lets the request through.
    pub(crate) async fn check(&self, method: &str, path: &str, token: &str) -> i32 {
        use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
        let http = HttpRequest {
            method: method.to_owned(),
            path: path.to_owned(),
            host: "shop.example".to_owned(),
            headers: [("authorization".to_owned(), format!("Bearer {token}"))].into(),
            ..HttpRequest::default()
        };
        let request = CheckRequest {
            attributes: Some(AttributeContext {
                request: Some(Request {
                    http: Some(http),
                    ..Request::default()
                }),
                ..AttributeContext::default()
            }),
        };
        let mut client = AuthorizationClient::connect(self.gate.authz_url())
            .await
            .unwrap();
        let response = client.check(request).await.unwrap().into_inner();
        match response.http_response {
            Some(HttpResponse::DeniedResponse(denied)) => denied.status.unwrap().code,
            Some(HttpResponse::OkResponse(_)) | None => {
                assert_eq!(response.status.map_or(0, |status| status.code), 0);
                200
            }
            Some(other) => panic!("{other:?}"),
        }
    }
}

pub(crate) const FORM: &str = "content-type: application/x-www-form-urlencoded";

pub(crate) fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

pub(crate) fn basic(name: &str, secret: &str) -> String {
    let credentials = STANDARD.encode(format!("{name}:{secret}"));
    format!("authorization: Basic {credentials}")
}

/// Free a moment ago, for what has to be known before the start.
fn free_address() -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

/// The line of the listener, on a free port.
pub(crate) fn feed_listener(keys: &str) -> String {
    format!("  feed: {{address: \"127.0.0.1:0\"{keys}}}\n")
}

pub(crate) fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}/store.db", folder.display())
}

/// The configuration of a gate with its issuer on this store. The gate also stands in front of the
/// issuer, so that it accepts the tokens of logins, which are for the issuer alone.
pub(crate) fn setup(folder: &Path, store: &str) -> Setup {
    setup_at(folder, store, URL, SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn setup_at(folder: &Path, store: &str, url: &str, address: SocketAddr) -> Setup {
    use std::os::unix::fs::PermissionsExt;
    let password = folder.join("admin-password");
    std::fs::write(&password, ADMIN_PASSWORD).unwrap();
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let folder = folder.display();
    Setup {
        trust: Some(format!(
            "{{issuer: \"{url}\", audiences: [orders-api, \"{url}\"], algorithms: [ES256], keys: companion}}"
        )),
        extra: format!(
            "issuer: {{url: \"{url}\", address: \"{address}\", audiences: [orders-api], \
             store: \"{store}\", admin_password_file: \"{folder}/admin-password\"}}"
        ),
        ..Setup::default()
    }
}
