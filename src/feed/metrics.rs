//! What the hub counts, read when Prometheus asks.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::Hub;
use crate::telemetry::{counter, gauge};

/// The gates that subscribe, and what they were sent.
pub struct HubMetrics(Arc<Hub>);

impl HubMetrics {
    pub fn register(hub: &Arc<Hub>, registry: &mut Registry) {
        registry.register_collector(Box::new(Self(Arc::clone(hub))));
    }
}

impl std::fmt::Debug for HubMetrics {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("HubMetrics")
    }
}

impl Collector for HubMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let statistics = self.0.statistics();
        let subscribers = statistics.subscribers as u64;
        gauge(
            &mut encoder,
            "feed_subscribers",
            "Gates connected to this issuer's feed",
            subscribers,
        )?;
        gauge(
            &mut encoder,
            "feed_position",
            "Position of the revocation log sent to gates",
            statistics.position.0,
        )?;
        let counts = [
            (
                "feed_refusals",
                "Gates refused: wrong token, another issuer, or too many gates",
                statistics.refused,
            ),
            (
                "feed_cut_subscribers",
                "Gates disconnected for reading too slowly",
                statistics.cut,
            ),
            (
                "feed_resumptions",
                "Subscriptions resumed from a cursor",
                statistics.resumed,
            ),
            (
                "feed_snapshots_sent",
                "Subscriptions that started with a full snapshot",
                statistics.snapshots_sent,
            ),
            (
                "feed_snapshots_encoded",
                "Full snapshots encoded",
                statistics.snapshots_encoded,
            ),
            (
                "feed_batches",
                "Frames of new revocations, each sent to every gate",
                statistics.batches,
            ),
            (
                "feed_reports",
                "Reports of gates about themselves",
                statistics.reports,
            ),
            (
                "feed_reports_refused",
                "Reports of gates refused: of no subscription, or too often",
                statistics.reports_refused,
            ),
        ];
        for (name, help, value) in counts {
            counter(&mut encoder, name, help, value)?;
        }
        Ok(())
    }
}
