//! One limit for each of many keys: a token bucket that can be looked at without taking from it.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::{Quota, RateLimiter};

use super::bounded::forget_earliest_quarter;
use super::elapsed::{Elapsed, ElapsedClock};
use super::settings::BucketSettings;

/// So many failures more than were let through may be charged: those that were under way at the same
/// time. They are paid for by waiting.
const MOST_DEBT: u32 = 100;

/// The buckets of one kind.
pub(super) struct Limiter {
    looking: RateLimiter<u64, Looking, ElapsedClock, NoOpMiddleware<Nanos>>,
    charging: RateLimiter<u64, Charging, ElapsedClock, NoOpMiddleware<Nanos>>,
    ledger: Arc<Ledger>,
    elapsed: Arc<Elapsed>,
}

/// For each key the time at which its bucket will be full again; none where it is full now.
struct Ledger {
    full_at: Mutex<HashMap<u64, Nanos>>,
    elapsed: Arc<Elapsed>,
    max_entries: usize,
}

/// Judges, and changes nothing.
struct Looking(Arc<Ledger>);

/// Judges and takes.
struct Charging(Arc<Ledger>);

impl Limiter {
    pub(super) fn new(
        settings: BucketSettings,
        max_entries: usize,
        elapsed: &Arc<Elapsed>,
    ) -> Self {
        let ledger = Arc::new(Ledger {
            full_at: Mutex::default(),
            elapsed: Arc::clone(elapsed),
            max_entries,
        });
        // Both rates are the same, so the debt is measured on the same scale.
        let indebted = settings.burst.saturating_add(MOST_DEBT);
        let clock = || ElapsedClock(Arc::clone(elapsed));
        let looking = Looking(Arc::clone(&ledger));
        let charging = Charging(Arc::clone(&ledger));
        Self {
            looking: RateLimiter::new(quota(settings, settings.burst), looking, clock()),
            charging: RateLimiter::new(quota(settings, indebted), charging, clock()),
            ledger,
            elapsed: Arc::clone(elapsed),
        }
    }

    /// Whether the bucket of `key` has anything left; else how long until it has.
    pub(super) fn look(&self, key: u64) -> Result<(), Duration> {
        let looked = self.looking.check_key(&key);
        looked.map_err(|refused| refused.wait_time_from(self.elapsed.nanos()))
    }

    /// Takes one from the bucket of `key`, into debt where it is empty.
    pub(super) fn charge(&self, key: u64) {
        // Deeper than the deepest debt it does not get.
        let _ = self.charging.check_key(&key);
    }

    /// Looks, and takes one where there is one.
    pub(super) fn take(&self, key: u64) -> Result<(), Duration> {
        self.look(key)?;
        self.charge(key);
        Ok(())
    }

    /// Fills the bucket of `key`.
    pub(super) fn forgive(&self, key: u64) {
        self.ledger.lock().remove(&key);
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.ledger.lock().len()
    }
}

fn quota(settings: BucketSettings, burst: NonZeroU32) -> Quota {
    let period = Duration::from_secs(u64::from(settings.refill_seconds.get()));
    // It is nothing only for a period of nothing.
    Quota::with_period(period)
        .unwrap_or(Quota::per_second(NonZeroU32::MIN))
        .allow_burst(burst)
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Nanos>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of a bucket that is not full.
    fn debt(&self, entries: &HashMap<u64, Nanos>, key: u64) -> Option<Nanos> {
        let now = self.elapsed.nanos();
        entries.get(&key).copied().filter(|full_at| *full_at > now)
    }

    /// Full buckets are forgotten; if that is not enough, the quarter that will be full soonest:
    /// whoever floods the ledger with names loses those, and who has tried much stays in it.
    fn make_room(&self, entries: &mut HashMap<u64, Nanos>) {
        let now = self.elapsed.nanos();
        entries.retain(|_, full_at| *full_at > now);
        if entries.len() < self.max_entries {
            return;
        }
        forget_earliest_quarter(entries);
    }
}

impl StateStore for Looking {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let debt = self.0.debt(&self.0.lock(), *key);
        judge(debt).map(|(outcome, _)| outcome)
    }
}

impl StateStore for Charging {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, judge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut entries = self.0.lock();
        let (outcome, full_at) = judge(self.0.debt(&entries, *key))?;
        if entries.len() >= self.0.max_entries && !entries.contains_key(key) {
            self.0.make_room(&mut entries);
        }
        entries.insert(*key, full_at);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, UnixSeconds};

    fn limiter(burst: u32, refill_seconds: u32, max_entries: usize) -> (Limiter, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::new(UnixSeconds(1_000_000)));
        let elapsed = Elapsed::since_now(Arc::clone(&clock) as _);
        let settings = BucketSettings {
            burst: NonZeroU32::new(burst).unwrap(),
            refill_seconds: NonZeroU32::new(refill_seconds).unwrap(),
        };
        (Limiter::new(settings, max_entries, &elapsed), clock)
    }

    fn passes(limiter: &Limiter, key: u64) -> usize {
        (0..1000).take_while(|_| limiter.take(key).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_one_for_each_period() {
        let (limiter, clock) = limiter(3, 10, 100);
        assert_eq!(passes(&limiter, 1), 3);
        assert_eq!(limiter.look(1), Err(Duration::from_secs(10)));
        assert_eq!(limiter.look(2), Ok(()), "another key");
        clock.advance(9);
        limiter.elapsed.update();
        assert_eq!(limiter.look(1), Err(Duration::from_secs(1)));
        clock.advance(1);
        limiter.elapsed.update();
        assert_eq!(passes(&limiter, 1), 1);
        clock.advance(1000);
        limiter.elapsed.update();
        assert_eq!(passes(&limiter, 1), 3, "full, and no fuller");
    }

    #[test]
    fn looking_takes_nothing_and_debts_are_paid() {
        let (limiter, clock) = limiter(3, 10, 100);
        for _ in 0..100 {
            assert_eq!(limiter.look(1), Ok(()));
        }
        for _ in 0..5 {
            limiter.charge(1);
        }
        assert_eq!(limiter.look(1), Err(Duration::from_secs(30)));
        for _ in 0..1000 {
            limiter.charge(1);
        }
        let deepest = Duration::from_secs(u64::from(MOST_DEBT + 1) * 10);
        assert_eq!(limiter.look(1), Err(deepest), "and no deeper");
        clock.advance(1010);
        limiter.elapsed.update();
        assert_eq!(limiter.look(1), Ok(()), "nobody waits for ever");
        limiter.forgive(1);
        assert_eq!(passes(&limiter, 1), 3);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let (limiter, clock) = limiter(1, 10, 100);
        assert_eq!(passes(&limiter, 1), 1);
        clock.advance(-86_400);
        limiter.elapsed.update();
        clock.advance(10);
        limiter.elapsed.update();
        assert_eq!(passes(&limiter, 1), 1);
    }

    #[test]
    fn the_ledger_is_bounded_and_keeps_who_tried_most() {
        let (limiter, clock) = limiter(3, 10, 64);
        for _ in 0..3 {
            limiter.charge(0);
        }
        for key in 1..10_000 {
            limiter.charge(key);
            assert!(limiter.entries() <= 64);
        }
        assert!(limiter.look(0).is_err());
        clock.advance(60);
        limiter.elapsed.update();
        let before = limiter.entries();
        for key in 20_000..20_064 {
            limiter.charge(key);
        }
        assert!(before >= 48 && limiter.entries() <= 64);
        assert_eq!(limiter.look(0), Ok(()));
    }
}
