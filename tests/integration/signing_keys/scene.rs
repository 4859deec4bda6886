//! What the tests of signing keys are set up with, and what they wait for.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::clock::{Clock, ManualClock, SystemClock};
use portcullis::config::{Config, Overrides};
use portcullis::issuer::{Issuer, IssuerSettings};
use portcullis::store::{Store, StoredKey};
use portcullis::telemetry::{SubjectForm, SubjectNames};
use serde_json::Value;

use super::{DAILY, JWKS};
use crate::test_app::{Setup, write_files};
use crate::test_companion::{TestClient, TestCompanion, setup, sqlite};
use crate::test_issuer::TestIssuer;

/// Callers who get tokens and use them all the time.
#[derive(Default)]
pub(super) struct Load {
    pub(super) rounds: AtomicUsize,
    pub(super) over: AtomicBool,
}

impl Load {
    pub(super) async fn run(&self, companion: &TestCompanion, app: &TestClient) {
        while !self.over.load(Ordering::SeqCst) {
            let token = token(companion, app).await;
            trusted(companion, &token).await;
            self.rounds.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Waits for a few rounds that began after this.
    pub(super) async fn goes_on(&self) {
        let enough = self.rounds.load(Ordering::SeqCst) + 6;
        eventually("the load goes on", async || {
            self.rounds.load(Ordering::SeqCst) >= enough
        })
        .await;
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }
}

/// By gate and guard.
pub(super) async fn trusted(companion: &TestCompanion, token: &str) {
    assert_eq!(companion.check("GET", "/orders/1", token).await, 200);
    let answer = companion.get("/consumer/account", token).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// An app whose tokens gate and guard let through.
pub(super) async fn app(companion: &TestCompanion, owner: &str) -> TestClient {
    let scopes = ["orders.read", "consumer.account"];
    let body = serde_json::json!({"name": "web-shop", "scopes": scopes});
    let made = companion.post("/consumer/app", &body, owner).await;
    assert_eq!(made.status, 201, "{made:?}");
    let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
    TestClient {
        key: text("app_key"),
        secret: text("app_secret"),
    }
}

pub(super) async fn token(companion: &TestCompanion, app: &TestClient) -> String {
    let form = "grant_type=client_credentials&scope=orders.read+consumer.account";
    let answer = companion.token(app, form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

pub(super) async fn signs_with(companion: &TestCompanion, app: &TestClient, key_id: &str) {
    eventually("the new key signs", async || {
        let token = token(companion, app).await;
        header(&token)["kid"] == key_id
    })
    .await;
}

/// The ids of the published keys.
pub(super) async fn published(companion: &TestCompanion) -> Vec<String> {
    let jwks = companion.send("GET", JWKS, &[], "").await.json();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until the published keys are like this.
pub(super) async fn until(
    companion: &TestCompanion,
    like: impl Fn(&[String]) -> bool,
) -> Vec<String> {
    eventually("the published keys change", async || {
        like(&published(companion).await)
    })
    .await;
    published(companion).await
}

/// Runs what goes on behind the issuers until all of them are like this.
pub(super) async fn run_until(issuers: &[Arc<Issuer>], like: impl Fn(&Issuer) -> bool) {
    let tasks = issuers
        .iter()
        .map(|issuer| issuer.run_background_tasks(|_| {}));
    tokio::select! {
        _ = futures_util::future::join_all(tasks) => {}
        () = eventually("the issuers follow", async || {
            issuers.iter().all(|issuer| like(issuer))
        }) => {}
    }
}

pub(super) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    let held = tokio::time::timeout(Duration::from_mins(1), wait).await;
    assert!(held.is_ok(), "never: {what}");
}

pub(super) async fn rows(companion: &TestCompanion) -> Vec<StoredKey> {
    let store = Store::open(&companion.store()).await.unwrap();
    store.signing_keys().await.unwrap()
}

pub(super) async fn only_key(companion: &TestCompanion) -> StoredKey {
    let mut rows = rows(companion).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// A companion whose issuer signs by `algorithm`, and whose gate lists `listed`.
pub(super) fn made_with(
    folder: &Path,
    algorithm: &str,
    listed: &[&str],
    extra: &str,
    clock: Option<&Arc<ManualClock>>,
) -> Setup {
    let usual = setup(folder, &sqlite(folder));
    let algorithms = format!("algorithms: [{}]", listed.join(", "));
    Setup {
        trust: usual
            .trust
            .map(|trust| trust.replace("algorithms: [ES256]", &algorithms)),
        extra: usual.extra.replace(
            "issuer: {",
            &format!("issuer: {{algorithm: {algorithm}, {extra}, ").replace(", , ", ", "),
        ),
        clock: clock.cloned(),
        ..usual
    }
}

pub(super) fn settings(folder: &Path, store: &str) -> IssuerSettings {
    let mut setup = setup(folder, store);
    setup.extra = setup
        .extra
        .replace("issuer: {", &format!("issuer: {{{DAILY}, "));
    let config = write_files(folder, &setup, &TestIssuer::new("key-1"));
    let config = Config::load(&config, &Overrides::default()).unwrap();
    config.issuer.unwrap()
}

pub(super) fn names() -> SubjectNames {
    SubjectNames::load(SubjectForm::Digest, None).unwrap()
}

/// The time of day, standing still.
pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemClock.now()))
}

pub(super) fn portcullis(verb: &[&str], config: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().args(verb).arg("--config").arg(config);
    command.args(flags).output().unwrap()
}

pub(super) fn generate(algorithm: &str, path: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["key", "generate", "--algorithm", algorithm, "--out"]);
    assert!(command.arg(path).output().unwrap().status.success());
}

pub(super) fn header(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// The token with another signature, with another key's id, and without one.
pub(super) fn forged(token: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    signature[7] ^= 1;
    let with_header = |change: fn(&mut Value)| {
        let mut header = header(token);
        change(&mut header);
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        format!("{header}.{}.{}", parts[1], parts[2])
    };
    vec![
        format!(
            "{}.{}.{}",
            parts[0],
            parts[1],
            URL_SAFE_NO_PAD.encode(signature)
        ),
        with_header(|header| header["kid"] = "another".into()),
        with_header(|header| header["alg"] = "HS384".into()),
    ]
}

/// RFC 7638 section 3, of a public key.
pub(super) fn thumbprint(key: &Value) -> String {
    let required: &[&str] = match key["kty"].as_str().unwrap() {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => &["e", "kty", "n"],
    };
    let members = required
        .iter()
        .map(|name| format!("\"{name}\":{}", key[name]));
    let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(digest)
}
