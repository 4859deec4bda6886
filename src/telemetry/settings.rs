//! The section `log` of the configuration.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

use super::outputs::{LogOutputs, OutputsDocument};
use super::subject::SubjectForm;
use crate::problem::Faults;
use crate::yaml::present;

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The least weight that is logged, where `levels` says nothing else.
    pub level: LogLevel,
    pub levels: TargetLevels,
    /// The form of a line.
    pub format: LogFormat,
    /// Where lines go.
    pub outputs: LogOutputs,
    pub decisions: DecisionSettings,
    pub subject: SubjectForm,
    /// Holds the key of their digests; without it each process has its own.
    pub subject_key_file: Option<PathBuf>,
    /// Lines that may wait for the writer of an output; further ones are dropped and counted.
    pub buffer_lines: usize,
}

/// What the log tells of decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionSettings {
    /// Whether allowed requests are logged; refusals always are.
    pub allowed: bool,
    pub path: LoggedPath,
    /// The most lines of refusals for one reason in a second. The others are counted, and the count is
    /// logged.
    pub refusals_per_second: u32,
}

/// How much of its path the line of a refusal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoggedPath {
    /// The path as it came, without its query.
    #[default]
    Full,
    /// The template of the route that refused: no part of it is the caller's.
    Route,
    None,
}

/// The least weight of the lines of one target, where it is not that of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TargetLevels {
    /// `portcullis::decision`: requests that are allowed or refused.
    #[serde(deserialize_with = "present")]
    pub decision: Option<LogLevel>,
    /// `portcullis::audit`: who changed or revoked what at the issuer.
    #[serde(deserialize_with = "present")]
    pub audit: Option<LogLevel>,
}

/// The weight of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// No line at all. `off` is a boolean to some readers of YAML.
    #[serde(rename = "none")]
    #[value(name = "none")]
    Silent,
    /// Failures that need action.
    Error,
    /// Problems that will need action if they persist.
    Warn,
    /// What happened: refusals, reloads, start and end.
    Info,
    /// How it happened.
    Debug,
    Trace,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere, for each output.
    Auto,
    /// One JSON object a line.
    Json,
    Text,
}

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogDocument {
    level: LogLevel,
    levels: TargetLevels,
    format: LogFormat,
    outputs: OutputsDocument,
    allowed: bool,
    path: LoggedPath,
    refusals_per_second: u32,
    subject: SubjectForm,
    #[serde(deserialize_with = "present")]
    subject_key_file: Option<PathBuf>,
    buffer_lines: usize,
}

impl Default for DecisionSettings {
    fn default() -> Self {
        Self {
            allowed: false,
            path: LoggedPath::Full,
            refusals_per_second: 100,
        }
    }
}

impl Default for LogDocument {
    fn default() -> Self {
        let decisions = DecisionSettings::default();
        Self {
            level: LogLevel::Info,
            levels: TargetLevels::default(),
            format: LogFormat::Auto,
            outputs: OutputsDocument::default(),
            allowed: decisions.allowed,
            path: decisions.path,
            refusals_per_second: decisions.refusals_per_second,
            subject: SubjectForm::Digest,
            subject_key_file: None,
            buffer_lines: 8192,
        }
    }
}

impl LogDocument {
    /// Lines that may wait for the writer.
    pub fn buffer_lines(&self) -> usize {
        self.buffer_lines
    }

    /// The most lines of refusals for one reason in a second.
    pub fn refusals_per_second(&self) -> u32 {
        self.refusals_per_second
    }

    /// The settings, with what flags and environment say over them; a relative file is relative to
    /// `base`.
    pub fn overridden(
        self,
        level: Option<LogLevel>,
        format: Option<LogFormat>,
        base: &Path,
        faults: &mut Faults,
    ) -> LogSettings {
        LogSettings {
            level: level.unwrap_or(self.level),
            levels: self.levels,
            format: format.unwrap_or(self.format),
            outputs: self.outputs.build(base, faults),
            decisions: DecisionSettings {
                allowed: self.allowed,
                path: self.path,
                refusals_per_second: self.refusals_per_second,
            },
            subject: self.subject,
            subject_key_file: self.subject_key_file.map(|file| base.join(file)),
            buffer_lines: self.buffer_lines,
        }
    }
}
