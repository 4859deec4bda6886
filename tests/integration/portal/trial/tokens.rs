//! The tokens with which calls are sent: what they hold, how long, and that they decide nothing differently.

use std::net::SocketAddr;
use std::time::Duration;

use envoy_types::pb::envoy::service::auth::v3::attribute_context::HttpRequest;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::bounds::with_routes;
use super::*;
use crate::asker::Asker;
use crate::portal::lineages::{copied, log_out_form, renew};
use crate::portal::log_in;
use crate::test_app::{POLICY, Setup};
use crate::test_companion::{ADMIN_PASSWORD, setup, sqlite};

/// Routes of each kind: public, for any token, for scopes, for a choice of them, for a parent, and with conditions.
const ROUTES: &str = r#"
  - {name: open, methods: [GET], path: /t/open, access: public}
  - {name: any, methods: [GET], path: /t/any, access: authenticated}
  - {name: one, methods: [GET], path: /t/one, scopes: [orders.read]}
  - {name: both, methods: [GET], path: /t/both, scopes: [orders.read, reports]}
  - {name: choice, methods: [GET], path: /t/choice, any_scope: [orders.write, reports]}
  - {name: below, methods: [GET], path: /t/below, scopes: [reports.daily]}
  - {name: looked-at, methods: [GET], path: /t/looked-at, access: authenticated, when: '"reports" in token.scopes'}
  - {name: alone, methods: [GET], path: /t/alone, scopes: [orders.read], when: '!("reports" in token.scopes)'}
  - {name: guests, methods: [GET], path: /t/guests, access: public, when: '!has(token.sub) || "reports" in token.scopes'}
  - {name: by-method, methods: [GET], path: /t/by-method, scopes: [reports], when: request.method == "GET"}
"#;

const OPERATIONS: [&str; 10] = [
    "open",
    "any",
    "one",
    "both",
    "choice",
    "below",
    "looked-at",
    "alone",
    "guests",
    "by-method",
];

/// With a scope that covers others, which the role of all users has.
async fn furnish(companion: &TestCompanion) {
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let body = json!({"name": "reports", "description": "for tests"});
    let made = companion.post("/backend/scope", &body, &admin).await;
    assert_eq!(made.status, 201, "{made:?}");
    let scopes = ["consumer.account", "consumer.app", "orders.read", "reports"];
    let body = json!({"scopes": scopes});
    let made = companion.put("/backend/role/consumer", &body, &admin).await;
    assert_eq!(made.status, 200, "{made:?}");
}

fn policy() -> String {
    let catalogue = "scopes:\n  reports: Reports\n  reports.daily: Daily reports";
    let policy = POLICY.replace("version: 1", "version: 1\nparent_scopes: true");
    policy.replacen("\nscopes:", &format!("\n{catalogue}"), 1) + ROUTES
}

/// An app of alice with this list of scopes.
async fn app_with(companion: &TestCompanion, name: &str, scopes: &[&str]) -> TestClient {
    let login = companion.login("alice", PASSWORD).await;
    let body = json!({"name": name, "scopes": scopes});
    let answer = companion.post("/consumer/app", &body, &login).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let answer = answer.json();
    TestClient {
        key: answer["app_key"].as_str().unwrap().to_owned(),
        secret: answer["app_secret"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn a_token_has_the_scopes_that_decide_and_no_others() {
    let (companion, upstream) = with_policy(&policy(), None).await;
    let mut alice = sign_up(&companion, "alice").await;
    for (operation, expected) in [
        ("open", ""),
        ("any", ""),
        ("one", "orders.read"),
        ("both", "orders.read reports"),
        ("choice", "reports"),
        ("below", "reports"),
        // A condition may look at the scopes in any way.
        ("looked-at", "orders.read reports"),
        ("alone", "orders.read reports"),
        ("guests", "orders.read reports"),
        ("by-method", "reports"),
    ] {
        let before = upstream.seen().len();
        let filled = call(&mut alice, operation, "me").await;
        send(&mut alice, &filled).await;
        let seen = upstream.seen();
        assert_eq!(seen.len(), before + 1, "{operation}");
        let claims = claims(&token_of(&seen[before]));
        assert_eq!(claims["scope"], expected, "{operation}: {claims}");
        assert!(claims["sid"].is_string(), "{claims}");
    }
}

/// Whoever receives the token of a call can do nothing at the issuer with it, whatever the caller has.
#[tokio::test]
async fn a_token_has_nothing_of_the_issuer_whatever_the_caller_has() {
    let (companion, upstream) = with_policy(&policy(), None).await;
    let mut alice = sign_up(&companion, "alice").await;
    let own = app_with(&companion, "own", &["consumer.account"]).await;
    let both = app_with(&companion, "both", &["consumer.account", "reports"]).await;
    for operation in ["looked-at", "by-method"] {
        let caller = format!("app:{}", both.key);
        let filled = call(&mut alice, operation, &caller).await;
        send(&mut alice, &filled.with("secret", &both.secret)).await;
        let seen = upstream.seen();
        let token = token_of(seen.last().unwrap());
        let claims = claims(&token);
        assert_eq!(claims["aud"], json!(["orders-api"]), "{claims}");
        assert_eq!(claims["scope"], "reports", "{claims}");
        for (path, refused) in [("/authorization/whoami", 401), ("/consumer/account", 403)] {
            let answer = companion.get(path, &token).await;
            assert_eq!(answer.status, refused, "{path}: {answer:?}");
        }
    }
    let sent = upstream.seen().len();
    let refused = async |alice: &mut TestBrowser<'_>, app: &TestClient| {
        for operation in OPERATIONS {
            let filled = call(alice, operation, &format!("app:{}", app.key)).await;
            let answer = alice.submit(&filled.with("secret", &app.secret)).await;
            assert_eq!(answer.status, 400, "{operation}: {answer:?}");
            let says = answer.body.contains("There is no token for the API");
            assert!(says, "{operation}: {answer:?}");
        }
    };
    refused(&mut alice, &own).await;
    // The same by what its owner loses.
    let admin = companion.login("admin", ADMIN_PASSWORD).await;
    let body = json!({"scopes": ["consumer.account", "consumer.app"]});
    let taken = companion.put("/backend/role/consumer", &body, &admin).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    let mut alice = log_in(&companion, "alice", PASSWORD).await;
    refused(&mut alice, &both).await;
    assert_eq!(upstream.seen().len(), sent);
}

/// A companion with this policy, whose proxy is a server that repeats what it gets, or one at this address.
async fn with_policy(policy: &str, proxy: Option<SocketAddr>) -> (TestCompanion, Upstream) {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup {
        policy: Some(policy.to_owned()),
        ..setup(folder.path(), &sqlite(folder.path()))
    };
    let keys = format!(
        ", portal: {{proxy: {{url: \"http://{}\"}}}}, throttle: {{trial: {{burst: 100, refill_seconds: 1}}}}",
        proxy.unwrap_or(upstream.address)
    );
    let closing = setup.extra.rfind('}').unwrap();
    setup.extra.insert_str(closing, &keys);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    furnish(&companion).await;
    (companion, upstream)
}

/// A proxy that asks the gate about each request, and answers 200 where it lets it through.
async fn proxy(listener: TcpListener, gate: String) {
    let asker = Asker::connect(&gate).await;
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut head = Vec::new();
        while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            head.extend_from_slice(&buffer[..count]);
        }
        let head = String::from_utf8(head).unwrap();
        let (line, rest) = head.split_once("\r\n").unwrap();
        let mut line = line.split(' ');
        let header = |name: &str| {
            let mut lines = rest.lines().filter_map(|line| line.split_once(": "));
            let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned())
        };
        let authorization = header("authorization");
        let http = HttpRequest {
            method: line.next().unwrap().to_owned(),
            path: line.next().unwrap().to_owned(),
            host: header("host").unwrap(),
            headers: authorization
                .map(|value| ("authorization".to_owned(), value))
                .into_iter()
                .collect(),
            ..HttpRequest::default()
        };
        let status = asker.ask_http(http).await.status;
        let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// What the page says, what the proxy answers to the token of the page, and what a token of the caller's own would
/// be answered: never two of them differ.
#[tokio::test]
async fn the_page_the_proxy_and_a_token_of_the_callers_own_agree() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (companion, _upstream) = with_policy(&policy(), Some(address)).await;
    let serving = tokio::spawn(proxy(listener, companion.gate.authz_url()));
    let mut alice = sign_up(&companion, "alice").await;
    let all = app_with(&companion, "all", &["orders.read", "reports"]).await;
    let orders = app_with(&companion, "orders", &["orders.read"]).await;
    let reports = app_with(&companion, "reports", &["reports"]).await;
    let login =
        json!({"username": "alice", "password": PASSWORD, "scopes": ["orders.read", "reports"]});
    let login = companion.post("/consumer/login", &login, "").await.json();
    let mut callers = vec![
        ("nobody".to_owned(), String::new(), String::new()),
        (
            "me".to_owned(),
            String::new(),
            login["token"].as_str().unwrap().to_owned(),
        ),
    ];
    for app in [&all, &orders, &reports] {
        let own = companion.tokens(app).await.access;
        callers.push((format!("app:{}", app.key), app.secret.clone(), own));
    }
    let asker = Asker::connect(&companion.gate.authz_url()).await;
    let (mut passed, mut refused) = (0, 0);
    for operation in OPERATIONS {
        for (caller, secret, own) in &callers {
            let filled = call(&mut alice, operation, caller)
                .await
                .with("secret", secret);
            let shown = send(&mut alice, &filled).await;
            let status: i32 = element(&shown, "status").parse().unwrap();
            let own = Some(own.as_str()).filter(|own| !own.is_empty());
            let expected = asker.ask(&format!("/t/{operation}"), own).await.status;
            assert_eq!(status, expected, "{operation} {caller}: {shown:?}");
            let says_yes = element(&shown, "why").starts_with("The route lets it through.");
            assert_eq!(says_yes, status == 200, "{operation} {caller}: {shown:?}");
            assert!(
                !shown.body.contains("id=\"at-odds\""),
                "{operation} {caller}: {shown:?}"
            );
            if says_yes {
                passed += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(passed > 15 && refused > 15, "{passed} {refused}");
    serving.abort();
}

/// What the last of these calls was sent with.
async fn tried(
    browser: &mut TestBrowser<'_>,
    upstream: &Upstream,
    app: Option<&TestClient>,
) -> String {
    let filled = match app {
        Some(app) => read_order(browser, app).await,
        None => call(browser, "read-order", "me")
            .await
            .with("p:order_id", "1"),
    };
    send(browser, &filled).await;
    token_of(upstream.seen().last().unwrap())
}

async fn is_refused_soon(companion: &TestCompanion, token: &str) {
    let refused = async {
        while companion.check("GET", "/orders/1", token).await != 401 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), refused).await;
    assert!(waited.is_ok(), "still accepted");
}

#[tokio::test]
async fn a_token_ends_with_its_session() {
    let (companion, upstream) = with_routes("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let app = app_of(&mut alice, "web-shop").await;
    let mut here = log_in(&companion, "alice", PASSWORD).await;
    let mut there = log_in(&companion, "alice", PASSWORD).await;
    let here_me = tried(&mut here, &upstream, None).await;
    let here_app = tried(&mut here, &upstream, Some(&app)).await;
    let there_app = tried(&mut there, &upstream, Some(&app)).await;
    assert_eq!(claims(&here_me)["sid"], claims(&here_app)["sid"]);
    assert_ne!(claims(&here_app)["sid"], claims(&there_app)["sid"]);

    // By logging out, and only what was made there.
    let out = form(&page(&mut here, "/").await, "/portal/log-out");
    here.submit(&out).await;
    for token in [&here_me, &here_app] {
        is_refused_soon(&companion, token).await;
    }
    assert_eq!(companion.check("GET", "/orders/1", &there_app).await, 200);
    // Also where somebody else has renewed the session meanwhile.
    let mut owner = log_in(&companion, "alice", PASSWORD).await;
    let out = log_out_form(&mut owner).await;
    let mut thief = copied(&companion, &owner);
    let before = tried(&mut thief, &upstream, None).await;
    renew(&mut thief, "thief").await;
    let after = tried(&mut thief, &upstream, None).await;
    is_refused_soon(&companion, &before).await;
    assert_eq!(companion.check("GET", "/orders/1", &after).await, 200);
    owner.submit(&out).await;
    is_refused_soon(&companion, &after).await;
    // By another session.
    let own = tried(&mut alice, &upstream, Some(&app)).await;
    let path = "/portal/sessions";
    let list = page(&mut alice, path).await;
    let others = form(&list, path).with("session", "others");
    alice.submit(&others).await;
    is_refused_soon(&companion, &there_app).await;
    assert_eq!(companion.check("GET", "/orders/1", &own).await, 200);
    // By another password.
    let mut there = log_in(&companion, "alice", PASSWORD).await;
    let there_app = tried(&mut there, &upstream, Some(&app)).await;
    let path = "/portal/account/password";
    let change = form(&page(&mut alice, path).await, path)
        .with("old_password", PASSWORD)
        .with("new_password", "another pfannkuchen mit apfelmus");
    alice.submit(&change).await;
    is_refused_soon(&companion, &there_app).await;
}

/// A session in which nothing was tried out ends without a word to gates, and one that has ended makes no token.
#[tokio::test]
async fn the_log_of_revocations_grows_for_sessions_with_tokens_alone() {
    let (companion, upstream) = with_routes("").await;
    let mut alice = sign_up(&companion, "alice").await;
    let store = companion.open_store().await;
    let before = store.log_position().await.unwrap();
    let mut there = log_in(&companion, "alice", PASSWORD).await;
    let filled = call(&mut there, "read-order", "me")
        .await
        .with("p:order_id", "1");
    let path = "/portal/sessions";
    let others = form(&page(&mut alice, path).await, path).with("session", "others");
    alice.submit(&others).await;
    assert_eq!(store.log_position().await.unwrap(), before);
    assert_eq!(there.submit(&filled).await.status, 403, "of no session");
    assert_eq!(upstream.seen().len(), 0);
    tried(&mut alice, &upstream, None).await;
    let out = form(&page(&mut alice, "/").await, "/portal/log-out");
    alice.submit(&out).await;
    assert!(store.log_position().await.unwrap() > before);
    store.close().await;
}
