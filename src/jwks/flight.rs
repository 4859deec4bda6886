//! Which fetch a caller with an unknown key may share or start: one at a time, one per cooldown.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The one fetch that may be underway, and when callers last started one.
#[derive(Debug)]
pub(super) struct Flight {
    cooldown: Duration,
    log: Mutex<Log>,
    asked: Notify,
}

#[derive(Debug, Default)]
struct Log {
    last_asked: Option<Instant>,
    underway: bool,
    finished: u64,
}

impl Flight {
    pub(super) fn new(cooldown: Duration) -> Self {
        Self {
            cooldown,
            log: Mutex::default(),
            asked: Notify::new(),
        }
    }

    /// The number of the fetch to wait for: the one underway, or a new one unless the cooldown
    /// forbids it. Fetches are numbered from 1 in the order of their ends.
    pub(super) fn join(&self, now: Instant) -> Option<u64> {
        let mut log = self.log();
        if !log.underway {
            let cooling = log
                .last_asked
                .is_some_and(|start| now.saturating_duration_since(start) < self.cooldown);
            if cooling {
                return None;
            }
            log.underway = true;
            log.last_asked = Some(now);
            self.asked.notify_one();
        }
        Some(log.finished.saturating_add(1))
    }

    /// Starts a fetch because its time has come, unless a caller has just started one. It is not
    /// counted: a key that is new just after it need not wait for the cooldown.
    pub(super) fn start(&self) {
        self.log().underway = true;
    }

    /// Resolves after a caller has started a fetch; may also resolve for one already finished.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(super) fn is_underway(&self) -> bool {
        self.log().underway
    }

    /// Ends the fetch. What it brought must be visible before.
    pub(super) fn finish(&self) {
        let mut log = self.log();
        log.underway = false;
        log.finished = log.finished.saturating_add(1);
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_nanos(1);

    #[test]
    fn callers_share_the_fetch_that_is_underway() {
        let (flight, now) = (Flight::new(COOLDOWN), Instant::now());
        assert_eq!(flight.join(now), Some(1));
        assert_eq!(flight.join(now), Some(1));
        assert_eq!(flight.join(now + COOLDOWN * 2), Some(1));
        flight.finish();
        assert!(!flight.is_underway());
    }

    #[test]
    fn a_caller_shares_a_scheduled_fetch() {
        let (flight, now) = (Flight::new(COOLDOWN), Instant::now());
        flight.start();
        assert_eq!(flight.join(now), Some(1));
    }

    #[test]
    fn the_cooldown_counts_from_the_start_of_the_last_fetch_that_was_asked_for() {
        let (flight, now) = (Flight::new(COOLDOWN), Instant::now());
        flight.start();
        flight.finish();
        assert_eq!(flight.join(now), Some(2));
        flight.finish();
        assert_eq!(flight.join(now), None);
        assert_eq!(flight.join(now + COOLDOWN - MOMENT), None);
        assert!(!flight.is_underway());
        flight.start();
        flight.finish();
        assert_eq!(flight.join(now + COOLDOWN), Some(4));
        flight.finish();
        assert_eq!(flight.join(now + COOLDOWN * 2 - MOMENT), None);
        assert_eq!(flight.join(now + COOLDOWN * 2), Some(5));
    }

    #[test]
    fn a_scheduled_start_neither_counts_as_a_second_fetch_nor_ends_the_cooldown() {
        let (flight, now) = (Flight::new(COOLDOWN), Instant::now());
        assert_eq!(flight.join(now), Some(1));
        flight.start();
        assert!(flight.is_underway());
        assert_eq!(flight.join(now), Some(1));
        flight.finish();
        assert!(!flight.is_underway());
        assert_eq!(flight.join(now + COOLDOWN - MOMENT), None);
        assert_eq!(flight.join(now + COOLDOWN), Some(2));
    }

    #[tokio::test]
    async fn a_caller_wakes_the_task_and_a_schedule_does_not() {
        let (flight, now) = (Flight::new(COOLDOWN), Instant::now());
        flight.start();
        assert!(flight.asked().now_or_never().is_none());
        flight.finish();
        flight.join(now);
        assert!(flight.asked().now_or_never().is_some());
        assert!(flight.asked().now_or_never().is_none());
    }

    #[test]
    fn an_instant_before_the_last_start_is_within_the_cooldown() {
        let (flight, now) = (Flight::new(COOLDOWN), Instant::now());
        flight.join(now + COOLDOWN);
        flight.finish();
        assert_eq!(flight.join(now), None);
    }
}
