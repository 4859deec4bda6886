//! A feed whose revocations this process makes up, and gates that follow one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portcullis::clock::SystemClock;
use portcullis::feed::{
    FeedAccess, FeedClient, FeedHost, FeedListener, FeedService, FeedSettings, GateView, HEARTBEAT,
    Hub, HubStatistics,
};
use portcullis::revocation::{OnStale, RevocationList};
use portcullis::token::{Algorithm, LogPosition};
use tokio::runtime::{Builder, Handle, Runtime};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::fixture::{AUDIENCE, Files, ISSUER, Issuer};
use crate::loops::revocations;

/// How long an issuer gathers rows before it sends them together.
const GATHER: Duration = Duration::from_millis(5);

/// More than any part of the report lists.
const MAX_REVOCATIONS: usize = 2_000_000;

/// The feed of an issuer with so many revocations.
pub(crate) struct Feed {
    log: Arc<Log>,
    address: SocketAddr,
    /// Serves the feed; ends with it.
    _runtime: Runtime,
}

struct Log {
    hub: Arc<Hub>,
    list: Arc<RevocationList>,
    head: AtomicU64,
}

impl Feed {
    pub(crate) fn start(issuer: &Issuer, entries: u64) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let entered = runtime.enter();
        let list = Arc::new(RevocationList::new(MAX_REVOCATIONS));
        let clock = Arc::new(SystemClock);
        let hub = Hub::new(ISSUER.to_owned(), "report", Arc::clone(&list), clock);
        hub.set_keys(&issuer.jwks(), &["ES256"]);
        let log = Arc::new(Log {
            hub: Arc::new(hub),
            list,
            head: AtomicU64::new(0),
        });
        log.append(entries);
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let incoming = incoming.with_nodelay(Some(true));
        let address = incoming.local_addr().unwrap();
        let listener = FeedListener {
            address,
            token_file: None,
            tls: None,
            max_subscribers: 16,
        };
        let access = FeedAccess::read(&listener).unwrap();
        let service = FeedService::new(Arc::clone(&log.hub), &access, listener.max_subscribers);
        runtime.spawn(
            Server::builder()
                .add_service(service)
                .serve_with_incoming(incoming),
        );
        let beating = Arc::clone(&log);
        runtime.spawn(async move {
            let mut beat = tokio::time::interval(HEARTBEAT);
            loop {
                beat.tick().await;
                beating.append(0);
                beating.hub.beat();
            }
        });
        drop(entered);
        Self {
            log,
            address,
            _runtime: runtime,
        }
    }

    /// The configuration of a gate that learns keys and revocations from it.
    pub(crate) fn gate_config(&self, files: &Files) -> PathBuf {
        gate_config(files, ISSUER, self.address)
    }

    /// Who follows it, and how.
    pub(crate) fn statistics(&self) -> HubStatistics {
        self.log.hub.statistics()
    }

    /// Revokes so many a second, evenly, until the result is dropped.
    pub(crate) fn revoke(&self, rate: u64) -> Revoking {
        let ended = Arc::new(AtomicBool::new(false));
        let (log, end) = (Arc::clone(&self.log), Arc::clone(&ended));
        let thread = std::thread::spawn(move || {
            let begun = Instant::now();
            let mut made = 0;
            while !end.load(Ordering::Relaxed) {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the pace of an issuer's batches, and no event"
                )]
                std::thread::sleep(GATHER);
                let due = begun.elapsed().as_secs_f64() * rate as f64;
                // A count far below what fits.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "above"
                )]
                let due = due as u64;
                log.append(due - made);
                made = due;
            }
        });
        Revoking {
            ended,
            thread: Some(thread),
        }
    }
}

impl Log {
    /// As an issuer does it that has found further rows in its store.
    fn append(&self, count: u64) {
        let head = self.head.fetch_add(count, Ordering::Relaxed);
        let rows = revocations(head + 1..head + 1 + count);
        self.list.extend(&rows);
        self.hub.append(&rows, LogPosition(head + count));
    }
}

/// Revocations that go on.
pub(crate) struct Revoking {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Revoking {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// The configuration of a gate that knows of `issuer` only what the feed at `address` says.
pub(crate) fn gate_config(files: &Files, issuer: &str, address: SocketAddr) -> PathBuf {
    let text = std::fs::read_to_string(files.config()).unwrap();
    let (head, rest) = text.split_once("trust:\n").unwrap();
    let (_, log) = rest.split_once("log:").unwrap();
    let trust = format!(
        "trust:\n  - issuer: {issuer}\n    audiences: [{AUDIENCE}]\n    algorithms: [ES256]\n    \
         feed: {{addresses: [\"http://{address}\"], on_stale: deny, max_staleness_seconds: 60, \
         max_revocations: {MAX_REVOCATIONS}}}\n"
    );
    let path = files.path(&format!("gate-{}.yaml", address.port()));
    std::fs::write(&path, format!("{head}{trust}log:{log}")).unwrap();
    path
}

/// What a gate has of a feed, without the gate around it.
pub(crate) fn follow(issuer: &str, address: SocketAddr) -> FeedClient {
    let settings = FeedSettings {
        addresses: vec![format!("http://{address}").parse().unwrap()],
        token_file: None,
        ca_file: None,
        identity: None,
        max_staleness: Duration::from_mins(1),
        on_stale: OnStale::Deny,
        start_wait: Duration::ZERO,
        snapshot_file: None,
        max_revocations: MAX_REVOCATIONS,
        report: true,
    };
    let host = FeedHost {
        runtime: Handle::current(),
        clock: Arc::new(SystemClock),
        instance: bytes::Bytes::new(),
        on_keys: Box::new(|| {}),
        gate: GateView::default(),
    };
    FeedClient::start(issuer, &[Algorithm::Es256], settings, None, host).unwrap()
}
