//! Wiring: from a configuration to listeners that serve ([`start`]), and back to silence.

mod addresses;
mod client_address;
#[cfg_attr(not(feature = "issuer"), path = "app/no_companion.rs")]
mod companion;
mod connection;
#[cfg(feature = "issuer")]
mod feed;
mod gate_threads;
mod gate_view;
mod handshakes;
mod http;
mod http2_limits;
mod intake;
mod listener_tls;
mod loaded;
mod portable;
mod read_turns;
mod serving;
mod socket;
#[cfg_attr(not(feature = "traces"), path = "app/no_spans.rs")]
mod spans;
mod start;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::authorizer::Authorizer;
use crate::config::ListenAddress;
use crate::gate::DecisionLog;
use crate::reload::{LoadError, Loader};
use crate::shutdown::{Phase, Shutdown};

use addresses::Addresses;
use gate_threads::GateThreads;
use listener_tls::ListenerTls;
use spans::Spans;

pub use start::{build, build_with_clock};

/// The longest that work under way is waited for once listeners have closed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A gate that serves. It goes on until it is stopped or dropped.
pub struct App {
    addresses: Addresses,
    tls: ListenerTls,
    authorizer: Arc<Authorizer>,
    loader: Arc<Loader>,
    decisions: DecisionLog,
    shutdown: Shutdown,
    keys_loaded: watch::Receiver<bool>,
    drain: Duration,
    servers: Vec<JoinHandle<()>>,
    /// Checks run here and nothing else does.
    gate: Option<GateThreads>,
    /// Probes, metrics, fetches and reloads run here.
    control: Option<Runtime>,
    /// The issuer runs here, if there is one.
    issuer: Option<Runtime>,
    /// Where the authz listener shakes hands, if it speaks TLS.
    handshakes: Option<Runtime>,
    /// Sends the spans of checks; absent without a section `traces`.
    spans: Option<Spans>,
}

impl App {
    /// Where checks are answered; the real port where the configuration says 0.
    pub fn authz_address(&self) -> &ListenAddress {
        &self.addresses.authz
    }

    /// Where probes and metrics are answered.
    pub fn admin_address(&self) -> SocketAddr {
        self.addresses.admin
    }

    /// Where probes are answered without TLS, if they are.
    pub fn plain_admin_address(&self) -> Option<SocketAddr> {
        self.addresses.plain_admin
    }

    /// Where the issuer is, if there is one.
    pub fn issuer_address(&self) -> Option<SocketAddr> {
        self.addresses.issuer
    }

    /// Where the feed is, if there is one.
    pub fn feed_address(&self) -> Option<SocketAddr> {
        self.addresses.feed
    }

    pub fn authorizer(&self) -> &Arc<Authorizer> {
        &self.authorizer
    }

    /// Waits until every issuer has had keys; the same as at `/readyz`, before it drains.
    pub async fn ready(&self) {
        // The sender lives in the admin listener: once that is gone, nobody is ready any more.
        if self
            .keys_loaded
            .clone()
            .wait_for(|loaded| *loaded)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }

    /// Reads certificates, policy, keys and trust anew; on failure what serves goes on serving.
    pub fn reload(&self) -> Result<(), LoadError> {
        self.tls.reload();
        self.loader.reload(&self.authorizer)
    }

    /// Falls out of readiness, serves on for the drain delay, lets work under way end, and stops.
    /// Each end of `hurry` ends one of the two waits.
    pub async fn drain(&mut self, mut hurry: impl AsyncFnMut()) {
        self.shutdown.advance(Phase::Draining);
        tracing::info!(drain.seconds = self.drain.as_secs(), "draining");
        tokio::select! {
            () = tokio::time::sleep(self.drain) => {}
            () = hurry() => {}
        }
        self.shutdown.advance(Phase::Stopping);
        tracing::info!("closing the listeners; finishing work in progress");
        // Taken out, so that a second call finds nothing to wait for.
        let servers = std::mem::take(&mut self.servers);
        let (gate, spans) = (self.gate.as_mut(), self.spans.take());
        let stopping = async {
            if let Some(threads) = gate {
                threads.ended().await;
            }
            // Nothing adds to them any more.
            if let Some(spans) = spans {
                spans.flush().await;
            }
            for server in servers {
                // A server that panicked has stopped as well.
                let _ = server.await;
            }
        };
        tokio::select! {
            () = stopping => {}
            () = tokio::time::sleep(STOP_PATIENCE) => {
                tracing::warn!("work in progress did not finish in time; it is aborted");
            }
            () = hurry() => tracing::warn!("work in progress is aborted by a second signal"),
        }
        // After the last check: what was withheld since the last line is not told otherwise.
        self.decisions.tell_withheld();
        tracing::info!("stopped");
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.shutdown.advance(Phase::Stopping);
        self.gate = None;
        // In the background, because an app may be dropped where blocking is not allowed.
        let runtimes = [&mut self.control, &mut self.issuer, &mut self.handshakes];
        for runtime in runtimes.into_iter().filter_map(Option::take) {
            runtime.shutdown_background();
        }
        if let ListenAddress::Unix(path) = &self.addresses.authz {
            // Already gone is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}
