//! `portcullis schema`: the JSON Schemas of the files that people write.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::{Finding, policy_test};

/// Not made from the document types, which leave more open than a file may be, so that all that is
/// wrong with one is told at once.
const POLICY: &str = include_str!("../../schema/policy.schema.json");
/// A test holds it against the document types.
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
        Document::Policy => write!(out, "{POLICY}")?,
        Document::Tests => writeln!(out, "{:#}", policy_test::schema())?,
        Document::Config => write!(out, "{CONFIG}")?,
    }
    Ok(Finding::Yes)
}
