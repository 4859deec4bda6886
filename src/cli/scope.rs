//! `portcullis scope`: the scopes of the issuer's store.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Outcome;
use super::administration::{Answer, StoreArguments, all, value};
use crate::identity::Scope;
use crate::issuer::ScopeAnswer;
use crate::issuer::directory::{LocalDirectory, NewScope, ScopeUpdate};

const MEMBERS: &[&str] = &["name", "description"];

#[derive(Debug, Args)]
pub(super) struct ScopeArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(subcommand)]
    command: ScopeCommand,
}

#[derive(Debug, Subcommand)]
enum ScopeCommand {
    /// Print the scopes
    List,
    /// Print a scope
    Show {
        #[arg(value_name = "SCOPE")]
        name: String,
    },
    /// Add a scope
    Add {
        #[arg(value_name = "SCOPE")]
        name: String,
        /// What it allows, in a line
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Change a scope
    Set {
        #[arg(value_name = "SCOPE")]
        name: String,
        /// Another name; the tokens of all who have the scope end
        #[arg(long = "name", value_name = "NAME")]
        new_name: Option<String>,
        /// What it allows, in a line
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Delete a scope, from roles and apps as well; the tokens of all who have it end
    Delete {
        #[arg(value_name = "SCOPE")]
        name: String,
    },
}

pub(super) fn run(arguments: &ScopeArguments, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let work = async |local: &LocalDirectory| arguments.command.run(local).await;
    arguments.store.administer(out, work)
}

impl ScopeCommand {
    async fn run(&self, local: &LocalDirectory) -> anyhow::Result<Answer> {
        let directory = local.directory();
        let scope = match self {
            Self::List => {
                let scopes = all(async |page| directory.scopes(&page).await, shown);
                return Ok(Answer::List(scopes.await?, MEMBERS));
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
            Self::Delete { name } => {
                directory.delete_scope(name).await?;
                return Ok(Answer::Done(format!("scope `{name}` is deleted")));
            }
        };
        Ok(Answer::One(shown(&scope), MEMBERS))
    }
}

fn shown(scope: &Scope) -> Value {
    value(&ScopeAnswer::of(scope))
}
