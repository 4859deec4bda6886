//! What the issuer's end of the feed counts.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::token::LogPosition;

#[derive(Debug, Default)]
pub(in crate::feed) struct Counts {
    pub(in crate::feed) subscribers: AtomicUsize,
    pub(in crate::feed) refused: AtomicU64,
    pub(in crate::feed) cut: AtomicU64,
    pub(in crate::feed) resumed: AtomicU64,
    pub(super) reports: AtomicU64,
    pub(super) reports_refused: AtomicU64,
    pub(super) snapshots_sent: AtomicU64,
    pub(super) snapshots_encoded: AtomicU64,
    pub(super) batches: AtomicU64,
}

/// Statistics of the issuer's end, for `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubStatistics {
    /// Gates that are connected.
    pub subscribers: usize,
    /// Calls that were turned away: wrong token, other issuer, too many.
    pub refused: u64,
    /// Gates disconnected for reading too slowly.
    pub cut: u64,
    /// Subscriptions resumed from a cursor.
    pub resumed: u64,
    /// Subscriptions that started with a full snapshot.
    pub snapshots_sent: u64,
    pub snapshots_encoded: u64,
    /// Frames of new rows, each sent to every gate.
    pub batches: u64,
    /// What gates told of themselves.
    pub reports: u64,
    /// The same, of no subscription or too often.
    pub reports_refused: u64,
    /// The position of the log up to which gates were sent rows.
    pub position: LogPosition,
}

impl Counts {
    /// All of them, and the position up to which gates were sent rows.
    pub(super) fn statistics(&self, position: LogPosition) -> HubStatistics {
        HubStatistics {
            subscribers: self.subscribers.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            cut: self.cut.load(Ordering::Relaxed),
            resumed: self.resumed.load(Ordering::Relaxed),
            snapshots_sent: self.snapshots_sent.load(Ordering::Relaxed),
            snapshots_encoded: self.snapshots_encoded.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            reports: self.reports.load(Ordering::Relaxed),
            reports_refused: self.reports_refused.load(Ordering::Relaxed),
            position,
        }
    }
}
