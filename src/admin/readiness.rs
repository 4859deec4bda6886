//! Whether the process should get traffic, for probes and for Prometheus.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::shutdown::{Phase, Shutdown};
use crate::telemetry::gauge;

/// Ready from the first keys of every issuer until the process ends.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// Whether the process is ending.
    pub shutdown: Shutdown,
    /// Whether every issuer has had keys.
    pub keys_loaded: Arc<watch::Sender<bool>>,
}

impl Readiness {
    pub fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    /// The reason, in a line, where it is not.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.is_draining() {
            return Err("draining\n");
        }
        if !*self.keys_loaded.borrow() {
            return Err("an issuer's keys or revocations are not loaded yet: see /status\n");
        }
        Ok(())
    }

    fn is_draining(&self) -> bool {
        self.shutdown.phase() != Phase::Running
    }
}

impl Collector for Readiness {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        gauge(
            &mut encoder,
            "ready",
            "1 if `/readyz` answers 200, else 0",
            u64::from(self.check().is_ok()),
        )?;
        gauge(
            &mut encoder,
            "draining",
            "1 after SIGTERM, while the gate still answers, else 0",
            u64::from(self.is_draining()),
        )
    }
}
