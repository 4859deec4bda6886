//! Remote key sets: fetched, kept, and published when they change.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::saving::Saving;
use super::{Keyring, KeyringError};
use crate::jwks::{
    CacheFile, Change, KeyLocation, Loaded, RefreshAnswer, RemoteKeySettings, RemoteKeySource,
    RemoteKeyState, RemoteKeys, warn_of_skipped,
};
use crate::token::{Algorithm, IssuerRules, KeyHint, KeySet, KeySetError};

/// A remote key set as one issuer has it.
#[derive(Clone)]
pub(super) struct Remote {
    fetched: Arc<SharedFetch>,
    earlier: EarlierKeys,
}

/// What serves an issuer until the first fetch: the keys from before its entry was edited, or those of
/// its file. Never those of another issuer at the same address.
#[derive(Clone, Default)]
pub(super) struct EarlierKeys {
    /// What the fetch brings that is replaced. That one goes on until the commit, and a key that is
    /// withdrawn meanwhile must not come back.
    replaced: Option<Arc<Mutex<Option<KeySet>>>>,
    /// What served before that fetch had brought anything, or the keys of the file.
    otherwise: Option<KeySet>,
}

impl EarlierKeys {
    fn keys(&self) -> Option<KeySet> {
        let replaced = self.replaced.as_ref();
        let replaced = replaced.and_then(|latest| latest.lock().clone());
        replaced.or_else(|| self.otherwise.clone())
    }
}

/// A remote key set, fetched once for all issuers whose entries ask for just this.
struct SharedFetch {
    /// The one issuer that it is for, where what it brings is of no use to others: its file of keys is
    /// bound to the issuer, and so are metadata.
    only_for: Option<Box<str>>,
    settings: RemoteKeySettings,
    algorithms: Vec<Algorithm>,
    ca_pem: Option<Vec<u8>>,
    started: Instant,
    latest: Arc<Mutex<Option<KeySet>>>,
    fetcher: RemoteKeys,
}

impl Remote {
    /// The keys that serve.
    pub(super) fn keys(&self) -> Option<KeySet> {
        let latest = self.fetched.latest.lock().clone();
        latest.or_else(|| self.earlier.keys())
    }

    /// These keys for the fetch that replaces this one.
    pub(super) fn as_earlier(&self) -> EarlierKeys {
        EarlierKeys {
            replaced: Some(Arc::clone(&self.fetched.latest)),
            // Those do not change any more: what brought them has been replaced.
            otherwise: self.earlier.keys(),
        }
    }

    /// From now on they are fetched, and kept in the file where there is one.
    pub(super) fn put_in_use(&self) {
        self.fetched.fetcher.put_in_use();
    }

    pub(super) fn state(&self) -> RemoteKeyState {
        self.fetched.fetcher.state()
    }

    /// Waits for news of a key, whether the set lacks it or has another of its name.
    pub(super) async fn look_for(&self, key: KeyHint, wait: Duration) -> RefreshAnswer {
        let fetcher = &self.fetched.fetcher;
        if self.knows(key) {
            fetcher.look_again_for(key, wait).await
        } else {
            fetcher.look_for(key, wait).await
        }
    }

    fn knows(&self, key: KeyHint) -> bool {
        self.keys().is_some_and(|keys| keys.knows(key))
    }

    pub(super) fn has_answered(&self, key: KeyHint) -> bool {
        self.fetched.fetcher.has_answered(key)
    }

    /// Waits until there are keys, for as long as the start may wait for them.
    pub(super) async fn loaded(&self, issuer: &str) {
        if self.keys().is_some() {
            return;
        }
        let wait = self.fetched.settings.start_wait;
        let loaded = self.fetched.fetcher.loaded();
        // Counted from the start of the fetch: a gate that waits for several issuers one after the
        // other must not add their waits up.
        let deadline = self.fetched.started + wait;
        if tokio::time::timeout_at(deadline, loaded).await.is_err() {
            tracing::error!(
                token.issuer = issuer,
                start_wait_seconds = wait.as_secs(),
                "the issuer's keys did not come in time; the gate is ready without them, and the \
                 issuer's tokens get 503"
            );
        }
    }

    /// The same for an issuer whose entry asks for just what is fetched here already.
    pub(super) fn shared(
        &self,
        rules: &IssuerRules,
        settings: &RemoteKeySettings,
        ca_pem: Option<&[u8]>,
    ) -> Option<Self> {
        let fetched = &self.fetched;
        let only_for = fetched.only_for.as_deref();
        let same = only_for.is_none_or(|issuer| *issuer == *rules.issuer)
            && fetched.settings == *settings
            && fetched.algorithms == rules.algorithms
            && fetched.ca_pem.as_deref() == ca_pem;
        same.then(|| Self {
            fetched: Arc::clone(fetched),
            earlier: EarlierKeys::default(),
        })
    }

    /// What the fetches have brought, for tests that must not hold the fetch itself.
    #[cfg(test)]
    pub(super) fn latest(&self) -> Arc<Mutex<Option<KeySet>>> {
        Arc::clone(&self.fetched.latest)
    }

    /// The same with these keys until the first fetch.
    pub(super) fn with_earlier(self, earlier: EarlierKeys) -> Self {
        Self { earlier, ..self }
    }
}

/// Receives the bodies that a fetcher brings.
struct Sink {
    issuer: Box<str>,
    algorithms: Vec<Algorithm>,
    latest: Arc<Mutex<Option<KeySet>>>,
    saving: Option<Arc<Saving>>,
    keyring: Weak<Keyring>,
}

impl Sink {
    fn receive(&self, json: &[u8]) -> Result<Loaded, KeySetError> {
        let (keys, skipped) = KeySet::from_jwks(json, &self.algorithms)?;
        let count = keys.len();
        // Kept before it is published, because the keyring reads `latest` when it puts the next
        // snapshot together.
        let earlier = self.latest.lock().replace(keys.clone());
        let change = if earlier.is_some_and(|earlier| earlier == keys) {
            Change::Unchanged
        } else {
            warn_of_skipped(&self.issuer, &skipped);
            Change::Changed
        };
        if change == Change::Changed {
            // Weak, because the keyring owns the fetch that owns this: with two strong references
            // neither would ever be dropped.
            if let Some(keyring) = self.keyring.upgrade() {
                keyring.publish();
            }
            if let Some(saving) = &self.saving {
                // As it came, not as it was understood: the next start checks it as it would check an
                // answer of the issuer, and a newer release may understand more of it.
                saving.begin(json);
            }
        }
        Ok(Loaded {
            keys: count,
            change,
        })
    }
}

impl Keyring {
    /// Prepares to fetch the keys of an issuer. Until they come, those from before its entry was edited
    /// serve, else those of its file.
    pub(super) fn fetch(
        self: &Arc<Self>,
        rules: &IssuerRules,
        settings: &RemoteKeySettings,
        ca_pem: Option<Vec<u8>>,
        mut earlier: EarlierKeys,
    ) -> Result<Remote, KeyringError> {
        let source = RemoteKeySource::new(&*rules.issuer, settings, ca_pem.as_deref());
        let mut source = source.map_err(|source| KeyringError::Remote {
            issuer: rules.issuer.to_string(),
            source,
        })?;
        let cache = settings
            .cache_file
            .clone()
            .map(|path| CacheFile::new(path, &rules.issuer, settings.location.binding()));
        // What is in memory is never older than the file, which is written after it.
        if earlier.keys().is_none() {
            earlier.otherwise = cache.as_ref().and_then(|cache| saved(cache, rules));
        }
        if earlier.keys().is_some() {
            source = source.with_earlier_keys();
        }
        let latest = Arc::new(Mutex::new(None));
        let saving = cache.map(|cache| Saving::new(&rules.issuer, cache, &self.runtime));
        let sink = Sink {
            issuer: rules.issuer.clone(),
            algorithms: rules.algorithms.clone(),
            latest: Arc::clone(&latest),
            saving: saving.map(Arc::new),
            keyring: Arc::downgrade(self),
        };
        let fetcher = RemoteKeys::prepare(
            &source,
            move |json| sink.receive(json),
            Arc::clone(&self.clock),
            &self.runtime,
        );
        // A cache file and metadata are each about one issuer, whose name is checked. Other sources
        // only say where keys are, and one fetch serves all entries that name the same place.
        let is_bound =
            settings.cache_file.is_some() || matches!(settings.location, KeyLocation::Discovery(_));
        let shared = Arc::new(SharedFetch {
            only_for: is_bound.then(|| rules.issuer.clone()),
            settings: settings.clone(),
            algorithms: rules.algorithms.clone(),
            ca_pem,
            started: Instant::now(),
            latest,
            fetcher,
        });
        Ok(Remote {
            fetched: shared,
            earlier,
        })
    }
}

/// The keys that the issuer had when this gate last ran, checked like those that come from it.
fn saved(cache: &CacheFile, rules: &IssuerRules) -> Option<KeySet> {
    let read = cache.read().map_err(|error| error.to_string());
    let keys = read.and_then(|jwks| {
        let keys = jwks.map(|jwks| KeySet::from_jwks(&jwks, &rules.algorithms));
        keys.transpose().map_err(|error| error.to_string())
    });
    match keys {
        Ok(keys) => {
            let (keys, _) = keys?;
            tracing::info!(
                token.issuer = &*rules.issuer,
                file = %cache.path().display(),
                jwks.keys = keys.len(),
                "using the issuer's keys from the last run until it answers"
            );
            Some(keys)
        }
        Err(error) => {
            // No reason to refuse the start: without the file the gate waits for the issuer as it did
            // at its first start.
            tracing::warn!(
                token.issuer = &*rules.issuer,
                file = %cache.path().display(),
                error,
                "`jwks_cache_file` is not used"
            );
            None
        }
    }
}
