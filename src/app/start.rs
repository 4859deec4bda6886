//! From a configuration to listeners that serve.

use std::sync::Arc;

use anyhow::Context;
use prometheus_client::registry::Registry;
use tokio::runtime::{Builder, Runtime};

use super::App;
use super::addresses::Addresses;
use super::companion::{self, Companion};
use super::gate_view;
use super::intake::IntakeTls;
use super::loaded::{CompanionStatus, Core};
use super::serving::Serving;
use super::socket::{AdminSockets, AuthzSocket};
use super::spans::{self, Collector, Spans};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ListenAddress};
use crate::gate::{DecisionLog, GateMetrics};
use crate::telemetry::{LogLosses, SubjectNames};
use crate::tls::{ServerTls, TlsListener};

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
    Prepared::load(config, clock)?.serve(log_losses)
}

/// Everything that a start may fail for, loaded and bound. Nobody is served yet.
struct Prepared<'c> {
    config: &'c Config,
    clock: Arc<dyn Clock>,
    control: Runtime,
    issuing: Option<Runtime>,
    core: Core,
    collector: Option<Collector>,
    authz_socket: AuthzSocket,
    admin_sockets: AdminSockets,
    companion: Option<Companion>,
    /// How the decision log names callers.
    names: SubjectNames,
    addresses: Addresses,
}

impl<'c> Prepared<'c> {
    fn load(config: &'c Config, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let control = runtime("control", 1)?;
        let key_file = config.log.subject_key_file.as_deref();
        let names = SubjectNames::load(config.log.subject, key_file)?;
        // The policy, keys and certificates are read before anything listens: no proxy connects to a gate
        // that is about to give up. What the issuer's store lacks ends the start later, when nobody is
        // served yet.
        let core = Core::load(config, control.handle(), Arc::clone(&clock))?;
        let collector = spans::collector(config)?;
        // All sockets before the first is served: where one is taken, the others have answered nobody.
        let admin_sockets = AdminSockets::bind(&config.admin)?;
        let authz_socket = AuthzSocket::bind(&config.authz)?;
        let issuing = companion::threads(config.issuer.as_ref())
            .map(|threads| runtime("issuer", threads))
            .transpose()?;
        let handle = issuing.as_ref().unwrap_or(&control).handle();
        let companion = Companion::open(config, handle, &core, &names, Arc::clone(&clock))?;
        let addresses = Addresses::of(&authz_socket, &admin_sockets, companion.as_ref())?;
        // One name for a user in the decision log and in the audit log.
        let names = companion.as_ref().map_or(names, Companion::subject_names);
        Ok(Self {
            config,
            clock,
            control,
            issuing,
            core,
            collector,
            authz_socket,
            admin_sockets,
            companion,
            names,
            addresses,
        })
    }

    /// The metrics of what is loaded.
    fn metrics(&self, log_losses: Option<LogLosses>) -> (Registry, GateMetrics) {
        let (mut registry, metrics) = self.core.metrics(log_losses);
        if let Some(companion) = &self.companion {
            companion.register_metrics(&mut registry);
        }
        (registry, metrics)
    }

    fn serve(self, log_losses: Option<LogLosses>) -> anyhow::Result<App> {
        let (mut registry, metrics) = self.metrics(log_losses);
        let (config, core, control) = (self.config, self.core, self.control.handle());
        let decisions = DecisionLog::new(config.log.decisions, self.names);
        let serving = Serving::default();
        let view = gate_view::view(&core, &metrics, &serving.shutdown);
        core.keyring.show_gate(view.clone());
        let gate = core.gate(config, metrics, decisions.clone());
        let spans = self
            .collector
            .map(|collector| Spans::start(collector, &self.clock, &mut registry, control));
        let (spans, recorder) = spans.unzip();
        let gate = Arc::new(gate.recording(recorder));
        serving.register_metrics(&mut registry);

        let authz_tls = core.tls.of(TlsListener::Authz);
        warn_of_exposure(&self.addresses.authz, authz_tls.as_deref());
        for warning in config.issuer_warnings() {
            tracing::warn!(config.warning = %warning.problem, "the configuration may not do what is intended");
        }
        let (handshakes, authz_tls) = handshakes(authz_tls)?;
        let socket = self.authz_socket;
        let threads = serving.authz(control, gate, socket, authz_tls, &config.authz)?;
        core.tls
            .watch_expiry(control, self.clock, &serving.shutdown);
        let companion = self.companion.as_ref();
        let told = CompanionStatus {
            store: companion.map(Companion::store_probe),
            feed: companion.and_then(Companion::served_feed),
        };
        let admin = core.admin(registry, told, serving.readiness(), decisions.clone());
        let (limits, tls) = (config.admin.limits, core.tls.of(TlsListener::Admin));
        let mut servers = serving.admin(control, admin, self.admin_sockets, limits, tls)?;
        servers.push(serving.save_keys(control, Arc::clone(&core.keyring)));
        if let Some(companion) = self.companion {
            companion.set_gate(&core.authorizer, core.loader.portal_files(), view);
            let runtime = self.issuing.as_ref().unwrap_or(&self.control).handle();
            servers.extend(companion.serve(runtime, &serving)?);
        }
        self.addresses.tell(&core.authorizer.snapshot());
        serving.await_keys(control, Arc::clone(&core.keyring));
        serving.withheld_refusals(control, decisions.clone());
        let (authorizer, loader) = (Arc::clone(&core.authorizer), Arc::clone(&core.loader));
        let tls = core.tls.clone();
        serving.reloads(control, core);
        Ok(App {
            addresses: self.addresses,
            tls,
            authorizer,
            loader,
            decisions,
            keys_loaded: serving.keys_loaded.subscribe(),
            shutdown: serving.shutdown,
            drain: config.drain,
            servers,
            gate: Some(threads),
            control: Some(self.control),
            issuer: self.issuing,
            handshakes,
            spans,
        })
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
