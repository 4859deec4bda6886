//! Logs: their bounded way out, and how they name people. Metrics whose values are kept elsewhere.

mod exposition;
mod log_file;
mod log_writer;
mod outputs;
mod process;
mod settings;
mod subject;

use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

pub use exposition::Exposition;
pub use log_file::LogFileError;
pub use log_writer::{LogLosses, LogOutputError, LogWriter, check_outputs};
pub use outputs::{LogKind, LogOutput, LogOutputs, OutputsDocument, SHADOW_EVENT};
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
