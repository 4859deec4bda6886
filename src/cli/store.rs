//! `portcullis store`: the issuer's store as a whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;
use tokio::runtime::Builder;

use super::Finding;
use super::administration::{Report, StoreArgs, note_unless_in_use};
use super::operator::operator;
use crate::clock::{Clock, SystemClock, UnixSeconds};
use crate::config::IssuerSettings;
use crate::issuer::{LastRun, RestoreError, Restored, after_restore, last_run};
use crate::store::{
    AuditActor, AuditRecord, Migration, PlacedCopy, Store, StoreError, StoreLocation,
};
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
    /// Put a copy of a SQLite store in its place, while no issuer runs, and do what `restored` does
    Restore {
        /// The copy, such as one that `portcullis store backup` made; it stays where it is
        copy: PathBuf,
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
    Ok(match answer {
        Report::Refused(_) => Finding::No,
        Report::One(..) | Report::List(..) | Report::Done(_) => Finding::Yes,
    })
}

impl StoreCommand {
    async fn run(&self, issuer: &IssuerSettings) -> anyhow::Result<Report> {
        let location = &issuer.store;
        match self {
            Self::Backup { out } => {
                Store::backup(location, out).await?;
                let backup = out.display().to_string();
                let change = format!("to {backup}");
                // The copy is made. Where the store is of another schema, the line of the log alone tells of it.
                if let Err(error) = record_backup(issuer, &change).await {
                    tracing::warn!(%error, "the audit of the store does not have this backup");
                }
                audit("backed up", &change);
                let told = json!({"backup": backup});
                Ok(Report::One(told, BACKUP))
            }
            Self::Restore { copy } => restore(issuer, copy).await,
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

/// Keeps in the store that it was copied.
async fn record_backup(issuer: &IssuerSettings, change: &str) -> Result<(), StoreError> {
    let store = Store::open_existing(&issuer.store).await?;
    store.keep_audit(issuer.audit_seconds);
    let recorded = async {
        let mut row = store.change(SystemClock.now()).await?;
        row.record(&AuditRecord {
            actor: AuditActor::Command(&operator()),
            action: "backed up",
            object_kind: "store",
            object_name: "",
            change,
        })
        .await?;
        row.commit().await.map(drop)
    };
    let recorded = recorded.await;
    store.close().await;
    recorded
}

/// Puts a copy in place of the store, once it forgets what the copy knew to be good.
async fn restore(issuer: &IssuerSettings, copy: &Path) -> anyhow::Result<Report> {
    if let Some(running) = running_on(&issuer.store).await {
        return Ok(Report::Refused(running));
    }
    let placed = PlacedCopy::write(&issuer.store, copy)?;
    // All that is due is done to the copy before it is the store: a start in between finds one or the other.
    let (store, _) = Store::migrate(&placed.location()).await?;
    let done = settle(&store, issuer, SystemClock.now()).await;
    store.close().await;
    let done = done?;
    // It may have been started meanwhile.
    if let Some(running) = running_on(&issuer.store).await {
        return Ok(Report::Refused(running));
    }
    placed.put_in_place()?;
    audit(
        "restored",
        &format!(
            "from {}; all tokens and grants are revoked, and the log begins anew",
            copy.display()
        ),
    );
    Ok(told(&done))
}

/// Why the store cannot be replaced, where an issuer runs on it. One that cannot be read tells nothing of that.
async fn running_on(location: &StoreLocation) -> Option<String> {
    let StoreLocation::Sqlite(path) = location else {
        return None;
    };
    if !path.exists() {
        return None;
    }
    let store = Store::open_any_to_read(location).await.ok()?;
    let last = last_run(&store, SystemClock.now()).await;
    store.close().await;
    let is_running = matches!(last, Ok(LastRun::Now));
    is_running.then(|| {
        format!(
            "an issuer runs on the store `{}`, and would go on with the file that it has open: stop it first. One that \
             was killed counts as running for two minutes.",
            path.display()
        )
    })
}

/// What is due after a restore.
async fn settle(
    store: &Store,
    issuer: &IssuerSettings,
    now: UnixSeconds,
) -> Result<Restored, RestoreError> {
    store.keep_audit(issuer.audit_seconds);
    // Issuers that ran when the copy was made do not run on it.
    for row in store.instances().await? {
        store.forget_instance(&row.id).await?;
    }
    after_restore(store, issuer, &operator(), now).await
}

async fn restored(issuer: &IssuerSettings) -> anyhow::Result<Report> {
    let store = Store::open_existing(&issuer.store).await?;
    store.keep_audit(issuer.audit_seconds);
    let now = SystemClock.now();
    let done = after_restore(&store, issuer, &operator(), now).await;
    let last_run = last_run(&store, now).await;
    store.close().await;
    let done = done?;
    audit(
        "restored",
        "all tokens and grants are revoked, and the log begins anew",
    );
    if let Ok(last_run) = last_run {
        note_unless_in_use(last_run);
    }
    Ok(told(&done))
}

fn told(Restored { key, last_change }: &Restored) -> Report {
    let keys = match key {
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
    Report::One(told, RESTORED)
}

fn audit(action: &'static str, change: &str) {
    tracing::info!(
        target: "portcullis::audit",
        action,
        object.kind = "store",
        change,
        operator.name = Some(operator()).filter(|name| !name.is_empty()),
        "done to the store by a command"
    );
}
