//! Remote key sets: fetched, kept, and published when they change.

use std::sync::{Arc, Mutex, Weak};

use super::{KeySource, Keyring, KeyringError, TrustedIssuer, lock, warn_of_skipped};
use crate::jwks::{self, Change, Loaded, RemoteKeySettings, RemoteKeys};
use crate::token::{Algorithm, KeySet};

/// A remote key set and the keys that came last.
pub(super) struct Remote {
    pub(super) source: KeySource,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) ca_pem: Option<Vec<u8>>,
    pub(super) latest: Arc<Mutex<Option<KeySet>>>,
    pub(super) fetcher: RemoteKeys,
}

/// Receives the bodies that a fetcher brings.
struct Sink {
    issuer: Box<str>,
    algorithms: Vec<Algorithm>,
    latest: Arc<Mutex<Option<KeySet>>>,
    keyring: Weak<Keyring>,
}

impl Sink {
    fn receive(&self, json: &[u8]) -> Result<Loaded, String> {
        let (keys, skipped) =
            KeySet::from_jwks(json, &self.algorithms).map_err(|error| error.to_string())?;
        let count = keys.len();
        let earlier = lock(&self.latest).replace(keys.clone());
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
        issuer: &TrustedIssuer,
        ca_pem: Option<Vec<u8>>,
        earlier: Option<KeySet>,
    ) -> Result<Arc<Remote>, KeyringError> {
        let remote_error = |source| KeyringError::Remote {
            issuer: issuer.rules.issuer.to_string(),
            source,
        };
        let settings = remote_settings(issuer, ca_pem.clone());
        let source = jwks::KeySource::new(settings).map_err(remote_error)?;
        let latest = Arc::new(Mutex::new(earlier));
        let sink = Sink {
            issuer: issuer.rules.issuer.clone(),
            algorithms: issuer.rules.algorithms.clone(),
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
            source: issuer.keys.clone(),
            algorithms: issuer.rules.algorithms.clone(),
            ca_pem,
            latest,
            fetcher,
        }))
    }
}

fn remote_settings(issuer: &TrustedIssuer, ca_pem: Option<Vec<u8>>) -> RemoteKeySettings {
    let name = &*issuer.rules.issuer;
    match &issuer.keys {
        KeySource::Remote {
            uri,
            refresh,
            cooldown,
            timeout,
            max_bytes,
            ca_file: _,
        } => RemoteKeySettings {
            refresh: *refresh,
            cooldown: *cooldown,
            timeout: *timeout,
            max_bytes: *max_bytes,
            ca_pem,
            ..RemoteKeySettings::new(name, uri)
        },
        KeySource::File(_)
        | KeySource::HmacSecret(_)
        | KeySource::Companion
        | KeySource::Feed(_) => RemoteKeySettings::new(name, ""),
    }
}
