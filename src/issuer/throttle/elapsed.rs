//! The time by which limits recover.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::{Clock, UnixSeconds};

/// A step of the clock that is longer than this counts as this long: no such time has passed, and the
/// sum must not overflow one day.
const MAX_STEP_SECONDS: u64 = 365 * 86_400;

/// The time since the start, by a clock that may be set back: then it stands still for a moment,
/// instead of keeping everybody waiting for the difference.
///
/// It moves at [`Elapsed::update`] alone, so that all limits judge one attempt at one instant.
pub(super) struct Elapsed {
    clock: Arc<dyn Clock>,
    last: Mutex<UnixSeconds>,
    seconds: AtomicU64,
}

impl Elapsed {
    pub(super) fn since_now(clock: Arc<dyn Clock>) -> Arc<Self> {
        let now = clock.now();
        Arc::new(Self {
            clock,
            last: Mutex::new(now),
            seconds: AtomicU64::new(0),
        })
    }

    pub(super) fn update(&self) {
        let mut last = self.last.lock();
        let now = self.clock.now();
        let passed = u64::try_from(now.since(*last)).unwrap_or(0);
        *last = now;
        let passed = passed.min(MAX_STEP_SECONDS);
        self.seconds.fetch_add(passed, Ordering::Relaxed);
    }

    pub(super) fn seconds(&self) -> u64 {
        self.seconds.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn the_time_goes_on_whatever_becomes_of_the_clock() {
        let clock = Arc::new(ManualClock::new(UnixSeconds(1_700_000_000)));
        let elapsed = Elapsed::since_now(Arc::clone(&clock) as Arc<dyn Clock>);
        // By how much the clock is moved, and the time that has passed since the start.
        let most = i64::try_from(MAX_STEP_SECONDS).unwrap();
        let rows = [
            (0, 0),
            (10, 10),
            // Set back: nobody waits for the difference, and it goes on from there.
            (-1000, 10),
            (5, 15),
            // Set forward by years: no such time has passed.
            (most + 1, 15 + MAX_STEP_SECONDS),
            (1, 16 + MAX_STEP_SECONDS),
        ];
        for (step, expected) in rows {
            clock.advance(step);
            elapsed.update();
            assert_eq!(elapsed.seconds(), expected, "{step}");
        }
    }

    #[test]
    fn it_moves_only_when_it_is_told_to() {
        let clock = Arc::new(ManualClock::new(UnixSeconds(0)));
        let elapsed = Elapsed::since_now(Arc::clone(&clock) as Arc<dyn Clock>);
        clock.advance(10);
        assert_eq!(elapsed.seconds(), 0);
    }
}
