//! `portcullis store`: the issuer's store as a whole.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::runtime::Builder;

use super::Finding;
use super::administration::{Report, StoreArgs};
use crate::store::{Migration, Store, StoreLocation};
use crate::telemetry::LogWriter;

const MIGRATION: &[&str] = &["from", "to"];
const BACKUP: &[&str] = &["backup"];

#[derive(Debug, Args)]
pub(super) struct StoreCommandArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Back up a SQLite store while it is in use
    Backup {
        /// The file to create; only its owner can read it, because it contains private keys
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Migrate the schema to this version, as the server does when it starts
    Migrate,
}

pub(super) fn run(args: &StoreCommandArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let (location, log) = args.store.location_and_log()?;
    // Kept until the end: dropped earlier, it would write no line that comes later.
    let writer = LogWriter::of_command(&log);
    writer.install(&log);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(args.command.run(&location))?;
    args.store.print(out, &answer)?;
    Ok(Finding::Yes)
}

impl StoreCommand {
    async fn run(&self, location: &StoreLocation) -> anyhow::Result<Report> {
        match self {
            Self::Backup { out } => {
                Store::backup(location, out).await?;
                let backup = out.display().to_string();
                audit("backed up", &format!("to {backup}"));
                let told = json!({"backup": backup});
                Ok(Report::One(told, BACKUP))
            }
            Self::Migrate => {
                let (store, migration) = Store::migrate(location).await?;
                store.close().await;
                let Migration { from, to } = migration;
                let action = if from == to { "unchanged" } else { "migrated" };
                audit(action, &format!("schema {from} to {to}"));
                let told = json!({"from": from, "to": to});
                Ok(Report::One(told, MIGRATION))
            }
        }
    }
}

fn audit(action: &'static str, change: &str) {
    tracing::info!(
        target: "portcullis::audit",
        action,
        object.kind = "store",
        change,
        "done to the store by a command"
    );
}
