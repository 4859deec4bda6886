//! Where spans wait to be sent. Whoever brings one never waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Traced;
use super::metrics::{Lost, TraceMetrics};

/// How many spans one message has at most.
pub(super) const BATCH_SPANS: usize = 512;

/// A bounded queue of spans.
#[derive(Debug)]
pub(super) struct SpanQueue {
    max_spans: usize,
    /// Those in `spans`, and those that are being described.
    waiting: AtomicUsize,
    /// Checks add to it: taking from its front moves none of the others.
    spans: Mutex<VecDeque<Traced>>,
    metrics: TraceMetrics,
    /// Told once a whole batch waits; what is less is sent when it is time.
    batch: Notify,
}

impl SpanQueue {
    pub(super) fn new(max_spans: usize, metrics: TraceMetrics) -> Self {
        Self {
            max_spans,
            waiting: AtomicUsize::new(0),
            spans: Mutex::default(),
            metrics,
            batch: Notify::new(),
        }
    }

    /// Takes the span that `describe` gives, or counts it as lost where there is no room.
    pub(super) fn push(&self, describe: impl FnOnce() -> Traced) {
        // Before it is described: what is thrown away should cost nothing.
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        if before >= self.max_spans {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            // The check's own span: what it waited for is not described either.
            self.metrics.lost(Lost::QueueFull, 1);
            return;
        }
        let traced = describe();
        self.spans.lock().push_back(traced);
        if before + 1 == BATCH_SPANS {
            self.batch.notify_one();
        }
    }

    /// The spans that have waited longest, a batch at most.
    pub(super) fn take(&self) -> Vec<Traced> {
        let mut spans = self.spans.lock();
        let count = spans.len().min(BATCH_SPANS);
        let taken: Vec<Traced> = spans.drain(..count).collect();
        drop(spans);
        self.waiting.fetch_sub(taken.len(), Ordering::Relaxed);
        taken
    }

    /// Waits until there is a whole batch.
    pub(super) async fn has_batch(&self) {
        self.batch.notified().await;
    }

    /// How many spans there are.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}
