//! The keys of the trusted issuers at run time: read from files, or kept fresh from afar.

mod error;
mod remote;
mod trusted_issuer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::authorizer::{Authorizer, Belief};
use crate::clock::Clock;
use crate::feed::{FeedClient, FeedHost, FeedSettings, FeedState};
use crate::files;
use crate::gate::KeyRefresh;
use crate::jwks::{Freshness, RemoteKeyState};
use crate::revocation::{Recency, RevocationList, RevocationStatistics};
use crate::token::{DuplicateIssuerError, IssuerIndex, KeySet, SkippedKey, Trust, secret_in_file};

pub use error::KeyringError;
pub use trusted_issuer::{
    KeySource, TrustedIssuer, TrustedIssuerDocument, issuer_names, trusted_issuers,
};

use remote::Remote;

/// The keys of one issuer.
#[derive(Clone)]
enum Keys {
    Fixed(KeySet),
    /// Those of the issuer in the same process, as they are now.
    Companion(Arc<CompanionKeys>),
    Remote(Arc<Remote>),
    /// They come with what the issuer takes back.
    Feed(Arc<FeedClient>),
}

/// What the issuer in the same process hands over, once it has opened.
#[derive(Default)]
struct CompanionKeys {
    keys: Mutex<Option<KeySet>>,
    revocations: Mutex<Option<Arc<RevocationList>>>,
}

/// What is known of one issuer's keys, for `/status` and metrics.
#[derive(Debug, Clone)]
pub struct IssuerKeys {
    /// The issuer.
    pub issuer: String,
    /// Usable keys; none where nothing was loaded yet.
    pub keys: Option<usize>,
    /// The state of the fetches, where the keys are remote.
    pub remote: Option<RemoteKeyState>,
    /// What it has taken back, where it tells.
    pub revocations: Option<RevocationStatistics>,
    /// How old that is; nothing where it is not known.
    pub age: Option<Duration>,
    /// Whether it is older than it may be.
    pub is_stale: bool,
    /// How it stands with its feed, where it has one.
    pub feed: Option<FeedOverview>,
}

impl IssuerKeys {
    fn tell_of(&mut self, list: &RevocationList) {
        self.revocations = Some(list.statistics());
        self.age = list.recency().and_then(Recency::age);
        self.is_stale = list.recency().is_some_and(Recency::is_stale);
    }
}

/// How it stands with a feed.
#[derive(Debug, Clone)]
pub struct FeedOverview {
    /// The connection.
    pub state: FeedState,
    /// How old what is known is; nothing where nothing is.
    pub age: Option<Duration>,
}

/// The issuers with their keys, as one configuration has them.
#[derive(Clone, Default)]
pub struct Issuers(Vec<(TrustedIssuer, Keys)>);

impl Issuers {
    /// What these issuers have signed is believed, with their keys as they are now.
    pub fn belief(&self) -> Result<Belief, DuplicateIssuerError> {
        let issuers = self.0.iter().map(|(issuer, keys)| {
            let keys = match keys {
                Keys::Fixed(keys) => Some(keys.clone()),
                Keys::Companion(companion) => lock(&companion.keys).clone(),
                Keys::Remote(remote) => lock(&remote.latest).clone(),
                Keys::Feed(feed) => feed.keys().usable().cloned(),
            };
            (issuer.rules.clone(), keys)
        });
        let revocations = self.0.iter().map(|(_, keys)| match keys {
            Keys::Companion(companion) => lock(&companion.revocations).clone(),
            Keys::Feed(feed) => Some(Arc::clone(feed.revocations())),
            Keys::Fixed(_) | Keys::Remote(_) => None,
        });
        Ok(Belief::new(
            Trust::new(issuers.collect())?,
            revocations.collect(),
        ))
    }

    async fn loaded(&self) {
        for (_, keys) in &self.0 {
            match keys {
                Keys::Remote(remote) => {
                    remote.fetcher.loaded().await;
                }
                Keys::Feed(feed) => feed.ready().await,
                Keys::Fixed(_) | Keys::Companion(_) => {}
            }
        }
    }
}

/// Holds the issuers in use and the tasks that fetch their keys.
pub struct Keyring {
    runtime: Handle,
    clock: Arc<dyn Clock>,
    issuers: ArcSwap<Issuers>,
    /// Held while the authorizer gets other keys or issuers. Checks never wait for it.
    publishing: Mutex<()>,
    /// Tells that `issuers` are others now.
    commits: watch::Sender<()>,
    companion: Arc<CompanionKeys>,
    /// Set once; the keyring exists before the authorizer that its keys are for.
    authorizer: OnceLock<Weak<Authorizer>>,
}

impl Keyring {
    /// A keyring without issuers, whose fetches run on `runtime`.
    pub fn new(runtime: Handle, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            clock,
            issuers: ArcSwap::default(),
            publishing: Mutex::default(),
            commits: watch::Sender::new(()),
            companion: Arc::default(),
            authorizer: OnceLock::new(),
        })
    }

    /// Gives keys to `authorizer`: those that arrive from now on, and those that have arrived since
    /// its snapshot was made, which nobody would give it later.
    pub fn serve(&self, authorizer: &Arc<Authorizer>) {
        // A second call would be a defect; the first authorizer stays.
        let _ = self.authorizer.set(Arc::downgrade(authorizer));
        self.publish();
    }

    /// Takes over the keys of the issuer in the same process, for `keys: companion`.
    pub fn set_companion_keys(&self, keys: KeySet) {
        self.warn_of_unlisted_algorithms(&keys);
        *lock(&self.companion.keys) = Some(keys);
        self.publish();
    }

    /// Takes over the list of what the issuer in the same process takes back; it goes on filling
    /// it.
    pub fn set_companion_revocations(&self, revocations: Arc<RevocationList>) {
        *lock(&self.companion.revocations) = Some(revocations);
        self.publish();
    }

    /// Tokens whose algorithm is not listed are refused, whichever key signed them.
    fn warn_of_unlisted_algorithms(&self, keys: &KeySet) {
        let issuers = self.issuers.load();
        let companions = issuers.0.iter();
        for (issuer, _) in companions.filter(|(_, keys)| matches!(keys, Keys::Companion(_))) {
            let listed = &issuer.rules.algorithms;
            for algorithm in keys.algorithms() {
                if !listed.contains(&algorithm) {
                    tracing::warn!(
                        token.issuer = &*issuer.rules.issuer,
                        key.algorithm = algorithm.name(),
                        "the issuer has a key whose tokens are refused: list its algorithm under \
                         `trust` until the key has ended"
                    );
                }
            }
        }
    }

    /// Reads the keys of `trusted`, and begins to fetch what is remote and was not yet. Changes
    /// nothing that serves.
    pub fn prepare(self: &Arc<Self>, trusted: &[TrustedIssuer]) -> Result<Issuers, KeyringError> {
        let present = self.issuers.load();
        let known: BTreeMap<&str, &Keys> = present
            .0
            .iter()
            .map(|(issuer, keys)| (&*issuer.rules.issuer, keys))
            .collect();
        let mut issuers = Vec::new();
        for issuer in trusted {
            let earlier = known.get(&*issuer.rules.issuer).copied();
            issuers.push((issuer.clone(), self.keys(issuer, earlier)?));
        }
        Ok(Issuers(issuers))
    }

    /// Makes `issuers` those in use, and has `adopt` give them to the authorizer, together with the
    /// policy that was written for them: no keys are published in between, which would put one of the
    /// two beside what came before the other. Fetches of issuers that are gone end.
    pub fn commit(&self, issuers: Issuers, adopt: impl FnOnce()) {
        let issuers = Arc::new(issuers);
        let publishing = lock(&self.publishing);
        self.issuers.store(Arc::clone(&issuers));
        adopt();
        drop(publishing);
        for (_, keys) in &issuers.0 {
            if let Keys::Feed(feed) = keys {
                feed.put_in_use();
            }
        }
        self.commits.send_replace(());
    }

    /// What is known of each issuer's keys.
    pub fn overview(&self) -> Vec<IssuerKeys> {
        let issuers = self.issuers.load();
        let overview = issuers.0.iter().map(|(issuer, keys)| {
            let mut overview = IssuerKeys {
                issuer: issuer.rules.issuer.to_string(),
                keys: None,
                remote: None,
                revocations: None,
                age: None,
                is_stale: false,
                feed: None,
            };
            match keys {
                Keys::Fixed(keys) => overview.keys = Some(keys.len()),
                Keys::Companion(companion) => {
                    overview.keys = lock(&companion.keys).as_ref().map(KeySet::len);
                    let list = lock(&companion.revocations);
                    if let Some(list) = &*list {
                        overview.tell_of(list);
                    }
                }
                Keys::Remote(remote) => {
                    overview.keys = lock(&remote.latest).as_ref().map(KeySet::len);
                    overview.remote = Some(remote.fetcher.state());
                }
                Keys::Feed(feed) => {
                    overview.keys = feed.keys().usable().map(KeySet::len);
                    overview.tell_of(feed.revocations());
                    overview.feed = Some(FeedOverview {
                        state: feed.state(),
                        age: overview.age,
                    });
                }
            }
            overview
        });
        overview.collect()
    }

    /// Waits until what the feeds have told is on the disk, where there are files for it.
    pub async fn saved(&self) {
        let issuers = self.issuers.load_full();
        for (_, keys) in &issuers.0 {
            if let Keys::Feed(feed) = keys {
                feed.saved().await;
            }
        }
    }

    /// Waits until every issuer has keys; of those in use at the end, not at the beginning: who
    /// mends a wrong URL by a reload is not to wait for the wrong one.
    pub async fn loaded(&self) {
        let mut commits = self.commits.subscribe();
        loop {
            commits.borrow_and_update();
            let issuers = self.issuers.load_full();
            tokio::select! {
                () = issuers.loaded() => return,
                _ = commits.changed() => {}
            }
        }
    }

    fn keys(
        self: &Arc<Self>,
        issuer: &TrustedIssuer,
        earlier: Option<&Keys>,
    ) -> Result<Keys, KeyringError> {
        let name = || issuer.rules.issuer.to_string();
        let file_error = |key| {
            move |source| KeyringError::File {
                issuer: name(),
                key,
                source,
            }
        };
        let key_error = |key, path: &PathBuf, source| KeyringError::Keys {
            issuer: name(),
            key,
            path: path.clone(),
            source,
        };
        let algorithms = &issuer.rules.algorithms;
        match &issuer.keys {
            KeySource::File(path) => {
                let json = files::read_public_keys(path).map_err(file_error("jwks_file"))?;
                if json.trim_ascii_start().starts_with(b"-----BEGIN ") {
                    let path = path.clone();
                    return Err(KeyringError::Pem {
                        issuer: name(),
                        path,
                    });
                }
                let (keys, skipped) = KeySet::from_jwks(&json, algorithms)
                    .map_err(|source| key_error("jwks_file", path, source))?;
                warn_of_skipped(&issuer.rules.issuer, &skipped);
                Ok(Keys::Fixed(keys))
            }
            KeySource::Companion => Ok(Keys::Companion(Arc::clone(&self.companion))),
            KeySource::Feed(settings) => self.subscribe(issuer, settings, earlier),
            KeySource::HmacSecret(path) => {
                let secret = files::read_secret(path).map_err(file_error("hmac_secret_file"))?;
                let keys = KeySet::from_hmac_secret(secret_in_file(&secret), algorithms)
                    .map_err(|source| key_error("hmac_secret_file", path, source))?;
                Ok(Keys::Fixed(keys))
            }
            KeySource::Remote { ca_file, .. } => {
                let ca_pem = match ca_file {
                    Some(path) => {
                        Some(files::read_public_keys(path).map_err(file_error("jwks_ca_file"))?)
                    }
                    None => None,
                };
                let earlier = match earlier {
                    Some(Keys::Remote(remote)) => Some(remote),
                    Some(Keys::Fixed(_) | Keys::Companion(_) | Keys::Feed(_)) | None => None,
                };
                if let Some(remote) = earlier
                    && remote.source == issuer.keys
                    && remote.algorithms == *algorithms
                    && remote.ca_pem == ca_pem
                {
                    return Ok(Keys::Remote(Arc::clone(remote)));
                }
                let loaded = earlier.and_then(|remote| lock(&remote.latest).clone());
                self.fetch(issuer, ca_pem, loaded).map(Keys::Remote)
            }
        }
    }

    fn subscribe(
        self: &Arc<Self>,
        issuer: &TrustedIssuer,
        settings: &FeedSettings,
        earlier: Option<&Keys>,
    ) -> Result<Keys, KeyringError> {
        let feed_error = |source| KeyringError::Feed {
            issuer: issuer.rules.issuer.to_string(),
            source,
        };
        let algorithms = &issuer.rules.algorithms;
        let earlier = match earlier {
            Some(Keys::Feed(feed)) => Some(feed),
            Some(Keys::Fixed(_) | Keys::Companion(_) | Keys::Remote(_)) | None => None,
        };
        if let Some(feed) = earlier
            && feed.serves(algorithms, settings).map_err(feed_error)?
        {
            return Ok(Keys::Feed(Arc::clone(feed)));
        }
        let keyring = Arc::downgrade(self);
        let host = FeedHost {
            runtime: self.runtime.clone(),
            clock: Arc::clone(&self.clock),
            on_keys: Box::new(move || {
                if let Some(keyring) = keyring.upgrade() {
                    keyring.publish();
                }
            }),
        };
        let earlier = earlier.map(|feed| &**feed);
        let name = &issuer.rules.issuer;
        let feed = FeedClient::start(name, algorithms, settings.clone(), earlier, host);
        Ok(Keys::Feed(Arc::new(feed.map_err(feed_error)?)))
    }

    /// Has the authorizer take over the keys that serve now.
    fn publish(&self) {
        let _publishing = lock(&self.publishing);
        let Some(authorizer) = self.authorizer.get().and_then(Weak::upgrade) else {
            return;
        };
        authorizer.update(|snapshot| {
            // Read within, so that a try after somebody else's sees the newest keys.
            match self.issuers.load().belief() {
                Ok(belief) => snapshot.with_belief(belief),
                Err(_) => snapshot.with_belief(snapshot.belief().clone()),
            }
        });
    }
}

impl KeyRefresh for Keyring {
    fn refresh(
        &self,
        issuer: IssuerIndex,
        wait: Duration,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        let issuers = self.issuers.load_full();
        Box::pin(async move {
            match issuers.0.get(issuer.0) {
                Some((_, Keys::Remote(remote))) => {
                    let freshness = remote.fetcher.refresh_for_unknown_key(wait).await;
                    freshness == Freshness::Refreshed
                }
                Some((_, Keys::Fixed(_) | Keys::Companion(_) | Keys::Feed(_))) | None => false,
            }
        })
    }
}

fn warn_of_skipped(issuer: &str, skipped: &[SkippedKey]) {
    for key in skipped {
        tracing::warn!(
            token.issuer = issuer,
            key.position = key.position,
            key.id = key.key_id,
            reason = %key.reason,
            "a key of the set is not used"
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn nothing_is_published_between_the_issuers_and_their_policy() {
        let keyring = Keyring::new(Handle::current(), Arc::new(SystemClock));
        let published = Mutex::new(false);
        std::thread::scope(|scope| {
            keyring.commit(Issuers::default(), || {
                scope.spawn(|| {
                    keyring.publish();
                    *lock(&published) = true;
                });
                // Gives a publication that does not wait the time to be caught.
                (0..1000).for_each(|_| std::thread::yield_now());
                assert!(!*lock(&published));
            });
        });
        assert!(*lock(&published));
    }
}
