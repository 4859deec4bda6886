//! The export of spans, where the configuration asks for it.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::Config;
use crate::gate::SpanRecorder;
use crate::traces::{Export, TraceMetrics, TracesError};

pub(super) use crate::traces::Collector;

/// Where the configuration says that spans go, with what its files hold.
pub(super) fn collector(config: &Config) -> Result<Option<Collector>, TracesError> {
    config.traces.as_ref().map(Collector::new).transpose()
}

/// What sends the spans of checks.
pub(super) struct Spans(Export);

impl Spans {
    /// Starts the export on `runtime`; the gate gives its spans to the recorder.
    pub(super) fn start(
        collector: Collector,
        clock: &Arc<dyn Clock>,
        registry: &mut Registry,
        runtime: &Handle,
    ) -> (Self, Arc<dyn SpanRecorder>) {
        let metrics = TraceMetrics::register(registry);
        let (export, recorder) = Export::start(collector, Arc::clone(clock), &metrics, runtime);
        (Self(export), recorder)
    }

    /// Sends what is left, once no more checks are answered.
    pub(super) async fn flush(self) {
        self.0.flush().await;
    }
}
