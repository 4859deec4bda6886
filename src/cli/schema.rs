//! `portcullis schema`: the JSON Schemas of the files that people write.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::{Finding, policy_test};
use crate::policy::Policy;

/// Written by hand; a test holds it against the document types.
const CONFIG: &str = include_str!("../../schema/config.schema.json");

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of which file
    #[arg(value_enum)]
    of: Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Document {
    /// The policy
    Policy,
    /// A file of tests
    Tests,
    /// The server's configuration
    Config,
}

pub(super) fn run(args: &SchemaArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    match args.of {
        Document::Policy => writeln!(out, "{:#}", Policy::schema())?,
        Document::Tests => writeln!(out, "{:#}", policy_test::schema())?,
        Document::Config => write!(out, "{CONFIG}")?,
    }
    Ok(Finding::Yes)
}
