//! `portcullis import openapi`.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;

use crate::cli::Finding;
use crate::cli::diff;
use crate::files;
use crate::openapi::{ImportSettings, Publicity, ServerHosts, import};
use crate::policy::Policy;
use crate::problem::{Colour, Source};

#[derive(Debug, Args)]
pub(super) struct OpenapiArgs {
    /// The description
    file: PathBuf,
    /// Make operations public that everybody may use by the description; without it, nobody may use
    /// them until somebody has reviewed them
    #[arg(long)]
    allow_public: bool,
    /// Give the routes the hosts of `servers`
    #[arg(long)]
    hosts: bool,
    /// Instead of the policy, show by `diff` what it would change in this one
    #[arg(long, value_name = "POLICY")]
    against: Option<PathBuf>,
    /// Output format of the comparison
    #[arg(long, value_enum, requires = "against", default_value_t = diff::Format::Text)]
    format: diff::Format,
}

pub(super) fn run(args: &OpenapiArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let settings = ImportSettings {
        allow_public: if args.allow_public {
            Publicity::Allow
        } else {
            Publicity::Review
        },
        hosts: if args.hosts {
            ServerHosts::Keep
        } else {
            ServerHosts::LeaveOut
        },
    };
    let source = files::read_source(&args.file)?;
    let imported = import(&source, settings)
        .with_context(|| format!("cannot import `{}`", args.file.display()))?;
    let mut notes = std::io::stderr().lock();
    for note in &imported.notes {
        writeln!(notes, "{note}")?;
    }
    writeln!(
        notes,
        "{} operations, {} routes, {} lines above",
        imported.operations,
        imported.routes,
        imported.notes.len()
    )?;
    let Some(against) = &args.against else {
        write!(out, "{}", imported.text)?;
        return Ok(Finding::Yes);
    };
    let new = Source {
        name: "the imported policy".to_owned(),
        text: imported.text,
    };
    let sources = [new];
    let new = match Policy::compile(&sources) {
        Ok(policy) => Arc::new(policy),
        Err(problems) => bail!(
            "the imported policy does not load:\n{}",
            problems.render(&sources, Colour::Plain)
        ),
    };
    let old = diff::load(against, None)?;
    diff::report(&old, &new, None, args.format, out)?;
    Ok(Finding::Yes)
}
