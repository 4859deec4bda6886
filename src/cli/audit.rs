//! `portcullis audit`: who did what in the directory of the issuer's store.

use std::io::Write;

use clap::{Args, Subcommand};

use super::Finding;
use super::administration::{Report, StoreArgs, value};
use crate::clock::Instant;
use crate::issuer::AuditAnswer;
use crate::issuer::directory::{DirectoryError, LocalDirectory};
use crate::store::{
    AUDIT_ACTIONS, AUDIT_ACTIONS_TOLD, AUDIT_KINDS, AUDIT_KINDS_TOLD, ActorKind, AuditFilter,
};

const COLUMNS: &[&str] = &["time", "who", "action", "object_kind", "object", "change"];

/// Rows that are read at once.
const PAGE: usize = 500;

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// List what was done, the latest first; options that are given must all hold
    List(ListArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only entries that contain this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    search: String,
    /// Only what this user did, by a name of then or of now or by id; also a user of the operating system
    #[arg(long, value_name = "NAME", default_value = "")]
    actor: String,
    /// Only what users did, or only what commands did
    #[arg(long, value_name = "KIND", value_parser = actor_kind)]
    actor_kind: Option<ActorKind>,
    /// Only what was done to this user, role, scope, app or key: by a name of then or of now, by key or by id
    #[arg(long, value_name = "NAME", default_value = "")]
    object: String,
    /// Only what was done to things of this kind, such as `user`, `role`, `scope`, `app` or `key`
    #[arg(long, value_name = "KIND", default_value = "", value_parser = object_kind)]
    object_kind: String,
    /// Only this action, such as `added`, `changed`, `deleted` or `revoked`
    #[arg(long, value_name = "ACTION", default_value = "", value_parser = action)]
    action: String,
    /// From this day or instant on, such as 2026-11-23 or 2026-11-23T10:00:00Z, in UTC
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Instant>,
    /// To the end of this day or second, in UTC
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Instant>,
    /// At most so many entries
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

pub(super) fn run(args: &AuditArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let AuditCommand::List(list) = &args.command;
    let work = async |local: &LocalDirectory| {
        let entries = list.entries(local).await?;
        Ok(Report::List(entries, COLUMNS))
    };
    args.store.administer(out, |_| None, work)
}

impl ListArgs {
    fn filter(&self) -> AuditFilter {
        AuditFilter {
            search: self.search.clone(),
            actor: self.actor.clone(),
            actor_kind: self.actor_kind,
            object: self.object.clone(),
            object_kind: self.object_kind.clone(),
            action: self.action.clone(),
            from: self.from.map(Instant::begins),
            until: self.to.map(Instant::ends),
        }
    }

    /// The entries, with what the table shows beside what endpoints answer.
    async fn entries(
        &self,
        local: &LocalDirectory,
    ) -> Result<Vec<serde_json::Value>, DirectoryError> {
        let (directory, filter) = (local.directory(), self.filter());
        let mut left = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut entries, mut before) = (Vec::new(), None);
        loop {
            let listing = directory.audit(&filter, before, PAGE.min(left)).await?;
            left = left.saturating_sub(listing.items.len());
            before = listing.items.last().map(|entry| entry.position);
            for entry in &listing.items {
                let answer = AuditAnswer::of(entry);
                let mut shown = value(&answer);
                if let Some(members) = shown.as_object_mut() {
                    members.insert("who".to_owned(), answer.who().into());
                    members.insert("object".to_owned(), answer.object().into());
                }
                entries.push(shown);
            }
            if listing.next.is_none() || left == 0 {
                return Ok(entries);
            }
        }
    }
}

fn actor_kind(text: &str) -> Result<ActorKind, &'static str> {
    ActorKind::parse(text).ok_or("it is `user` or `command`")
}

fn object_kind(text: &str) -> Result<String, String> {
    one_of(text, &AUDIT_KINDS, AUDIT_KINDS_TOLD)
}

fn action(text: &str) -> Result<String, String> {
    one_of(text, &AUDIT_ACTIONS, AUDIT_ACTIONS_TOLD)
}

/// A misspelt value would find nothing, and look as if nothing had been done.
fn one_of(text: &str, known: &[&str], told: &str) -> Result<String, String> {
    if text.is_empty() || known.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("it is {told}"))
    }
}

fn instant(text: &str) -> Result<Instant, &'static str> {
    let error =
        "it is a day such as 2026-11-23, or an instant such as 2026-11-23T10:00:00Z, in UTC";
    Instant::parse(text).ok_or(error)
}
