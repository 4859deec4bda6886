//! How many refusals of each reason get a line of their own, and how many did not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Lets at most so many refusals of each reason through in a second, and counts the others. A flood of
/// one reason does not hide the others.
#[derive(Debug)]
pub(super) struct Sampling {
    lines_per_second: u32,
    /// Windows are counted from here, in seconds.
    start: Instant,
    reasons: Box<[Reason]>,
}

#[derive(Debug, Default)]
struct Reason {
    /// The number of the present window in the upper half, its lines in the lower one.
    window: AtomicU64,
    /// Refusals without a line since the last line that told of them.
    withheld: AtomicU64,
}

impl Sampling {
    pub(super) fn new(reasons: usize, lines_per_second: u32, start: Instant) -> Self {
        Self {
            lines_per_second,
            start,
            reasons: (0..reasons).map(|_| Reason::default()).collect(),
        }
    }

    /// Whether a refusal for the reason at this position gets a line; and with it, how many before
    /// it got none.
    pub(super) fn admit(&self, position: usize, now: Instant) -> Option<u64> {
        let reason = self.reasons.get(position)?;
        let second = now.saturating_duration_since(self.start).as_secs();
        // Threads may see the turn of a window in any order. One that comes late counts within the
        // newest window, and does not begin an old one again.
        let admitted = reason
            .window
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |window| {
                let begun = window >> 32;
                let lines = if second > begun {
                    0
                } else {
                    window & u64::from(u32::MAX)
                };
                let newest = second.max(begun) << 32;
                (lines < u64::from(self.lines_per_second)).then_some(newest | (lines + 1))
            });
        if admitted.is_ok() {
            return Some(reason.withheld.swap(0, Ordering::Relaxed));
        }
        reason.withheld.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// The positions of the reasons of which refusals were withheld, with their counts, each of which
    /// is given once.
    pub(super) fn take_withheld(&self) -> impl Iterator<Item = (usize, u64)> {
        let taken = self
            .reasons
            .iter()
            .map(|reason| reason.withheld.swap(0, Ordering::Relaxed));
        taken.enumerate().filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_reason_has_its_lines_of_a_second_and_the_rest_is_counted() {
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        let sampling = Sampling::new(2, 2, start);
        for (position, millis, expected) in [
            (0, 0, Some(0)),
            (0, 10, Some(0)),
            (0, 20, None),
            (0, 999, None),
            (1, 999, Some(0)),
            (0, 1000, Some(2)),
            (0, 1001, Some(0)),
            (0, 1002, None),
            (0, 9000, Some(1)),
            (2, 9000, None),
        ] {
            let admitted = sampling.admit(position, after(millis));
            assert_eq!(admitted, expected, "{position} {millis}");
        }
        assert_eq!(sampling.take_withheld().count(), 0);
        for _ in 0..10 {
            sampling.admit(1, after(20_000));
        }
        assert_eq!(sampling.take_withheld().collect::<Vec<_>>(), [(1, 8)]);
        assert_eq!(sampling.take_withheld().count(), 0);
    }

    #[test]
    fn lines_and_withheld_ones_add_up_whoever_counts() {
        let start = Instant::now();
        let sampling = Sampling::new(1, 7, start);
        let (lines, told) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (sampling, lines, told) = (&sampling, &lines, &told);
                scope.spawn(move || {
                    for count in 0..10_000_u64 {
                        let now = start + Duration::from_millis(count + thread * 13);
                        if let Some(withheld) = sampling.admit(0, now) {
                            lines.fetch_add(1, Ordering::Relaxed);
                            told.fetch_add(withheld, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let rest: u64 = sampling.take_withheld().map(|(_, count)| count).sum();
        let lines = lines.into_inner();
        assert_eq!(lines + told.into_inner() + rest, 40_000);
        assert!((7..=77).contains(&lines), "{lines}");
    }
}
