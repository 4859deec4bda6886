//! The way out of log lines: for each output a bounded queue that drops and counts rather than make anybody
//! wait, and a thread that writes.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tracing::Metadata;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

use super::log_file::{self, LogFile, LogFileError};
use super::outputs::{self, LOG, LogKind, LogOutput, LogOutputs};
use super::settings::{LogFormat, LogLevel, LogSettings};
use crate::labels::Label;
use crate::problem::Faults;

/// Why the log cannot be written as it is configured.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {source}", outputs::key(*.kind))]
pub struct LogOutputError {
    /// Of the first lines that go there.
    kind: LogKind,
    source: LogFileError,
}

/// The log's writers.
pub struct LogWriter {
    /// One for each output, and at the end one for standard error if no lines go there: what is told of the
    /// log itself does. They end one after the other, each once everything is written.
    channels: Vec<Channel>,
    outputs: LogOutputs,
}

/// The queue of one output.
struct Channel {
    /// The first lines that go there; none of what only tells of the log.
    kind: Option<LogKind>,
    output: LogOutput,
    writer: NonBlocking,
    failed: Arc<AtomicU64>,
    _guard: WorkerGuard,
}

impl LogWriter {
    /// Writers to the outputs of a server. Makes files that are not there.
    pub fn open(settings: &LogSettings) -> Result<Self, LogOutputError> {
        let outputs = &settings.outputs;
        let mut channels = Vec::new();
        for (kind, output) in outputs.distinct() {
            let channel = Channel::open(kind, output, settings.buffer_lines);
            channels.push(channel.map_err(|source| LogOutputError { kind, source })?);
        }
        if channels
            .iter()
            .all(|channel| channel.output != LogOutput::Stderr)
        {
            channels.push(Channel::to_stderr(None, settings.buffer_lines));
        }
        Ok(Self {
            channels,
            outputs: outputs.clone(),
        })
    }

    /// All to standard error, as commands write what they have to tell: whoever runs one may not be whom the
    /// files belong to.
    pub fn of_command(settings: &LogSettings) -> Self {
        Self {
            channels: vec![Channel::to_stderr(
                Some(LogKind::Service),
                settings.buffer_lines,
            )],
            outputs: LogOutputs::stderr(),
        }
    }

    /// The counts of lines that were lost.
    pub fn losses(&self) -> LogLosses {
        let channels = self.channels.iter();
        let losses = channels.filter_map(|channel| {
            Some(Losses {
                output: channel.kind?.label(),
                dropped: channel.writer.error_counter(),
                failed: Arc::clone(&channel.failed),
            })
        });
        LogLosses(losses.collect())
    }

    /// Makes this the log of the whole process. Only `main` may.
    pub fn install(&self, settings: &LogSettings) {
        let router = Router::new(self, settings.format);
        let forms = [LineForm::Json, LineForm::Text, LineForm::Coloured];
        let used: Vec<LineForm> = forms
            .into_iter()
            .filter(|form| router.uses(*form))
            .collect();
        let layers = used.iter().map(|form| {
            let layer = form.layer(router.clone());
            if used.len() == 1 {
                return layer;
            }
            // Each line once: by the layer of the form that its output has.
            let (router, form) = (router.clone(), *form);
            let is_of_form = move |event: &Metadata<'_>| {
                let route = router.route(event);
                route.is_some_and(|route| route.form == form)
            };
            layer.with_filter(filter_fn(is_of_form)).boxed()
        });
        let layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = layers.collect();
        let subscriber = Registry::default().with(layers).with(targets(settings));
        // An earlier subscriber, as in tests, stays.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

impl Channel {
    fn open(kind: LogKind, output: &LogOutput, buffer_lines: usize) -> Result<Self, LogFileError> {
        let failed = Arc::default();
        let (writer, guard) = match output {
            LogOutput::Stderr => return Ok(Self::to_stderr(Some(kind), buffer_lines)),
            LogOutput::Stdout => {
                let stream = Counted::new(io::stdout(), &failed);
                builder(buffer_lines).finish(stream)
            }
            LogOutput::File(path) => {
                let file = LogFile::open(path, Arc::clone(&failed))?;
                builder(buffer_lines).finish(file)
            }
        };
        Ok(Self {
            kind: Some(kind),
            output: output.clone(),
            writer,
            failed,
            _guard: guard,
        })
    }

    fn to_stderr(kind: Option<LogKind>, buffer_lines: usize) -> Self {
        let failed = Arc::default();
        let stream = Counted::new(io::stderr(), &failed);
        let (writer, guard) = builder(buffer_lines).finish(stream);
        Self {
            kind,
            output: LogOutput::Stderr,
            writer,
            failed,
            _guard: guard,
        }
    }
}

/// A stream whose lines are counted where they cannot be written. There is nobody left to tell.
struct Counted<W> {
    stream: W,
    failed: Arc<AtomicU64>,
}

impl<W> Counted<W> {
    fn new(stream: W, failed: &Arc<AtomicU64>) -> Self {
        Self {
            stream,
            failed: Arc::clone(failed),
        }
    }
}

impl<W: Write> Write for Counted<W> {
    /// Takes a whole line in any case.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.stream.write_all(line);
        if written.and_then(|()| self.stream.flush()).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn builder(buffer_lines: usize) -> NonBlockingBuilder {
    NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(buffer_lines)
        .thread_name("log-writer")
}

/// Hands each line to the queue of its output.
#[derive(Clone)]
struct Router {
    /// At the position of each kind.
    kinds: Vec<Route>,
    /// What is told of the log itself.
    own: Option<Route>,
}

/// Where lines go, and in which form.
#[derive(Clone)]
struct Route {
    form: LineForm,
    writer: NonBlocking,
}

impl Router {
    fn new(log: &LogWriter, format: LogFormat) -> Self {
        let route = |output: &LogOutput| {
            let mut channels = log.channels.iter();
            let channel = channels.find(|channel| channel.output == *output)?;
            Some(Route {
                form: LineForm::of(output, format),
                writer: channel.writer.clone(),
            })
        };
        let kinds = LogKind::ALL.iter();
        Self {
            // None is left out: there is a channel for each output.
            kinds: kinds
                .filter_map(|kind| route(log.outputs.of(*kind)))
                .collect(),
            own: route(&LogOutput::Stderr),
        }
    }

    fn route(&self, event: &Metadata<'_>) -> Option<&Route> {
        if event.target() == LOG {
            return self.own.as_ref();
        }
        self.kinds.get(LogKind::of(event).position())
    }

    fn uses(&self, form: LineForm) -> bool {
        let mut routes = self.kinds.iter().chain(&self.own);
        routes.any(|route| route.form == form)
    }
}

impl<'w> MakeWriter<'w> for Router {
    type Writer = LineWriter;

    fn make_writer(&'w self) -> LineWriter {
        LineWriter(self.own.as_ref().map(|route| route.writer.clone()))
    }

    fn make_writer_for(&'w self, event: &Metadata<'_>) -> LineWriter {
        LineWriter(self.route(event).map(|route| route.writer.clone()))
    }
}

/// The queue of an output, of which there is one for each line.
struct LineWriter(Option<NonBlocking>);

impl io::Write for LineWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(writer) => writer.write(line),
            None => Ok(line.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The form of the lines of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineForm {
    Json,
    Text,
    /// Text with the control sequences of a terminal.
    Coloured,
}

impl LineForm {
    fn of(output: &LogOutput, format: LogFormat) -> Self {
        let is_terminal = match output {
            LogOutput::Stderr => io::stderr().is_terminal(),
            LogOutput::Stdout => io::stdout().is_terminal(),
            LogOutput::File(_) => false,
        };
        match format {
            LogFormat::Auto | LogFormat::Text if is_terminal => Self::Coloured,
            LogFormat::Text => Self::Text,
            LogFormat::Auto | LogFormat::Json => Self::Json,
        }
    }

    fn layer(self, router: Router) -> Box<dyn Layer<Registry> + Send + Sync> {
        let layer = tracing_subscriber::fmt::layer().with_writer(router);
        match self {
            Self::Json => layer.json().flatten_event(true).boxed(),
            Self::Text => layer.with_ansi(false).boxed(),
            Self::Coloured => layer.with_ansi(true).boxed(),
        }
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
        // That lines are lost is told even where nothing else is.
        .with_target(LOG, LevelFilter::INFO)
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

/// What a start would find wrong with the outputs. Makes no file.
pub fn check_outputs(settings: &LogSettings, faults: &mut Faults) {
    for (kind, output) in settings.outputs.distinct() {
        if let LogOutput::File(path) = output
            && let Err(source) = log_file::check(path)
        {
            let error = LogOutputError { kind, source };
            faults.add(outputs::key(kind), error.to_string());
        }
    }
}

/// Counts log lines that were lost.
#[derive(Debug, Clone)]
pub struct LogLosses(Vec<Losses>);

/// Of one output.
#[derive(Debug, Clone)]
struct Losses {
    output: &'static str,
    dropped: ErrorCounter,
    failed: Arc<AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutputLabel {
    output: &'static str,
}

impl Collector for LogLosses {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let dropped = Family::<OutputLabel, Counter>::default();
        let failed = Family::<OutputLabel, Counter>::default();
        for losses in &self.0 {
            let label = OutputLabel {
                output: losses.output,
            };
            let count = losses.dropped.dropped_lines() as u64;
            dropped.get_or_create(&label).inc_by(count);
            let count = losses.failed.load(Ordering::Relaxed);
            failed.get_or_create(&label).inc_by(count);
        }
        let name = "log_lines_dropped";
        let help = "Log lines dropped because the writer could not keep up";
        dropped.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        let name = "log_lines_failed";
        let help = "Log lines that could not be written to their output";
        failed.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)
    }
}
