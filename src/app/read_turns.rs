//! Bounds what a connection reads in one turn, and estimates when it arrived.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The most that is read in one turn, in bytes, apart from the excess of the last read.
///
/// This bounds everything that HTTP/2 defers until frames have been read: streams that have not
/// been accepted, headers that have not been processed, and answers to resets and pings. It also
/// keeps a connection that floods from starving the others of its thread. It is some sixty checks.
pub(super) const BYTES_IN_A_TURN: usize = 64 << 10;

/// A thread that has been busy for longer than this observes when it polls its sockets.
const BUSY: Duration = Duration::from_millis(2);

/// When a thread last polled its sockets, as far as that can be told from within its runtime.
#[derive(Debug)]
pub(super) struct LoopClock {
    base: Instant,
    /// Both in nanoseconds since `base`. By the later, what had arrived by the earlier had been
    /// noticed.
    earlier: AtomicU64,
    later: AtomicU64,
    observing: AtomicBool,
}

impl LoopClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            base: Instant::now(),
            earlier: AtomicU64::new(0),
            later: AtomicU64::new(0),
            observing: AtomicBool::new(false),
        })
    }

    /// Called when the thread wakes up: nothing had arrived before.
    pub(super) fn wake(&self) {
        let now = self.now();
        self.earlier.store(now, Ordering::Relaxed);
        self.later.store(now, Ordering::Relaxed);
    }

    /// A task to be run on the thread, if it has been busy for a while: reads the clock again once
    /// the sockets have been polled.
    pub(super) fn observation(
        self: &Arc<Self>,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        // Only of a busy thread: an idle one wakes up and so knows, and a task for every turn would
        // cost more than the checks.
        let last = self.later.load(Ordering::Relaxed);
        let is_due = self.now().saturating_sub(last) > nanoseconds(BUSY);
        if !is_due || self.observing.swap(true, Ordering::Relaxed) {
            return None;
        }
        let clock = Arc::clone(self);
        Some(async move {
            // The runtime goes on with a task that yields only after it has polled the system.
            tokio::task::yield_now().await;
            let last = clock.later.swap(clock.now(), Ordering::Relaxed);
            clock.earlier.store(last, Ordering::Relaxed);
            clock.observing.store(false, Ordering::Relaxed);
        })
    }

    fn now(&self) -> u64 {
        nanoseconds(self.base.elapsed())
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The turns of one connection.
///
/// A check waits in the socket before it is read. What a turn reads is taken to have arrived since
/// the end of the previous turn, or since the thread last found nothing on its sockets, whichever
/// is later.
///
/// This is too late for data that a previous turn left in the socket because it was used up. On a
/// connection that sends faster than it is read, a check may have waited for as long as the
/// socket's receive buffer takes to read without that being known.
#[derive(Debug)]
pub(super) struct ReadTurns {
    clock: Arc<LoopClock>,
    allowance: AtomicUsize,
    /// When the present turn's data arrived, by estimate, in nanoseconds since the clock's base.
    arrived: AtomicU64,
    /// When the last turn ended, likewise.
    ended: AtomicU64,
    /// Whether anything has been read at all.
    has_read: AtomicBool,
}

impl ReadTurns {
    pub(super) fn new(clock: Arc<LoopClock>) -> Arc<Self> {
        let now = clock.now();
        Arc::new(Self {
            clock,
            allowance: AtomicUsize::new(BYTES_IN_A_TURN),
            arrived: AtomicU64::new(now),
            ended: AtomicU64::new(now),
            has_read: AtomicBool::new(false),
        })
    }

    pub(super) fn begin(&self) {
        self.allowance.store(BYTES_IN_A_TURN, Ordering::Relaxed);
        let looked = self.clock.earlier.load(Ordering::Relaxed);
        let ended = self.ended.load(Ordering::Relaxed);
        self.arrived.store(looked.max(ended), Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended.store(self.clock.now(), Ordering::Relaxed);
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.allowance.load(Ordering::Relaxed) == 0
    }

    pub(super) fn note_read(&self, count: usize) {
        if count > 0 {
            self.has_read.store(true, Ordering::Relaxed);
        }
        let left = self.allowance.load(Ordering::Relaxed);
        self.allowance
            .store(left.saturating_sub(count), Ordering::Relaxed);
    }

    pub(super) fn has_read(&self) -> bool {
        self.has_read.load(Ordering::Relaxed)
    }

    /// The estimate of when the data of this turn arrived.
    pub(super) fn arrived(&self) -> Instant {
        self.clock.base + Duration::from_nanos(self.arrived.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_reads_so_much_and_the_next_as_much_again() {
        let turns = ReadTurns::new(LoopClock::new());
        turns.note_read(BYTES_IN_A_TURN - 1);
        assert!(!turns.is_used_up());
        turns.note_read(1000);
        assert!(turns.is_used_up());
        turns.begin();
        assert!(!turns.is_used_up());
    }

    #[test]
    fn data_has_arrived_since_the_last_turn_or_since_the_thread_woke() {
        let clock = LoopClock::new();
        let turns = ReadTurns::new(Arc::clone(&clock));
        turns.end();
        let after_turn = Instant::now();
        turns.begin();
        assert!(turns.arrived() <= after_turn);
        clock.wake();
        turns.begin();
        assert!(turns.arrived() >= after_turn);
        let woken = turns.arrived();
        turns.end();
        turns.begin();
        assert!(turns.arrived() >= woken);
    }

    #[tokio::test]
    async fn a_busy_thread_still_notices_that_it_looks_at_its_sockets() {
        let clock = LoopClock::new();
        let turns = ReadTurns::new(Arc::clone(&clock));
        turns.end();
        let begun = Instant::now();
        // Twice: what arrived since the last look but one may have been missed by that one.
        for _ in 0..2 {
            let observation = loop {
                if let Some(observation) = clock.observation() {
                    break observation;
                }
            };
            assert!(clock.observation().is_none());
            observation.await;
        }
        turns.begin();
        assert!(turns.arrived() > begun);
        assert!(turns.arrived() < Instant::now());
    }
}
