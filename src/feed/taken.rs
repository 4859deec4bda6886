//! Since when a gate refuses by which position of a log: when it was taken, not when it was written.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::wire::Taken;
use crate::token::LogPosition;

/// How many are remembered, and the most in one report.
pub(super) const MAX_TAKEN: usize = 64;

/// What is taken within this time counts as taken at its end: a busy log would otherwise push out what was taken
/// since the last report.
const TOGETHER: Duration = Duration::from_millis(16);

/// The latest positions, and when they were taken.
#[derive(Default)]
pub(super) struct TakenLog {
    times: Mutex<Times>,
    /// Wakes whoever reports.
    news: Notify,
}

#[derive(Default)]
struct Times {
    recent: VecDeque<Entry>,
    /// Of positions up to here nobody knows when they were taken.
    untimed: LogPosition,
}

struct Entry {
    position: LogPosition,
    /// When the first of what counts as one was taken.
    began: Instant,
    at: Instant,
}

/// What there is to report.
pub(super) struct TakenNews {
    /// Up to where everything has been taken.
    pub(super) position: LogPosition,
    pub(super) untimed: LogPosition,
    pub(super) taken: Vec<Taken>,
}

impl TakenLog {
    /// Everything up to `position` has just been taken.
    pub(super) fn note(&self, position: LogPosition) {
        self.times.lock().note(position, Instant::now());
        self.news.notify_one();
    }

    /// Everything up to `position` was known before, nobody knows since when.
    pub(super) fn pass_over(&self, position: LogPosition) {
        let mut times = self.times.lock();
        times.untimed = times.untimed.max(position);
    }

    /// Waits until something is taken. What was taken since the last call is not missed.
    pub(super) async fn changed(&self) {
        self.news.notified().await;
    }

    /// What is beyond `told`.
    pub(super) fn since(&self, told: LogPosition) -> TakenNews {
        self.times.lock().since(told, Instant::now())
    }
}

impl Times {
    fn note(&mut self, position: LogPosition, now: Instant) {
        // A log that was restored from a backup may have come back behind what is known.
        if position <= self.position() {
            return;
        }
        match self.recent.back_mut() {
            Some(last) if now.duration_since(last.began) < TOGETHER => {
                (last.position, last.at) = (position, now);
            }
            Some(_) | None => self.recent.push_back(Entry {
                position,
                began: now,
                at: now,
            }),
        }
        if self.recent.len() > MAX_TAKEN
            && let Some(dropped) = self.recent.pop_front()
        {
            self.untimed = self.untimed.max(dropped.position);
        }
    }

    fn since(&self, told: LogPosition, now: Instant) -> TakenNews {
        let news = self.recent.iter().filter(|entry| entry.position > told);
        TakenNews {
            position: self.position(),
            untimed: self.untimed,
            taken: news.map(|entry| entry.told(now)).collect(),
        }
    }

    fn position(&self) -> LogPosition {
        let last = self.recent.back().map(|entry| entry.position);
        last.unwrap_or_default().max(self.untimed)
    }
}

impl Entry {
    fn told(&self, now: Instant) -> Taken {
        let ago = now.duration_since(self.at).as_millis();
        Taken {
            position: self.position.0,
            ago_ms: u64::try_from(ago).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(news: &TakenNews) -> Vec<u64> {
        news.taken.iter().map(|taken| taken.position).collect()
    }

    #[test]
    fn what_is_taken_close_together_is_one_and_what_is_old_is_forgotten() {
        let log = TakenLog::default();
        log.pass_over(LogPosition(4));
        let mut times = log.times.into_inner();
        let mut now = Instant::now();
        assert_eq!(times.since(LogPosition(0), now).position, LogPosition(4));
        for (position, wait_ms) in [(5, 0), (6, 10), (7, 5), (8, 5), (8, 100), (3, 100)] {
            now += Duration::from_millis(wait_ms);
            times.note(LogPosition(position), now);
        }
        let news = times.since(LogPosition(0), now);
        assert_eq!(positions(&news), [7, 8]);
        let ages: Vec<u64> = news.taken.iter().map(|taken| taken.ago_ms).collect();
        assert_eq!(ages, [205, 200]);
        assert_eq!(news.position, LogPosition(8));
        assert_eq!(news.untimed, LogPosition(4));
        for position in 9..200 {
            now += TOGETHER;
            times.note(LogPosition(position), now);
        }
        let news = times.since(LogPosition(0), now);
        assert_eq!(news.taken.len(), MAX_TAKEN);
        assert_eq!(news.untimed, LogPosition(199 - 64));
        assert_eq!(positions(&times.since(LogPosition(198), now)), [199]);
    }
}
