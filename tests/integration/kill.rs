//! `kill -9` at any moment loses nothing that was answered, and leaves nothing half written: the
//! issuer is killed among its writers again and again, and so is PostgreSQL.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use sqlx::Row;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::issuer_process::{
    CLIENT_CREDENTIALS, PATIENCE, Process, call, client, healed, json_headers, refresh, send, text,
    token,
};
use crate::postgres::Postgres;
use crate::test_app::write_files;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, TestClient, setup};
use crate::test_issuer::TestIssuer;

const ROUNDS: usize = 8;

/// Chains of refreshes at a time.
const CHAINS: usize = 6;

const APPS_A_ROUND: usize = 6;

/// A user may have so many apps and no more.
const ROUNDS_A_USER: usize = 2;

const USERS: usize = ROUNDS / ROUNDS_A_USER + 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_issuer_has_kept_what_it_answered_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/store.db", folder.path().display());
    let mut trial = Trial::start(folder.path(), &store, 0x5eed).await;
    for _ in 0..ROUNDS {
        trial.round(Victim::Issuer).await;
    }
    let file = folder.path().join("store.db");
    trial.holds_together(file.to_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_issuer_or_database_has_kept_what_was_answered_in_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let url = postgres.database("killed");
    let mut trial = Trial::start(folder.path(), &url, 0xdead).await;
    for _ in 0..ROUNDS {
        trial.round(Victim::Issuer).await;
    }
    for _ in 0..2 {
        trial.round(Victim::Database(&postgres)).await;
    }
    trial.holds_together(&url).await;
}

/// What dies in a round.
#[derive(Clone, Copy)]
enum Victim<'p> {
    Issuer,
    Database(&'p Postgres),
}

/// What was answered and is therefore to be kept.
#[derive(Default)]
struct Answered {
    apps: Vec<TestClient>,
    /// Refresh tokens that nobody has used.
    fresh: Vec<String>,
    /// By chain, the last token that was answered. Its use may have been under way.
    chains: HashMap<usize, String>,
}

struct Trial {
    folder: std::path::PathBuf,
    issuer: Process,
    random: u64,
    /// The bearer tokens of the users whose apps are made.
    users: Vec<String>,
    app: Arc<TestClient>,
    answered: Arc<Mutex<Answered>>,
    rounds: usize,
}

impl Trial {
    async fn start(folder: &Path, store: &str, seed: u64) -> Self {
        let mut setup = setup(folder, store);
        // More tokens are kept here than one app may usually have.
        let kept = "issuer: {refresh_token: {max_grants: 100000}, ";
        setup.extra = setup.extra.replace("issuer: {", kept);
        assert!(setup.extra.contains(kept));
        write_files(folder, &setup, &TestIssuer::new("key-1"));
        let issuer = Process::start(folder);
        let address = issuer.address;
        let post = async |path: &str, body: Value, token: &str| {
            let answer = call(address, path, &json_headers(token), &body.to_string()).await;
            let (status, body) = answer.expect("an answer");
            assert!(status < 300, "{path}: {body}");
            body
        };
        let login = json!({"username": "admin", "password": ADMIN_PASSWORD});
        let admin = text(&post("/consumer/login", login, "").await, "token");
        let scope = json!({"name": "orders.read", "description": "for tests"});
        post("/backend/scope", scope, &admin).await;
        let role = json!({"scopes": ["consumer.account", "consumer.app", "orders.read"]});
        let (path, headers) = ("/backend/role/consumer", json_headers(&admin));
        let changed = send(address, "PUT", path, &headers, &role.to_string()).await;
        assert_eq!(changed.expect("an answer").0, 200);
        let mut users = Vec::new();
        for number in 0..USERS {
            let (name, email) = (format!("user-{number}"), format!("{number}@shop.example"));
            let user = json!({"username": name, "email": email, "password": PASSWORD});
            post("/consumer/register", user, "").await;
            let login = json!({"username": name, "password": PASSWORD});
            users.push(text(&post("/consumer/login", login, "").await, "token"));
        }
        let app = client(&post("/consumer/app", json!({"name": "first"}), &users[0]).await);
        Self {
            folder: folder.to_owned(),
            issuer,
            random: seed,
            users,
            app: Arc::new(app),
            answered: Arc::default(),
            rounds: 0,
        }
    }

    /// Writers write until, after so many answers, the victim dies; then it is started again, and
    /// all that was answered is there and works.
    async fn round(&mut self, victim: Victim<'_>) {
        // Knuth's MMIX; how many answers come first differs from round to round.
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let answers = 10 + (self.random >> 33) % 200;
        let (told, mut ticks) = mpsc::unbounded_channel();
        let mut writers = JoinSet::new();
        for chain in 0..CHAINS {
            writers.spawn(self.writer(told.clone()).refreshes(chain));
        }
        for _ in 0..2 {
            writers.spawn(self.writer(told.clone()).gets_tokens());
        }
        let user = self.users[self.rounds / ROUNDS_A_USER].clone();
        writers.spawn(self.writer(told).makes_apps(self.rounds, user));
        self.rounds += 1;
        for _ in 0..answers {
            let tick = tokio::time::timeout(PATIENCE, ticks.recv()).await;
            assert!(tick.unwrap().is_some(), "the writers have stopped");
        }
        match victim {
            Victim::Issuer => self.issuer.kill(),
            Victim::Database(postgres) => postgres.crash(),
        }
        // Each writes until it gets no answer.
        while let Some(writer) = writers.join_next().await {
            writer.unwrap();
        }
        match victim {
            Victim::Issuer => self.issuer = Process::start(&self.folder),
            Victim::Database(postgres) => postgres.resume(),
        }
        self.answered_is_kept().await;
    }

    fn writer(&self, told: mpsc::UnboundedSender<()>) -> Writer {
        Writer {
            address: self.issuer.address,
            app: Arc::clone(&self.app),
            answered: Arc::clone(&self.answered),
            told,
        }
    }

    async fn answered_is_kept(&mut self) {
        let address = self.issuer.address;
        let mut answered = std::mem::take(&mut *self.answered.lock().unwrap());
        healed(address, &self.app).await;
        for app in &answered.apps {
            let got = token(address, app, CLIENT_CREDENTIALS).await;
            assert_eq!(got.expect("an answer").0, 200, "an app is lost");
        }
        for fresh in &answered.fresh {
            let got = token(address, &self.app, &refresh(fresh)).await;
            let (status, body) = got.expect("an answer");
            assert_eq!(status, 200, "a token is lost: {body}");
        }
        for last in answered.chains.values_mut() {
            // A successor whose answer was lost is unused: this is the retry that replaces it.
            let got = token(address, &self.app, &refresh(last)).await;
            let (status, body) = got.expect("an answer");
            assert_eq!(status, 200, "a chain is broken: {body}");
            *last = text(&body, "refresh_token");
        }
        self.answered.lock().unwrap().chains = answered.chains;
    }

    /// The rows of one write are there together or not at all.
    async fn holds_together(self, store: &str) {
        drop(self.issuer);
        sqlx::any::install_default_drivers();
        let url = if store.starts_with('/') {
            format!("sqlite://{store}")
        } else {
            store.to_owned()
        };
        let pool = sqlx::AnyPool::connect(&url).await.unwrap();
        let count = async |text: &str| {
            let row = sqlx::query(sqlx::AssertSqlSafe(text))
                .fetch_one(&pool)
                .await
                .unwrap();
            row.get::<i64, _>(0)
        };
        for halves in [
            "SELECT COUNT(*) FROM apps a WHERE NOT EXISTS \
             (SELECT 1 FROM app_secrets s WHERE s.app_key = a.app_key)",
            "SELECT COUNT(*) FROM apps a WHERE a.follows_owner = 0 AND NOT EXISTS \
             (SELECT 1 FROM app_scopes s WHERE s.app_key = a.app_key)",
            // Used ones are trimmed, so the next of an old one may be gone; the last never is.
            "SELECT COUNT(*) FROM refresh_tokens t WHERE t.used_at > 0 AND NOT EXISTS \
             (SELECT 1 FROM refresh_tokens s WHERE s.family = t.family AND s.used_at = 0)",
        ] {
            assert_eq!(count(halves).await, 0, "{halves}");
        }
        assert!(count("SELECT COUNT(*) FROM refresh_tokens").await > 100);
        if store.starts_with('/') {
            let row = sqlx::query("PRAGMA integrity_check").fetch_one(&pool);
            assert_eq!(row.await.unwrap().get::<String, _>(0), "ok");
        }
    }
}

/// Writes one thing after another, and notes what was answered, until no answer comes.
struct Writer {
    address: SocketAddr,
    app: Arc<TestClient>,
    answered: Arc<Mutex<Answered>>,
    told: mpsc::UnboundedSender<()>,
}

impl Writer {
    async fn refreshes(self, chain: usize) {
        loop {
            let last = self.answered.lock().unwrap().chains.get(&chain).cloned();
            let form = last
                .as_deref()
                .map_or(CLIENT_CREDENTIALS.to_owned(), refresh);
            let Some((200, body)) = token(self.address, &self.app, &form).await else {
                return;
            };
            let next = text(&body, "refresh_token");
            self.answered.lock().unwrap().chains.insert(chain, next);
            let _ = self.told.send(());
        }
    }

    async fn gets_tokens(self) {
        while let Some((200, body)) = token(self.address, &self.app, CLIENT_CREDENTIALS).await {
            let fresh = text(&body, "refresh_token");
            self.answered.lock().unwrap().fresh.push(fresh);
            let _ = self.told.send(());
        }
    }

    async fn makes_apps(self, round: usize, user: String) {
        for number in 0..APPS_A_ROUND {
            let body = json!({"name": format!("app-{round}-{number}")}).to_string();
            let answer = call(self.address, "/consumer/app", &json_headers(&user), &body).await;
            let Some((201, body)) = answer else {
                return;
            };
            self.answered.lock().unwrap().apps.push(client(&body));
            let _ = self.told.send(());
        }
    }
}
