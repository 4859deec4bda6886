//! Rows, and a floor that may stand for some of them: the order in which both are read and changed.
//!
//! A writer raises the floor before it drops the rows below it. A reader looks at the floor after it
//! has found nothing in the rows: the other way round it could see the floor from before and the
//! rows from after, and a revoked token would pass. `models/` tries all interleavings of this file.

use atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use loom::sync::atomic;
#[cfg(not(loom))]
use std::sync::atomic;

/// Rows together with the position below which everything is refused.
pub(super) struct Floored<R> {
    rows: R,
    floor: AtomicU64,
}

impl<R> Floored<R> {
    /// Nothing is below the floor yet.
    pub(super) fn new(rows: R) -> Self {
        Self {
            rows,
            floor: AtomicU64::new(0),
        }
    }

    /// Whether `listed` finds something in the rows, or `position` is below the floor.
    pub(super) fn refuses(&self, position: u64, listed: impl FnOnce(&R) -> bool) -> bool {
        // From left to right, and the order is the point: see above.
        listed(&self.rows) || position < self.floor.load(Ordering::Acquire)
    }

    /// Refuses everything below `floor` from now on.
    pub(super) fn raise(&self, floor: u64) {
        self.floor.fetch_max(floor, Ordering::AcqRel);
    }

    /// The same, and then drops the rows that are no longer needed because of it.
    pub(super) fn raise_and_drop(&self, floor: u64, drop: impl FnOnce(&R)) {
        self.raise(floor);
        drop(&self.rows);
    }

    /// The floor by itself, for counts and copies; what a token is worth is [`Floored::refuses`].
    pub(super) fn floor(&self) -> u64 {
        self.floor.load(Ordering::Acquire)
    }

    /// The rows by themselves, for whoever adds to them or copies them.
    pub(super) fn rows(&self) -> &R {
        &self.rows
    }
}
