//! What people of this field bring along: the tokens, key sets and requests of deployments that they wrote
//! about, behind one real Envoy a group. Each case is a fact about one of them.

mod headers;
mod identities;
mod keys;
mod requests;
mod tokens;

use std::fs;

use portcullis::cli::token::{Evidence, inspect};
use portcullis::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::client::{self, Answer};
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::foreign_issuer::{ForeignKey, changed, key_set, times};
use crate::test_app::{Setup, TestApp};
use crate::upstream::Upstream;

const ISSUER: &str = "https://id.shop.example";

/// An order needs a scope, and one's own page a token.
const POLICY: &str = r#"
version: 1
scopes: {orders.read: Read orders}
routes:
  - {name: read-order, methods: [GET], path: "/orders/{id}", scopes: [orders.read]}
  - {name: me, methods: [GET], path: /me, access: authenticated}
  - {name: products, methods: [GET], path: /products, access: public}
"#;

/// A gate, and what is asked of it.
struct Case {
    /// Also the name of its listener.
    fact: &'static str,
    /// The entries of `trust`.
    trust: String,
    /// Further keys of the config.
    extra: &'static str,
    policy: &'static str,
    keys: Vec<Value>,
    door: fn(Door) -> Door,
    calls: Vec<Call>,
}

/// A request and what comes of it.
struct Call {
    what: &'static str,
    method: &'static str,
    path: &'static str,
    token: Option<String>,
    headers: Vec<String>,
    body_bytes: usize,
    status: u16,
    /// Headers that the upstream sees, and those that it does not.
    seen: Vec<(&'static str, &'static str)>,
    hidden: Vec<&'static str>,
    /// Headers of the answer.
    answered: Vec<(&'static str, &'static str)>,
    /// A part of what `token inspect` says.
    explained: &'static str,
}

impl Case {
    /// One issuer with the usual key. `settings` follow in its entry.
    fn new(fact: &'static str, settings: &str) -> Self {
        Self {
            fact,
            trust: entry(settings),
            extra: "",
            policy: POLICY,
            keys: vec![ForeignKey::rsa().jwk(&json!({"kid": "k1", "alg": "RS256", "use": "sig"}))],
            door: |door| door,
            calls: Vec::new(),
        }
    }

    fn named(mut self, fact: &'static str) -> Self {
        self.fact = fact;
        self
    }

    fn trust(mut self, entries: &[&str]) -> Self {
        self.trust = entries.join(", ");
        self
    }

    fn extra(mut self, extra: &'static str) -> Self {
        self.extra = extra;
        self
    }

    fn policy(mut self, policy: &'static str) -> Self {
        self.policy = policy;
        self
    }

    fn keys(mut self, keys: Vec<Value>) -> Self {
        self.keys = keys;
        self
    }

    fn door(mut self, door: fn(Door) -> Door) -> Self {
        self.door = door;
        self
    }

    fn call(mut self, call: Call) -> Self {
        self.calls.push(call);
        self
    }

    /// `GET` with a token of these claims.
    fn get(self, what: &'static str, path: &'static str, claims: &Value, status: u16) -> Self {
        self.call(Call::get(what, path).token(token(claims)).is(status))
    }

    fn gate(&self) -> TestApp {
        let setup = Setup {
            trust: Some(self.trust.clone()),
            policy: Some(self.policy.to_owned()),
            extra: self.extra.to_owned(),
            ..Setup::default()
        };
        TestApp::prepared(&setup, |folder| {
            fs::write(folder.join("jwks.json"), key_set(&self.keys)).unwrap();
        })
    }
}

impl Call {
    fn get(what: &'static str, path: &'static str) -> Self {
        Self {
            what,
            method: "GET",
            path,
            token: None,
            headers: Vec::new(),
            body_bytes: 0,
            status: 200,
            seen: Vec::new(),
            hidden: Vec::new(),
            answered: Vec::new(),
            explained: "",
        }
    }

    fn post(what: &'static str, path: &'static str) -> Self {
        Self {
            method: "POST",
            ..Self::get(what, path)
        }
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    fn header(mut self, line: impl Into<String>) -> Self {
        self.headers.push(line.into());
        self
    }

    fn body(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    fn is(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    fn sees(mut self, name: &'static str, value: &'static str) -> Self {
        self.seen.push((name, value));
        self
    }

    fn hides(mut self, name: &'static str) -> Self {
        self.hidden.push(name);
        self
    }

    fn answers(mut self, name: &'static str, value: &'static str) -> Self {
        self.answered.push((name, value));
        self
    }

    fn explained(mut self, text: &'static str) -> Self {
        self.explained = text;
        self
    }

    async fn send(&self, envoy: &Envoy, door: &str) -> Answer {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        head.push_str("host: shop.example\r\nconnection: close\r\n");
        if let Some(token) = &self.token {
            head.extend(["authorization: Bearer ", token, "\r\n"]);
        }
        for line in &self.headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if self.body_bytes > 0 {
            let length = self.body_bytes.to_string();
            head.extend(["content-length: ", &length, "\r\n"]);
        }
        head.push_str("\r\n");
        let bytes = [head.into_bytes(), vec![b'a'; self.body_bytes]].concat();
        client::exchange(envoy.address(door), &bytes).await
    }

    /// What differs from what is expected.
    fn differs(&self, answer: &Answer) -> Option<String> {
        if answer.status != self.status {
            return Some(format!("{} expected, {answer:?}", self.status));
        }
        let wrong = |(name, value): &&(&str, &str)| answer.header(name) != Some(*value);
        if let Some((name, value)) = self.answered.iter().find(wrong) {
            return Some(format!("answered `{name}: {value}` expected, {answer:?}"));
        }
        let hidden = |name: &&&str| !answer.json()[**name].is_null();
        if let Some(name) = self.hidden.iter().find(hidden) {
            return Some(format!("upstream sees `{name}`, {answer:?}"));
        }
        let mut seen = self.seen.iter();
        let wrong = seen.find(|(name, value)| answer.json()[*name] != json!([value]));
        wrong.map(|(name, value)| format!("upstream's `{name}: {value}` expected, {answer:?}"))
    }
}

/// Asks everything of every case behind one Envoy, and tells all that is wrong at once.
async fn check(cases: Vec<Case>) {
    let gates: Vec<TestApp> = cases.iter().map(Case::gate).collect();
    let upstream = Upstream::start().await;
    let doors = cases.iter().zip(&gates).map(|(case, gate)| {
        let address = gate.app.authz_address();
        (case.door)(Door::new(case.fact, address, HeaderEncoding::Raw))
    });
    let doors: Vec<Door> = doors.collect();
    let envoy = Envoy::start(NEWEST, &doors, upstream.address).await;
    let mut wrong = Vec::new();
    for (case, gate) in cases.iter().zip(&gates) {
        for call in &case.calls {
            let told = |difference: String| format!("{}: {}: {difference}", case.fact, call.what);
            let answer = call.send(&envoy, case.fact).await;
            wrong.extend(call.differs(&answer).map(told));
            if !call.explained.is_empty() {
                let explanation = explanation(gate, call.token.clone().unwrap()).await;
                let missing = !explanation.contains(call.explained);
                wrong.extend(
                    missing.then(|| told(format!("{} expected in {explanation}", call.explained))),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `token inspect` says with the config of this gate.
async fn explanation(gate: &TestApp, token: String) -> String {
    let config = gate.folder.path().join("portcullis.yaml");
    let inspected = tokio::task::spawn_blocking(move || {
        let evidence = Evidence::load(&config).unwrap();
        let mut out = Vec::new();
        inspect(Some(&evidence), &token, SystemClock.now(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    });
    inspected.await.unwrap()
}

/// An entry of `trust` with these settings besides the usual ones.
fn entry(settings: &str) -> String {
    let usual = [
        ("issuer: ", format!("issuer: \"{ISSUER}\"")),
        ("audiences: ", "audiences: [orders-api]".to_owned()),
        ("algorithms: ", "algorithms: [RS256]".to_owned()),
        ("jwks_file: ", "jwks_file: jwks.json".to_owned()),
    ];
    let missing = usual.into_iter().filter(|(key, _)| !settings.contains(key));
    let mut lines: Vec<String> = missing.map(|(_, line)| line).collect();
    if !settings.is_empty() {
        lines.push(settings.to_owned());
    }
    format!("{{{}}}", lines.join(", "))
}

/// A token with these claims besides the usual ones, of which null removes one.
fn token(claims: &Value) -> String {
    token_with(&json!({}), claims)
}

fn token_with(header: &Value, claims: &Value) -> String {
    let usual = json!({"alg": "RS256", "typ": "JWT", "kid": "k1"});
    let header = changed(&usual, header);
    let key = ForeignKey::of(header["alg"].as_str().unwrap());
    key.sign(&header, &full(claims))
}

fn full(claims: &Value) -> Value {
    let usual = json!({"iss": ISSUER, "sub": "alice", "aud": "orders-api"});
    changed(&changed(&usual, &times()), claims)
}
