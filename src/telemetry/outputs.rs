//! Where the kinds of log lines go.

use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use tracing::Metadata;

use crate::labels::{Label, closed_set};
use crate::problem::{Faults, closest};
use crate::yaml::present;

/// The target of decisions, in shadow or not.
const DECISION: &str = "portcullis::decision";

const AUDIT: &str = "portcullis::audit";

/// What tells the lines of decisions in shadow apart, which have the target of the others: the name of their
/// events.
pub const SHADOW_EVENT: &str = "shadow";

/// The target of what is told of the log itself. Such lines go to standard error.
pub(super) const LOG: &str = "portcullis::log";

closed_set! {
    /// What a line of the log is about.
    pub enum LogKind {
        /// The service itself: start and end, reloads, keys, connections.
        Service = "service",
        /// Who changed or revoked what at the issuer.
        Audit = "audit",
        /// Requests that were allowed or refused.
        Decision = "decision",
        /// Requests that were let through only because of shadow mode, and what the shadow policy would change.
        Shadow = "shadow",
    }
}

impl LogKind {
    /// Of the lines of this event.
    pub(super) fn of(event: &Metadata<'_>) -> Self {
        match event.target() {
            AUDIT => Self::Audit,
            DECISION if event.name() == SHADOW_EVENT => Self::Shadow,
            DECISION => Self::Decision,
            _ => Self::Service,
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogOutput {
    Stderr,
    Stdout,
    /// Appended to this file.
    File(PathBuf),
}

/// The output of each kind of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOutputs {
    service: LogOutput,
    audit: LogOutput,
    decision: LogOutput,
    shadow: LogOutput,
}

impl LogOutputs {
    /// All to standard error.
    pub fn stderr() -> Self {
        Self {
            service: LogOutput::Stderr,
            audit: LogOutput::Stderr,
            decision: LogOutput::Stderr,
            shadow: LogOutput::Stderr,
        }
    }

    pub fn of(&self, kind: LogKind) -> &LogOutput {
        match kind {
            LogKind::Service => &self.service,
            LogKind::Audit => &self.audit,
            LogKind::Decision => &self.decision,
            LogKind::Shadow => &self.shadow,
        }
    }

    /// Each output once, with the first kind that goes there.
    pub fn distinct(&self) -> Vec<(LogKind, &LogOutput)> {
        let mut found: Vec<(LogKind, &LogOutput)> = Vec::new();
        for kind in LogKind::ALL {
            let output = self.of(*kind);
            if found.iter().all(|(_, other)| *other != output) {
                found.push((*kind, output));
            }
        }
        found
    }
}

/// The section `outputs` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutputsDocument {
    #[serde(deserialize_with = "present")]
    service: Option<String>,
    #[serde(deserialize_with = "present")]
    audit: Option<String>,
    #[serde(deserialize_with = "present")]
    decision: Option<String>,
    #[serde(deserialize_with = "present")]
    shadow: Option<String>,
}

impl OutputsDocument {
    /// What is not said goes where the rest of its kind goes: shadow with decisions, and all with the service.
    /// A relative file is relative to `base`.
    pub(super) fn build(self, base: &Path, faults: &mut Faults) -> LogOutputs {
        let mut read = |kind: LogKind, written: Option<String>, otherwise: &LogOutput| match written
        {
            Some(text) => output(kind, &text, base, faults),
            None => otherwise.clone(),
        };
        let service = read(LogKind::Service, self.service, &LogOutput::Stderr);
        let audit = read(LogKind::Audit, self.audit, &service);
        let decision = read(LogKind::Decision, self.decision, &service);
        let shadow = read(LogKind::Shadow, self.shadow, &decision);
        LogOutputs {
            service,
            audit,
            decision,
            shadow,
        }
    }
}

fn output(kind: LogKind, text: &str, base: &Path, faults: &mut Faults) -> LogOutput {
    let key = key(kind);
    match text {
        "stderr" => LogOutput::Stderr,
        "stdout" => LogOutput::Stdout,
        _ => {
            if let Some(meant) = meant(kind, text) {
                let message = format!(
                    "`{key}: {text}` is not an output: did you mean `{meant}`? A file of this name is \
                     `./{text}`"
                );
                faults.add(&*key, message);
            } else if text.is_empty() || text.ends_with('/') {
                faults.add(
                    &*key,
                    format!(
                        "`{key}: {text}` does not name a file: write its path, `stderr` or `stdout`"
                    ),
                );
            }
            // Two ways to write a path are one file, and one writer.
            let parts = base.join(text);
            let parts = parts.components();
            LogOutput::File(parts.filter(|part| *part != Component::CurDir).collect())
        }
    }
}

/// What somebody meant who wrote a word that is hardly the name of a file.
fn meant(kind: LogKind, text: &str) -> Option<String> {
    if text.eq_ignore_ascii_case("none") {
        return Some(match kind {
            LogKind::Service => "log.level: none".to_owned(),
            LogKind::Audit => "log.levels.audit: none".to_owned(),
            LogKind::Decision | LogKind::Shadow => "log.levels.decision: none".to_owned(),
        });
    }
    let near = match text {
        "-" => Some("stdout"),
        _ => closest(text, ["stderr", "stdout"]),
    };
    near.map(str::to_owned)
}

/// Where the output of these lines is set.
pub(super) fn key(kind: LogKind) -> String {
    format!("log.outputs.{}", kind.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(document: OutputsDocument) -> (LogOutputs, Vec<String>) {
        let mut faults = Faults::default();
        let outputs = document.build(Path::new("/etc/gate"), &mut faults);
        (outputs, faults.into_messages())
    }

    #[test]
    fn what_is_not_said_goes_with_what_it_belongs_to() {
        let file = |path: &str| LogOutput::File(path.into());
        let none = OutputsDocument::default;
        assert_eq!(built(none()), (LogOutputs::stderr(), Vec::new()));
        let (stderr, stdout) = (LogOutput::Stderr, LogOutput::Stdout);
        for (document, [service, audit, decision, shadow]) in [
            (
                OutputsDocument {
                    service: Some("stdout".to_owned()),
                    ..none()
                },
                [&stdout, &stdout, &stdout, &stdout],
            ),
            (
                OutputsDocument {
                    decision: Some("a.log".to_owned()),
                    ..none()
                },
                [
                    &stderr,
                    &stderr,
                    &file("/etc/gate/a.log"),
                    &file("/etc/gate/a.log"),
                ],
            ),
            (
                OutputsDocument {
                    shadow: Some("/b/c".to_owned()),
                    audit: Some("./d".to_owned()),
                    ..none()
                },
                [&stderr, &file("/etc/gate/d"), &stderr, &file("/b/c")],
            ),
        ] {
            let (outputs, faults) = built(document);
            assert_eq!(faults, [""; 0]);
            assert_eq!(outputs.of(LogKind::Service), service);
            assert_eq!(outputs.of(LogKind::Audit), audit);
            assert_eq!(outputs.of(LogKind::Decision), decision);
            assert_eq!(outputs.of(LogKind::Shadow), shadow);
        }
    }

    #[test]
    fn two_ways_to_write_a_file_are_one_output() {
        let document = OutputsDocument {
            audit: Some("a.log".to_owned()),
            decision: Some("./a.log".to_owned()),
            shadow: Some("/etc/gate/./a.log".to_owned()),
            ..OutputsDocument::default()
        };
        let (outputs, _) = built(document);
        let kinds: Vec<LogKind> = outputs.distinct().iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [LogKind::Service, LogKind::Audit]);
    }

    #[test]
    fn words_that_are_hardly_files_are_refused_with_what_was_meant() {
        for (written, meant) in [
            ("none", Some("log.levels.audit: none")),
            ("NONE", Some("log.levels.audit: none")),
            ("-", Some("stdout")),
            ("STDOUT", Some("stdout")),
            ("Stderr", Some("stderr")),
            ("stdrr", Some("stderr")),
            ("./none", None),
            ("./-", None),
            ("audit.log", None),
            ("stdout.log", None),
        ] {
            let document = OutputsDocument {
                audit: Some(written.to_owned()),
                ..OutputsDocument::default()
            };
            let (_, faults) = built(document);
            let expected = meant.map(|meant| {
                format!(
                    "`log.outputs.audit: {written}` is not an output: did you mean `{meant}`? A file of \
                     this name is `./{written}`"
                )
            });
            assert_eq!(faults, Vec::from_iter(expected), "{written}");
        }
    }

    #[test]
    fn what_names_no_file_is_said() {
        for written in ["", "logs/"] {
            let document = OutputsDocument {
                audit: Some(written.to_owned()),
                ..OutputsDocument::default()
            };
            let (_, faults) = built(document);
            let expected = format!(
                "`log.outputs.audit: {written}` does not name a file: write its path, `stderr` or `stdout`"
            );
            assert_eq!(faults, [expected]);
        }
    }
}
