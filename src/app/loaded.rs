//! What is loaded before any listener opens, and what is made of it.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use super::listener_tls::ListenerTls;
use crate::admin::{Admin, Readiness, ServedFeed, StoreProbe};
use crate::authorizer::{Authorizer, AuthorizerMetrics};
use crate::clock::Clock;
use crate::config::Config;
use crate::gate::{DecisionLog, Gate, GateMetrics, KeyRefresh};
use crate::keyring::{KeyMetrics, Keyring};
use crate::reload::watch::{FileWatcher, WatchSettings};
use crate::reload::{Inputs, LoadError, Loader, ReadInputs, ReloadMetrics};
use crate::telemetry::{self, LogLosses};
use crate::tls::TlsMetrics;

/// What the issuer tells of itself at `/status`.
pub(super) struct CompanionStatus {
    pub(super) store: Option<StoreProbe>,
    pub(super) feed: Option<Box<dyn Fn() -> ServedFeed + Send + Sync>>,
}

/// What is loaded before any listener opens.
pub(super) struct Core {
    pub(super) watcher: FileWatcher,
    pub(super) tls: ListenerTls,
    pub(super) keyring: Arc<Keyring>,
    pub(super) loader: Arc<Loader>,
    pub(super) authorizer: Arc<Authorizer>,
}

impl Core {
    pub(super) fn load(
        config: &Config,
        control: &Handle,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let inputs = config.inputs();
        // Watched before it is read: a change in between is seen.
        let paths = inputs
            .watched_paths()
            .into_iter()
            .chain(ListenerTls::files(config));
        let watcher = FileWatcher::start(paths, WatchSettings::default(), control);
        let tls = ListenerTls::load(config, &clock)?;
        let keyring = Keyring::new(control.clone(), Arc::clone(&clock));
        let (loader, snapshot) = Loader::start(
            inputs,
            reader(config.clone()),
            Arc::clone(&keyring),
            Arc::clone(&clock),
        )?;
        let authorizer = Arc::new(Authorizer::new(snapshot, config.cache, clock));
        // Publishes what has come meanwhile. What comes from here on, the keyring publishes by itself.
        keyring.serve(&authorizer);
        Ok(Self {
            watcher,
            tls,
            keyring,
            loader: Arc::new(loader),
            authorizer,
        })
    }

    pub(super) fn metrics(&self, log_losses: Option<LogLosses>) -> (Registry, GateMetrics) {
        let mut registry = Registry::with_prefix("portcullis");
        let metrics = GateMetrics::register(&mut registry);
        AuthorizerMetrics::register(&self.authorizer, &mut registry);
        ReloadMetrics::register(&self.loader, &mut registry);
        KeyMetrics::register(&self.keyring, &mut registry);
        TlsMetrics::register(self.tls.all(), &mut registry);
        telemetry::register_build_info(&mut registry);
        if let Some(log_losses) = log_losses {
            registry.register_collector(Box::new(log_losses));
        }
        (registry, metrics)
    }

    pub(super) fn gate(&self, config: &Config, metrics: GateMetrics, log: DecisionLog) -> Gate {
        let settings = config.gate_settings();
        let authorizer = Arc::clone(&self.authorizer);
        let keys: Arc<dyn KeyRefresh> = Arc::clone(&self.keyring) as _;
        Gate::new(authorizer, settings, log, metrics, keys)
    }

    pub(super) fn admin(
        &self,
        registry: Registry,
        companion: CompanionStatus,
        readiness: Readiness,
        decisions: DecisionLog,
    ) -> Arc<Admin> {
        // Without a prefix: the names of these metrics are those of all exporters.
        let mut process = Registry::default();
        telemetry::register_process_metrics(&mut process);
        Arc::new(Admin {
            authorizer: Arc::clone(&self.authorizer),
            loader: Arc::clone(&self.loader),
            keyring: Arc::clone(&self.keyring),
            registries: vec![registry, process],
            decisions,
            store_probe: companion.store,
            readiness,
            certificates: self.tls.all(),
            feed: companion.feed,
        })
    }
}

/// Reads the configuration anew; what only a restart can apply is told and left. What would be unsafe
/// if it were left is refused.
fn reader(started_with: Config) -> ReadInputs {
    Box::new(move || {
        let renewed = Config::load(&started_with.path, &started_with.overrides)
            .map_err(|error| LoadError::Config(Box::new(error)))?;
        let unknown = started_with.unknown_token_headers(&renewed);
        // The gate was started without knowing these headers. It would pass callers' copies of them on
        // to the upstream, as if they had been checked.
        if !unknown.is_empty() {
            return Err(LoadError::NewTokenHeaders(unknown));
        }
        let restart_needed = started_with.restart_sections(&renewed);
        for section in &restart_needed {
            tracing::warn!(section, "this section has changed; restart to apply it");
        }
        Ok(Inputs {
            restart_needed,
            ..renewed.inputs()
        })
    })
}
