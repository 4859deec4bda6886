//! Two issuers on one PostgreSQL, three gates without database credentials, an Envoy before each:
//! everything is killed in turn under load, and the history is held against what was promised.

mod history;
mod node;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, try_exchange};
use crate::envoy_process::{Door, Envoy, HeaderEncoding, NEWEST};
use crate::postgres::Postgres;
use crate::test_companion::{ADMIN_PASSWORD, PASSWORD, basic, bearer};
use crate::upstream::Upstream;
use history::{Check, History};
use node::{Node, free_addresses};

use portcullis::config::ListenAddress;

const APPS_PER_USER: usize = 15;
const USERS: [&str; 2] = ["alice", "bobby"];

/// How long a history is recorded after each killing.
const PAUSE: Duration = Duration::from_millis(700);

/// Far more than any step takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_mins(1);

struct Fleet {
    issuers: [Node; 2],
    gates: Vec<(Node, Envoy)>,
    _upstream: Upstream,
    _folder: tempfile::TempDir,
    _postgres: Postgres,
}

/// An app and the token that the test is about.
struct Holder {
    key: String,
    secret: String,
    token: String,
}

impl Fleet {
    async fn start(postgres: Postgres) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = postgres.database("fleet");
        let addresses = free_addresses(14);
        let (first, second) = (&addresses[0..3], &addresses[3..6]);
        let mut issuers = [first, second].map(|ports| Node::issuer(folder.path(), &store, ports));
        for issuer in &mut issuers {
            issuer.start().await;
        }
        let feeds = [first[1], second[1]];
        let upstream = Upstream::start().await;
        let mut gates = Vec::new();
        for ports in addresses[6..12].chunks(2) {
            let mut gate = Node::gate(folder.path(), &feeds, ports);
            gate.start().await;
            let door = Door::new("door", &ListenAddress::Tcp(ports[1]), HeaderEncoding::Raw);
            gates.push((gate, Envoy::start(NEWEST, &[door], upstream.address).await));
        }
        Self {
            issuers,
            gates,
            _upstream: upstream,
            _folder: folder,
            _postgres: postgres,
        }
    }

    fn issuers(&self) -> [SocketAddr; 2] {
        [self.issuers[0].service, self.issuers[1].service]
    }

    /// Every app gets a token that may read orders.
    async fn holders(&self) -> Vec<Holder> {
        let issuer = self.issuers[0].service;
        let admin = login(issuer, "admin", ADMIN_PASSWORD).await;
        let scope = json!({"name": "orders.read", "description": ""});
        let made = post(issuer, "/backend/scope", &[&bearer(&admin)], &scope).await;
        assert_eq!(made.unwrap().status, 201);
        let mut holders = Vec::new();
        for user in USERS {
            let body = json!({"username": user, "email": format!("{user}@x.example"), "password": PASSWORD});
            let made = post(issuer, "/consumer/register", &[], &body).await;
            assert_eq!(made.unwrap().status, 201);
            give_role(issuer, &admin, user).await;
            let token = login(issuer, user, PASSWORD).await;
            for number in 0..APPS_PER_USER {
                let body = json!({"name": format!("app-{number}")});
                let made = post(issuer, "/consumer/app", &[&bearer(&token)], &body).await;
                let made = made.unwrap().json();
                let text = |name: &str| made[name].as_str().unwrap().to_owned();
                let (key, secret) = (text("app_key"), text("app_secret"));
                let form = "grant_type=client_credentials&scope=orders.read";
                let granted = send_form(issuer, "/authorization/token", &key, &secret, form).await;
                let token = granted.unwrap().json()["access_token"].clone();
                let token = token.as_str().unwrap().to_owned();
                holders.push(Holder { key, secret, token });
            }
        }
        holders
    }
}

/// A role with the shop's scope for the user.
async fn give_role(issuer: SocketAddr, admin: &str, user: &str) {
    let role = json!({"name": format!("reader-{user}"), "scopes": ["orders.read"]});
    let made = post(issuer, "/backend/role", &[&bearer(admin)], &role).await;
    assert_eq!(made.unwrap().status, 201);
    let roles = json!({"roles": ["consumer", format!("reader-{user}")]});
    let path = format!("/backend/user/{user}");
    let changed = send(issuer, "PUT", &path, &[&bearer(admin)], &roles).await;
    let changed = changed.unwrap();
    assert_eq!(changed.status, 200, "{changed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_revoked_token_passes_and_no_other_is_refused_whatever_is_killed() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let mut fleet = Fleet::start(postgres).await;
    let holders = Arc::new(fleet.holders().await);
    let history = Arc::new(History::new(holders.len()));
    let stopped = Arc::new(AtomicBool::new(false));

    let mut tasks = Vec::new();
    for (gate, (_, envoy)) in fleet.gates.iter().enumerate() {
        let (history, holders) = (Arc::clone(&history), Arc::clone(&holders));
        let (stopped, envoy) = (Arc::clone(&stopped), envoy.address("door"));
        tasks.push(tokio::spawn(async move {
            for turn in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                // Every other time the token that is being taken back at the moment.
                let token = match turn % 2 {
                    0 => history.last_begun(),
                    _ => turn / 2 % holders.len(),
                };
                let began = Instant::now();
                let status = call(envoy, &holders[token].token).await;
                history.checked(Check {
                    gate,
                    token,
                    began,
                    status,
                });
            }
        }));
    }
    // Every third token lives; the others are taken back one after the other.
    let revoker = {
        let (history, holders) = (Arc::clone(&history), Arc::clone(&holders));
        let issuers = fleet.issuers();
        tokio::spawn(async move {
            for (token, holder) in holders
                .iter()
                .enumerate()
                .filter(|(token, _)| token % 3 != 0)
            {
                history.revocation_began(token);
                revoke(&issuers, token, holder).await;
                history.revoked(token, Instant::now());
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
        })
    };

    // Beside it people log in, at whichever issuer is up.
    let logins = {
        let (stopped, issuers) = (Arc::clone(&stopped), fleet.issuers());
        tokio::spawn(async move {
            let body = json!({"username": USERS[0], "password": PASSWORD});
            let mut succeeded = 0;
            for turn in 0_usize.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let answer = post(issuers[turn % 2], "/consumer/login", &[], &body).await;
                succeeded += usize::from(answer.is_ok_and(|answer| answer.status == 200));
            }
            succeeded
        })
    };

    for round in 0..2 {
        let issuer = &mut fleet.issuers[round];
        history.cut(None, Instant::now());
        issuer.kill();
        tokio::time::sleep(PAUSE).await;
        fleet.issuers[round].start().await;
        for number in 0..fleet.gates.len() {
            fleet.gates[number].0.follows().await;
        }
        history.healed(None, Instant::now());
        let gate = round;
        history.cut(Some(gate), Instant::now());
        fleet.gates[gate].0.kill();
        tokio::time::sleep(PAUSE / 2).await;
        fleet.gates[gate].0.start().await;
        history.healed(Some(gate), Instant::now());
        tokio::time::sleep(PAUSE).await;
    }
    history.cut(Some(2), Instant::now());
    fleet.gates[2].0.kill();
    fleet.gates[2].0.start().await;
    history.healed(Some(2), Instant::now());

    revoker.await.unwrap();
    settled(&fleet).await;
    telling(&history).await;
    stopped.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    // Few on a machine with much else to do, where each password takes its time.
    assert!(logins.await.unwrap() > 2);
    history.holds();
    for (_, envoy) in &fleet.gates {
        for (token, holder) in holders.iter().enumerate() {
            let expected = if token % 3 == 0 { 200 } else { 401 };
            let status = call(envoy.address("door"), &holder.token).await;
            assert_eq!(status, expected, "after healing, token {token}");
        }
    }
}

/// Waits until enough checks were answered to tell something by them.
async fn telling(history: &History) {
    let deadline = Instant::now() + PATIENCE;
    while !history.is_telling() {
        assert!(Instant::now() < deadline, "too few checks are answered");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until every gate knows as much of the log as every other.
async fn settled(fleet: &Fleet) {
    let positions = async || {
        let mut positions = Vec::new();
        for (gate, _) in &fleet.gates {
            positions.push(gate.log_position().await);
        }
        positions
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let known = positions().await;
        let all_the_same = known.iter().all(|position| *position == known[0]);
        if all_the_same && known[0] >= (2 * APPS_PER_USER * USERS.len() / 3) as u64 {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "the gates stay apart, at the positions {known:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Takes the token back at one issuer, or at the other where that one is gone.
async fn revoke(issuers: &[SocketAddr; 2], token: usize, holder: &Holder) {
    let form = format!("token={}", holder.token);
    let deadline = Instant::now() + PATIENCE;
    for attempt in token.. {
        let issuer = issuers[attempt % 2];
        let path = "/authorization/revoke";
        let answer = send_form(issuer, path, &holder.key, &holder.secret, &form).await;
        if answer.as_ref().is_ok_and(|answer| answer.status == 200) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "no issuer takes token {token} back: {answer:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A call through Envoy; 0 where it could not be made.
async fn call(envoy: SocketAddr, token: &str) -> u16 {
    let request = format!(
        "GET /orders/1 HTTP/1.1\r\nhost: shop.example\r\nconnection: close\r\n{}\r\n\r\n",
        bearer(token)
    );
    let answer = try_exchange(envoy, request.as_bytes()).await;
    answer.map_or(0, |answer| answer.status)
}

async fn login(issuer: SocketAddr, username: &str, password: &str) -> String {
    let body = json!({"username": username, "password": password});
    let answer = post(issuer, "/consumer/login", &[], &body).await.unwrap();
    answer.json()["token"].as_str().unwrap().to_owned()
}

async fn post(
    issuer: SocketAddr,
    path: &str,
    headers: &[&str],
    body: &Value,
) -> std::io::Result<Answer> {
    send(issuer, "POST", path, headers, body).await
}

async fn send(
    issuer: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &Value,
) -> std::io::Result<Answer> {
    let json = "content-type: application/json";
    let headers = [&[json], headers].concat();
    request(issuer, method, path, &headers, &body.to_string()).await
}

async fn send_form(
    issuer: SocketAddr,
    path: &str,
    key: &str,
    secret: &str,
    form: &str,
) -> std::io::Result<Answer> {
    let headers = [crate::test_companion::FORM, &basic(key, secret)];
    request(issuer, "POST", path, &headers, form).await
}

async fn request(
    issuer: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> std::io::Result<Answer> {
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n\
         content-length: {}\r\n",
        body.len()
    );
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    let text = format!("{text}\r\n{body}");
    try_exchange(issuer, text.as_bytes()).await
}
