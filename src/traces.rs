//! Spans of checks, sent to a collector by OTLP.
//!
//! A check that is traced leaves its span in a bounded queue and goes on. A task sends what has gathered
//! there; a collector that is slow, that hangs or that is away costs spans and nothing else. There is no
//! SDK in between: its queue reports what it drops only when it ends.

mod context;
mod exporter;
mod metrics;
mod otlp;
mod queue;
mod settings;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::gate::{CheckSpan, SpanRecorder, TraceHeaders};

use context::{Context, Sampling};
use exporter::Exporter;
use queue::SpanQueue;
use transport::Transport;

pub use metrics::TraceMetrics;
pub use settings::{TraceProtocol, TracesDocument, TracesSettings};
pub use transport::{TracesError, check_files};

/// The longest that the end of the process waits for the last spans.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Records the spans of checks.
pub struct Recorder {
    sampling: Sampling,
    clock: Arc<dyn Clock>,
    queue: Arc<SpanQueue>,
}

/// A span with its place in a trace.
#[derive(Debug)]
struct Traced {
    context: Context,
    /// When the check was answered, in nanoseconds of Unix time.
    answered: u64,
    span: CheckSpan,
}

impl SpanRecorder for Recorder {
    fn record(&self, headers: &TraceHeaders<'_>, describe: &dyn Fn() -> CheckSpan) {
        if let Some(context) = self.sampling.context(headers) {
            self.queue.push(|| Traced {
                context,
                answered: self.clock.nanos(),
                span: describe(),
            });
        }
    }
}

/// Where spans go, with what the files of the settings hold.
pub struct Collector {
    settings: TracesSettings,
    transport: Transport,
}

impl Collector {
    /// Reads the files. Nobody is connected to.
    pub fn new(settings: &TracesSettings) -> Result<Self, TracesError> {
        Ok(Self {
            settings: settings.clone(),
            transport: Transport::new(settings)?,
        })
    }
}

/// The task that sends spans. It ends when this is dropped.
pub struct Export {
    ending: watch::Sender<bool>,
    task: JoinHandle<()>,
    queue: Arc<SpanQueue>,
}

impl Export {
    /// Begins to send what the recorder keeps. Connects when there is something to send, so that the
    /// collector need not be there.
    pub fn start(
        collector: Collector,
        clock: Arc<dyn Clock>,
        metrics: &TraceMetrics,
        runtime: &Handle,
    ) -> (Self, Arc<Recorder>) {
        let Collector {
            settings,
            transport,
        } = collector;
        let queue = Arc::new(SpanQueue::new(settings.max_queue_spans, metrics.clone()));
        let (ending, ended) = watch::channel(false);
        let exporter = Exporter::new(&settings, transport, Arc::clone(&queue), metrics.clone());
        let task = runtime.spawn(exporter.run(ended));
        let recorder = Arc::new(Recorder {
            sampling: Sampling::new(settings.sample_ratio),
            clock,
            queue: Arc::clone(&queue),
        });
        let export = Self {
            ending,
            task,
            queue,
        };
        (export, recorder)
    }

    /// Sends what is left, for two seconds at most. To be called once no more checks are answered.
    pub async fn flush(mut self) {
        self.ending.send_replace(true);
        let sent = tokio::time::timeout(LAST_SPANS, &mut self.task).await;
        if sent.is_err() {
            self.task.abort();
            tracing::warn!(
                spans.waiting = self.queue.waiting(),
                "the last spans are dropped: the collector does not take them in time"
            );
        }
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.task.abort();
    }
}
