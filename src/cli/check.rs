//! `portcullis check`: every problem of a policy, at once; of one without problems, the warnings.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Finding;
use crate::config::{Config, Overrides};
use crate::files;
use crate::keyring::{issuer_names, trust_warnings};
use crate::policy::Policy;
use crate::problem::{Colour, render_warnings};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Policy files or directories, loaded as one policy
    #[arg(required_unless_present = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The server's configuration: also checks the policy against the trusted issuers. Without FILE,
    /// checks the policy that it names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
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
    let mut warnings = Vec::new();
    let (sources, compiled) = match &args.config {
        None => {
            let sources = files::read_policy(&args.files)?;
            let compiled = Policy::compile(&sources);
            (sources, compiled)
        }
        Some(path) => {
            let overrides = Overrides {
                policy: args.files.clone(),
                ..Overrides::default()
            };
            let config = Config::load(path, &overrides)?;
            warnings.extend(trust_warnings(&config.trust));
            let sources = files::read_policy(&config.policy)?;
            let compiled = Policy::compile_for(&issuer_names(&config.trust), &sources);
            (sources, compiled)
        }
    };
    if let Ok(policy) = &compiled {
        warnings.extend_from_slice(policy.warnings());
    }
    match (compiled, args.format) {
        (Ok(policy), Format::Text) => {
            if !warnings.is_empty() {
                let report = render_warnings(&warnings, &sources, colour());
                writeln!(out, "{report}")?;
            }
            let count = policy.routes().len();
            let routes = if count == 1 { "route" } else { "routes" };
            writeln!(out, "ok: {count} {routes}, digest {}", policy.digest())?;
            Ok(Finding::Yes)
        }
        (Ok(policy), Format::Json) => {
            let answer = serde_json::json!({
                "ok": true,
                "routes": policy.routes().len(),
                "digest": policy.digest(),
                "problems": [],
                "warnings": warnings,
            });
            writeln!(out, "{answer}")?;
            Ok(Finding::Yes)
        }
        (Err(problems), Format::Text) => {
            writeln!(out, "{}", problems.render(&sources, colour()))?;
            Ok(Finding::No)
        }
        (Err(problems), Format::Json) => {
            let answer = serde_json::json!({"ok": false, "problems": problems.0});
            writeln!(out, "{answer}")?;
            Ok(Finding::No)
        }
    }
}

fn colour() -> Colour {
    if std::io::stdout().is_terminal() {
        Colour::Ansi
    } else {
        Colour::Plain
    }
}
