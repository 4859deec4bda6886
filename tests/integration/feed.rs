//! The feed between processes: a gate that has neither issuer nor database.

mod network;

use std::time::Duration;

use portcullis::clock::UnixSeconds;
use portcullis::store::Store;
use portcullis::token::Subject;
use serde_json::{Value, json};

use crate::asker::{Asker, Verdict};
use crate::test_app::{Setup, TestApp};
use crate::test_companion::{TestCompanion, URL};
use network::Network;

/// What a revocation may take until it is at the gate.
const A_SECOND: Duration = Duration::from_secs(1);

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

const NOW: UnixSeconds = UnixSeconds(i64::MAX / 4);

/// A gate that knows of the issuer only what the feed says.
struct FarGate {
    gate: TestApp,
    asker: Asker,
}

impl FarGate {
    /// `keys` are further ones of the section, with a comma in front.
    async fn at(address: &str, keys: &str) -> Self {
        let gate = TestApp::with(&setup(address, keys));
        let asker = Asker::connect(&gate.authz_url()).await;
        Self { gate, asker }
    }

    async fn is_ready(&self) {
        self.gate.admin_shows("/readyz", "ok").await;
    }

    async fn ask(&self, token: &str) -> Verdict {
        self.asker.ask("/orders/1", Some(token)).await
    }

    async fn status(&self, token: &str) -> i32 {
        self.ask(token).await.status
    }

    /// Asks until the answer has this status.
    async fn answers(&self, token: &str, status: i32, patience: Duration) {
        let wait = async {
            while self.status(token).await != status {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let answered = tokio::time::timeout(patience, wait).await;
        assert!(answered.is_ok(), "{:?}", self.ask(token).await);
    }

    /// What `/status` says of the issuer.
    async fn issuer(&self) -> Value {
        let (_, text) = self.gate.admin("/status").await;
        let status: Value = serde_json::from_str(&text).unwrap();
        status["issuers"][0].clone()
    }
}

fn setup(address: &str, keys: &str) -> Setup {
    Setup {
        trust: Some(format!(
            "{{issuer: \"{URL}\", audiences: [orders-api], algorithms: [ES256], \
             feed: {{addresses: [{address}]{keys}}}}}"
        )),
        ..Setup::default()
    }
}

/// The address of a companion's feed.
fn feed_of(companion: &TestCompanion) -> String {
    format!("\"http://{}\"", companion.gate.app.feed_address().unwrap())
}

/// Takes back everything of the user whose token this is.
async fn revoke_user(companion: &TestCompanion, token: &str) {
    let account = companion.get("/consumer/account", token).await.json();
    let subject = Subject::User(account["id"].as_str().unwrap().to_owned());
    revoke(companion, &subject).await;
}

/// As another issuer on the same store does.
async fn revoke(companion: &TestCompanion, subject: &Subject) {
    let store = Store::open(&companion.store()).await.unwrap();
    store.revoke(subject, NOW).await.unwrap();
}

#[tokio::test]
async fn a_gate_without_a_database_refuses_within_a_second() {
    let companion = TestCompanion::with_feed("").await;
    let far = FarGate::at(&feed_of(&companion), "").await;
    far.is_ready().await;
    let alice = companion.register("alice").await;
    let bob = companion.register("bobby").await;
    let app = companion.app(&alice, "web-shop").await;
    let answer = companion
        .token(&app, "grant_type=client_credentials")
        .await
        .json();
    let token = answer["access_token"].as_str().unwrap();
    for good in [&alice, &bob, token] {
        assert_eq!(far.status(good).await, 200);
    }
    revoke(&companion, &Subject::App(app.key.clone())).await;
    far.answers(token, 401, A_SECOND).await;
    assert_eq!(far.status(&alice).await, 200);
    revoke_user(&companion, &alice).await;
    far.answers(&alice, 401, A_SECOND).await;
    assert_eq!(far.status(&bob).await, 200);
    revoke(&companion, &Subject::Everyone).await;
    far.answers(&bob, 401, A_SECOND).await;
    let again = companion
        .login("bobby", crate::test_companion::PASSWORD)
        .await;
    assert_eq!(far.status(&again).await, 200);
    // A gate that comes later knows the same.
    let later = FarGate::at(&feed_of(&companion), "").await;
    later.is_ready().await;
    for (token, status) in [(&alice, 401), (&bob, 401), (&again, 200)] {
        assert_eq!(later.status(token).await, status);
    }
}
