//! The section `log` of the configuration.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Deserialize;

use super::subject::SubjectForm;
use crate::yaml::present;

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The least weight that is logged.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
    /// Whether allowed requests are logged; refusals always are.
    pub allowed: bool,
    pub subject: SubjectForm,
    /// Holds the key of their digests; without it each process has its own.
    pub subject_key_file: Option<PathBuf>,
    /// Lines that may wait for the writer; further ones are dropped and counted.
    pub buffer_lines: usize,
}

/// The weight of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What needs somebody's hand.
    Error,
    /// What will, if it goes on.
    Warn,
    /// What happened: refusals, reloads, start and end.
    Info,
    /// How it happened.
    Debug,
    /// Everything.
    Trace,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
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
    format: LogFormat,
    allowed: bool,
    subject: SubjectForm,
    #[serde(deserialize_with = "present")]
    subject_key_file: Option<PathBuf>,
    buffer_lines: usize,
}

impl Default for LogDocument {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            format: LogFormat::Auto,
            allowed: false,
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

    /// The settings, with what flags and environment say over them; a relative file is relative to
    /// `base`.
    pub fn overridden(
        self,
        level: Option<LogLevel>,
        format: Option<LogFormat>,
        base: &Path,
    ) -> LogSettings {
        LogSettings {
            level: level.unwrap_or(self.level),
            format: format.unwrap_or(self.format),
            allowed: self.allowed,
            subject: self.subject,
            subject_key_file: self.subject_key_file.map(|file| base.join(file)),
            buffer_lines: self.buffer_lines,
        }
    }
}
