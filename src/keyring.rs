//! The keys of the trusted issuers at run time: read from files, or kept fresh from afar.

mod error;
mod issuers;
mod loading;
mod metrics;
mod overview;
mod remote;
mod saving;
mod trusted_issuer;

use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::rand;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::authorizer::Authorizer;
use crate::clock::Clock;
use crate::feed::GateView;
use crate::gate::{KeyNews, KeyRefresh};
use crate::jwks::RefreshAnswer;
use crate::revocation::RevocationList;
use crate::token::{KeySet, MissingKey};
use issuers::{CompanionKeys, Keys};

pub use error::KeyringError;
pub use issuers::Issuers;
pub use loading::check_files;
pub use metrics::KeyMetrics;
pub use overview::{FeedOverview, IssuerKeys};
pub use trusted_issuer::{
    KeySource, TrustWarning, TrustedIssuer, TrustedIssuerDocument, issuer_names, misspelt_scopes,
    nobody_trusted, trust_warnings, trusted_issuers,
};

/// Holds the issuers in use and the tasks that fetch their keys.
pub struct Keyring {
    runtime: Handle,
    clock: Arc<dyn Clock>,
    issuers: ArcSwap<Issuers>,
    /// Held while the authorizer gets other keys or issuers. Checks never wait for it.
    ///
    /// The innermost lock but those of the keys themselves: the outlet of a fetch, which lets one body
    /// through at a time, waits for it. So whoever holds it must not end a fetch or a feed, which would
    /// wait for that outlet.
    publishing: Mutex<()>,
    /// Tells that `issuers` are others now.
    commits: watch::Sender<()>,
    companion: Arc<CompanionKeys>,
    /// Tells this process from others, to the issuers of feeds; empty without random bytes.
    instance: Bytes,
    /// Set once; what the issuers of feeds are told of this gate.
    gate: Arc<OnceLock<GateView>>,
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
            instance: random_instance(),
            gate: Arc::default(),
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

    /// Has the issuers of feeds told of this gate from now on; the first view stays.
    pub fn show_gate(&self, gate: GateView) {
        let _ = self.gate.set(gate);
    }

    /// Takes over the keys of the issuer in the same process, for `keys: companion`.
    pub fn set_companion_keys(&self, keys: KeySet) {
        self.warn_of_unlisted_algorithms(&keys);
        *self.companion.keys.lock() = Some(keys);
        self.publish();
    }

    /// Takes over the list of what the issuer in the same process revokes; it goes on filling
    /// it.
    pub fn set_companion_revocations(&self, revocations: Arc<RevocationList>) {
        *self.companion.revocations.lock() = Some(revocations);
        self.publish();
    }

    /// Tokens whose algorithm is not listed are refused, whichever key signed them.
    fn warn_of_unlisted_algorithms(&self, keys: &KeySet) {
        let issuers = self.issuers.load();
        let companions = issuers.iter();
        for (rules, _) in companions.filter(|(_, keys)| matches!(keys, Keys::Companion(_))) {
            for algorithm in keys.algorithms() {
                if !rules.algorithms.contains(&algorithm) {
                    tracing::warn!(
                        token.issuer = &*rules.issuer,
                        key.algorithm = algorithm.name(),
                        "the issuer has a key whose tokens are refused: list its algorithm under \
                         `trust` until the key has ended"
                    );
                }
            }
        }
    }

    /// Reads the keys of `trusted`, and prepares to fetch what is remote and was not yet. Changes
    /// nothing that serves, and has no effect before [`Self::commit`].
    pub fn prepare(self: &Arc<Self>, trusted: &[TrustedIssuer]) -> Result<Issuers, KeyringError> {
        let present = self.issuers.load();
        let mut fetched = present.remotes();
        let mut issuers = Vec::new();
        for TrustedIssuer { rules, keys } in trusted {
            let mut alike = trusted
                .iter()
                .filter(|other| other.rules.issuer == rules.issuer);
            let earlier = match alike.nth(1) {
                // Each entry has keys of its own: only the name says which.
                Some(_) => present.keys_of(rules),
                None => present
                    .keys_of(rules)
                    .or(present.only_keys_of(&rules.issuer)),
            };
            let keys = self.keys(rules, keys, earlier, &fetched)?;
            if let Keys::Remote(remote) = &keys {
                fetched.push(remote.clone());
            }
            issuers.push((rules.clone(), keys));
        }
        Ok(Issuers::new(issuers)?)
    }

    /// Makes `issuers` those in use, and has `adopt` give them to the authorizer, together with the
    /// policy that was written for them: no keys are published in between, which would put one of the
    /// two beside what came before the other. Fetches of issuers that are gone end.
    pub fn commit(&self, issuers: Issuers, adopt: impl FnOnce()) {
        let issuers = Arc::new(issuers);
        // Not at `prepare`: a feed that is replaced is heard until now. Not while `publishing` is held: keys
        // that a feed brings wait for that, and this waits for them.
        for feed in issuers.feeds() {
            feed.succeed();
        }
        let publishing = self.publishing.lock();
        // Within: a publication in between would put these issuers beside the policy from before.
        let earlier = self.issuers.swap(Arc::clone(&issuers));
        adopt();
        drop(publishing);
        // Not before: these may be the last to hold a fetch. Dropping it waits for keys that are just
        // arriving, and those wait for `publishing`.
        drop(earlier);
        // Only now, when nothing can fail any more: a configuration that is rejected calls nobody and writes
        // nothing, and until now the files of a feed belong to the client that it replaces.
        for feed in issuers.feeds() {
            feed.put_in_use();
        }
        for remote in issuers.remotes() {
            remote.put_in_use();
        }
        self.commits.send_replace(());
    }

    /// What is known of each issuer's keys.
    pub fn overview(&self) -> Vec<IssuerKeys> {
        self.issuers.load().overview()
    }

    /// Waits until what the feeds have told is on the disk, where there are files for it.
    pub async fn saved(&self) {
        let issuers = self.issuers.load_full();
        for feed in issuers.feeds() {
            feed.saved().await;
        }
    }

    /// Waits until every issuer has keys; of those in use at the end, not at the beginning: who
    /// fixes a wrong URL by a reload is not to wait for the wrong one.
    pub async fn loaded(&self) {
        let mut commits = self.commits.subscribe();
        loop {
            // Before the issuers are read: a commit in between is then seen by `changed`, and not slept
            // through.
            commits.borrow_and_update();
            let issuers = self.issuers.load_full();
            tokio::select! {
                () = issuers.loaded() => return,
                _ = commits.changed() => {}
            }
        }
    }

    /// Has the authorizer take over the keys that serve now.
    fn publish(&self) {
        let _publishing = self.publishing.lock();
        let Some(authorizer) = self.authorizer.get().and_then(Weak::upgrade) else {
            return;
        };
        // Read within, so that a try after somebody else's sees the newest keys.
        authorizer.update(|snapshot| snapshot.with_trust(self.issuers.load().current_trust()));
    }
}

impl KeyRefresh for Keyring {
    fn can_ask(&self, missing: &MissingKey) -> bool {
        match self.issuers.load().keys_of(missing.issuer()) {
            Some(Keys::Remote(remote)) => !remote.has_answered(missing.hint()),
            Some(Keys::Fixed(_) | Keys::Companion(_) | Keys::Feed(_)) | None => false,
        }
    }

    fn ask(
        &self,
        missing: MissingKey,
        wait: Duration,
    ) -> Pin<Box<dyn Future<Output = KeyNews> + Send + '_>> {
        let issuers = self.issuers.load_full();
        Box::pin(async move {
            match issuers.keys_of(missing.issuer()) {
                Some(Keys::Remote(remote)) => match remote.look_for(missing.hint(), wait).await {
                    RefreshAnswer::Refreshed | RefreshAnswer::Answered => KeyNews::Answered,
                    RefreshAnswer::Due(after) => KeyNews::Due(after),
                },
                Some(Keys::Fixed(_) | Keys::Companion(_) | Keys::Feed(_)) | None => {
                    KeyNews::Answered
                }
            }
        })
    }
}

fn random_instance() -> Bytes {
    let mut bytes = [0; 16];
    // Nothing depends on it but how an issuer lists a gate that comes back.
    let filled = rand::fill(&mut bytes);
    filled.map_or_else(|_| Bytes::new(), |()| Bytes::copy_from_slice(&bytes))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;
    use crate::clock::SystemClock;
    use crate::jwks::{JwksAddress, KeyLocation, PlainText, RemoteKeySettings};
    use crate::token::{Algorithm, IssuerRules, SigningKey, generate_key};

    /// Far more than any step takes; it only turns a hang into a failure.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn nothing_is_published_between_the_issuers_and_their_policy() {
        let keyring = Keyring::new(Handle::current(), Arc::new(SystemClock));
        let published = Mutex::new(false);
        std::thread::scope(|scope| {
            keyring.commit(Issuers::default(), || {
                scope.spawn(|| {
                    keyring.publish();
                    *published.lock() = true;
                });
                // Gives a publication that does not wait the time to be caught.
                (0..1000).for_each(|_| std::thread::yield_now());
                assert!(!*published.lock());
            });
        });
        assert!(*published.lock());
    }

    /// Keys on the way to the authorizer wait for the commit that ends their fetch, which must not wait
    /// for them.
    #[test]
    fn a_fetch_ends_while_its_keys_are_being_published() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (release, url) = server_of_one_key();
        let keyring = Keyring::new(runtime.handle().clone(), Arc::new(SystemClock));
        let address = JwksAddress::parse(&url, PlainText::Refused).unwrap();
        let settings = RemoteKeySettings {
            timeout: PATIENCE,
            ..RemoteKeySettings::new(KeyLocation::Address(address))
        };
        let algorithms = [Algorithm::Es256];
        let trusted = TrustedIssuer {
            rules: IssuerRules::of_access_tokens("staff", "https://id", &["api"], &algorithms),
            keys: KeySource::Remote(settings),
        };
        let issuers = keyring.prepare(&[trusted]).unwrap();
        let latest = issuers.remotes().remove(0).latest();
        keyring.commit(issuers, || {});
        let (committed, commit) = mpsc::channel();
        // On a thread of its own: a deadlock must not keep the test.
        std::thread::spawn(move || {
            keyring.commit(Issuers::default(), || {
                release.send(()).unwrap();
                while latest.lock().is_none() {
                    std::thread::yield_now();
                }
            });
            committed.send(()).unwrap();
        });
        let outcome = commit.recv_timeout(PATIENCE);
        // Before anything panics: it would wait for a thread that a deadlock holds.
        runtime.shutdown_background();
        outcome.unwrap();
    }

    /// What is named by a configuration that is rejected is never called.
    #[tokio::test]
    async fn nobody_is_asked_before_the_commit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let keyring = Keyring::new(Handle::current(), Arc::new(SystemClock));
        let url = format!("http://{address}/jwks.json");
        let location = JwksAddress::parse(&url, PlainText::Refused).unwrap();
        let settings = RemoteKeySettings::new(KeyLocation::Address(location));
        let algorithms = [Algorithm::Es256];
        let trusted = TrustedIssuer {
            rules: IssuerRules::of_access_tokens("staff", "https://id", &["api"], &algorithms),
            keys: KeySource::Remote(settings),
        };
        let issuers = keyring.prepare(&[trusted]).unwrap();
        // All the time that a call would take, and more.
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        let called = listener.accept().map(|_| ());
        assert_eq!(called.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        keyring.commit(issuers, || {});
        let call = async {
            while listener.accept().is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, call).await.unwrap();
    }

    #[tokio::test]
    async fn a_key_that_is_withdrawn_during_a_reload_does_not_come_back() {
        let keyring = Keyring::new(Handle::current(), Arc::new(SystemClock));
        // Never answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let prepare = |seconds| {
            let address = JwksAddress::parse(&url, PlainText::Refused).unwrap();
            let settings = RemoteKeySettings {
                timeout: Duration::from_secs(seconds),
                ..RemoteKeySettings::new(KeyLocation::Address(address))
            };
            let algorithms = [Algorithm::Es256];
            let trusted = TrustedIssuer {
                rules: IssuerRules::of_access_tokens("staff", "https://id", &["api"], &algorithms),
                keys: KeySource::Remote(settings),
            };
            keyring.prepare(&[trusted]).unwrap()
        };
        let keys = |first: u8| {
            let secret: Vec<u8> = (0..64_u8)
                .map(|at| first.wrapping_add(at.wrapping_mul(37)))
                .collect();
            KeySet::from_hmac_secret(&secret, &[Algorithm::Hs256]).unwrap()
        };
        let serving = || keyring.issuers.load().remotes().remove(0).keys();
        let issuers = prepare(30);
        let latest = issuers.remotes().remove(0).latest();
        keyring.commit(issuers, || {});
        *latest.lock() = Some(keys(1));
        let issuers = prepare(40);
        // The old fetch goes on until the commit.
        *latest.lock() = Some(keys(2));
        keyring.commit(issuers, || {});
        assert_eq!(serving(), Some(keys(2)));
        // The second fetch has brought nothing, and neither will the third.
        let issuers = prepare(50);
        keyring.commit(issuers, || {});
        assert_eq!(serving(), Some(keys(2)));
    }

    /// A server on this machine that answers one request with a key, when told to; its URL.
    fn server_of_one_key() -> (mpsc::Sender<()>, String) {
        let text = generate_key(Algorithm::Es256).unwrap();
        let key = SigningKey::read(text.reveal().as_bytes(), Algorithm::Es256).unwrap();
        let body = serde_json::json!({"keys": [key.public_jwk().unwrap()]}).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (release, released) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
            released.recv().unwrap();
            let length = body.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        (release, url)
    }
}
