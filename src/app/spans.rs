//! The export of spans, where the configuration asks for it.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::Config;
use crate::gate::SpanRecorder;
use crate::traces::{Export, TraceMetrics};

/// What sends the spans of checks.
pub(super) struct Spans(Export);

impl Spans {
    /// Starts the export on `runtime`; the gate gives its spans to the recorder.
    pub(super) fn start(
        config: &Config,
        clock: &Arc<dyn Clock>,
        registry: &mut Registry,
        runtime: &Handle,
    ) -> anyhow::Result<Option<(Self, Arc<dyn SpanRecorder>)>> {
        let Some(settings) = &config.traces else {
            return Ok(None);
        };
        let metrics = TraceMetrics::register(registry);
        let (export, recorder) = Export::start(settings, Arc::clone(clock), &metrics, runtime)?;
        Ok(Some((Self(export), recorder)))
    }

    /// Sends what is left, once no more checks are answered.
    pub(super) async fn flush(&mut self) {
        self.0.flush().await;
    }
}
