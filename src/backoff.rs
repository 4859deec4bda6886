//! How long to wait before the next try: longer after each failure, and not in step with others.

use std::time::Duration;

/// Doubling stops here; every ceiling is reached long before.
const MAX_DOUBLINGS: u32 = 24;

/// Delays that double with each failure, up to a ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    ceiling: Duration,
}

/// A share from 0 up to 1, drawn anew for each delay: those that failed together do not come back
/// together.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Jitter(f64);

impl Backoff {
    /// The first delay is at most `first`, and none is longer than `ceiling`.
    pub const fn new(first: Duration, ceiling: Duration) -> Self {
        Self { first, ceiling }
    }

    /// The delay after a failure that `earlier` others preceded: a half up to the whole of what the
    /// doubling gives.
    pub fn delay(self, earlier: u64, jitter: Jitter) -> Duration {
        let doublings = u32::try_from(earlier).map_or(MAX_DOUBLINGS, |n| n.min(MAX_DOUBLINGS));
        self.first
            .saturating_mul(1 << doublings)
            .min(self.ceiling)
            .mul_f64(f64::midpoint(1.0, jitter.0))
    }
}

impl Jitter {
    #[cfg(test)]
    pub(crate) const LEAST: Self = Self(0.0);
    #[cfg(test)]
    pub(crate) const MOST: Self = Self(0.999_999);

    /// Draws from the system's randomness; half, should there be none.
    pub fn draw() -> Self {
        let mut bytes = [0_u8; 4];
        match aws_lc_rs::rand::fill(&mut bytes) {
            Ok(()) => Self(f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)),
            Err(_) => Self(0.5),
        }
    }

    /// `interval` without a random part of at most `most` (0 to 1) of it.
    pub fn shorten(self, interval: Duration, most: f64) -> Duration {
        interval.mul_f64(1.0 - most * self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_ceiling() {
        let backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        for (earlier, longest) in [
            (0, 250),
            (1, 500),
            (3, 2000),
            (6, 16_000),
            (7, 30_000),
            (u64::MAX, 30_000),
        ] {
            let longest = Duration::from_millis(longest);
            assert_eq!(backoff.delay(earlier, Jitter::LEAST), longest / 2);
            let high = backoff.delay(earlier, Jitter::MOST);
            assert!(high <= longest && high > longest.mul_f64(0.99), "{high:?}");
        }
    }

    #[test]
    fn a_drawn_share_stays_below_one() {
        for _ in 0..1000 {
            let jitter = Jitter::draw();
            assert!((Jitter(0.0)..Jitter(1.0)).contains(&jitter), "{jitter:?}");
        }
    }

    #[test]
    fn an_interval_is_shortened_by_the_part_at_most() {
        let minute = Duration::from_mins(1);
        assert_eq!(Jitter::LEAST.shorten(minute, 0.1), minute);
        let short = Jitter::MOST.shorten(minute, 0.1);
        assert!(short >= Duration::from_secs(54) && short < Duration::from_secs(55));
    }
}
