//! Conditions from outside: a running gate, its answers, its log and its reloads.

use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, SocketAddress, address,
};
use envoy_types::pb::envoy::service::auth::v3::AttributeContext;
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer};
use serde_json::json;

use portcullis::clock::{Clock, SystemClock};
use portcullis::policy::Policy;
use portcullis::problem::Source;

use crate::asker::{Asker, message};
use crate::test_app::{Setup, TestApp};
use crate::test_issuer::{AUDIENCE, ISSUER};

const POLICY: &str = r"
version: 1
claims: {level: int}
routes:
  - name: account
    methods: [GET]
    path: /users/{user_id}
    access: authenticated
    when: token.sub == path.user_id
  - name: high
    methods: [GET]
    path: /high
    access: authenticated
    when: token.level >= 3
";

fn start(policy: &str) -> TestApp {
    TestApp::with(&Setup {
        policy: Some(policy.to_owned()),
        ..Setup::default()
    })
}

fn token(app: &TestApp, more: &serde_json::Value) -> String {
    let now = SystemClock.now().0;
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "iat": now, "exp": now + 600,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    app.issuer.sign(&claims)
}

/// Waits until `/high` is answered so.
async fn answers(asker: &Asker, token: &str, status: i32) {
    let waiting = async {
        while asker.ask("/high", Some(token)).await.status != status {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    let answered = tokio::time::timeout(patience, waiting).await;
    assert!(answered.is_ok(), "never {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_decides_and_is_counted_by_its_own_reasons() {
    let app = start(POLICY);
    let asker = Asker::connect(&app.authz_url()).await;
    let alice = token(&app, &json!({"level": 3}));
    let bob = token(&app, &json!({"sub": "bob", "level": "3"}));
    for (path, token, expected) in [
        ("/users/alice", &alice, 200),
        ("/users/%61lice", &alice, 200),
        ("/users/bob", &alice, 403),
        ("/users/bob", &bob, 200),
        ("/high", &alice, 200),
        ("/high", &bob, 403),
    ] {
        let verdict = asker.ask(path, Some(token)).await;
        assert_eq!(verdict.status, expected, "{path}");
        if expected == 403 {
            assert!(
                verdict.body.contains("does not meet a condition"),
                "{verdict:?}"
            );
            // What the condition says is for the log alone.
            assert!(!verdict.body.contains("token."), "{verdict:?}");
            assert_eq!(verdict.header("www-authenticate"), None);
        }
    }
    assert_eq!(asker.ask("/users/alice", None).await.status, 401);
    for labels in [
        "reason=\"condition_not_met\",detail=\"\"",
        "reason=\"condition_failed\",detail=\"wrong_type\"",
    ] {
        let series = format!("portcullis_checks_denied_total{{{labels}}} 1");
        app.admin_shows("/metrics", &series).await;
    }
}

/// A proof in the cache says nothing of conditions, and a new policy may name other claims.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_with_other_claims_judges_tokens_that_are_known() {
    let app = start(POLICY);
    let asker = Asker::connect(&app.authz_url()).await;
    let alice = token(&app, &json!({"level": 3, "tenant": "acme"}));
    assert_eq!(asker.ask("/high", Some(&alice)).await.status, 200);
    app.write_policy(&POLICY.replace("token.level >= 3", "token.tenant == \"other\""));
    answers(&asker, &alice, 403).await;
    app.write_policy(&POLICY.replace("token.level >= 3", "token.tenant == \"acme\""));
    answers(&asker, &alice, 200).await;
}

/// Everything that a proxy tells of a request beside its target.
#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_those_of_the_message() {
    let policy = r#"
version: 1
routes:
  - {name: scheme, methods: [GET], path: /scheme, access: public, when: request.scheme == "https"}
  - {name: size, methods: [GET], path: /size, access: public, when: request.size <= 100}
  - {name: address, methods: [GET], path: /address, access: public, when: request.source.address == "10.1.2.3"}
  - {name: principal, methods: [GET], path: /principal, access: public,
     when: request.source.principal == "spiffe://mesh.example/web"}
  - {name: header, methods: [GET], path: /header, access: public, when: 'request.headers["x-region"] == "eu"'}
"#;
    let app = start(policy);
    let asker = Asker::connect(&app.authz_url()).await;
    let whole = |path: &str| {
        let mut message = message(path, None);
        let attributes = message.attributes.as_mut().unwrap();
        let socket = SocketAddress {
            address: "10.1.2.3".to_owned(),
            ..SocketAddress::default()
        };
        attributes.source = Some(Peer {
            address: Some(Address {
                address: Some(address::Address::SocketAddress(socket)),
            }),
            principal: "spiffe://mesh.example/web".to_owned(),
            ..Peer::default()
        });
        let http = attributes.request.as_mut().unwrap().http.as_mut().unwrap();
        http.scheme = "https".to_owned();
        http.size = 100;
        http.headers.insert("x-region".to_owned(), "eu".to_owned());
        message
    };
    for path in ["/scheme", "/size", "/address", "/principal", "/header"] {
        assert_eq!(asker.ask_message(whole(path)).await.status, 200, "{path}");
    }
    let other = |path: &str, change: fn(&mut AttributeContext)| {
        let mut message = whole(path);
        change(message.attributes.as_mut().unwrap());
        message
    };
    for message in [
        other("/scheme", |attributes| http_of(attributes).scheme.clear()),
        other("/size", |attributes| http_of(attributes).size = 101),
        other("/size", |attributes| http_of(attributes).size = -1),
        other("/address", |attributes| attributes.source = None),
        other("/principal", |attributes| {
            attributes.source.as_mut().unwrap().principal.clear();
        }),
        other("/header", |attributes| {
            http_of(attributes).header_map = Some(HeaderMap {
                headers: ["eu", "eu"].map(header).into(),
            });
        }),
        other("/header", |attributes| {
            http_of(attributes).header_map = Some(HeaderMap {
                headers: [header("us")].into(),
            });
        }),
    ] {
        assert_eq!(
            asker.ask_message(message.clone()).await.status,
            403,
            "{message:?}"
        );
    }
}

fn http_of(attributes: &mut AttributeContext) -> &mut HttpRequest {
    attributes.request.as_mut().unwrap().http.as_mut().unwrap()
}

fn header(value: &str) -> HeaderValue {
    HeaderValue {
        key: "x-region".to_owned(),
        raw_value: value.into(),
        ..HeaderValue::default()
    }
}

/// The policies of `docs/conditions.md`, each of which begins with its version.
#[test]
fn every_policy_of_the_page_loads_without_a_warning() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conditions.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```yaml\n").skip(1);
    let mut count = 0;
    for block in blocks.filter_map(|rest| rest.split("```").next()) {
        let source = Source {
            name: "docs/conditions.md".to_owned(),
            text: block.to_owned(),
        };
        let sources = [source];
        let policy = Policy::compile(&sources);
        let policy = policy.unwrap_or_else(|problems| panic!("{problems}\n{block}"));
        assert!(!policy.routes().is_empty(), "{block}");
        // `token.regions` and `token.amr` are compared, but not with `!=`.
        assert!(policy.warnings().is_empty(), "{:?}", policy.warnings());
        count += 1;
    }
    assert_eq!(count, 4);
}
