//! The issuer when its database falls silent: connections stay open, and nothing comes back.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use portcullis::clock::UnixSeconds;
use portcullis::store::{Store, StoreLocation};
use portcullis::token::Subject;
use serde_json::json;

use crate::feed::network::Network;
use crate::issuer::error;
use crate::issuer_process::healed;
use crate::postgres::Postgres;
use crate::test_companion::{PASSWORD, TestCompanion};

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
        let subject = Subject::User(user.to_owned());
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
    let refused = async {
        while companion.check("GET", "/orders/1", token).await != 401 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap();
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
