//! The issuer when its database falls silent: connections stay open, and nothing comes back.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use portcullis::clock::UnixSeconds;
use portcullis::store::{Store, StoreLocation};
use portcullis::token::RevocationTarget;
use serde_json::json;

use crate::feed::network::Network;
use crate::issuer::error;
use crate::issuer_process::healed;
use crate::postgres::Postgres;
use crate::test_companion::{PASSWORD, TestCompanion, setup};

/// Nobody waits for longer than this, whatever becomes of the database. It bounds a test that would
/// hang, and is far more than any wait should be.
const PATIENCE: Duration = Duration::from_secs(15);

/// A database, and the network on the way to it.
struct Distant {
    url: String,
    network: Network,
    _postgres: Postgres,
}

impl Distant {
    async fn start() -> Option<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let options = format!("-p {port} -c listen_addresses=127.0.0.1");
        let postgres = Postgres::start_with(&options, |_| {})?;
        let network = Network::to(SocketAddr::from(([127, 0, 0, 1], port))).await;
        Some(Self {
            url: format!("postgres://test@127.0.0.1:{port}/postgres"),
            network,
            _postgres: postgres,
        })
    }

    /// What the issuer is told.
    fn url(&self) -> String {
        format!("postgres://test@{}/postgres", self.network.address())
    }

    /// By another issuer, to which the network is fine.
    async fn revoke(&self, user: &str) {
        let place = StoreLocation::parse(&self.url, "".as_ref()).unwrap();
        let store = Store::open(&place).await.unwrap();
        let subject = RevocationTarget::User(user.to_owned());
        store
            .revoke(&subject, UnixSeconds(1_800_000_000))
            .await
            .unwrap();
        store.close().await;
    }
}

async fn companion(distant: &Distant) -> TestCompanion {
    TestCompanion::on(&distant.url(), tempfile::tempdir().unwrap()).await
}

async fn id(companion: &TestCompanion, token: &str) -> String {
    let account = companion.get("/consumer/account", token).await.json();
    account["id"].as_str().unwrap().to_owned()
}

/// The gate learns of it, however long that takes.
async fn refused(companion: &TestCompanion, token: &str) {
    answers(companion, token, 401).await;
}

async fn answers(companion: &TestCompanion, token: &str, status: i32) {
    let answered = async {
        while companion.check("GET", "/orders/1", token).await != status {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_silent_logins_are_refused_in_time() {
    let Some(distant) = Distant::start().await else {
        return;
    };
    let companion = companion(&distant).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let id = id(&companion, &alice).await;
    distant.network.silence();
    let body = json!({"username": "alice", "password": PASSWORD});
    let logins = (0..6).map(|_| companion.post("/consumer/login", &body, ""));
    let answers = tokio::time::timeout(PATIENCE, futures_util::future::join_all(logins)).await;
    for answer in answers.unwrap() {
        assert_eq!(error(&answer), (503, "temporarily_unavailable".to_owned()));
    }
    assert_eq!(companion.check("GET", "/orders/1", &alice).await, 200);
    companion
        .gate
        .admin_shows("/status", "\"store_up\": false")
        .await;
    // The way is there again for whoever begins anew; what was open before stays silent.
    distant.network.forget();
    healed(companion.address, &app).await;
    companion.login("alice", PASSWORD).await;
    companion
        .gate
        .admin_shows("/status", "\"store_up\": true")
        .await;
    distant.revoke(&id).await;
    refused(&companion, &alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_were_forgotten_on_the_way_are_replaced() {
    let Some(distant) = Distant::start().await else {
        return;
    };
    let companion = companion(&distant).await;
    let alice = companion.register("alice").await;
    let app = companion.app(&alice, "web-shop").await;
    let id = id(&companion, &alice).await;
    distant.network.forget();
    // First what nobody asks for: the list is followed.
    distant.revoke(&id).await;
    refused(&companion, &alice).await;
    healed(companion.address, &app).await;
    let again = companion.login("alice", PASSWORD).await;
    assert_eq!(companion.check("GET", "/orders/1", &again).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_beside_the_issuer_knows_how_old_its_list_is() {
    let Some(distant) = Distant::start().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut setup = setup(folder.path(), &distant.url());
    let closing = setup.extra.rfind('}').unwrap();
    let keys = ", max_staleness_seconds: 3, on_stale: deny";
    setup.extra.insert_str(closing, keys);
    let companion = TestCompanion::with(&setup, folder);
    companion.furnish().await;
    let alice = companion.register("alice").await;
    let age = async || {
        let (_, text) = companion.gate.admin("/status").await;
        let status: serde_json::Value = serde_json::from_str(&text).unwrap();
        status["issuers"][0]["revocations_age_seconds"].as_f64()
    };
    assert!(age().await.is_some_and(|age| age < 3.0));
    assert_eq!(companion.gate.admin("/readyz").await.1, "ok\n");
    distant.network.silence();
    answers(&companion, &alice, 503).await;
    assert!(age().await.is_some_and(|age| age > 3.0));
    companion
        .gate
        .admin_shows("/readyz", "are not up to date")
        .await;
    companion
        .gate
        .admin_shows("/metrics", "portcullis_revocation_age_seconds{")
        .await;
    let (code, said) = health(companion.gate.app.admin_address()).await;
    assert_eq!(code, Some(0), "{said}");
    let (first, rest) = said.split_once('\n').unwrap();
    assert_eq!(first, "ok");
    assert!(rest.contains("not up to date"), "{said}");
    distant.network.forget();
    answers(&companion, &alice, 200).await;
}

/// What `portcullis health` says, and how it ends.
async fn health(address: SocketAddr) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .args(["health", "--address", &address.to_string()])
        .env_clear();
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.unwrap().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}
