//! Says when what is known of an issuer's revocations has grown too old.

use std::time::Duration;

use tokio::time::Instant;

use super::{OnStale, Recency, RevocationList};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is said again.
const REMIND: Duration = Duration::from_mins(1);

impl RevocationList {
    /// Logs that the list is out of date, again each minute, and once that it is up to date again.
    /// Never ends.
    pub async fn watch_age(&self, issuer: &str) {
        let Some(recency) = self.recency() else {
            return std::future::pending().await;
        };
        let mut said: Option<Instant> = None;
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            // Before anything is known, whoever asks for it says why it is not.
            let Some(age) = recency.age() else {
                continue;
            };
            if !recency.is_stale() {
                if said.take().is_some() {
                    tracing::info!(
                        token.issuer = issuer,
                        "the revocations of the issuer are up to date again"
                    );
                }
            } else if said.is_none_or(|said| said.elapsed() >= REMIND) {
                said = Some(Instant::now());
                say(issuer, recency, age);
            }
        }
    }
}

fn say(issuer: &str, recency: &Recency, age: Duration) {
    let age = age.as_secs();
    match recency.on_stale() {
        OnStale::Serve => tracing::error!(
            token.issuer = issuer,
            revocations.age_seconds = age,
            "the revocations of the issuer are out of date: revoked tokens may pass this gate"
        ),
        OnStale::Deny => tracing::error!(
            token.issuer = issuer,
            revocations.age_seconds = age,
            "the revocations of the issuer are out of date: this gate refuses its tokens"
        ),
    }
}
