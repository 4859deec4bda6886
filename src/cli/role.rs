//! `portcullis role`: the roles of the issuer's store.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Outcome;
use super::administration::{Answer, StoreArguments, all, value};
use crate::identity::Role;
use crate::issuer::RoleAnswer;
use crate::issuer::directory::{LocalDirectory, NewRole, RoleUpdate};

const MEMBERS: &[&str] = &["name", "default", "scopes"];

#[derive(Debug, Args)]
pub(super) struct RoleArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Debug, Subcommand)]
enum RoleCommand {
    /// Print the roles
    List,
    /// Print a role
    Show {
        #[arg(value_name = "ROLE")]
        name: String,
    },
    /// Add a role
    Add {
        #[arg(value_name = "ROLE")]
        name: String,
        /// A scope that it has, once for each
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// Change a role; the tokens of those end who have less than before
    Set {
        #[arg(value_name = "ROLE")]
        name: String,
        /// Another name; whoever has the role keeps it
        #[arg(long = "name", value_name = "NAME")]
        new_name: Option<String>,
        /// A scope that it is to have, once for each; it loses all others
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
        /// No scope at all
        #[arg(long, conflicts_with = "scopes")]
        no_scopes: bool,
    },
    /// Choose the role that new users get
    Default {
        #[arg(value_name = "ROLE")]
        name: String,
    },
    /// Delete a role; the tokens of those end who have less than before
    Delete {
        #[arg(value_name = "ROLE")]
        name: String,
    },
}

pub(super) fn run(arguments: &RoleArguments, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let work = async |local: &LocalDirectory| arguments.command.run(local).await;
    arguments.store.administer(out, work)
}

impl RoleCommand {
    async fn run(&self, local: &LocalDirectory) -> anyhow::Result<Answer> {
        let directory = local.directory();
        let role = match self {
            Self::List => {
                let roles = all(async |page| directory.roles(&page).await, shown);
                return Ok(Answer::List(roles.await?, MEMBERS));
            }
            Self::Show { name } => directory.role(name).await?,
            Self::Add { name, scopes } => {
                let wanted = NewRole {
                    name: name.clone(),
                    scopes: scopes.clone(),
                };
                directory.add_role(&wanted).await?
            }
            Self::Set {
                name,
                new_name,
                scopes,
                no_scopes,
            } => {
                let wanted = RoleUpdate {
                    name: new_name.clone(),
                    scopes: (*no_scopes || !scopes.is_empty()).then(|| scopes.clone()),
                };
                directory.update_role(name, &wanted).await?
            }
            Self::Default { name } => directory.set_default_role(name).await?,
            Self::Delete { name } => {
                directory.delete_role(name).await?;
                return Ok(Answer::Done(format!("role `{name}` is deleted")));
            }
        };
        Ok(Answer::One(shown(&role), MEMBERS))
    }
}

fn shown(role: &Role) -> Value {
    value(&RoleAnswer::of(role))
}
