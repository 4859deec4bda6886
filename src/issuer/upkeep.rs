//! What an issuer does besides answering: it follows the keys and the revocations of its store, and
//! sweeps up.

use std::time::Duration;

use super::signing::Signer;
use super::{Issuer, IssuerError, guard, keys};
use crate::store::StoreError;
use crate::token::KeySet;

/// How often it is asked whether somebody has rotated the keys.
const ROTATION_POLL: Duration = Duration::from_millis(100);

/// How many rows are removed at once.
const BATCH: u32 = 500;

/// Whether the last look at the store has failed: an outage is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contact {
    Held,
    Lost,
}

impl Issuer {
    /// Follows keys and revocations and sweeps until it is dropped; `publish` gets the keys to believe each
    /// time that they change. It may be dropped at any moment.
    pub async fn upkeep(&self, publish: impl Fn(KeySet)) {
        tokio::join!(
            self.follow_keys(publish),
            self.follow_log(),
            self.watch_store(),
            self.sweep_regularly(),
        );
    }

    async fn follow_keys(&self, publish: impl Fn(KeySet)) {
        let mut contact = Contact::Held;
        loop {
            self.keys_are_due().await;
            match (self.renew_keys(&publish).await, contact) {
                (Ok(()), Contact::Held) | (Err(_), Contact::Lost) => {}
                (Ok(()), Contact::Lost) => {
                    tracing::info!("the signing keys can be read again");
                    contact = Contact::Held;
                }
                (Err(error), Contact::Held) => {
                    tracing::warn!(%error, "the signing keys cannot be read: known ones stay");
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
    pub(super) async fn renew_keys(&self, publish: &impl Fn(KeySet)) -> Result<(), IssuerError> {
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

    /// First whoever verifies knows a key, then it signs.
    fn take_over(&self, signer: Signer, publish: &impl Fn(KeySet)) -> Result<(), IssuerError> {
        let trust = guard::trust(&self.settings, signer.key_set().clone())?;
        self.guard
            .update(|snapshot| snapshot.with_belief(trust.clone()));
        publish(signer.key_set().clone());
        tracing::info!(
            key.id = signer.key_id(),
            keys.published = signer.key_set().len(),
            "the signing keys have changed"
        );
        self.signer.store(signer.into());
        self.publish_keys();
        Ok(())
    }

    async fn sweep_regularly(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(self.settings.sweep_seconds)).await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "what has ended cannot be swept from the store");
            }
        }
    }

    /// Removes what has ended from the store.
    async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut swept = Vec::new();
        // A token whose revocation is removed by a clock that is ahead is valid again when it is not.
        if let Some(ended) = self.sweeping_clock.settled() {
            swept.extend(self.store.sweep_log(ended, BATCH).await?);
        }
        let ended = self.sweeping_clock.now();
        swept.extend(self.store.sweep_all_but_log(ended, BATCH).await?);
        for swept in swept {
            tracing::debug!(rows = swept.rows, count = swept.count, "swept");
        }
        let count = keys::sweep(&self.store, now).await?;
        if count > 0 {
            tracing::debug!(rows = "signing keys", count, "swept");
        }
        Ok(())
    }
}
