//! `portcullis token`: issues tokens for tests, and tells what a token says and why it is refused.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

use super::Outcome;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Overrides};
use crate::keyring::Keyring;
use crate::token::Trust;

mod inspect;
pub(super) mod instant;
mod issue;
mod mend;

pub use inspect::{InspectArgs, inspect, read_token};
#[cfg(feature = "issuer")]
pub(super) use instant::written;
pub use issue::{ExtraClaim, IssueArgs, issue};

/// The longest that remote keys are waited for.
const KEY_PATIENCE: Duration = Duration::from_secs(5);

/// Issues and inspects tokens.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What `portcullis token` does.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Sign a token with a key of your own and print it.
    Issue(IssueArgs),
    /// Print what a token says, and whether and why it would be refused.
    Inspect(InspectArgs),
}

/// Runs `portcullis token`.
pub fn run(args: &TokenArgs, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let now = SystemClock.now();
    match &args.command {
        TokenCommand::Issue(args) => issue(args, now, out),
        TokenCommand::Inspect(args) => {
            let trust = args.config.as_deref().map(load_trust).transpose()?;
            let token = read_token(args, &mut std::io::stdin())?;
            inspect(trust.as_ref(), &token, now, out)
        }
    }
}

/// The trust of a server's configuration, with remote keys fetched if they come in time.
fn load_trust(config: &Path) -> anyhow::Result<Trust> {
    let config = Config::load(config, &Overrides::default())?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let keyring = Keyring::new(runtime.handle().clone(), Arc::new(SystemClock));
    let issuers = keyring.prepare(&config.trust)?;
    keyring.commit(issuers.clone());
    // An issuer that does not answer has no keys, which the verdict on its tokens says.
    let _ = runtime.block_on(async { timeout(KEY_PATIENCE, keyring.loaded()).await });
    Ok(issuers.belief()?.trust().clone())
}

#[cfg(test)]
mod tests;
