//! Logs: their bounded way out, and how they name people. Metrics whose values are kept elsewhere.

mod exposition;
mod process;
mod settings;
mod subject;

use std::io::IsTerminal;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;

pub use exposition::Exposition;
pub use process::register_process_metrics;
pub use settings::{
    DecisionSettings, LogDocument, LogFormat, LogLevel, LogSettings, LoggedPath, TargetLevels,
};
pub use subject::{SubjectForm, SubjectKeyError, SubjectNames};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabel {
    version: &'static str,
}

/// A gauge that is always 1, as is usual; the label is what counts.
pub fn register_build_info(registry: &mut Registry) {
    let family = Family::<BuildLabel, Gauge>::default();
    let label = BuildLabel {
        version: env!("CARGO_PKG_VERSION"),
    };
    family.get_or_create(&label).set(1);
    registry.register("build_info", "The build", family);
}

/// Appends a counter that is kept elsewhere.
pub fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), std::fmt::Error> {
    let counter = ConstCounter::new(value);
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    counter.encode(metric)
}

/// Appends a gauge that is kept elsewhere.
pub fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), std::fmt::Error> {
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    gauge.encode(metric)
}

/// The log's writer: a bounded queue that drops and counts rather than make anybody wait.
pub struct LogWriter {
    writer: NonBlocking,
    /// Ends the writer's thread, once everything is written, when dropped.
    _guard: WorkerGuard,
}

impl LogWriter {
    /// A writer to standard error.
    pub fn new(settings: &LogSettings) -> Self {
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(settings.buffer_lines)
            .thread_name("log-writer")
            .finish(std::io::stderr());
        Self {
            writer,
            _guard: guard,
        }
    }

    /// The count of dropped lines.
    pub fn dropped_lines(&self) -> DroppedLines {
        DroppedLines(self.writer.error_counter())
    }

    /// Makes this the log of the whole process. Only `main` may.
    pub fn install(&self, settings: &LogSettings) {
        let builder = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(self.writer.clone());
        let targets = targets(settings);
        let text = match settings.format {
            LogFormat::Text => true,
            LogFormat::Json => false,
            LogFormat::Auto => std::io::stderr().is_terminal(),
        };
        // An earlier subscriber, as in tests, stays.
        let _ = if text {
            let subscriber = builder.with_ansi(std::io::stderr().is_terminal()).finish();
            tracing::subscriber::set_global_default(subscriber.with(targets))
        } else {
            let subscriber = builder.json().flatten_event(true).finish();
            tracing::subscriber::set_global_default(subscriber.with(targets))
        };
    }
}

/// What is logged, by target. A target without a level of its own has the general one.
fn targets(settings: &LogSettings) -> Targets {
    let general = level_filter(settings.level);
    let of = |level: Option<LogLevel>| level.map_or(general, level_filter);
    Targets::new()
        .with_default(general)
        .with_target("portcullis::decision", of(settings.levels.decision))
        .with_target("portcullis::audit", of(settings.levels.audit))
        // The database driver logs what it cannot read of its URL and of `.pgpass`: that may be a
        // password.
        .with_target("sqlx_postgres::options", LevelFilter::OFF)
}

fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Silent => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Counts log lines that were dropped.
#[derive(Debug, Clone)]
pub struct DroppedLines(ErrorCounter);

impl Collector for DroppedLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let dropped = self.0.dropped_lines() as u64;
        counter(
            &mut encoder,
            "log_lines_dropped",
            "Log lines dropped because the writer could not keep up",
            dropped,
        )
    }
}
