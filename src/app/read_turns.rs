//! What one connection may read before what it has read is handled, and since when that may have
//! been waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What is read in one turn, in bytes, up to the size of the last read.
///
/// Everything that HTTP/2 puts off until frames have been read is bounded by it: streams that have
/// not been accepted, headers that nobody has looked at, and answers to resets and pings. A
/// connection that floods does not keep its thread from the others either. It is some sixty checks.
pub(super) const BYTES_IN_A_TURN: usize = 64 << 10;

/// When a thread last woke up because something happened.
#[derive(Debug)]
pub(super) struct WakeClock {
    base: Instant,
    /// In nanoseconds since `base`.
    woken: AtomicU64,
}

impl WakeClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            base: Instant::now(),
            woken: AtomicU64::new(0),
        })
    }

    /// To be called when the thread has nothing more to do and wakes up again.
    pub(super) fn wake(&self) {
        self.woken.store(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The turns of one connection.
///
/// A check waits in the socket before anybody sees it. What is read in a turn has arrived after
/// the end of the turn before, or while the thread slept: the later of the two is when it may have
/// begun to wait. What the turn before left in the socket has waited for longer.
#[derive(Debug)]
pub(super) struct ReadTurns {
    clock: Arc<WakeClock>,
    allowance: AtomicUsize,
    /// When the present turn's data may have arrived, in nanoseconds since the clock's base.
    arrived: AtomicU64,
    /// When the last turn ended, likewise.
    ended: AtomicU64,
}

impl ReadTurns {
    pub(super) fn new(clock: Arc<WakeClock>) -> Arc<Self> {
        let now = clock.now();
        Arc::new(Self {
            clock,
            allowance: AtomicUsize::new(BYTES_IN_A_TURN),
            arrived: AtomicU64::new(now),
            ended: AtomicU64::new(now),
        })
    }

    pub(super) fn begin(&self) {
        self.allowance.store(BYTES_IN_A_TURN, Ordering::Relaxed);
        let woken = self.clock.woken.load(Ordering::Relaxed);
        let ended = self.ended.load(Ordering::Relaxed);
        self.arrived.store(woken.max(ended), Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.ended.store(self.clock.now(), Ordering::Relaxed);
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.allowance.load(Ordering::Relaxed) == 0
    }

    pub(super) fn note_read(&self, count: usize) {
        let left = self.allowance.load(Ordering::Relaxed);
        self.allowance
            .store(left.saturating_sub(count), Ordering::Relaxed);
    }

    /// When what this turn reads may have arrived.
    pub(super) fn arrived(&self) -> Instant {
        self.clock.base + Duration::from_nanos(self.arrived.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_reads_so_much_and_the_next_as_much_again() {
        let turns = ReadTurns::new(WakeClock::new());
        turns.note_read(BYTES_IN_A_TURN - 1);
        assert!(!turns.is_used_up());
        turns.note_read(1000);
        assert!(turns.is_used_up());
        turns.begin();
        assert!(!turns.is_used_up());
    }

    #[test]
    fn data_has_arrived_since_the_last_turn_or_since_the_thread_woke() {
        let clock = WakeClock::new();
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
}
