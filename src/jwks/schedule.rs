//! When to fetch next: pure arithmetic on durations, with the jitter passed in.

use std::time::Duration;

use crate::backoff::{Backoff, Jitter};

/// The first retry while nothing is loaded yet comes within this time.
const FIRST_RETRY: Duration = Duration::from_millis(250);
/// The part of the refresh interval by which it may be shortened, so that gates started together
/// do not fetch together for ever.
const REFRESH_JITTER: f64 = 0.1;

/// The shortest cooldown: less would be a busy loop while a server fails.
const MIN_COOLDOWN: Duration = Duration::from_millis(1);

/// The operator's intervals: `cooldown` is at most `refresh`, neither is zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    refresh: Duration,
    cooldown: Duration,
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
    pub(super) fn after_success(self, max_age: Option<Duration>, jitter: Jitter) -> Duration {
        let interval = max_age.map_or(self.refresh, |age| age.min(self.refresh));
        // Shortened and never stretched, so that `max-age` stays an upper bound. Gates that were
        // started together then drift apart and do not ask the issuer in one moment.
        jitter
            .shorten(interval, REFRESH_JITTER)
            .clamp(self.cooldown, self.refresh)
    }

    /// The retry while nothing was ever loaded: soon, because every token is refused until then.
    pub(super) fn while_unloaded(self, failures: u64, jitter: Jitter) -> Duration {
        // Faster than the cooldown at first, since every token of the issuer is refused until there are
        // keys. Nothing that callers send can cause these fetches.
        Backoff::new(FIRST_RETRY, self.cooldown).delay(failures.saturating_sub(1), jitter)
    }

    /// The retry while an older set still serves: later, but sooner than the next refresh.
    pub(super) fn while_stale(self, failures: u64, jitter: Jitter) -> Duration {
        // The keys from before still verify, so that nothing is urgent enough to ask an issuer in
        // trouble more often than callers could.
        Backoff::new(self.cooldown, self.refresh)
            .delay(failures, jitter)
            .max(self.cooldown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        refresh: Duration::from_mins(5),
        cooldown: Duration::from_secs(30),
    };
    const LOW: Jitter = Jitter::LEAST;
    const HIGH: Jitter = Jitter::MOST;

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
            for jitter in [LOW, HIGH] {
                let delay = SCHEDULE.while_stale(failures, jitter);
                assert!(delay >= seconds(30) && delay <= seconds(300), "{delay:?}");
            }
        }
        assert_eq!(SCHEDULE.while_stale(1, LOW), seconds(30));
        assert_eq!(SCHEDULE.while_stale(2, LOW), seconds(60));
    }
}
