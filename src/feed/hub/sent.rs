//! When this process sent which position of the log to its gates.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::token::LogPosition;

/// How many are remembered: those of some seconds where very much is revoked, and else of days.
const MAX_SENT: usize = 1024;

/// The latest positions, and when each was sent.
#[derive(Clone, Default)]
pub(super) struct SentTimes {
    recent: VecDeque<(LogPosition, Instant)>,
    /// Of positions up to here nobody knows when they were sent.
    untimed: LogPosition,
}

impl SentTimes {
    pub(super) fn note(&mut self, position: LogPosition, at: Instant) {
        self.recent.push_back((position, at));
        if self.recent.len() > MAX_SENT
            && let Some((dropped, _)) = self.recent.pop_front()
        {
            self.untimed = dropped;
        }
    }

    /// What came up to `position` was older than this process, or than its log.
    pub(super) fn begin_after(&mut self, position: LogPosition) {
        self.recent.clear();
        self.untimed = position;
    }

    /// When everything up to `position` was sent.
    pub(super) fn of(&self, position: LogPosition) -> Option<Instant> {
        let first = self.recent.partition_point(|(sent, _)| *sent < position);
        let (_, at) = self.recent.get(first)?;
        (position > self.untimed).then_some(*at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_sent_together_has_one_time_and_what_is_old_has_none() {
        let begin = Instant::now();
        let later = |seconds| begin + Duration::from_secs(seconds);
        let mut times = SentTimes::default();
        times.note(LogPosition(4), begin);
        times.begin_after(LogPosition(4));
        for position in [5, 8] {
            times.note(LogPosition(position), later(position));
        }
        let of = |times: &SentTimes, position| times.of(LogPosition(position));
        for (position, expected) in [
            (4, None),
            (5, Some(5)),
            (6, Some(8)),
            (8, Some(8)),
            (9, None),
        ] {
            assert_eq!(of(&times, position), expected.map(later), "{position}");
        }
        for position in 9..2000 {
            times.note(LogPosition(position), later(position));
        }
        assert_eq!(times.recent.len(), MAX_SENT);
        assert_eq!(of(&times, 1999 - 1024), None);
        assert_eq!(of(&times, 1999 - 1023), Some(later(1999 - 1023)));
    }
}
