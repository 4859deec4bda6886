//! How long a check takes while logins flood the issuer in the same process: ten times as many as
//! its threads can hash.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::{MissedTickBehavior, interval};

use crate::client::Client;
use crate::fixture::{Files, Issuer};
use crate::instructions::cached;
use crate::issuing;
use crate::message::HeaderForm;
use crate::processor::median;
use crate::table::{Goal, Table};
use crate::token_client::Connection;

/// Quiet and flood take turns, so that what else the machine does falls on both; the median counts.
const ROUNDS: usize = 5;
const CHECKS: usize = 2_000;
/// One check begins at a time, whether or not the one before has been answered.
const CHECK_INTERVAL: Duration = Duration::from_millis(1);
/// Connections of the flood: more than the hashing pool runs and keeps waiting.
const CONNECTIONS: usize = 256;
const SATURATION: Duration = Duration::from_secs(3);
const FACTOR: f64 = 10.0;

/// Adds the rows of this part.
pub(crate) fn measure(table: &mut Table, issuer: &Issuer, files: &Files) {
    let file = files.path("flood.db");
    let store = format!("sqlite:{}", file.display());
    issuing::prepare(&store);
    let server = issuing::start(files, &store);
    let logins = server.issuer.unwrap();
    let hashed = Flood::start(logins, f64::INFINITY)
        .end_after(SATURATION)
        .answered;
    table.add(
        "logins that the hashing pool takes",
        hashed,
        "/s",
        Goal::None,
    );
    let (mut quiet, mut flooded, mut sent) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quiet.push(latencies(server.address, issuer));
        let flood = Flood::start(logins, hashed * FACTOR);
        flooded.push(latencies(server.address, issuer));
        sent.push(flood.end_after(Duration::ZERO).sent);
    }
    table.add(
        "logins that flood",
        median(sent),
        "/s",
        Goal::Scale { of: hashed },
    );
    for (name, percent) in [("p50", 50), ("p99", 99)] {
        let [of, value] = [&quiet, &flooded].map(|rounds| {
            median(
                rounds
                    .iter()
                    .map(|times| percentile(times, percent))
                    .collect(),
            )
        });
        table.add(&format!("check, {name}, quiet"), of, "µs", Goal::None);
        let goal = match name {
            "p99" => Goal::Ratio { of, most: 2.0 },
            _ => Goal::Scale { of },
        };
        table.add(
            &format!("check, {name}, while logins flood"),
            value,
            "µs",
            goal,
        );
    }
    server.stop();
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// How long each check took, in microseconds, sorted.
fn latencies(address: SocketAddr, issuer: &Issuer) -> Vec<f64> {
    let load = cached(issuer, HeaderForm::Listed, 1);
    runtime().block_on(async {
        let client = Client::connect(address).await;
        client.run(&load, 0..100).await;
        let mut ticks = interval(CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut checks = tokio::task::JoinSet::new();
        for number in 0..CHECKS {
            ticks.tick().await;
            // Not when the tick was due: timers are as coarse as the interval.
            let begun = Instant::now();
            let (client, load) = (client.clone(), load.clone());
            checks.spawn(async move {
                client.run(&load, number..number + 1).await;
                begun.elapsed().as_secs_f64() * 1e6
            });
        }
        let mut times = checks.join_all().await;
        times.sort_by(f64::total_cmp);
        times
    })
}

pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let position = sorted.len() * percent / 100;
    sorted[position.min(sorted.len() - 1)]
}

/// Logins under way, on a thread of their own.
struct Flood {
    thread: JoinHandle<()>,
    counters: Arc<Counters>,
    begun: Instant,
}

#[derive(Default)]
struct Counters {
    ended: AtomicUsize,
    sent: AtomicUsize,
    /// By the hashing pool, not by a refusal of more.
    answered: AtomicUsize,
}

/// A second.
struct Rates {
    sent: f64,
    answered: f64,
}

impl Flood {
    /// So many a second, as far as they are answered.
    fn start(address: SocketAddr, rate: f64) -> Self {
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        let thread = std::thread::spawn(move || runtime().block_on(flood(address, rate, shared)));
        Self {
            thread,
            counters,
            begun: Instant::now(),
        }
    }

    fn end_after(self, duration: Duration) -> Rates {
        runtime().block_on(async { tokio::time::sleep(duration).await });
        let elapsed = self.begun.elapsed().as_secs_f64();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed) as f64 / elapsed;
        let rates = Rates {
            sent: count(&self.counters.sent),
            answered: count(&self.counters.answered),
        };
        self.counters.ended.store(1, Ordering::Relaxed);
        self.thread.join().unwrap();
        rates
    }
}

async fn flood(address: SocketAddr, rate: f64, counters: Arc<Counters>) {
    let body = r#"{"username": "nobody", "password": "pfannkuchen mit apfelmus"}"#;
    let request: Arc<[u8]> = format!(
        "POST /consumer/login HTTP/1.1\r\nhost: id.shop.example\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
    .into();
    // Without a rate: as many as the pool runs and keeps waiting, and no more.
    let connections = if rate.is_finite() { CONNECTIONS } else { 16 };
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..connections {
        let (counters, request) = (Arc::clone(&counters), Arc::clone(&request));
        clients.spawn(async move {
            let mut connection = Connection::open(address).await;
            let pause = Duration::from_secs_f64(connections as f64 / rate);
            let mut ticks = interval(pause.max(Duration::from_nanos(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            while counters.ended.load(Ordering::Relaxed) == 0 {
                if rate.is_finite() {
                    ticks.tick().await;
                }
                counters.sent.fetch_add(1, Ordering::Relaxed);
                if connection.exchange(&request).await.status == 401 {
                    counters.answered.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    clients.join_all().await;
}
