//! From the answer to a revocation until gates refuse the token: a real issuer process, a real gate
//! process that follows its feed, and further followers in this process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::clock::{Clock, SystemClock};
use portcullis::feed::FeedClient;
use portcullis::token::{Algorithm, Credential, IssuerRules, Revocable, Trust};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::client::{Client, Expected};
use crate::feed::{follow, gate_config};
use crate::fixture::{AUDIENCE, Files, Issuer};
use crate::flood::percentile;
use crate::issuing::{self, COMPANION};
use crate::message;
use crate::postgres::Postgres;
use crate::server::{Kind, Server, Under};
use crate::table::{Goal, Table};
use crate::token_client::{App, Connection, member, request};

/// Gates that are connected.
const GATES: [usize; 3] = [1, 10, 200];
const REVOCATIONS: usize = 200;

/// How often a gate is asked: the figures are as fine as this.
const LOOK: Duration = Duration::from_millis(1);

/// The longest that a gate may take; beyond, the report fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// The issuer's goals, in milliseconds.
const WORST: f64 = 1_000.0;
const NINETY_NINTH: f64 = 100.0;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, _: &Issuer, files: &Files) {
    // Not beside the configuration, whose folder is watched.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("issuer.db");
    measure_on(
        table,
        files,
        "SQLite",
        &format!("sqlite:{}", file.display()),
    );
    match Postgres::start() {
        Some(postgres) => measure_on(table, files, "PostgreSQL", &postgres.database("feed")),
        None => table.skip("revoked to refused, PostgreSQL", "it is not installed"),
    }
}

fn measure_on(table: &mut Table, files: &Files, name: &str, store: &str) {
    let apps = issuing::prepare(store);
    let near = issuing::start_with_feed(files, store, &format!("near-{name}.yaml"));
    let config = gate_config(files, COMPANION, near.feed.unwrap());
    let gate = Server::start(Kind::Portcullis(&config), &Under::Nothing);
    for gates in GATES {
        let fleet = Fleet {
            issuer: near.issuer.unwrap(),
            feed: near.feed.unwrap(),
            gate: gate.address,
            others: gates - 1,
        };
        let waits = fleet.run(&apps);
        let plural = if gates == 1 { "gate" } else { "gates" };
        tell(
            table,
            &format!("revoked to refused, {name}, {gates} {plural}"),
            &waits,
        );
    }
    let alone = Fleet {
        issuer: near.issuer.unwrap(),
        feed: near.feed.unwrap(),
        gate: near.address,
        others: 0,
    };
    let waits = alone.run(&apps);
    tell(
        table,
        &format!("revoked to refused, {name}, the issuer's own gate"),
        &waits,
    );
    // Another issuer process on the same store, to which the gate is not connected.
    let far = issuing::start_with_feed(files, store, &format!("far-{name}.yaml"));
    let elsewhere = Fleet {
        issuer: far.issuer.unwrap(),
        gate: gate.address,
        ..alone
    };
    let waits = elsewhere.run(&apps);
    tell(
        table,
        &format!("revoked to refused, {name}, by another issuer"),
        &waits,
    );
    for server in [far, gate, near] {
        server.stop();
    }
}

fn tell(table: &mut Table, what: &str, sorted: &[f64]) {
    let worst = sorted[sorted.len() - 1];
    for (name, value, goal) in [
        ("p50", percentile(sorted, 50), Goal::None),
        ("p99", percentile(sorted, 99), Goal::Most(NINETY_NINTH)),
        ("worst", worst, Goal::Most(WORST)),
    ] {
        table.add(&format!("{what}, {name}"), value, "ms", goal);
    }
}

/// Who takes part.
struct Fleet {
    /// Where tokens are given out and taken back.
    issuer: SocketAddr,
    feed: SocketAddr,
    /// A gate that is asked.
    gate: SocketAddr,
    /// Further followers of the feed.
    others: usize,
}

impl Fleet {
    /// How long each gate took for each revocation, in milliseconds, sorted.
    fn run(&self, apps: &[Arc<App>]) -> Vec<f64> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let others: Vec<FeedClient> = (0..self.others)
                .map(|_| follow(COMPANION, self.feed))
                .collect();
            for other in &others {
                timeout(PATIENCE, other.ready()).await.unwrap();
            }
            let mut connection = Connection::open(self.issuer).await;
            let gate = Client::connect(self.gate).await;
            let mut waits = Vec::new();
            for number in 0..REVOCATIONS {
                // So that revocations fall on all moments between two of the issuer's looks.
                let pause = 20 + number * 37 % 101;
                sleep(Duration::from_millis(u64::try_from(pause).unwrap())).await;
                let app = &apps[number % apps.len()];
                waits.extend(revoke(&mut connection, app, &gate, &others).await);
            }
            waits.sort_by(f64::total_cmp);
            waits
        })
    }
}

/// How long each gate lets a token through after the answer that it is revoked.
async fn revoke(
    connection: &mut Connection,
    app: &App,
    gate: &Client,
    others: &[FeedClient],
) -> Vec<f64> {
    let grant = request(app, "/authorization/token", "grant_type=client_credentials");
    let answer = connection.exchange(&grant).await;
    assert_eq!(answer.status, 200);
    let token = member(std::str::from_utf8(answer.body).unwrap(), "access_token").to_owned();
    let check = message::with_token(&token);
    assert_eq!(gate.ask(check.clone()).await, Expected::Allowed);
    let revocable = others.first().map(|other| revocable(other, &token));
    let revocation = request(app, "/authorization/revoke", &format!("token={token}"));
    let answer = connection.exchange(&revocation).await;
    assert_eq!(answer.status, 200);
    let answered = Instant::now();
    let refused = async {
        let mut looks = looks();
        loop {
            looks.tick().await;
            if gate.ask(check.clone()).await == Expected::Refused {
                return answered.elapsed();
            }
        }
    };
    let listed = async {
        let (mut looks, mut waits) = (looks(), Vec::new());
        let Some(revocable) = revocable else {
            return waits;
        };
        let mut waiting: Vec<&FeedClient> = others.iter().collect();
        while !waiting.is_empty() {
            looks.tick().await;
            waiting.retain(|other| {
                let listed = other.revocations().is_revoked(&revocable);
                if listed {
                    waits.push(answered.elapsed());
                }
                !listed
            });
        }
        waits
    };
    let both = timeout(PATIENCE, async { tokio::join!(refused, listed) });
    let (refused, listed) = both.await.expect("every gate hears of a revocation");
    let waits = listed.into_iter().chain([refused]);
    waits.map(|wait| wait.as_secs_f64() * 1e3).collect()
}

fn looks() -> tokio::time::Interval {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

/// What a gate asks its list about this token, once it has verified it.
fn revocable(gate: &FeedClient, token: &str) -> Revocable {
    let algorithms = [Algorithm::Es256];
    let rules = IssuerRules {
        leeway_seconds: 30,
        ..IssuerRules::of_access_tokens("staff", COMPANION, &[AUDIENCE], &algorithms)
    };
    let keys = gate.keys().usable().cloned();
    let trust = Trust::new(vec![(rules, keys)]).unwrap();
    let header = format!("Bearer {token}");
    let Credential::Token(token) = Credential::read([header.as_bytes()].into_iter()) else {
        panic!("the issuer's token is none");
    };
    let Ok(verified) = trust.verify(token, SystemClock.now()) else {
        panic!("the issuer's token does not verify");
    };
    Revocable::of(&verified)
}
