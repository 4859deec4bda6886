//! Logs when the known revocations of an issuer are out of date.

use std::time::Duration;

use tokio::time::Instant;

use super::{Freshness, OnStale, RevocationList};

/// How often the age is checked.
const LOOK: Duration = Duration::from_secs(1);

/// How often the log repeats it.
const REMIND: Duration = Duration::from_mins(1);

impl RevocationList {
    /// Logs that the list is out of date, again each minute, and once that it is up to date again.
    /// Never ends.
    pub async fn watch_age(&self, issuer: &str) {
        let Some(freshness) = self.freshness() else {
            return std::future::pending().await;
        };
        let mut logged: Option<Instant> = None;
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            // Nothing was received yet: the task that fetches the revocations logs why.
            let Some(age) = freshness.age() else {
                continue;
            };
            if !freshness.is_stale() {
                // Said only where the outage was said: lists that are briefly late between two looks would
                // fill the log.
                if logged.take().is_some() {
                    tracing::info!(
                        token.issuer = issuer,
                        "the revocations of the issuer are up to date again"
                    );
                }
            } else if logged.is_none_or(|logged| logged.elapsed() >= REMIND) {
                logged = Some(Instant::now());
                log(issuer, freshness, age);
            }
        }
    }
}

fn log(issuer: &str, freshness: &Freshness, age: Duration) {
    let age = age.as_secs();
    match freshness.on_stale() {
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
