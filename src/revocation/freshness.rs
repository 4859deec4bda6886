//! How old a list's knowledge is, by a clock that nobody sets.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

const NEVER: i64 = i64::MIN;

/// What becomes of an issuer's tokens when its revocations are not known up to the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStale {
    /// They are judged by what is known.
    Serve,
    Deny,
}

impl OnStale {
    /// As it is written in the configuration: `serve` or `deny`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "serve" => Some(Self::Serve),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// Until when something is known, and how old that may be.
#[derive(Debug)]
pub struct Freshness {
    /// What instants are counted from.
    origin: Instant,
    /// In milliseconds from `origin`, perhaps before it.
    known_at: AtomicI64,
    max_age: Duration,
    on_stale: OnStale,
}

impl Freshness {
    pub fn new(max_age: Duration, on_stale: OnStale) -> Self {
        Self {
            origin: Instant::now(),
            known_at: AtomicI64::new(NEVER),
            max_age,
            on_stale,
        }
    }

    /// Everything is known that had happened `age` ago. What was known already stays known.
    pub fn confirm(&self, age: Duration) {
        self.confirm_at(self.now(), age);
    }

    /// How old the knowledge is; nothing where there is none.
    pub fn age(&self) -> Option<Duration> {
        self.age_at(self.now())
    }

    /// Whether it is older than it may be.
    pub fn is_stale(&self) -> bool {
        self.age().is_none_or(|age| age > self.max_age)
    }

    pub fn on_stale(&self) -> OnStale {
        self.on_stale
    }

    fn confirm_at(&self, now: i64, age: Duration) {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let known_at = now.saturating_sub(age).max(NEVER + 1);
        self.known_at.fetch_max(known_at, Ordering::AcqRel);
    }

    fn age_at(&self, now: i64) -> Option<Duration> {
        let known_at = self.known_at.load(Ordering::Acquire);
        let age = now.saturating_sub(known_at).max(0);
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        (known_at != NEVER).then_some(age)
    }

    fn now(&self) -> i64 {
        let since = Instant::now().saturating_duration_since(self.origin);
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn knowledge_ages_and_is_confirmed_but_never_becomes_older() {
        let freshness = Freshness::new(10 * SECOND, OnStale::Deny);
        assert_eq!(freshness.age_at(0), None);
        assert!(freshness.is_stale());
        freshness.confirm_at(5000, 3 * SECOND);
        assert_eq!(freshness.age_at(5000), Some(3 * SECOND));
        freshness.confirm_at(5000, 5 * SECOND);
        assert_eq!(freshness.age_at(5000), Some(3 * SECOND));
        assert_eq!(freshness.age_at(12_000), Some(10 * SECOND));
        freshness.confirm_at(12_000, Duration::ZERO);
        assert_eq!(freshness.age_at(12_000), Some(Duration::ZERO));
        assert_eq!(freshness.age_at(0), Some(Duration::ZERO));
        freshness.confirm_at(13_000, Duration::MAX);
        assert_eq!(freshness.age_at(13_000), Some(SECOND));
    }

    #[test]
    fn what_was_known_ages_ago_is_known_and_stale() {
        let freshness = Freshness::new(SECOND, OnStale::Serve);
        freshness.confirm(Duration::MAX);
        assert!(freshness.age().is_some() && freshness.is_stale());
        freshness.confirm(Duration::ZERO);
        assert!(!freshness.is_stale());
    }
}
