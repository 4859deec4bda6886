//! `portcullis check`: every problem of a policy or a configuration, at once; where there is none, the
//! warnings.

mod report;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;

use super::Finding;
use crate::config::{Config, ConfigError, ConfigReport, FileFindings, Overrides};
use crate::files;
use crate::keyring::{TrustWarning, issuer_names, nobody_trusted, trust_warnings};
use crate::policy::Policy;
use crate::problem::{Colour, Problem, Problems, Source};
use report::{Format, Report};

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
    /// Fail if there are warnings
    #[arg(long)]
    deny_warnings: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let checked = check(args)?;
    let problems = checked.policy.as_ref().err();
    let report = Report {
        config: checked.config.as_ref(),
        problems: problems.map_or(&[], |problems| &problems.0),
        warnings: &checked.warnings,
        sources: &checked.sources,
        policy: checked.policy.as_ref().ok(),
        denies_warnings: args.deny_warnings,
    };
    report.write(args.format, colour(), out)?;
    Ok(if report.is_ok() {
        Finding::Yes
    } else {
        Finding::No
    })
}

/// What is known of a policy, and of the configuration that names it.
struct Checked {
    sources: Vec<Source>,
    policy: Result<Policy, Problems>,
    warnings: Vec<Problem>,
    /// What is wrong with the configuration or the files that it names, if anything is.
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

    /// Nothing is known of the policy.
    fn unread(config: ConfigReport) -> Self {
        Self {
            config: Some(config),
            ..Self::new(Vec::new(), Err(Problems(Vec::new())))
        }
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<Checked> {
    let Some(path) = &args.config else {
        let sources = files::read_policy(&args.files)?;
        let compiled = Policy::compile(&sources);
        return Ok(Checked::new(sources, compiled));
    };
    let overrides = Overrides {
        policy: args.files.clone(),
        ..Overrides::default()
    };
    let (config, text) = match Config::load_with_text(path, &overrides) {
        Ok(loaded) => loaded,
        // A configuration that is wrong names nothing else that could be checked.
        Err(ConfigError::Document(report)) => {
            return Ok(Checked::unread(*report));
        }
        Err(error @ ConfigError::File(_)) => return Err(error.into()),
    };
    let found = if args.skip_files {
        FileFindings::default()
    } else {
        config.check_files()
    };
    let FileFindings {
        mut faults,
        warnings: of_files,
    } = found;
    let sources = match files::read_policy(&config.policy) {
        Ok(sources) => sources,
        Err(error) if faults.is_empty() => return Err(error.into()),
        Err(error) => {
            faults.add("policy", format!("`policy`: {error}"));
            return Ok(Checked::unread(text.report(faults)));
        }
    };
    let compiled = Policy::compile_for(&issuer_names(&config.trust), &sources);
    let mut checked = Checked::new(sources, compiled);
    checked.config = (!faults.is_empty()).then(|| text.report(faults));
    let mut warnings = trust_warnings(&config.trust);
    if let Ok(policy) = &checked.policy {
        warnings.extend(nobody_trusted(&config.trust, policy.routes_with_token()));
    }
    warnings.extend(of_files);
    let placed = warnings.into_iter();
    let placed = placed.map(|TrustWarning { key, problem }| match text.place(&key) {
        Some(place) => problem.at(place),
        None => problem,
    });
    checked.warnings.splice(..0, placed);
    Ok(checked)
}

fn colour() -> Colour {
    if std::io::stdout().is_terminal() {
        Colour::Ansi
    } else {
        Colour::Plain
    }
}
