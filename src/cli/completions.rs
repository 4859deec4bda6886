//! `portcullis completions` and the hidden `portcullis man`: what shells and packages take from the
//! definition of the command line.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap_complete::Shell;

use super::Finding;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to generate completions for
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The directory for the pages, which must exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    mut command: clap::Command,
    out: &mut dyn Write,
) -> anyhow::Result<Finding> {
    // The library panics where it cannot write, so that it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "portcullis", &mut script);
    out.write_all(&script)?;
    Ok(Finding::Yes)
}

/// One page for each verb.
pub(super) fn man(args: &ManArgs, command: clap::Command) -> anyhow::Result<Finding> {
    clap_mangen::generate_to(command, &args.out)
        .with_context(|| format!("cannot write man pages to `{}`", args.out.display()))?;
    Ok(Finding::Yes)
}
