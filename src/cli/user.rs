//! `portcullis user`: the users of the issuer's store.

mod changes;

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Finding;
use super::administration::{PasswordArgs, Report, StoreArgs, all, value, when_used};
use super::dry_run::{self, DryRun};
use crate::identity::{Status, StatusError, User};
use crate::issuer::directory::{
    DirectoryError, FreshDirectory, LocalDirectory, Thing, UserUpdate, WhatToRevoke, WhenUsed,
};
use crate::issuer::{GrantAnswer, UserAnswer};
use crate::store::{LiveGrant, UserFilter};
use changes::{AddArgs, SetArgs};

const COLUMNS: &[&str] = &["username", "email", "status", "roles", "created_at"];
const MEMBERS: &[&str] = &[
    "username",
    "password",
    "email",
    "status",
    "roles",
    "scopes",
    "passkeys",
    "created_at",
    "id",
    "position",
];
const LINK: &[&str] = &["username", "link", "expires_at", "note"];

/// What is said of a link for a user who is disabled.
const DISABLED: &str = "the user is disabled: the link does nothing until `portcullis user enable`";

/// What goes with passkeys.
const GONE: &str = "with the recovery codes; the user's tokens are revoked";

const DIGEST: &[&str] = &["username", "digest", "note"];
const GRANTS: &[&str] = &["id", "app_key", "scopes", "last_used_at", "expires_at"];

#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// List the users
    List {
        /// Only users whose name or e-mail address contains this text
        #[arg(long, value_name = "TEXT", default_value = "")]
        search: String,
        /// Only users who have this role
        #[arg(long, value_name = "ROLE", default_value = "")]
        role: String,
        /// Only users with this status: active or disabled
        #[arg(long, value_name = "STATUS", value_parser = status)]
        status: Option<Status>,
    },
    /// Show a user
    Show {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
    },
    /// Print the digest by which the logs name a user (`user.id`, `claimant.digest`, `subject`)
    Digest {
        /// The user's name. The digest of a name that no user has is what the log has of failed logins with it
        #[arg(value_name = "USERNAME")]
        name: String,
    },
    /// Show the user whom the logs name by a digest
    Find {
        /// The digest, as a log line has it
        #[arg(long, value_name = "DIGEST")]
        digest: String,
    },
    /// Add a user
    Add(AddArgs),
    /// Change a user; options that are not given leave their values unchanged
    Set(SetArgs),
    /// Disable a user and revoke the user's tokens
    Disable {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Enable a user again; revoked tokens stay revoked
    Enable {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
    },
    /// Set a user's password and revoke the user's tokens
    Password {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Make a link by which a user sets a forgotten password, once, within an hour; an earlier link ends
    ResetLink {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
    },
    /// Remove the passkeys of a user
    #[command(subcommand)]
    Passkey(PasskeyCommand),
    /// Revoke all tokens of a user, who can log in again
    Revoke {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
    },
    /// Delete a user and the user's apps, and revoke their tokens
    Delete {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
        /// Delete it although it has apps, which end with it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// List the grants of a user that can still be refreshed
    Grants {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
    },
    /// Revoke a grant of a user and its tokens
    EndGrant {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
        /// The grant's id, as `grants` prints it
        #[arg(value_name = "ID")]
        grant: String,
    },
}

#[derive(Debug, Subcommand)]
enum PasskeyCommand {
    /// Remove all passkeys and recovery codes of a user who has lost them, and revoke the user's tokens
    Remove {
        /// The user's name
        #[arg(value_name = "USERNAME")]
        name: String,
    },
}

pub(super) fn run(args: &UserArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let work = async |local: &LocalDirectory| args.command.run(local).await;
    let asked = |thing| args.command.asked(thing);
    args.store.administer(out, asked, work)
}

impl UserCommand {
    /// The name by which it asks for a thing.
    fn asked(&self, thing: Thing) -> Option<&str> {
        match (thing, self) {
            (Thing::Grant, Self::EndGrant { grant, .. }) => Some(grant),
            (Thing::User, Self::Set(args)) => Some(&args.name),
            (
                Thing::User,
                Self::Show { name }
                | Self::Disable { name, .. }
                | Self::Enable { name }
                | Self::Password { name, .. }
                | Self::ResetLink { name }
                | Self::Passkey(PasskeyCommand::Remove { name })
                | Self::Revoke { name }
                | Self::Delete { name, .. }
                | Self::Grants { name }
                | Self::EndGrant { name, .. },
            ) => Some(name),
            _ => None,
        }
    }

    async fn run(&self, local: &LocalDirectory) -> anyhow::Result<Report> {
        let directory = local.directory();
        match self {
            Self::List {
                search,
                role,
                status,
            } => {
                let filter = UserFilter {
                    search: search.clone(),
                    role: role.clone(),
                    status: *status,
                };
                let users = all(async |page| directory.users(&filter, &page).await, shown);
                Ok(Report::List(users.await?, COLUMNS))
            }
            Self::Show { name } => Ok(one(&directory.user(name).await?)),
            Self::Digest { name } => Ok(digest(&directory, name).await?),
            Self::Find { digest } => Ok(match find(&directory, digest).await? {
                Some(user) => one(&user),
                None => Report::Refused(format!(
                    "no user has the digest `{digest}`: a login with a name that nobody has is logged by the digest \
                     of that name, and a user who was deleted has none; with `log.subject_key_file`, the \
                     configuration must name the file of the process that wrote the line"
                )),
            }),
            Self::Add(args) => args.run(local).await,
            Self::Set(args) if args.dry_run.dry_run => {
                args.update_with(&local.rehearsal()).await?;
                Ok(dry_run::of_user(&directory, &args.name).await?)
            }
            Self::Disable { name, dry_run } if dry_run.dry_run => {
                set_status(&local.rehearsal(), name, "disabled").await?;
                Ok(dry_run::of_user(&directory, name).await?)
            }
            Self::Delete { name, dry_run, .. } if dry_run.dry_run => {
                local.rehearsal().delete_user(name, WhenUsed::GoOn).await?;
                Ok(dry_run::of_user(&directory, name).await?)
            }
            Self::Set(args) => args.run(&directory).await,
            Self::Disable { name, .. } => set_status(&directory, name, "disabled").await,
            Self::Enable { name } => set_status(&directory, name, "active").await,
            Self::Password { name, password } => {
                let password = password.read(local)?;
                directory.set_password(name, password.text()).await?;
                let user = directory.user(name).await?;
                Ok(Report::One(password.shown_in(shown(&user)), MEMBERS))
            }
            Self::ResetLink { name } => {
                let made = local.make_reset_link(name).await?;
                let mut answer =
                    json!({"username": name, "link": made.link, "expires_at": made.expires_at.0});
                if let Some(members) = answer.as_object_mut()
                    && !directory.user(name).await?.is_active()
                {
                    members.insert("note".to_owned(), DISABLED.into());
                }
                Ok(Report::One(answer, LINK))
            }
            Self::Passkey(PasskeyCommand::Remove { name }) => {
                Ok(match directory.remove_passkeys(name).await? {
                    0 => Report::Refused(format!(
                        "`{name}` has no passkey: nothing is removed, and its tokens go on"
                    )),
                    1 => Report::Done(format!("the passkey of `{name}` is removed, {GONE}")),
                    removed => Report::Done(format!(
                        "{removed} passkeys of `{name}` are removed, {GONE}"
                    )),
                })
            }
            Self::Revoke { name } => {
                let what = WhatToRevoke::User(name.clone());
                let revocable = directory.revocable(what).await?;
                directory.revoke(revocable).await?;
                Ok(Report::Done(format!("all tokens of `{name}` are revoked")))
            }
            Self::Delete { name, force, .. } => {
                directory.delete_user(name, when_used(*force)).await?;
                Ok(Report::Done(format!("user `{name}` is deleted")))
            }
            Self::Grants { name } => {
                let user = directory.user(name).await?.id;
                let show = |grant: &LiveGrant| value(&GrantAnswer::of(grant));
                let grants = all(async |page| directory.grants(&user, &page).await, show);
                Ok(Report::List(grants.await?, GRANTS))
            }
            Self::EndGrant { name, grant } => {
                let user = directory.user(name).await?;
                directory.end_grant(&user.id, grant).await?;
                Ok(Report::Done(format!("grant `{grant}` is revoked")))
            }
        }
    }
}

/// What the logs call a user, or whoever logs in under a name that no user has.
async fn digest(directory: &FreshDirectory<'_>, name: &str) -> Result<Report, DirectoryError> {
    let (text, note) = match directory.user(name).await {
        Ok(user) => (directory.digest(user.id.as_str()), None),
        // Folded as the login does.
        Err(DirectoryError::NotFound(_)) => {
            let note = "no user has this name: this is the digest of the name itself";
            (directory.digest(&name.to_lowercase()), Some(note))
        }
        Err(error) => return Err(error),
    };
    let answer = json!({"username": name, "digest": text, "note": note});
    let members = if note.is_some() {
        DIGEST
    } else {
        &["username", "digest"]
    };
    Ok(Report::One(answer, members))
}

/// The user with this digest. It cannot be turned back: those of all users are made.
async fn find(
    directory: &FreshDirectory<'_>,
    digest: &str,
) -> Result<Option<User>, DirectoryError> {
    let wanted = digest.trim().to_ascii_lowercase();
    let everybody = UserFilter::default();
    let users = all(
        async |page| directory.users(&everybody, &page).await,
        User::clone,
    );
    let mut users = users.await?.into_iter();
    Ok(users.find(|user| directory.digest(user.id.as_str()) == wanted))
}

async fn set_status(
    directory: &FreshDirectory<'_>,
    name: &str,
    status: &str,
) -> anyhow::Result<Report> {
    let wanted = UserUpdate {
        status: Some(status.to_owned()),
        ..UserUpdate::default()
    };
    let changed = directory.update_user(name, &wanted).await?;
    Ok(Report::One(
        value(&UserAnswer::of_change(&changed)),
        MEMBERS,
    ))
}

fn status(text: &str) -> Result<Status, StatusError> {
    Status::parse(text)
}

fn one(user: &User) -> Report {
    Report::One(shown(user), MEMBERS)
}

fn shown(user: &User) -> Value {
    value(&UserAnswer::of(user))
}
