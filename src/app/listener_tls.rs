//! The TLS of the listeners: loaded before any of them opens, and reloaded with the other files.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::Config;
use crate::shutdown::{Phase, Shutdown};
use crate::tls::{ExpiryWatch, ServerTls, TlsError, TlsListener, TlsSettings};

/// Of the listeners that speak it.
#[derive(Clone)]
pub(super) struct ListenerTls(Vec<Arc<ServerTls>>);

impl ListenerTls {
    pub(super) fn load(config: &Config, clock: &Arc<dyn Clock>) -> Result<Self, TlsError> {
        let loaded = config.tls().map(|(listener, settings)| {
            let tls = ServerTls::load(listener, settings.clone(), Arc::clone(clock))?;
            Ok(Arc::new(tls))
        });
        loaded.collect::<Result<_, _>>().map(Self)
    }

    /// The files of all listeners, which need not be loaded yet.
    pub(super) fn files(config: &Config) -> impl Iterator<Item = PathBuf> {
        let settings = config.tls().map(|(_, settings)| settings);
        settings.flat_map(TlsSettings::files).cloned()
    }

    pub(super) fn watched_paths(&self) -> impl Iterator<Item = PathBuf> {
        self.0.iter().flat_map(|tls| tls.files()).cloned()
    }

    pub(super) fn of(&self, listener: TlsListener) -> Option<Arc<ServerTls>> {
        let found = self.0.iter().find(|tls| tls.listener() == listener);
        found.cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<ServerTls>> {
        self.0.clone()
    }

    /// Reads the files anew; what went wrong is logged and counted there.
    pub(super) fn reload(&self) {
        for tls in &self.0 {
            tls.reload();
        }
    }

    /// Warns of certificates that end soon, until the process does.
    pub(super) fn watch_expiry(
        &self,
        control: &Handle,
        clock: Arc<dyn Clock>,
        shutdown: &Shutdown,
    ) {
        if self.0.is_empty() {
            return;
        }
        let watch = ExpiryWatch::new(self.all(), clock);
        let stopped = shutdown.reached(Phase::Stopping);
        control.spawn(async move {
            tokio::select! {
                () = watch.run() => {}
                () = stopped => {}
            }
        });
    }
}
