//! At the level `trace` too, nothing that a process says holds a secret: not those that it makes, not
//! those that it is given, and not those that callers get wrong.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis::store::{Store, StoreLocation};
use serde_json::{Value, json};

use super::Server;
use crate::asker::Asker;
use crate::client::{self, Answer, exchange};
use crate::issuer_process::{json_headers, send, text};
use crate::test_browser::{
    CALLBACK, VERIFIER, encode, form, location, request, returned, set_cookies,
};
use crate::test_companion::{
    ADMIN_PASSWORD, FORM, PASSWORD, TestClient, basic, feed_listener, setup, sqlite,
};
use crate::test_issuer::TestIssuer;
use crate::test_tls::{Authority, write};

const FEED_TOKEN: &str = "the-token-of-the-feed-0123456789";
const OTHER_PASSWORD: &str = "kaiserschmarrn ohne rosinen";
const WRONG_PASSWORD: &str = "a password that was wrong";
const WRONG_SECRET: &str = "a-secret-of-an-app-that-was-wrong";
const API_KEY: &str = "a-key-that-the-gate-knows-nothing-of";
const IN_THE_QUERY: &str = "a-token-that-somebody-put-into-a-query";

/// A process, and whatever secret has passed between it and its callers.
struct Tour {
    server: Server,
    issuer: SocketAddr,
    secrets: Vec<(&'static str, String)>,
}

impl Tour {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut setup = setup(folder.path(), &sqlite(folder.path()));
        setup.listeners = feed_listener(", token_file: feed-token");
        setup.admin_extra.push_str(
            ", tls: {cert_file: admin.pem, key_file: admin.key}, plain_address: \"127.0.0.1:0\"",
        );
        // Nothing may be dropped: what is not written proves nothing.
        setup.extra += "\nlog: {level: trace, allowed: true, buffer_lines: 4194304, \
                        subject_key_file: subject-key}";
        let issuer = TestIssuer::new("key-1");
        crate::test_app::write_files(folder.path(), &setup, &issuer);
        write(folder.path(), "feed-token", FEED_TOKEN);
        let subject_key = "the key of the digests of subjects";
        write(folder.path(), "subject-key", subject_key);
        let certified = Authority::new("admin").certify("127.0.0.1");
        certified.write(folder.path(), "admin");
        let mut secrets = vec![
            (
                "the password of the administrator",
                ADMIN_PASSWORD.to_owned(),
            ),
            ("the feed's token", FEED_TOKEN.to_owned()),
            ("the key of the digests", subject_key.to_owned()),
        ];
        secrets.extend(lines_of("the key of TLS", &certified.key));
        let server = Server::spawn_in(folder, issuer, |_| {});
        server.serves();
        server.logs("\"message\":\"ready\"");
        let issuer = server.address("issuer").parse().unwrap();
        Self {
            server,
            issuer,
            secrets,
        }
    }

    fn keep(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= 8, "{what} is too short to be looked for");
        self.secrets.push((what, secret.to_owned()));
    }

    fn keep_token(&mut self, what: &'static str, token: &str) {
        self.keep(what, token);
        if let Some((_, signature)) = token.rsplit_once('.') {
            self.keep("the signature of a token", signature);
        }
    }

    /// Calls the issuer with JSON; what it answers.
    async fn json(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let headers = json_headers(token);
        let answer = send(self.issuer, method, path, &headers, &body.to_string()).await;
        answer.unwrap()
    }

    /// Sends a form with an app's credentials.
    async fn form(&self, path: &str, app: &TestClient, form: &str) -> (u16, Value) {
        let headers = [FORM.to_owned(), basic(&app.key, &app.secret)];
        send(self.issuer, "POST", path, &headers, form)
            .await
            .unwrap()
    }

    async fn page(&self, method: &str, path: &str, cookie: &str, body: &str) -> Answer {
        let length = body.len();
        let text = format!(
            "{method} {path} HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n{cookie}{FORM}\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        exchange(self.issuer, text.as_bytes()).await
    }

    /// The tokens of a login.
    async fn login(&mut self, username: &str, password: &str) -> (String, String) {
        let body = json!({"username": username, "password": password});
        let (status, body) = self.json("POST", "/consumer/login", "", &body).await;
        assert_eq!(status, 200, "{body}");
        let (token, refresh) = (text(&body, "token"), text(&body, "refresh_token"));
        self.keep_token("the token of a login", &token);
        self.keep("the refresh token of a login", &refresh);
        (token, refresh)
    }

    /// Adds the shop's scope to what consumers may do.
    async fn furnish(&mut self) {
        let (token, _) = self.login("admin", ADMIN_PASSWORD).await;
        let scope = json!({"name": "orders.read", "description": "for tests"});
        let (status, body) = self.json("POST", "/backend/scope", &token, &scope).await;
        assert_eq!(status, 201, "{body}");
        let role = json!({"scopes": ["consumer.account", "consumer.app", "orders.read"]});
        let (status, body) = self
            .json("PUT", "/backend/role/consumer", &token, &role)
            .await;
        assert_eq!(status, 200, "{body}");
    }

    /// What users do, and what they get wrong.
    async fn accounts(&mut self) -> String {
        let body = json!({
            "username": "alice", "email": "alice@shop.example", "password": PASSWORD,
        });
        let (status, body) = self.json("POST", "/consumer/register", "", &body).await;
        assert_eq!(status, 201, "{body}");
        self.keep("a password", PASSWORD);
        let wrong = json!({"username": "alice", "password": WRONG_PASSWORD});
        let (status, _) = self.json("POST", "/consumer/login", "", &wrong).await;
        assert_eq!(status, 401);
        self.keep("a wrong password", WRONG_PASSWORD);
        let unknown = json!({"username": "alice", "password": PASSWORD, "pasword": OTHER_PASSWORD});
        let (status, _) = self.json("POST", "/consumer/login", "", &unknown).await;
        assert_eq!(status, 400);
        let (token, refresh) = self.login("alice", PASSWORD).await;
        let body = json!({"refresh_token": refresh});
        let (status, body) = self.json("PUT", "/consumer/login", "", &body).await;
        assert_eq!(status, 200, "{body}");
        self.keep("the next refresh token", &text(&body, "refresh_token"));
        self.keep_token("the next token", &text(&body, "token"));
        let body = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
        let path = "/consumer/account/change_password";
        let (status, body) = self.json("POST", path, &token, &body).await;
        assert!([200, 204].contains(&status), "{status} {body}");
        self.keep("another password", OTHER_PASSWORD);
        self.login("alice", OTHER_PASSWORD).await.0
    }

    /// What apps do.
    async fn apps(&mut self, owner: &str) -> TestClient {
        let body = json!({"name": "web-shop", "redirect_uris": [CALLBACK]});
        let (status, body) = self.json("POST", "/consumer/app", owner, &body).await;
        assert_eq!(status, 201, "{body}");
        let mut app = crate::issuer_process::client(&body);
        self.keep("the secret of an app", &app.secret);
        let wrong = TestClient {
            key: app.key.clone(),
            secret: WRONG_SECRET.to_owned(),
        };
        let grant = "grant_type=client_credentials";
        let (status, _) = self.form("/authorization/token", &wrong, grant).await;
        assert_eq!(status, 401);
        self.keep("a wrong secret", WRONG_SECRET);
        let path = format!("/consumer/app/{}/rotate_secret", app.key);
        let (status, body) = self.json("POST", &path, owner, &json!({})).await;
        assert_eq!(status, 200, "{body}");
        app.secret = text(&body, "app_secret");
        self.keep("the next secret of an app", &app.secret);
        self.keep(
            "the credentials of an app",
            basic(&app.key, &app.secret).rsplit_once(' ').unwrap().1,
        );
        let (status, body) = self.form("/authorization/token", &app, grant).await;
        assert_eq!(status, 200, "{body}");
        let (access, refresh) = (text(&body, "access_token"), text(&body, "refresh_token"));
        self.keep_token("the token of an app", &access);
        self.keep("the refresh token of an app", &refresh);
        let form = format!("token={access}");
        let (status, body) = self.form("/authorization/introspect", &app, &form).await;
        assert_eq!((status, &body["active"]), (200, &json!(true)));
        let asker = Asker::connect(&self.server.authz_url()).await;
        for path in [
            "/orders/1".to_owned(),
            format!("/orders/1?access_token={IN_THE_QUERY}"),
        ] {
            assert_eq!(asker.ask(&path, Some(&access)).await.status, 200);
        }
        self.keep("a token in a query", IN_THE_QUERY);
        for form in [
            format!("token={refresh}"),
            format!("token={access}&token_type_hint=x"),
        ] {
            let headers = [FORM.to_owned(), basic(&app.key, &app.secret)];
            let path = "/authorization/revoke";
            // Without a body there is no JSON to read.
            let _ = send(self.issuer, "POST", path, &headers, &form).await;
        }
        assert_eq!(asker.ask("/orders/1", Some(&access)).await.status, 401);
        app
    }

    /// What a browser does: a session, its forms, and a code.
    async fn browser(&mut self, app: &TestClient) {
        let page = self.page("GET", &request(app), "", "").await;
        let mut cookies: Vec<String> = Vec::new();
        let note = |tour: &mut Self, cookies: &mut Vec<String>, answer: &Answer| {
            for cookie in set_cookies(answer) {
                let pair = cookie.split(';').next().unwrap();
                tour.keep("a cookie", pair.split_once('=').unwrap().1);
                cookies.push(pair.to_owned());
            }
        };
        note(self, &mut cookies, &page);
        let login = form(&page, "/authorization/login");
        let header = |cookies: &[String]| match cookies {
            [] => String::new(),
            cookies => format!("cookie: {}\r\n", cookies.join("; ")),
        };
        let login = login
            .with("username", "alice")
            .with("password", OTHER_PASSWORD);
        let body = written(&login.fields);
        let answer = self
            .page("POST", &login.action, &header(&cookies), &body)
            .await;
        note(self, &mut cookies, &answer);
        let page = self
            .page("GET", &location(&answer), &header(&cookies), "")
            .await;
        let consent = form(&page, "/authorization/consent").with("decision", "allow");
        for (name, value) in &consent.fields {
            if name.contains("csrf") {
                self.keep("a token of a form", value);
            }
        }
        let body = written(&consent.fields);
        let answer = self
            .page("POST", &consent.action, &header(&cookies), &body)
            .await;
        let code = returned(&answer, CALLBACK).get("code").unwrap().to_owned();
        self.keep("a code", &code);
        self.keep("a code verifier", VERIFIER);
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}",
            encode(CALLBACK)
        );
        // Twice: a code that is used again is worth a line.
        let (status, body) = self.form("/authorization/token", app, &form).await;
        assert_eq!(status, 200, "{body}");
        self.keep_token("the token of a code", &text(&body, "access_token"));
        let (status, _) = self.form("/authorization/token", app, &form).await;
        assert_eq!(status, 400);
    }

    /// What a proxy passes on.
    async fn checks(&mut self) {
        let asker = Asker::connect(&self.server.authz_url()).await;
        let stranger = TestIssuer::new("unknown").token("mallory", "orders.read");
        self.keep_token("a forged token", &stranger);
        for token in [stranger.as_str(), "opaque-0123456789-abcdef", "a.b.c"] {
            assert_eq!(asker.ask("/orders/1", Some(token)).await.status, 401);
        }
        self.keep("a token of another kind", "opaque-0123456789-abcdef");
        let basic = "Basic bWFsbG9yeTpodW50ZXIyMg==";
        assert_eq!(asker.status_of_credential(basic).await, 401);
        self.keep("a password for another scheme", "bWFsbG9yeTpodW50ZXIyMg==");
        self.keep("the same decoded", "hunter22");
        let mut http = envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest {
            method: "GET".to_owned(),
            path: "/orders/1".to_owned(),
            host: "shop.example".to_owned(),
            ..Default::default()
        };
        http.headers
            .insert("x-api-key".to_owned(), API_KEY.to_owned());
        http.headers
            .insert("cookie".to_owned(), format!("session={API_KEY}"));
        http.body = format!("password={API_KEY}");
        assert_eq!(asker.ask_http(http).await.status, 401);
        self.keep("a header that the gate does not read", API_KEY);
    }

    /// The private keys in the store.
    async fn signing_keys(&mut self) {
        let folder = self.server.folder.path();
        let location = store_location(folder);
        let store = Store::open(&location).await.unwrap();
        for key in store.signing_keys().await.unwrap() {
            let pem = String::from_utf8(key.private_key.as_bytes().to_vec()).unwrap();
            self.secrets.extend(lines_of("a signing key", &pem));
        }
    }
}

/// Where the rows of a server are.
fn store_location(folder: &Path) -> StoreLocation {
    let config = std::fs::read_to_string(folder.join("portcullis.yaml")).unwrap();
    let (_, rest) = config.split_once("store: \"").unwrap();
    let (store, _) = rest.split_once('"').unwrap();
    StoreLocation::parse(store, Path::new("")).unwrap()
}

/// The lines of PEM text, without those that everybody knows.
fn lines_of(what: &'static str, pem: &str) -> Vec<(&'static str, String)> {
    let lines = pem.lines().filter(|line| !line.starts_with("--"));
    // The first line of a key begins with its type alone.
    let lines = lines.skip(1).filter(|line| line.len() >= 16);
    let found: Vec<_> = lines.map(|line| (what, line.to_owned())).collect();
    assert!(!found.is_empty(), "{what}");
    found
}

fn written(fields: &std::collections::BTreeMap<String, String>) -> String {
    let pairs = fields.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    pairs.join("&")
}

/// The forms in which a secret could be shown: as it is, in JSON, percent-encoded, in base64.
fn forms(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        encode(secret),
        secret.replace(' ', "+"),
        STANDARD.encode(secret).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(secret),
        format!("{:?}", secret.as_bytes()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_that_a_process_says() {
    let mut tour = Tour::start();
    tour.furnish().await;
    let token = tour.accounts().await;
    let app = tour.apps(&token).await;
    tour.browser(&app).await;
    tour.checks().await;
    tour.signing_keys().await;
    // Reloads, one of them with a mistake beside secrets.
    let folder = tour.server.folder.path();
    let config = folder.join("portcullis.yaml");
    let good = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        good.replace("drain_seconds: 0", "drain_seconds: x"),
    )
    .unwrap();
    tour.server.signal("HUP");
    tour.server.logs("reload failed");
    std::fs::write(&config, good).unwrap();
    let plain = tour.server.logs("\"message\":\"serving\"")["admin.plain_address"].clone();
    let plain: SocketAddr = plain.as_str().unwrap().parse().unwrap();
    assert_eq!(client::get(plain, "/readyz", &[]).await.status, 200);
    tour.server.signal("TERM");
    assert_eq!(tour.server.ended().code(), Some(0));
    let output = tour.server.output();
    assert!(
        output.contains("\"level\":\"TRACE\""),
        "the level is what it should be"
    );
    assert!(
        output.contains("\"level\":\"DEBUG\""),
        "the level is what it should be"
    );
    assert!(tour.secrets.len() > 30, "{}", tour.secrets.len());
    let mut shown = Vec::new();
    for (what, secret) in &tour.secrets {
        for form in forms(secret) {
            let line = output.lines().find(|line| line.contains(&form));
            shown.extend(line.map(|line| format!("{what} `{form}`: {line}")));
        }
    }
    assert!(shown.is_empty(), "{}", shown.join("\n"));
}
