//! When to fetch next: pure arithmetic on durations, with the dice passed in.

use std::time::Duration;

/// The first retry while nothing is loaded yet comes within this time.
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// Doubling stops here; both ceilings are reached long before.
const MAX_DOUBLINGS: u32 = 24;
/// The part of the refresh interval by which it may be shortened, so that gates started together
/// do not fetch together for ever.
const JITTER: f64 = 0.1;

/// The shortest cooldown: less would be a busy loop while a server fails.
const MIN_COOLDOWN: Duration = Duration::from_millis(1);

/// The operator's intervals: `cooldown` is at most `refresh`, neither is zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    refresh: Duration,
    cooldown: Duration,
}

/// A number from 0 up to 1, drawn anew for each delay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice(f64);

impl Dice {
    /// Draws from the system's randomness; half, should there be none.
    pub(super) fn throw() -> Self {
        let mut bytes = [0_u8; 4];
        match aws_lc_rs::rand::fill(&mut bytes) {
            Ok(()) => Self(f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)),
            Err(_) => Self(0.5),
        }
    }
}

impl Schedule {
    pub(super) fn new(refresh: Duration, cooldown: Duration) -> Self {
        let cooldown = cooldown.max(MIN_COOLDOWN);
        Self {
            refresh: refresh.max(cooldown),
            cooldown,
        }
    }

    pub(super) fn cooldown(self) -> Duration {
        self.cooldown
    }

    /// How long a set just loaded stays, given the `max-age` that came with it
    /// (RFC 9111 section 5.2.2.1).
    pub(super) fn after_success(self, max_age: Option<Duration>, dice: Dice) -> Duration {
        let interval = max_age.map_or(self.refresh, |age| age.min(self.refresh));
        interval
            .mul_f64(1.0 - JITTER * dice.0)
            .clamp(self.cooldown, self.refresh)
    }

    /// The retry while nothing was ever loaded: soon, because every token is refused until then.
    pub(super) fn while_unloaded(self, failures: u64, dice: Dice) -> Duration {
        backoff(FIRST_RETRY, failures.saturating_sub(1), self.cooldown, dice)
    }

    /// The retry while an older set still serves: later, but sooner than the next refresh.
    pub(super) fn while_stale(self, failures: u64, dice: Dice) -> Duration {
        backoff(self.cooldown, failures, self.refresh, dice).max(self.cooldown)
    }
}

/// `first` doubled, at most `ceiling`, and of that a half up to the whole.
fn backoff(first: Duration, doublings: u64, ceiling: Duration, dice: Dice) -> Duration {
    let doublings = u32::try_from(doublings).map_or(MAX_DOUBLINGS, |n| n.min(MAX_DOUBLINGS));
    first
        .saturating_mul(1 << doublings)
        .min(ceiling)
        .mul_f64(f64::midpoint(1.0, dice.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        refresh: Duration::from_mins(5),
        cooldown: Duration::from_secs(30),
    };
    const LOW: Dice = Dice(0.0);
    const HIGH: Dice = Dice(0.999_999);

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn max_age_shortens_the_interval_but_not_below_the_cooldown() {
        for (max_age, longest, shortest) in [
            (None, 300, 270),
            (Some(86_400), 300, 270),
            (Some(100), 100, 90),
            (Some(30), 30, 30),
            (Some(0), 30, 30),
        ] {
            let max_age = max_age.map(seconds);
            assert_eq!(SCHEDULE.after_success(max_age, LOW), seconds(longest));
            let low = SCHEDULE.after_success(max_age, HIGH);
            assert!(
                low >= seconds(shortest) && low <= seconds(longest),
                "{low:?}"
            );
        }
    }

    #[test]
    fn retries_before_the_first_load_start_at_once_and_stop_growing_at_the_cooldown() {
        for (failures, longest) in [
            (1, 250),
            (2, 500),
            (4, 2000),
            (9, 30_000),
            (u64::MAX, 30_000),
        ] {
            let longest = Duration::from_millis(longest);
            let high = SCHEDULE.while_unloaded(failures, HIGH);
            assert!(high <= longest && high > longest.mul_f64(0.99), "{high:?}");
            assert_eq!(SCHEDULE.while_unloaded(failures, LOW), longest / 2);
        }
    }

    #[test]
    fn retries_behind_an_old_set_stay_between_cooldown_and_refresh() {
        for failures in [0, 1, 2, 3, 10, u64::MAX] {
            for dice in [LOW, HIGH] {
                let delay = SCHEDULE.while_stale(failures, dice);
                assert!(delay >= seconds(30) && delay <= seconds(300), "{delay:?}");
            }
        }
        assert_eq!(SCHEDULE.while_stale(1, LOW), seconds(30));
        assert_eq!(SCHEDULE.while_stale(2, LOW), seconds(60));
    }

    #[test]
    fn dice_stay_below_one() {
        for _ in 0..1000 {
            let Dice(value) = Dice::throw();
            assert!((0.0..1.0).contains(&value));
        }
    }
}
