//! Wiring: from a configuration to listeners that serve, and back to silence.

mod client_address;
#[cfg_attr(not(feature = "issuer"), path = "app/no_companion.rs")]
mod companion;
mod connection;
#[cfg(feature = "issuer")]
mod feed;
mod gate_threads;
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

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::authorizer::Authorizer;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ListenAddress};
use crate::gate::DecisionLog;
use crate::reload::{LoadError, Loader};
use crate::shutdown::{Phase, Shutdown};
use crate::telemetry::{LogLosses, SubjectNames};
use crate::tls::{ServerTls, TlsListener};

use companion::Companion;
use gate_threads::GateThreads;
use intake::IntakeTls;
use listener_tls::ListenerTls;
use loaded::{CompanionStatus, Core};
use serving::Serving;
use socket::{AdminSockets, AuthzSocket};
use spans::Spans;

/// The longest that work under way is waited for once listeners have closed.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A gate that serves. It goes on until it is stopped or dropped.
pub struct App {
    authz_address: ListenAddress,
    admin_address: SocketAddr,
    plain_admin_address: Option<SocketAddr>,
    issuer_address: Option<SocketAddr>,
    feed_address: Option<SocketAddr>,
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

/// Starts everything that `config` names. When it fails, nothing is left running or bound.
pub fn build(config: &Config, log_losses: Option<LogLosses>) -> anyhow::Result<App> {
    build_with_clock(config, log_losses, Arc::new(SystemClock))
}

/// The same by another clock, for tests that move it.
pub fn build_with_clock(
    config: &Config,
    log_losses: Option<LogLosses>,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<App> {
    let control_runtime = runtime("control", 1)?;
    let control = control_runtime.handle().clone();
    let names = SubjectNames::load(config.log.subject, config.log.subject_key_file.as_deref())?;
    // The policy, keys and certificates are read before anything listens: no proxy connects to a gate that
    // is about to give up. What the issuer's store lacks ends the start later, when nobody is served yet.
    let core = Core::load(config, &control, Arc::clone(&clock))?;
    let collector = spans::collector(config)?;
    // All sockets before the first is served: where one is taken, the others have answered nobody.
    let admin_sockets = AdminSockets::bind(&config.admin)?;
    let authz_socket = AuthzSocket::bind(&config.authz)?;
    let authz_address = authz_socket.address();
    let (admin_address, plain_admin_address) = admin_sockets.addresses()?;

    let issuer_runtime = companion::threads(config.issuer.as_ref())
        .map(|threads| runtime("issuer", threads))
        .transpose()?;
    let issuing = issuer_runtime.as_ref().map_or(&control, Runtime::handle);
    let companion = Companion::open(config, issuing, &core, &names, Arc::clone(&clock))?;
    let issuer_address = companion.as_ref().map(Companion::address).transpose()?;
    let feed_address = companion.as_ref().and_then(Companion::feed_address);

    let (mut registry, metrics) = core.metrics(log_losses);
    if let Some(companion) = &companion {
        companion.register_metrics(&mut registry);
        companion.set_gate(&core.authorizer);
    }
    // One name for a user in the decision log and in the audit log.
    let names = companion.as_ref().map_or(names, Companion::subject_names);
    let decisions = DecisionLog::new(config.log.decisions, names);
    let gate = core.gate(config, metrics, decisions.clone());
    let spans = collector.map(|collector| Spans::start(collector, &clock, &mut registry, &control));
    let (spans, recorder) = spans.unzip();
    let gate = Arc::new(gate.recording(recorder));
    let serving = Serving::default();
    serving.http.register(&mut registry);
    let readiness = serving.readiness();
    readiness.register(&mut registry);
    let authz_tls = core.tls.of(TlsListener::Authz);
    warn_of_exposure(&authz_address, authz_tls.as_deref());
    let (handshakes, authz_tls) = handshakes(authz_tls)?;
    let gate_threads = serving.authz(&control, gate, authz_socket, authz_tls, &config.authz)?;
    core.tls.watch_expiry(&control, clock, &serving.shutdown);
    let told = CompanionStatus {
        store: companion.as_ref().map(Companion::store_probe),
        feed: companion.as_ref().and_then(Companion::served_feed),
    };
    let admin = core.admin(registry, told, readiness, decisions.clone());
    let (limits, tls) = (config.admin.limits, core.tls.of(TlsListener::Admin));
    let mut servers = serving.admin(&control, admin, admin_sockets, limits, tls)?;
    let (keyring, stopping) = (Arc::clone(&core.keyring), serving.shutdown.clone());
    servers.push(control.spawn(async move {
        stopping.reached(Phase::Stopping).await;
        keyring.saved().await;
    }));
    if let Some(companion) = companion {
        servers.extend(companion.serve(issuing, &serving)?);
    }
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        authz.address = %authz_address,
        admin.address = %admin_address,
        admin.plain_address = plain_admin_address.map(tracing::field::display),
        issuer.address = issuer_address.map(tracing::field::display),
        feed.address = feed_address.map(tracing::field::display),
        policy.digest = core.authorizer.snapshot().policy().digest(),
        policy.routes = core.authorizer.snapshot().policy().routes().len(),
        shadow.policy.digest = core.authorizer.snapshot().shadow().map(|shadow| shadow.policy().digest()),
        "serving"
    );
    serving.await_keys(&control, Arc::clone(&core.keyring));
    serving.withheld_refusals(&control, decisions.clone());
    let (authorizer, loader) = (Arc::clone(&core.authorizer), Arc::clone(&core.loader));
    let tls = core.tls.clone();
    serving.reloads(&control, core);
    Ok(App {
        authz_address,
        admin_address,
        plain_admin_address,
        issuer_address,
        feed_address,
        tls,
        authorizer,
        loader,
        decisions,
        keys_loaded: serving.keys_loaded.subscribe(),
        shutdown: serving.shutdown,
        drain: config.drain,
        servers,
        gate: Some(gate_threads),
        control: Some(control_runtime),
        issuer: issuer_runtime,
        handshakes,
        spans,
    })
}

impl App {
    /// Where checks are answered; the real port where the configuration says 0.
    pub fn authz_address(&self) -> &ListenAddress {
        &self.authz_address
    }

    /// Where probes and metrics are answered.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// Where probes are answered without TLS, if they are.
    pub fn plain_admin_address(&self) -> Option<SocketAddr> {
        self.plain_admin_address
    }

    /// Where the issuer is, if there is one.
    pub fn issuer_address(&self) -> Option<SocketAddr> {
        self.issuer_address
    }

    /// Where the feed is, if there is one.
    pub fn feed_address(&self) -> Option<SocketAddr> {
        self.feed_address
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
        if let ListenAddress::Unix(path) = &self.authz_address {
            // Already gone is as good.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Tokens in checks are as good as those that callers send.
fn warn_of_exposure(authz: &ListenAddress, tls: Option<&ServerTls>) {
    let ListenAddress::Tcp(address) = authz else {
        return;
    };
    if address.ip().is_loopback() {
        return;
    }
    match tls {
        None => tracing::warn!(
            authz.address = %address,
            "the authz listener accepts checks from other hosts in plain text: whoever can read the \
             network reads the tokens in them, and whoever reaches the port may ask; set \
             `listeners.authz.tls`, listen on loopback or a Unix socket beside the proxy, or let a mesh \
             encrypt and authenticate"
        ),
        Some(tls) if !tls.asks_for_clients() => tracing::warn!(
            authz.address = %address,
            "the authz listener accepts checks from whoever reaches the port: set \
             `listeners.authz.tls.client_ca_file`, so that only clients with a certificate may ask"
        ),
        Some(_) => {}
    }
}

/// A thread that shakes hands for the gate threads, where the authz listener speaks TLS.
fn handshakes(tls: Option<Arc<ServerTls>>) -> anyhow::Result<(Option<Runtime>, Option<IntakeTls>)> {
    let Some(tls) = tls else {
        return Ok((None, None));
    };
    let threads = runtime("handshakes", 1)?;
    let runtime = threads.handle().clone();
    Ok((Some(threads), Some(IntakeTls { tls, runtime })))
}

fn runtime(name: &str, threads: usize) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
        .with_context(|| format!("cannot start the threads of `{name}`"))
}
