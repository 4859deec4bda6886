//! One limit for each of many keys: a token bucket that can be looked at without taking from it.
//!
//! By the generic cell rate algorithm: of each bucket one instant is kept, at which it will be full again.
//! A bucket that is full is not kept at all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::bounded::forget_earliest_quarter;
use super::elapsed::Elapsed;
use super::settings::BucketSettings;

/// So many failures more than were let through may be charged: those that were under way at the same
/// time. They are paid for by waiting.
const MAX_DEBT: u64 = 100;

/// The buckets of one kind.
pub(super) struct Limiter {
    refill_seconds: u64,
    /// How long before it is full a bucket has something left: as long as all but one of it takes to refill.
    tolerance_seconds: u64,
    /// For each key the time at which its bucket will be full again, in seconds of `elapsed`.
    full_at: Mutex<HashMap<u64, u64>>,
    max_entries: usize,
    elapsed: Arc<Elapsed>,
}

impl Limiter {
    pub(super) fn new(
        settings: BucketSettings,
        max_entries: usize,
        elapsed: &Arc<Elapsed>,
    ) -> Self {
        let refill_seconds = u64::from(settings.refill_seconds.get());
        Self {
            refill_seconds,
            tolerance_seconds: u64::from(settings.burst.get() - 1) * refill_seconds,
            full_at: Mutex::default(),
            max_entries,
            elapsed: Arc::clone(elapsed),
        }
    }

    /// Whether the bucket of `key` has anything left; else how long until it has.
    pub(super) fn look(&self, key: u64) -> Result<(), Duration> {
        self.look_in(&self.lock(), key)
    }

    /// Takes one from the bucket of `key`, into debt where it is empty.
    pub(super) fn charge(&self, key: u64) {
        // Judged and changed under one lock: what fails in parallel is charged one by one.
        self.charge_in(&mut self.lock(), key);
    }

    /// Looks, and takes one where there is one.
    pub(super) fn take(&self, key: u64) -> Result<(), Duration> {
        // Under one lock: of those that come at the same time, no more pass than there is room for.
        let mut entries = self.lock();
        self.look_in(&entries, key)?;
        self.charge_in(&mut entries, key);
        Ok(())
    }

    /// Fills the bucket of `key`.
    pub(super) fn forgive(&self, key: u64) {
        self.lock().remove(&key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.full_at.lock()
    }

    fn look_in(&self, entries: &HashMap<u64, u64>, key: u64) -> Result<(), Duration> {
        let until_full = self.until_full(entries, key);
        // A bucket has something left as long as it takes no longer to fill than all but one of it: no
        // count is kept that would have to be refilled by a task.
        match until_full.saturating_sub(self.tolerance_seconds) {
            0 => Ok(()),
            wait => Err(Duration::from_secs(wait)),
        }
    }

    fn charge_in(&self, entries: &mut HashMap<u64, u64>, key: u64) {
        let until_full = self.until_full(entries, key);
        // No deeper: an owner whose account somebody else floods would wait for years after it has
        // stopped.
        if until_full > self.tolerance_seconds + MAX_DEBT * self.refill_seconds {
            return;
        }
        // A name that is in the table already needs no room: whoever fills it must not push itself out.
        if entries.len() >= self.max_entries && !entries.contains_key(&key) {
            self.make_room(entries);
        }
        let full_at = self.elapsed.seconds() + until_full + self.refill_seconds;
        entries.insert(key, full_at);
    }

    /// The seconds until the bucket of `key` is full.
    fn until_full(&self, entries: &HashMap<u64, u64>, key: u64) -> u64 {
        let full_at = entries.get(&key).copied().unwrap_or(0);
        full_at.saturating_sub(self.elapsed.seconds())
    }

    /// Full buckets are forgotten; if that is not enough, the quarter that will be full soonest:
    /// whoever floods the table with names loses those, and who has tried much stays in it.
    fn make_room(&self, entries: &mut HashMap<u64, u64>) {
        let now = self.elapsed.seconds();
        entries.retain(|_, full_at| *full_at > now);
        if entries.len() >= self.max_entries {
            forget_earliest_quarter(entries);
        }
    }

    #[cfg(test)]
    pub(super) fn entries(&self) -> usize {
        self.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

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
    fn those_who_take_at_the_same_time_share_one_burst() {
        const THREADS: usize = 8;
        for _ in 0..200 {
            let (limiter, _clock) = limiter(3, 10, 100);
            let start = std::sync::Barrier::new(THREADS);
            let take = || {
                start.wait();
                passes(&limiter, 1)
            };
            let taken: usize = std::thread::scope(|scope| {
                let takers: Vec<_> = (0..THREADS).map(|_| scope.spawn(take)).collect();
                takers.into_iter().map(|taker| taker.join().unwrap()).sum()
            });
            assert_eq!(taken, 3);
        }
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
        let deepest = Duration::from_secs((MAX_DEBT + 1) * 10);
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
    fn the_table_is_bounded_and_keeps_who_tried_most() {
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

    /// A bucket as one would draw it: what is in it, counted in seconds of refilling, less than nothing
    /// where it is in debt.
    struct Model {
        burst: i64,
        refill: i64,
        level: i64,
    }

    impl Model {
        fn new(burst: u32, refill_seconds: u32) -> Self {
            let (burst, refill) = (i64::from(burst), i64::from(refill_seconds));
            let level = burst * refill;
            Self {
                burst,
                refill,
                level,
            }
        }

        fn advance(&mut self, seconds: i64) {
            self.level = (self.level + seconds).min(self.burst * self.refill);
        }

        fn look(&self) -> Result<(), Duration> {
            match u64::try_from(self.refill - self.level) {
                Ok(wait) if wait > 0 => Err(Duration::from_secs(wait)),
                Ok(_) | Err(_) => Ok(()),
            }
        }

        fn charge(&mut self) {
            let deepest = -i64::try_from(MAX_DEBT).unwrap() * self.refill;
            if self.level - self.refill >= deepest {
                self.level -= self.refill;
            }
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Advance(i64),
        Look,
        Charge(u8),
        Take,
        Forgive,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_i64..100).prop_map(Step::Advance),
            Just(Step::Look),
            (1_u8..130).prop_map(Step::Charge),
            Just(Step::Take),
            Just(Step::Take),
            Just(Step::Forgive),
        ]
    }

    proptest! {
        /// Of two keys, each has the bucket of the model, whatever is done to the other.
        #[test]
        fn buckets_behave_as_the_model(
            burst in 1_u32..8,
            refill_seconds in 1_u32..40,
            steps in proptest::collection::vec((0_usize..2, step()), 1..80),
        ) {
            let (limiter, clock) = limiter(burst, refill_seconds, 100);
            let mut models = [0; 2].map(|_| Model::new(burst, refill_seconds));
            for (which, step) in steps {
                let key = which as u64;
                match step {
                    Step::Advance(seconds) => {
                        clock.advance(seconds);
                        limiter.elapsed.update();
                        for model in &mut models {
                            model.advance(seconds);
                        }
                    }
                    Step::Look => {}
                    Step::Charge(times) => for _ in 0..times {
                        limiter.charge(key);
                        models[which].charge();
                    },
                    Step::Take => {
                        let looked = models[which].look();
                        prop_assert_eq!(limiter.take(key), looked);
                        if looked.is_ok() {
                            models[which].charge();
                        }
                    }
                    Step::Forgive => {
                        limiter.forgive(key);
                        models[which] = Model::new(burst, refill_seconds);
                    }
                }
                for (key, model) in (0..).zip(&models) {
                    prop_assert_eq!(limiter.look(key), model.look());
                }
            }
        }
    }
}
