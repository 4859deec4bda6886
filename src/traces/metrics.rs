//! What became of the spans.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::labels::{Label, closed_set};

closed_set! {
    /// Why a span did not arrive.
    pub(super) enum Lost {
        QueueFull = "queue_full",
        NotDelivered = "not_delivered",
        Rejected = "rejected",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LostLabel {
    reason: &'static str,
}

/// What became of the spans.
#[derive(Debug, Clone)]
pub struct TraceMetrics {
    sent: Counter,
    /// A counter for each reason, at its position.
    lost: Arc<[Counter]>,
}

impl TraceMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let sent = Counter::default();
        registry.register(
            "trace_spans_sent",
            "Spans that the collector took",
            sent.clone(),
        );
        let family = Family::<LostLabel, Counter>::default();
        let lost = Lost::ALL.iter().map(|reason| {
            family.get_or_create_owned(&LostLabel {
                reason: reason.label(),
            })
        });
        let lost = lost.collect();
        registry.register(
            "trace_spans_dropped",
            "Spans that no collector took",
            family,
        );
        Self { sent, lost }
    }

    pub(super) fn sent(&self, spans: u64) {
        self.sent.inc_by(spans);
    }

    pub(super) fn lost(&self, reason: Lost, spans: u64) {
        if let Some(counter) = self.lost.get(reason.position()) {
            counter.inc_by(spans);
        }
    }

    /// All that were lost so far.
    pub(super) fn lost_so_far(&self) -> u64 {
        self.lost.iter().map(Counter::get).sum()
    }
}
