//! The issuer's abuse catalogue, row by row. A new endpoint is one more row of [`ENDPOINTS`].

mod endpoints;
mod http;

use std::fmt::Write;

use serde_json::{Value, json};

use crate::client::{Answer, exchange};
use crate::issuer::error;
use crate::test_companion::{
    ADMIN_PASSWORD, FORM, PASSWORD, TestClient, TestCompanion, basic, bearer,
};

use endpoints::{Body, Caller, ENDPOINTS, PAGES};

const JSON: &str = "content-type: application/json";
const CLIENT_CREDENTIALS: &str = "grant_type=client_credentials";

/// Enough for a test that fails hundreds of times on purpose.
const WIDE: &str = ", throttle: {\
     account_at_address: {burst: 10000, refill_seconds: 1}, \
     account: {burst: 10000, refill_seconds: 1}, \
     app_at_address: {burst: 10000, refill_seconds: 1}, \
     app: {burst: 10000, refill_seconds: 1}, \
     address: {burst: 10000, refill_seconds: 1}, \
     registration: {burst: 10000, refill_seconds: 1}}";

#[test]
fn every_endpoint_has_its_row() {
    for path in portcullis::issuer::endpoints() {
        let is_same = |other: &str| {
            let same = |(own, other): (&str, &str)| own == other || own.starts_with('{');
            let count = |path: &str| path.split('/').count();
            count(path) == count(other) && path.split('/').zip(other.split('/')).all(same)
        };
        let mut rows = ENDPOINTS.iter().map(|(_, other, ..)| *other).chain(PAGES);
        assert!(rows.any(is_same), "`{path}` needs a row in ENDPOINTS");
    }
}

/// An issuer with everybody who calls it.
struct Scene {
    companion: TestCompanion,
    admin: String,
    alice: String,
    app: TestClient,
}

impl Scene {
    async fn set() -> Self {
        let companion = TestCompanion::with_issuer_keys(WIDE).await;
        let alice = companion.register("alice").await;
        Self {
            admin: companion.login("admin", ADMIN_PASSWORD).await,
            app: companion.app(&alice, "web-shop").await,
            companion,
            alice,
        }
    }

    fn authorization(&self, caller: Caller) -> String {
        match caller {
            // Not a credential: public endpoints ignore what they do not read.
            Caller::Anybody => "x-nothing: 1".to_owned(),
            Caller::App => basic(&self.app.key, &self.app.secret),
            Caller::Consumer => bearer(&self.alice),
            Caller::Administrator => bearer(&self.admin),
        }
    }

    /// Bytes as they are, where text is not enough.
    async fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: id.shop.example\r\n");
        for header in headers {
            write!(head, "{header}\r\n").unwrap();
        }
        let length = body.len();
        write!(
            head,
            "connection: close\r\ncontent-length: {length}\r\n\r\n"
        )
        .unwrap();
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(body);
        Box::pin(exchange(self.companion.address, &bytes)).await
    }

    async fn token(&self, headers: &[&str], form: &[u8]) -> Answer {
        self.send("POST", "/authorization/token", headers, form)
            .await
    }

    fn basic(&self) -> String {
        basic(&self.app.key, &self.app.secret)
    }
}

/// The answer is an error as all errors must be, and of this status.
fn assert_refused(answer: &Answer, status: u16, what: &str) {
    let (found, code) = error(answer);
    assert_eq!(
        (found, code.is_empty()),
        (status, false),
        "{what}: {answer:?}"
    );
    assert_eq!(answer.header("pragma"), Some("no-cache"), "{what}");
    assert!(answer.json().as_object().unwrap().len() == 2, "{what}");
}

#[tokio::test]
async fn other_methods_are_405_and_told_which_are_right() {
    let scene = Scene::set().await;
    for (_, path, caller, _) in ENDPOINTS.iter().copied() {
        let mut right: Vec<&str> = ENDPOINTS
            .iter()
            .filter(|(_, other, ..)| *other == path)
            .map(|(method, ..)| *method)
            .collect();
        if right.contains(&"GET") {
            right.push("HEAD");
        }
        // Documents that any page may read.
        let public = path.starts_with("/.well-known/") || path == "/openapi.json";
        if public {
            right.push("OPTIONS");
        }
        right.sort_unstable();
        let methods = [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
        ];
        for method in methods.into_iter().chain(["PROPFIND", "get"]) {
            if right.contains(&method) {
                continue;
            }
            let authorization = scene.authorization(caller);
            let answer = scene.send(method, path, &[&authorization], b"").await;
            let what = format!("{method} {path}");
            if method == "HEAD" {
                assert_eq!((answer.status, answer.body.as_str()), (405, ""), "{what}");
            } else {
                assert_refused(&answer, 405, &what);
            }
            let allowed = answer.header("allow").unwrap_or_default();
            let mut allowed: Vec<&str> = allowed.split(',').map(str::trim).collect();
            allowed.sort_unstable();
            assert_eq!(allowed, right, "{what}");
            let shared = answer.head.contains("access-control-");
            assert!(public || !shared, "{what}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let scene = Scene::set().await;
    for (method, path, caller, _) in ENDPOINTS.iter().copied() {
        if method != "GET" {
            continue;
        }
        let authorization = scene.authorization(caller);
        let get = scene.send("GET", path, &[&authorization], b"").await;
        let head = scene.send("HEAD", path, &[&authorization], b"").await;
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{path}"
        );
        for name in ["content-type", "content-length", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn bodies_of_another_type_encoding_or_size_are_refused() {
    let scene = Scene::set().await;
    let large = "x".repeat(20_000);
    for (method, path, caller, body) in ENDPOINTS.iter().copied() {
        let (right, other, text) = match body {
            Body::Nothing => continue,
            Body::Json(text) => (JSON, FORM, text),
            Body::Form(text) => (FORM, JSON, text),
        };
        let multipart = "content-type: multipart/form-data; boundary=x";
        let rows: [(&[&str], &str, u16); 11] = [
            (&[other], text, 400),
            (&["content-type: text/plain"], text, 400),
            (&["content-type:"], text, 400),
            (&["content-type: */*"], text, 400),
            (&[], text, 400),
            (&[right, other], text, 400),
            (&[right, right], text, 400),
            (&[multipart], "--x\r\n\r\n--x--", 400),
            (&[right, "content-encoding: gzip"], text, 415),
            (&[right, "content-encoding: identity"], text, 415),
            (&[right], &large, 413),
        ];
        let authorization = scene.authorization(caller);
        for (headers, body, status) in rows {
            let headers = [headers, &[&authorization]].concat();
            let answer = scene.send(method, path, &headers, body.as_bytes()).await;
            assert_refused(&answer, status, &format!("{method} {path} {headers:?}"));
            let identity = (status == 415).then_some("identity");
            assert_eq!(answer.header("accept-encoding"), identity);
        }
        // Parameters of a type make no difference.
        let with_charset = format!("{right}; charset=UTF-8");
        let headers = [with_charset.as_str(), &authorization];
        let answer = scene.send(method, path, &headers, text.as_bytes()).await;
        assert!(
            !answer.body.contains("must be"),
            "{method} {path}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn json_that_is_none_is_refused_and_told_where() {
    let scene = Scene::set().await;
    let nested = |open: &str, depth| open.repeat(depth);
    for (method, path, caller, body) in ENDPOINTS.iter().copied() {
        let Body::Json(text) = body else { continue };
        let object = text.strip_suffix('}').unwrap();
        let first: Value = serde_json::from_str(text).unwrap();
        let name = first.as_object().unwrap().keys().next().unwrap().clone();
        let rows: [(Vec<u8>, &str); 27] = [
            (format!("{object},\n}}").into(), "line 2 column 1"),
            (
                format!("{object},\n}}").into(),
                "no comma before a closing brace",
            ),
            (format!("{text},").into(), "trailing characters"),
            (format!("{text}{text}").into(), "trailing characters"),
            (object.into(), "EOF"),
            (b"".to_vec(), "EOF"),
            (b"null".to_vec(), "invalid type"),
            (b"[]".to_vec(), "invalid"),
            (b"\"text\"".to_vec(), "invalid type"),
            (b"1".to_vec(), "invalid type"),
            (b"{}".to_vec(), "missing field"),
            (b"{'a': 1}".to_vec(), "key must be a string"),
            (b"// comment\n{}".to_vec(), "expected value"),
            (b"{\"a\": NaN}".to_vec(), "unknown field"),
            (format!("{object}, \"x\": 1}}").into(), "unknown field"),
            (
                format!("{object}, \"{name}\": \"y\"}}").into(),
                "duplicate field",
            ),
            (format!("{{\"{name}\": null}}").into(), "invalid type"),
            (
                format!("{{\"{name}\": 1e999}}").into(),
                "number out of range",
            ),
            (
                format!("{{\"{name}\": {}}}", "9".repeat(400)).into(),
                "number out of range",
            ),
            (
                format!("{{\"{name}\": {}", nested("[", 9000)).into(),
                "invalid type",
            ),
            (nested("[", 9000).into(), "expected a map"),
            (
                b"[\"alice\", \"pfannkuchen mit apfelmus\"]".to_vec(),
                "expected a map",
            ),
            (nested("{\"a\":", 2000).into(), "unknown field"),
            (format!("{{\"{name}\": \"\\ud800\"}}").into(), "hex escape"),
            (
                format!("{{\"{name}\": \"\u{1}\"}}").into(),
                "control character",
            ),
            (
                [format!("{{\"{name}\": \"").as_bytes(), b"\xff\"}"].concat(),
                "invalid unicode",
            ),
            (
                [b"\xef\xbb\xbf", text.as_bytes()].concat(),
                "expected value",
            ),
        ];
        let authorization = scene.authorization(caller);
        // A change may leave out what stays.
        let partial = method == "PUT" || path == "/backend/revoke";
        for (body, says) in rows {
            if partial && says == "missing field" {
                continue;
            }
            let headers = [JSON, &authorization];
            let answer = scene.send(method, path, &headers, &body).await;
            let shown = String::from_utf8_lossy(&body);
            let what = format!("{method} {path} {shown:.80}");
            assert_refused(&answer, 400, &what);
            assert!(answer.body.contains(says), "{what}: {says}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn forms_that_are_none_are_refused() {
    let scene = Scene::set().await;
    let basic = scene.basic();
    let rows: [&[u8]; 12] = [
        b"grant_type=client_credentials&x=%",
        b"grant_type=client_credentials&x=%4",
        b"grant_type=client_credentials&x=%zz",
        b"grant_type=client_credentials&x=%ff",
        b"grant_type=client_credentials&x=%00",
        b"grant_type=client_credentials&x=\xff",
        b"grant_type=client_credentials&x=\0",
        b"grant_type=client_credentials&grant_type=client_credentials",
        b"grant_type=client_credentials&grant_type=",
        b"grant_type=client_credentials&x=1&x=2",
        b"grant_type=client_credentials&%67rant_type=refresh_token",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
    ];
    for form in rows {
        let answer = scene.token(&[FORM, &basic], form).await;
        assert_refused(&answer, 400, &String::from_utf8_lossy(form));
        assert_eq!(error(&answer).1, "invalid_request");
    }
}

#[tokio::test]
async fn credentials_come_in_one_way_and_never_in_the_url() {
    let scene = Scene::set().await;
    let basic = scene.basic();
    let TestClient { key, secret } = &scene.app;
    let in_body = format!("{CLIENT_CREDENTIALS}&client_id={key}&client_secret={secret}");
    let bearer = bearer(&scene.alice);
    let rows: [(&[&str], &str, u16, &str); 9] = [
        (&[&basic], &in_body, 400, "invalid_request"),
        (
            &[&basic, &basic],
            CLIENT_CREDENTIALS,
            400,
            "invalid_request",
        ),
        (
            &[&basic, &bearer],
            CLIENT_CREDENTIALS,
            400,
            "invalid_request",
        ),
        (&[&bearer], &in_body, 400, "invalid_request"),
        (&[&bearer], CLIENT_CREDENTIALS, 401, "invalid_client"),
        (
            &["authorization: Basic"],
            CLIENT_CREDENTIALS,
            401,
            "invalid_client",
        ),
        (
            &["authorization: Basic %%%"],
            CLIENT_CREDENTIALS,
            401,
            "invalid_client",
        ),
        (
            &["authorization: Basic Og=="],
            CLIENT_CREDENTIALS,
            401,
            "invalid_client",
        ),
        (
            &["authorization: Digest x"],
            CLIENT_CREDENTIALS,
            401,
            "invalid_client",
        ),
    ];
    for (headers, form, status, code) in rows {
        let headers = [&[FORM], headers].concat();
        let answer = scene.token(&headers, form.as_bytes()).await;
        assert_eq!(error(&answer), (status, code.to_owned()), "{headers:?}");
    }
    let path = format!("/authorization/token?{in_body}");
    for (headers, form) in [
        ([FORM, "x-nothing: 1"], ""),
        ([FORM, &basic], CLIENT_CREDENTIALS),
    ] {
        let answer = scene.send("POST", &path, &headers, form.as_bytes()).await;
        assert_eq!(error(&answer), (400, "invalid_request".to_owned()));
    }
    // What is in the URL is not read: the body is missing.
    let path = format!("/consumer/login?username=alice&password={}", "pfannkuchen");
    let answer = scene.send("POST", &path, &[JSON], b"").await;
    assert_refused(&answer, 400, &path);
    let path = format!("/consumer/account?access_token={}", scene.alice);
    assert_refused(&scene.send("GET", &path, &[], b"").await, 401, &path);
}

#[tokio::test]
async fn unknown_disabled_and_wrong_look_alike() {
    let scene = Scene::set().await;
    let companion = &scene.companion;
    let bob = companion.register("bobby").await;
    let disabled = companion.app(&bob, "bobs-app").await;
    companion.disable("bobby").await;

    let logins = [
        ("nobody", PASSWORD),
        ("bobby", PASSWORD),
        ("bobby", "wrong password"),
        ("alice", "wrong password"),
        ("alice", ""),
        ("alice", &"x".repeat(3000)),
        ("alice\0", PASSWORD),
        ("", ""),
        (&"a".repeat(3000), PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ];
    let mut answers = Vec::new();
    for (username, password) in logins {
        let body = json!({"username": username, "password": password});
        answers.push(companion.post("/consumer/login", &body, "").await);
    }
    assert_alike(&answers, 401, "invalid_grant");

    let clients = [
        ("nobody", "x"),
        (&disabled.key, &disabled.secret),
        (&disabled.key, "x"),
        (&scene.app.key, "x"),
        (&scene.app.key, ""),
        (&scene.app.key, &disabled.secret),
        (&scene.app.key.to_lowercase(), "x"),
        ("' OR 1=1 --", "x"),
    ];
    let mut answers = Vec::new();
    for (key, secret) in clients {
        let headers = [FORM, &basic(key, secret)];
        answers.push(scene.token(&headers, CLIENT_CREDENTIALS.as_bytes()).await);
    }
    assert_alike(&answers, 401, "invalid_client");
}

/// Same status, head (but for the date) and body.
fn assert_alike(answers: &[Answer], status: u16, code: &str) {
    let mut seen = Vec::new();
    for answer in answers {
        assert_eq!(error(answer), (status, code.to_owned()), "{answer:?}");
        let head = answer
            .head
            .lines()
            .filter(|line| !line.starts_with("date:"));
        seen.push((head.collect::<Vec<_>>(), &answer.body));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[tokio::test]
async fn nothing_grants_more_than_there_is() {
    let scene = Scene::set().await;
    let companion = &scene.companion;
    let post = async |path, body: Value, token| companion.post(path, &body, token).await;
    let more = json!({"name": "greedy", "scopes": ["orders.write"]});
    assert_refused(
        &post("/consumer/app", more, &scene.alice).await,
        400,
        "an app",
    );
    let own = json!({"name": "greedy", "scopes": ["backend.role"]});
    assert_refused(
        &post("/consumer/app", own, &scene.alice).await,
        400,
        "an app",
    );
    let login = json!({"username": "alice", "password": PASSWORD, "scopes": ["backend.role"]});
    assert_refused(&post("/consumer/login", login, "").await, 400, "a login");
    let role = json!({"name": "consumer", "scopes": ["orders.write"]});
    let answer = post("/backend/role", role.clone(), &scene.alice).await;
    assert_refused(&answer, 403, "a role");
    let granted = companion.token(&scene.app, CLIENT_CREDENTIALS).await.json();
    let token = granted["access_token"].as_str().unwrap();
    assert_refused(&post("/backend/role", role, token).await, 403, "by an app");
    let refresh = granted["refresh_token"].as_str().unwrap();
    for scope in ["orders.write", "orders.read+orders.write", "consumer.app"] {
        let form = format!("grant_type=refresh_token&refresh_token={refresh}&scope={scope}");
        let answer = companion.token(&scene.app, &form).await;
        assert_eq!(error(&answer), (400, "invalid_scope".to_owned()), "{scope}");
    }
}

#[tokio::test]
async fn what_belongs_to_others_is_useless_and_unharmed() {
    let scene = Scene::set().await;
    let companion = &scene.companion;
    let bob = companion.register("bobby").await;
    let bobs = companion.app(&bob, "bobs-app").await;
    let granted = companion.token(&scene.app, CLIENT_CREDENTIALS).await.json();
    let refresh = granted["refresh_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    for _ in 0..3 {
        let stolen = companion.token(&bobs, &form).await;
        assert_eq!(
            error(&stolen),
            (400, "invalid_grant".to_owned()),
            "another app"
        );
        let body = json!({"refresh_token": refresh}).to_string();
        let as_login = scene.send("PUT", "/consumer/login", &[JSON], body.as_bytes());
        assert_eq!(
            error(&as_login.await),
            (400, "invalid_grant".to_owned()),
            "a login"
        );
        let guess = format!("{form}x");
        let answer = companion.token(&scene.app, &guess).await;
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()), "a guess");
    }
    let wrong = TestClient {
        key: scene.app.key.clone(),
        secret: bobs.secret.clone(),
    };
    let answer = companion.token(&wrong, &form).await;
    assert_eq!(error(&answer), (401, "invalid_client".to_owned()));
    let victim = companion.token(&scene.app, &form).await;
    assert_eq!(victim.status, 200, "the family lives: {victim:?}");
    // A token of one kind is none of another.
    let access = granted["access_token"].as_str().unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={access}");
    let answer = companion.token(&scene.app, &form).await;
    assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
    let answer = companion.get("/consumer/account", refresh).await;
    assert_eq!(error(&answer), (401, "invalid_token".to_owned()));
}
