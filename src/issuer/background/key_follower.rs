//! Follows the signing keys in store or files: others rotate them too, and time alone moves them.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::authorizer::Authorizer;
use crate::clock::Clock;
use crate::feed::{HEARTBEAT, Hub};
use crate::issuer::http::guard;
use crate::issuer::signing::Signer;
use crate::issuer::{IssuerError, IssuerSettings, keys};
use crate::store::Store;
use crate::token::KeySet;

/// How often it is asked whether somebody has rotated the keys.
const ROTATION_POLL: Duration = Duration::from_millis(100);

/// Keeps the keys of one issuer up to date for all who use them.
pub(in crate::issuer) struct KeyFollower {
    pub(in crate::issuer) store: Store,
    pub(in crate::issuer) settings: Arc<IssuerSettings>,
    pub(in crate::issuer) signer: Arc<ArcSwap<Signer>>,
    /// What verifies the tokens that come to the issuer itself.
    pub(in crate::issuer) guard: Arc<Authorizer>,
    /// What tells remote gates.
    pub(in crate::issuer) hub: Arc<Hub>,
    pub(in crate::issuer) clock: Arc<dyn Clock>,
}

/// Whether the last look at the store has failed: an outage is logged once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contact {
    Held,
    Lost,
}

impl KeyFollower {
    /// Follows the keys; never ends by itself. `publish` gets those to trust each time that they change.
    pub(super) async fn run(&self, publish: impl Fn(KeySet)) {
        tokio::join!(self.follow(publish), self.beat());
    }

    async fn follow(&self, publish: impl Fn(KeySet)) {
        let mut contact = Contact::Held;
        loop {
            self.keys_are_due().await;
            match (self.renew(&publish).await, contact) {
                (Ok(()), Contact::Held) | (Err(_), Contact::Lost) => {}
                (Ok(()), Contact::Lost) => {
                    tracing::info!("the signing keys can be read again");
                    contact = Contact::Held;
                }
                (Err(error), Contact::Held) => {
                    tracing::warn!(%error, "the signing keys cannot be read; those known before stay in use");
                    contact = Contact::Lost;
                }
            }
        }
    }

    /// Waits until it is time to look at the keys, or somebody has rotated those in the store: one
    /// that others may know, and is withdrawn for that, must not wait for its time.
    async fn keys_are_due(&self) {
        let keys = &self.settings.keys;
        let regularly = tokio::time::sleep(Duration::from_millis(keys.poll_ms));
        let rotated = async {
            if !keys.files.is_empty() {
                return std::future::pending().await;
            }
            loop {
                tokio::time::sleep(ROTATION_POLL).await;
                // What is wrong with the store is told where the keys themselves are read.
                if let Ok(newest) = self.store.newest_signing_key().await
                    && newest != self.signer.load().newest()
                {
                    return;
                }
            }
        };
        tokio::select! {
            () = regularly => {}
            () = rotated => {}
        }
    }

    /// Takes over what the keys are now. Without the store, time alone moves them.
    async fn renew(&self, publish: &impl Fn(KeySet)) -> Result<(), IssuerError> {
        let now = self.clock.now();
        let read = keys::agree(&self.store, &self.settings, keys::Occasion::Tick, now).await;
        let (rows, outcome) = match read {
            Ok(rows) => (Some(rows), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let Some(signer) = self.signer.load().succeeded_by(rows, now)? else {
            return outcome;
        };
        self.take_over(signer, publish)?;
        outcome
    }

    /// Everybody who verifies knows a key before it signs.
    fn take_over(&self, signer: Signer, publish: &impl Fn(KeySet)) -> Result<(), IssuerError> {
        let trust = guard::trust(&self.settings, signer.key_set().clone())?;
        self.guard
            .update(|snapshot| snapshot.with_trust(trust.clone()));
        publish(signer.key_set().clone());
        tracing::info!(
            key.id = signer.key_id(),
            keys.published = signer.key_set().len(),
            "the signing keys have changed"
        );
        self.signer.store(signer.into());
        self.tell_feed();
        Ok(())
    }

    /// Goes on while the database is away: gates learn from it how old their knowledge is.
    async fn beat(&self) {
        let mut beat = tokio::time::interval(HEARTBEAT);
        loop {
            beat.tick().await;
            self.tell_feed();
            self.hub.beat();
        }
    }

    /// Gives the feed the keys as they are.
    pub(in crate::issuer) fn tell_feed(&self) {
        let signer = self.signer.load();
        let algorithms = signer.key_set().algorithms();
        let names: Vec<&str> = algorithms
            .iter()
            .map(|algorithm| algorithm.name())
            .collect();
        self.hub.set_keys(signer.jwks(), &names);
    }
}
