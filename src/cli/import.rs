//! `portcullis import`: policies from what others have written.

mod openapi;

use std::io::Write;

use clap::{Args, Subcommand};

use super::Finding;

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, Subcommand)]
enum From {
    /// Make a policy of an OpenAPI 3.0 or 3.1 description, YAML or JSON
    ///
    /// The policy goes to standard output; what was not carried over or needs a look goes to standard
    /// error, a line for each.
    Openapi(openapi::OpenapiArgs),
}

pub(super) fn run(args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    match &args.from {
        From::Openapi(args) => openapi::run(args, out),
    }
}
