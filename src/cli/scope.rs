//! `portcullis scope`: the scopes of the issuer's store.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Finding;
use super::administration::{Report, StoreArgs, all, value, when_used};
use super::dry_run::{self, DryRun};
use crate::identity::Scope;
use crate::issuer::ScopeAnswer;
use crate::issuer::directory::{LocalDirectory, NewScope, ScopeUpdate, Thing, WhenUsed};

const MEMBERS: &[&str] = &["name", "description"];

#[derive(Debug, Args)]
pub(super) struct ScopeArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: ScopeCommand,
}

#[derive(Debug, Subcommand)]
enum ScopeCommand {
    /// List the scopes
    List,
    /// Show a scope
    Show {
        /// The scope's name
        #[arg(value_name = "SCOPE")]
        name: String,
    },
    /// Add a scope
    Add {
        /// The scope's name
        #[arg(value_name = "SCOPE")]
        name: String,
        /// What the scope allows, in one line
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Change a scope
    Set {
        /// The scope's name
        #[arg(value_name = "SCOPE")]
        name: String,
        /// The new name; revokes the tokens of everyone who has the scope
        #[arg(long = "name", value_name = "NAME")]
        new_name: Option<String>,
        /// What the scope allows, in one line
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Delete a scope and revoke the tokens of everyone who has it
    Delete {
        /// The scope's name
        #[arg(value_name = "SCOPE")]
        name: String,
        /// Remove it from the roles and apps that have it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

pub(super) fn run(args: &ScopeArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let work = async |local: &LocalDirectory| args.command.run(local).await;
    let asked = |thing| args.command.asked(thing);
    args.store.administer(out, asked, work)
}

impl ScopeCommand {
    /// The name by which it asks for a thing.
    fn asked(&self, thing: Thing) -> Option<&str> {
        match (thing, self) {
            (
                Thing::Scope,
                Self::Show { name } | Self::Set { name, .. } | Self::Delete { name, .. },
            ) => Some(name),
            _ => None,
        }
    }

    async fn run(&self, local: &LocalDirectory) -> anyhow::Result<Report> {
        let directory = local.directory();
        let scope = match self {
            Self::List => {
                let scopes = all(async |page| directory.scopes(&page).await, shown);
                return Ok(Report::List(scopes.await?, MEMBERS));
            }
            Self::Show { name } => directory.scope(name).await?,
            Self::Add { name, description } => {
                let wanted = NewScope {
                    name: name.clone(),
                    description: description.clone(),
                };
                directory.add_scope(&wanted).await?
            }
            Self::Set {
                name,
                new_name,
                description,
            } => {
                let wanted = ScopeUpdate {
                    name: new_name.clone(),
                    description: description.clone(),
                };
                directory.update_scope(name, &wanted).await?
            }
            Self::Delete { name, dry_run, .. } if dry_run.dry_run => {
                local.rehearsal().delete_scope(name, WhenUsed::GoOn).await?;
                return Ok(dry_run::of_scope(&directory, name).await?);
            }
            Self::Delete { name, force, .. } => {
                let uses = directory.delete_scope(name, when_used(*force)).await?;
                let done = if uses.are_none() {
                    format!("scope `{name}` is deleted")
                } else {
                    format!("scope `{name}` is deleted, also from {uses}")
                };
                return Ok(Report::Done(done));
            }
        };
        Ok(Report::One(shown(&scope), MEMBERS))
    }
}

fn shown(scope: &Scope) -> Value {
    value(&ScopeAnswer::of(scope))
}
