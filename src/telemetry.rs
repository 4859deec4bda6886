//! Metrics and logs: what is counted where, and the bounded way out.

mod settings;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::Metadata;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;

use crate::decision::Denial;
use crate::ext_authz::{MalformedCheck, Refusal};
use crate::policy::MalformedTarget;
use crate::token;

pub use settings::{LogDocument, LogFormat, LogLevel, LogSettings};

/// Upper bounds of the latency buckets, in seconds.
const LATENCY_BUCKETS: [f64; 12] = [
    0.000_005, 0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1,
    0.5,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
    detail: &'static str,
}

/// What the gate counts of its answers.
#[derive(Debug, Clone)]
pub struct GateMetrics {
    allowed: Counter,
    /// A counter for each reason and detail that there can be.
    denied: Arc<BTreeMap<(&'static str, &'static str), Counter>>,
    latency: Histogram,
    ignored: Counter,
}

impl GateMetrics {
    /// Counters registered in `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let allowed = Counter::default();
        registry.register(
            "checks_allowed",
            "Requests that were let through",
            allowed.clone(),
        );
        let family = Family::<ReasonLabels, Counter>::default();
        let denied = refusal_names().map(|(reason, detail)| {
            let counter = family.get_or_create_owned(&ReasonLabels { reason, detail });
            ((reason, detail), counter)
        });
        let denied = Arc::new(denied.collect());
        registry.register("checks_denied", "Requests that were turned away", family);
        let latency = Histogram::new(LATENCY_BUCKETS);
        registry.register_with_unit(
            "check_duration",
            "Time from the arrival of a check to its answer, without the network",
            Unit::Seconds,
            latency.clone(),
        );
        let ignored = Counter::default();
        registry.register(
            "tokens_ignored",
            "Tokens on public routes that could not be verified in time",
            ignored.clone(),
        );
        Self {
            allowed,
            denied,
            latency,
            ignored,
        }
    }

    /// Counts a request that went through.
    pub fn allowed(&self, latency: Duration) {
        self.allowed.inc();
        self.latency.observe(latency.as_secs_f64());
    }

    /// Counts a token that nobody has looked at because the check would have been late.
    pub fn token_ignored(&self) {
        self.ignored.inc();
    }

    /// Counts a refusal.
    pub fn denied(&self, refusal: &Refusal<'_>, latency: Duration) {
        let name = (refusal.label(), refusal.detail().unwrap_or_default());
        if let Some(counter) = self.denied.get(&name) {
            counter.inc();
        }
        self.latency.observe(latency.as_secs_f64());
    }
}

/// Every reason of a refusal, with every detail that it can have.
fn refusal_names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let reasons = Denial::LABELS.into_iter().chain(Refusal::LABELS);
    let plain = reasons.map(|reason| (reason, ""));
    let targets = MalformedTarget::ALL
        .iter()
        .map(|malformed| ("malformed_target", malformed.label()));
    let tokens = token::TokenError::ALL_LABELS
        .iter()
        .map(|label| ("bad_token", *label));
    let checks = MalformedCheck::LABELS.map(|label| ("malformed_check", label));
    // Those that always have a detail do not count without one.
    let plain = plain.filter(|(reason, _)| {
        !["malformed_target", "bad_token", "malformed_check"].contains(reason)
    });
    plain.chain(targets).chain(tokens).chain(checks)
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
        let level = match settings.level {
            LogLevel::Error => tracing::Level::ERROR,
            LogLevel::Warn => tracing::Level::WARN,
            LogLevel::Info => tracing::Level::INFO,
            LogLevel::Debug => tracing::Level::DEBUG,
            LogLevel::Trace => tracing::Level::TRACE,
        };
        let builder = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(self.writer.clone());
        let text = match settings.format {
            LogFormat::Text => true,
            LogFormat::Json => false,
            LogFormat::Auto => std::io::stderr().is_terminal(),
        };
        // An earlier subscriber, as in tests, stays.
        let _ = if text {
            let subscriber = builder.with_ansi(std::io::stderr().is_terminal()).finish();
            tracing::subscriber::set_global_default(subscriber.with(filter_fn(is_logged)))
        } else {
            let subscriber = builder.json().flatten_event(true).finish();
            tracing::subscriber::set_global_default(subscriber.with(filter_fn(is_logged)))
        };
    }
}

/// The database driver logs what it cannot read of its URL and of `.pgpass`: that may be a password.
fn is_logged(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with("sqlx_postgres::options")
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
