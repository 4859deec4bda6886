//! A clock for what is removed when its time has come, and does not come back when the clock does.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::clock::{Clock, UnixSeconds};

/// How far a clock may run ahead of what has passed without being distrusted.
const TOLERANCE_SECONDS: i64 = 5;

/// A clock that stays ahead for so long is trusted: it was behind before.
const TRUSTED_AFTER: Duration = Duration::from_hours(1);

/// Another clock, but for its jumps ahead.
pub struct SteadyClock {
    clock: Arc<dyn Clock>,
    begun: Instant,
    anchor: Mutex<Anchor>,
}

/// What the clock showed when it was last trusted.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    shown: UnixSeconds,
    at: Instant,
    ahead_since: Option<Instant>,
}

impl SteadyClock {
    /// Trusts `clock` as it is now.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let anchor = Anchor {
            shown: clock.now(),
            at: Instant::now(),
            ahead_since: None,
        };
        Self {
            clock,
            begun: Instant::now(),
            anchor: Mutex::new(anchor),
        }
    }

    /// The present, once the clock has been watched for so long that one which was ahead from the
    /// beginning would be trusted too: for what nobody can bring back.
    pub fn settled(&self) -> Option<UnixSeconds> {
        (self.begun.elapsed() >= TRUSTED_AFTER).then(|| self.now())
    }

    /// The present, as far as it is trusted.
    pub fn now(&self) -> UnixSeconds {
        let (shown, at) = (self.clock.now(), Instant::now());
        let mut anchor = self.anchor.lock();
        anchor.trust(shown, at)
    }
}

impl Anchor {
    /// What of it is trusted that the clock shows `shown` at `at`.
    fn trust(&mut self, shown: UnixSeconds, at: Instant) -> UnixSeconds {
        let passed = at.saturating_duration_since(self.at).as_secs();
        let expected = self.shown.plus(i64::try_from(passed).unwrap_or(i64::MAX));
        // Time decides when revocations end, so that a clock that jumps ahead would let revoked tokens
        // pass. A jump is believed once it has lasted, and until then time goes on from what was
        // believed before.
        if shown.since(expected) > TOLERANCE_SECONDS {
            let ahead_since = *self.ahead_since.get_or_insert(at);
            if at.saturating_duration_since(ahead_since) < TRUSTED_AFTER {
                return expected;
            }
        }
        // Backwards is believed at once: it keeps revocations longer than they need be, and does no
        // other harm.
        *self = Self {
            shown,
            at,
            ahead_since: None,
        };
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixSeconds = UnixSeconds(1_800_000_000);
    const JUMP: i64 = 7200;

    #[test]
    fn a_jump_ahead_is_not_trusted_until_it_lasts() {
        let begin = Instant::now();
        let mut anchor = Anchor {
            shown: START,
            at: begin,
            ahead_since: None,
        };
        let mut after = |passed: u64, ahead: i64| {
            let true_time = START.plus(i64::try_from(passed).unwrap());
            let at = begin + Duration::from_secs(passed);
            anchor.trust(true_time.plus(ahead), at).since(true_time)
        };
        for (passed, ahead, trusted) in [
            (60, 0, 0),
            (61, 3, 3),
            // For four seconds.
            (62, JUMP, 3),
            (66, JUMP, 3),
            (66, 0, 0),
            // Back is trusted at once: nothing is removed by it. Then what lasts.
            (70, -JUMP, -JUMP),
            (80, 0, -JUMP),
            (80 + 3599, 0, -JUMP),
            (80 + 3600, 0, 0),
            (80 + 3601, 0, 0),
        ] {
            assert_eq!(after(passed, ahead), trusted, "{passed} {ahead}");
        }
    }

    #[test]
    fn what_is_revoked_outlives_a_jump_of_the_clock() {
        use crate::clock::ManualClock;
        let manual = Arc::new(ManualClock::new(START));
        let clock = SteadyClock::new(Arc::clone(&manual) as Arc<dyn Clock>);
        manual.advance(JUMP);
        assert!(clock.now().since(START) < JUMP);
        manual.advance(-JUMP);
        assert_eq!(clock.now(), START);
    }
}
