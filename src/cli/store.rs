//! `portcullis store`: the issuer's store as a whole.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::runtime::Builder;

use super::Finding;
use super::administration::{Report, StoreArgs, note_unless_in_use};
use super::operator::operator;
use crate::clock::{Clock, SystemClock};
use crate::config::IssuerSettings;
use crate::issuer::{Restored, after_restore, last_run};
use crate::store::{Migration, Store};
use crate::telemetry::LogWriter;

const MIGRATION: &[&str] = &["from", "to"];
const BACKUP: &[&str] = &["backup"];
const RESTORED: &[&str] = &["tokens", "keys", "last_change_at", "next"];

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
    /// After restoring a backup: withdraw its signing keys, revoke everything that was given out, and have gates
    /// take keys and revocations anew
    Restored,
    /// Migrate the schema to this version, as the server does when it starts
    Migrate,
}

pub(super) fn run(args: &StoreCommandArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let (issuer, log) = args.store.issuer_and_log()?;
    // Kept until the end: dropped earlier, it would write no line that comes later.
    let writer = LogWriter::of_command(&log);
    writer.install(&log);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(args.command.run(&issuer))?;
    args.store.print(out, &answer)?;
    Ok(Finding::Yes)
}

impl StoreCommand {
    async fn run(&self, issuer: &IssuerSettings) -> anyhow::Result<Report> {
        let location = &issuer.store;
        match self {
            Self::Backup { out } => {
                Store::backup(location, out).await?;
                let backup = out.display().to_string();
                audit("backed up", &format!("to {backup}"));
                let told = json!({"backup": backup});
                Ok(Report::One(told, BACKUP))
            }
            Self::Restored => restored(issuer).await,
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

async fn restored(issuer: &IssuerSettings) -> anyhow::Result<Report> {
    let store = Store::open_existing(&issuer.store).await?;
    store.keep_audit(issuer.audit_seconds);
    let now = SystemClock.now();
    let done = after_restore(&store, issuer, &operator(), now).await;
    let last_run = last_run(&store, now).await;
    store.close().await;
    let Restored { key, last_change } = done?;
    audit(
        "restored",
        "all tokens and grants are revoked, and the log begins anew",
    );
    if let Ok(last_run) = last_run {
        note_unless_in_use(last_run);
    }
    let keys = match &key {
        Some(rotation) => format!("withdrawn; `{}` signs from now on", rotation.key_id),
        None => "in files: if one of them was withdrawn after the backup, remove it from \
                 `issuer.keys.files` and restart"
            .to_owned(),
    };
    let since = last_change.map_or_else(
        || "whatever the audit log has".to_owned(),
        |last| format!("what the audit log has after {last}"),
    );
    let told = json!({
        "tokens": "all access tokens, grants and sessions from before are revoked",
        "keys": keys,
        "last_change_at": last_change.map(|last| last.0),
        "next": format!(
            "repeat {since} (target `portcullis::audit`): users, apps and roles that were disabled, deleted or \
             reduced, passwords and secrets that were replaced, passkeys that were removed"
        ),
    });
    Ok(Report::One(told, RESTORED))
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
