//! `portcullis diff`: which requests two policies answer differently, those that become more open first.

mod json;
mod markdown;
mod text;
mod trial;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::Finding;
use crate::comparison::{self, Comparison};
use crate::config::{Config, Overrides};
use crate::files;
use crate::keyring::{TrustedIssuer, issuer_names};
use crate::policy::Policy;
use crate::problem::Colour;
use crate::token::IssuerRules;
use trial::Tried;

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The old policy: a file, or a directory whose files load as one policy
    old: PathBuf,
    /// The new policy
    new: PathBuf,
    /// The server's configuration, which says whose tokens are trusted
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 1 if a request becomes more open, with 2 if that cannot be told
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people to read
    Text,
    /// JSON, for programs
    Json,
    /// Markdown, for a pull request
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A request that becomes more open
    Open,
}

pub(super) fn run(args: &DiffArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let trusted = match &args.config {
        None => None,
        Some(path) => {
            let config = Config::load(path, &Overrides::default())?;
            Some(Trusted::new(&config.trust))
        }
    };
    let names = trusted.as_ref().map(|trusted| &*trusted.names);
    let (old, new) = (load(&args.old, names)?, load(&args.new, names)?);
    let comparison = report(&old, &new, trusted.as_ref(), args.format, out)?;
    Ok(match (args.fail_on, comparison.is_more_open()) {
        (None, _) | (Some(FailOn::Open), Some(false)) => Finding::Yes,
        (Some(FailOn::Open), Some(true)) => Finding::No,
        (Some(FailOn::Open), None) => Finding::Unknown,
    })
}

/// Whose tokens are trusted, by a configuration.
pub(super) struct Trusted {
    names: Vec<Box<str>>,
    /// Where their tokens are, and what is in them.
    rules: Vec<IssuerRules>,
}

impl Trusted {
    fn new(trust: &[TrustedIssuer]) -> Self {
        Self {
            names: issuer_names(trust),
            rules: trust.iter().map(|issuer| issuer.rules.clone()).collect(),
        }
    }
}

/// Compares two policies, tries the example of each difference on both, and prints the result.
pub(super) fn report<'p>(
    old: &'p Arc<Policy>,
    new: &'p Arc<Policy>,
    trusted: Option<&'p Trusted>,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<Comparison<'p>> {
    let names = trusted.map(|trusted| &*trusted.names);
    let mut comparison = comparison::compare(old, new, names)?;
    let rules = trusted.map(|trusted| &*trusted.rules);
    let tried = Tried::all(&mut comparison, old, new, rules)?;
    match format {
        Format::Text => text::write(&comparison, &tried, out)?,
        Format::Markdown => markdown::write(&comparison, &tried, out)?,
        Format::Json => json::write(&comparison, &tried, [old, new], out)?,
    }
    Ok(comparison)
}

pub(super) fn load(path: &Path, trusted: Option<&[Box<str>]>) -> anyhow::Result<Arc<Policy>> {
    let sources = files::read_policy(&[path.to_owned()])?;
    let compiled = match trusted {
        Some(trusted) => Policy::compile_for(trusted, &sources),
        None => Policy::compile(&sources),
    };
    match compiled {
        Ok(policy) => Ok(Arc::new(policy)),
        Err(problems) => bail!(
            "the policy `{}` does not load, fix it first:\n{}",
            path.display(),
            problems.render(&sources, Colour::Plain)
        ),
    }
}
