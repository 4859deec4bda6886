//! `portcullis check`: every problem of a policy or a configuration, at once; where there is none, the
//! warnings.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Finding;
use crate::config::{Config, ConfigError, ConfigReport, FileFindings, Overrides};
use crate::files;
use crate::keyring::{TrustWarning, issuer_names, trust_warnings};
use crate::policy::Policy;
use crate::problem::{Colour, Problem, Problems, Source, render_warnings};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Policy files or directories, loaded as one policy
    #[arg(required_unless_present = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server's configuration: checks it with the keys, secrets and certificates that it names, and
    /// the policy against the trusted issuers. Without FILE, checks the policy that it names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// With `--config`: leaves out the keys, secrets and certificates that it names, which may be on
    /// another machine
    #[arg(long, requires = "config")]
    skip_files: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people to read
    Text,
    /// JSON, for programs
    Json,
}

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let Some(path) = &args.config else {
        let sources = files::read_policy(&args.files)?;
        let compiled = Policy::compile(&sources);
        return Checked::new(sources, compiled).tell(args.format, out);
    };
    let overrides = Overrides {
        policy: args.files.clone(),
        ..Overrides::default()
    };
    let (config, text) = match Config::load_with_text(path, &overrides) {
        Ok(loaded) => loaded,
        Err(ConfigError::Document(report)) => return tell_of_config(&report, args.format, out),
        Err(error @ ConfigError::File(_)) => return Err(error.into()),
    };
    let sources = files::read_policy(&config.policy)?;
    let compiled = Policy::compile_for(&issuer_names(&config.trust), &sources);
    let mut checked = Checked::new(sources, compiled);
    let mut warnings = trust_warnings(&config.trust);
    if !args.skip_files {
        let FileFindings {
            faults,
            warnings: of_files,
        } = config.check_files();
        warnings.extend(of_files);
        checked.config = (!faults.is_empty()).then(|| text.report(faults));
    }
    let placed = warnings.into_iter();
    let placed = placed.map(|TrustWarning { key, problem }| match text.place(&key) {
        Some(place) => problem.at(place),
        None => problem,
    });
    checked.warnings.splice(..0, placed);
    checked.tell(args.format, out)
}

/// What is known of a policy, and of the configuration that names it.
struct Checked {
    sources: Vec<Source>,
    policy: Result<Policy, Problems>,
    warnings: Vec<Problem>,
    /// What is wrong with the files that the configuration names, if anything is.
    config: Option<ConfigReport>,
}

impl Checked {
    fn new(sources: Vec<Source>, policy: Result<Policy, Problems>) -> Self {
        let warnings = policy.as_ref().map(|policy| policy.warnings().to_vec());
        Self {
            sources,
            warnings: warnings.unwrap_or_default(),
            policy,
            config: None,
        }
    }

    fn tell(&self, format: Format, out: &mut dyn Write) -> anyhow::Result<Finding> {
        match (&self.policy, &self.config) {
            (Ok(policy), None) => self.tell_of_no_problem(policy, format, out),
            _ => self.tell_of_problems(format, out),
        }
    }

    fn tell_of_no_problem(
        &self,
        policy: &Policy,
        format: Format,
        out: &mut dyn Write,
    ) -> anyhow::Result<Finding> {
        let (count, digest) = (policy.routes().len(), policy.digest());
        match format {
            Format::Text => {
                if !self.warnings.is_empty() {
                    let report = render_warnings(&self.warnings, &self.sources, colour());
                    writeln!(out, "{report}")?;
                }
                let routes = if count == 1 { "route" } else { "routes" };
                writeln!(out, "ok: {count} {routes}, digest {digest}")?;
            }
            Format::Json => {
                let answer = serde_json::json!({
                    "ok": true,
                    "routes": count,
                    "digest": digest,
                    "problems": [],
                    "warnings": self.warnings,
                });
                writeln!(out, "{answer}")?;
            }
        }
        Ok(Finding::Yes)
    }

    fn tell_of_problems(&self, format: Format, out: &mut dyn Write) -> anyhow::Result<Finding> {
        let policy = self.policy.as_ref().err();
        match format {
            Format::Text => {
                if let Some(report) = &self.config {
                    writeln!(out, "{}", report.rendered)?;
                }
                if let Some(problems) = policy {
                    writeln!(out, "{}", problems.render(&self.sources, colour()))?;
                }
            }
            Format::Json => {
                let config = self.config.iter().flat_map(|report| &report.problems.0);
                let policy = policy.into_iter().flat_map(|problems| &problems.0);
                let problems: Vec<&Problem> = config.chain(policy).collect();
                let answer = serde_json::json!({"ok": false, "problems": problems});
                writeln!(out, "{answer}")?;
            }
        }
        Ok(Finding::No)
    }
}

/// A configuration that is wrong names nothing else that could be checked.
fn tell_of_config(
    report: &ConfigReport,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    match format {
        Format::Text => writeln!(out, "{}", report.rendered)?,
        Format::Json => {
            let answer = serde_json::json!({"ok": false, "problems": report.problems.0});
            writeln!(out, "{answer}")?;
        }
    }
    Ok(Finding::No)
}

fn colour() -> Colour {
    if std::io::stdout().is_terminal() {
        Colour::Ansi
    } else {
        Colour::Plain
    }
}
