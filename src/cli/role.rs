//! `portcullis role`: the roles of the issuer's store.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Finding;
use super::administration::{Report, StoreArgs, all, note_known_passwords, value, when_used};
use super::dry_run::{self, DryRun};
use crate::identity::Role;
use crate::issuer::RoleAnswer;
use crate::issuer::directory::{LocalDirectory, NewRole, RoleUpdate, Thing, WhenUsed};

const MEMBERS: &[&str] = &["name", "default", "scopes"];
const CHANGED: &[&str] = &[
    "name",
    "default",
    "scopes",
    "added_scopes",
    "removed_scopes",
    "users",
];

#[derive(Debug, Args)]
pub(super) struct RoleArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: RoleCommand,
}

#[derive(Debug, Subcommand)]
enum RoleCommand {
    /// List the roles
    List,
    /// Show a role
    Show {
        /// The role's name
        #[arg(value_name = "ROLE")]
        name: String,
    },
    /// Add a role
    Add {
        /// The role's name
        #[arg(value_name = "ROLE")]
        name: String,
        /// A scope of the role; can be repeated
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// Change a role; revokes the tokens of users who lose scopes, and access tokens of a renamed role
    Set(SetArgs),
    /// Make a role the default for new users
    Default {
        /// The role's name
        #[arg(value_name = "ROLE")]
        name: String,
    },
    /// Delete a role; revokes the tokens of users who lose scopes
    Delete {
        /// The role's name
        #[arg(value_name = "ROLE")]
        name: String,
        /// Delete it although users have it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

#[derive(Debug, Args)]
struct SetArgs {
    /// The role's name
    #[arg(value_name = "ROLE")]
    name: String,
    /// The new name; users keep the role, and access tokens that rest on it are revoked, because they
    /// contain the name
    #[arg(long = "name", value_name = "NAME")]
    new_name: Option<String>,
    /// A scope of the role, replacing the present ones; can be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Remove all scopes
    #[arg(long, conflicts_with = "scopes")]
    no_scopes: bool,
    /// A scope to add; can be repeated
    #[arg(long = "add-scope", value_name = "SCOPE", conflicts_with_all = ["scopes", "no_scopes"])]
    add_scopes: Vec<String>,
    /// A scope to remove; can be repeated
    #[arg(long = "remove-scope", value_name = "SCOPE", conflicts_with_all = ["scopes", "no_scopes"])]
    remove_scopes: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) fn run(args: &RoleArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let work = async |local: &LocalDirectory| args.command.run(local).await;
    let asked = |thing| args.command.asked(thing);
    args.store.administer(out, asked, work)
}

impl RoleCommand {
    /// The name by which it asks for a thing.
    fn asked(&self, thing: Thing) -> Option<&str> {
        match (thing, self) {
            (Thing::Role, Self::Set(args)) => Some(&args.name),
            (
                Thing::Role,
                Self::Show { name } | Self::Default { name } | Self::Delete { name, .. },
            ) => Some(name),
            _ => None,
        }
    }

    async fn run(&self, local: &LocalDirectory) -> anyhow::Result<Report> {
        let directory = local.directory();
        let role = match self {
            Self::List => {
                let roles = all(async |page| directory.roles(&page).await, shown);
                return Ok(Report::List(roles.await?, MEMBERS));
            }
            Self::Show { name } => directory.role(name).await?,
            Self::Add { name, scopes } => {
                let wanted = NewRole {
                    name: name.clone(),
                    scopes: scopes.clone(),
                };
                directory.add_role(&wanted).await?
            }
            Self::Set(args) if args.dry_run.dry_run => {
                directory
                    .check_role_update(&args.name, &args.update())
                    .await?;
                return Ok(dry_run::of_role(&directory, &args.name).await?);
            }
            Self::Delete { name, dry_run, .. } if dry_run.dry_run => {
                directory.check_role_deletion(name).await?;
                return Ok(dry_run::of_role(&directory, name).await?);
            }
            Self::Set(args) => {
                let update = args.update();
                let changed = directory
                    .update_role(&args.name, &update, WhenUsed::GoOn)
                    .await?;
                note_known_passwords(changed.known.as_ref());
                let answer = value(&RoleAnswer::of_change(&changed));
                return Ok(Report::One(answer, CHANGED));
            }
            Self::Default { name } => directory.set_default_role(name).await?,
            Self::Delete { name, force, .. } => {
                let told = match directory.delete_role(name, when_used(*force)).await? {
                    1 => "1 user had it".to_owned(),
                    users => format!("{users} users had it"),
                };
                return Ok(Report::Done(format!("role `{name}` is deleted: {told}")));
            }
        };
        Ok(Report::One(shown(&role), MEMBERS))
    }
}

impl SetArgs {
    fn update(&self) -> RoleUpdate {
        let some = |scopes: &Vec<String>| (!scopes.is_empty()).then(|| scopes.clone());
        RoleUpdate {
            name: self.new_name.clone(),
            scopes: some(&self.scopes).or(self.no_scopes.then(Vec::new)),
            add_scopes: some(&self.add_scopes),
            remove_scopes: some(&self.remove_scopes),
        }
    }
}

fn shown(role: &Role) -> Value {
    value(&RoleAnswer::of(role))
}
