//! Remote key sets: fetched, kept, and published when they change.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::loading::warn_of_skipped;
use super::{Keyring, KeyringError};
use crate::jwks::{Change, Loaded, RemoteKeySettings, RemoteKeySource, RemoteKeys};
use crate::token::{Algorithm, IssuerRules, KeySet, KeySetError};

/// A remote key set and the keys that came last.
pub(super) struct Remote {
    pub(super) settings: RemoteKeySettings,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) ca_pem: Option<Vec<u8>>,
    pub(super) latest: Arc<Mutex<Option<KeySet>>>,
    pub(super) fetcher: RemoteKeys,
}

impl Remote {
    /// Whether it fetches just what these settings ask for.
    pub(super) fn serves(
        &self,
        settings: &RemoteKeySettings,
        algorithms: &[Algorithm],
        ca_pem: Option<&[u8]>,
    ) -> bool {
        self.settings == *settings
            && self.algorithms == algorithms
            && self.ca_pem.as_deref() == ca_pem
    }
}

/// Receives the bodies that a fetcher brings.
struct Sink {
    issuer: Box<str>,
    algorithms: Vec<Algorithm>,
    latest: Arc<Mutex<Option<KeySet>>>,
    keyring: Weak<Keyring>,
}

impl Sink {
    fn receive(&self, json: &[u8]) -> Result<Loaded, KeySetError> {
        let (keys, skipped) = KeySet::from_jwks(json, &self.algorithms)?;
        let count = keys.len();
        let earlier = self.latest.lock().replace(keys.clone());
        let change = if earlier.is_some_and(|earlier| earlier == keys) {
            Change::Unchanged
        } else {
            warn_of_skipped(&self.issuer, &skipped);
            Change::Changed
        };
        if let (Change::Changed, Some(keyring)) = (change, self.keyring.upgrade()) {
            keyring.publish();
        }
        Ok(Loaded {
            keys: count,
            change,
        })
    }
}

impl Keyring {
    /// Begins to fetch the keys of an issuer. Until they come, those from before its entry was edited
    /// serve.
    pub(super) fn fetch(
        self: &Arc<Self>,
        rules: &IssuerRules,
        settings: &RemoteKeySettings,
        ca_pem: Option<Vec<u8>>,
        earlier: Option<KeySet>,
    ) -> Result<Arc<Remote>, KeyringError> {
        let source = RemoteKeySource::new(&*rules.issuer, settings, ca_pem.as_deref());
        let source = source.map_err(|source| KeyringError::Remote {
            issuer: rules.issuer.to_string(),
            source,
        })?;
        let latest = Arc::new(Mutex::new(earlier));
        let sink = Sink {
            issuer: rules.issuer.clone(),
            algorithms: rules.algorithms.clone(),
            latest: Arc::clone(&latest),
            keyring: Arc::downgrade(self),
        };
        let fetcher = RemoteKeys::start(
            &source,
            move |json| sink.receive(json),
            Arc::clone(&self.clock),
            &self.runtime,
        );
        Ok(Arc::new(Remote {
            settings: settings.clone(),
            algorithms: rules.algorithms.clone(),
            ca_pem,
            latest,
            fetcher,
        }))
    }
}
