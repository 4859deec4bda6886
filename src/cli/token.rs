//! `portcullis token`: issues tokens for tests, and tells what a token says and why it is refused.

use std::io::Write;

use super::Finding;
use crate::clock::{Clock, SystemClock};

mod evidence;
mod fix;
mod id_token;
mod inspect;
pub(super) mod instant;
mod issue;
mod provider;

pub use evidence::Evidence;
pub(super) use fix::{Fix, quoted};
pub(super) use inspect::plain_token;
pub use inspect::{InspectArgs, inspect, read_token};
pub use issue::{ExtraClaim, IssueArgs, issue};

/// Issue and inspect tokens.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What `portcullis token` does.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Sign a token with your own key and print it.
    Issue(IssueArgs),
    /// Print what a token contains, and whether the gate accepts it or why not.
    Inspect(InspectArgs),
}

pub fn run(args: &TokenArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let now = SystemClock.now();
    match &args.command {
        TokenCommand::Issue(args) => issue(args, now, out),
        TokenCommand::Inspect(args) => {
            let evidence = args.config.as_deref().map(Evidence::load).transpose()?;
            let token = read_token(args, &mut std::io::stdin())?;
            inspect(evidence.as_ref(), &token, now, out)
        }
    }
}

#[cfg(test)]
mod tests;
