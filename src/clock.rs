//! Where the time comes from: the system in production, the hand of the test in tests.

mod calendar;
mod instant;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

pub use calendar::{Calendar, date_of, days_from};
pub use instant::Instant;

/// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted (RFC 7519 section 2, `NumericDate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
    /// The instant `seconds` later; saturates instead of wrapping.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this instant, negative where `earlier` is later; saturates.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A source of the wall-clock time.
pub trait Clock: Send + Sync {
    fn now(&self) -> UnixSeconds;

    /// Nanoseconds since 1970-01-01T00:00:00Z, as exact as the clock is.
    fn nanos(&self) -> u64 {
        let seconds = u64::try_from(self.now().0).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000)
    }
}

/// The clock of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the system's time is read"
    )]
    fn since_epoch() -> Duration {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixSeconds {
        let seconds = Self::since_epoch().as_secs();
        UnixSeconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }

    fn nanos(&self) -> u64 {
        u64::try_from(Self::since_epoch().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: UnixSeconds) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock, backwards where `seconds` is negative.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixSeconds {
        UnixSeconds(self.0.load(Ordering::SeqCst))
    }
}
