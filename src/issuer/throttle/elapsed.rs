//! The time by which limits recover.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use governor::nanos::Nanos;

use crate::clock::{Clock, UnixSeconds};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The time since the start, by a clock that may be set back: then it stands still for a moment,
/// instead of keeping everybody waiting for the difference.
///
/// It moves at [`Elapsed::update`] alone, so that all limits judge one attempt at one instant.
pub(super) struct Elapsed {
    clock: Arc<dyn Clock>,
    last: Mutex<UnixSeconds>,
    nanos: AtomicU64,
}

/// What governor reads.
#[derive(Clone)]
pub(super) struct ElapsedClock(pub(super) Arc<Elapsed>);

impl Elapsed {
    pub(super) fn since_now(clock: Arc<dyn Clock>) -> Arc<Self> {
        let now = clock.now();
        Arc::new(Self {
            clock,
            last: Mutex::new(now),
            nanos: AtomicU64::new(0),
        })
    }

    /// Looks at the clock.
    pub(super) fn update(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        // A step forward of more than a year is no time that has passed, and would overflow one day.
        let passed = u64::try_from(now.since(*last)).unwrap_or(0).min(31_536_000);
        *last = now;
        self.nanos
            .fetch_add(passed * NANOS_PER_SECOND, Ordering::Relaxed);
    }

    pub(super) fn nanos(&self) -> Nanos {
        Nanos::new(self.nanos.load(Ordering::Relaxed))
    }
}

impl governor::clock::Clock for ElapsedClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.nanos()
    }
}
