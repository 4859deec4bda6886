//! `portcullis app`: the apps of the issuer's store.

use std::io::Write;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Finding;
use super::administration::{Report, StoreArgs, all, value, when_used};
use super::dry_run::{self, DryRun};
use super::number::seconds;
use crate::identity::Status;
use crate::issuer::AppAnswer;
use crate::issuer::directory::{
    AppChange, AppSearch, AppUpdate, AppsOf, Days, Directory, FreshDirectory, LocalDirectory,
    NewApp, NewSecret, Thing, WhatToRevoke, WhenUsed,
};
use crate::store::OwnedApp;

const COLUMNS: &[&str] = &[
    "app_key",
    "name",
    "owner",
    "status",
    "scopes",
    "follows_owner",
    "created_at",
    "last_used_at",
];
const MEMBERS: &[&str] = &[
    "app_key",
    "app_secret",
    "name",
    "description",
    "link",
    "owner",
    "status",
    "scopes",
    "follows_owner",
    "redirect_uris",
    "created_at",
    "last_used_at",
    "position",
];

const SHOWN: &[&str] = &[
    "app_key",
    "name",
    "description",
    "link",
    "owner",
    "status",
    "scopes",
    "follows_owner",
    "redirect_uris",
    "secrets",
    "created_at",
    "last_used_at",
];

const CHANGED: &[&str] = &[
    "app_key",
    "name",
    "description",
    "link",
    "owner",
    "status",
    "scopes",
    "added_scopes",
    "removed_scopes",
    "follows_owner",
    "redirect_uris",
    "position",
    "next",
];

#[derive(Debug, Args)]
pub(super) struct AppArgs {
    #[command(flatten)]
    store: StoreArgs,
    #[command(subcommand)]
    command: AppCommand,
}

#[derive(Debug, Subcommand)]
enum AppCommand {
    /// List the apps
    List(ListArgs),
    /// Show an app, and by their last characters the secrets that are accepted
    Show {
        /// The app's key, as `app list` prints it
        #[arg(value_name = "APP_KEY")]
        key: String,
    },
    /// Add an app; its secret is shown only once
    Add(AddArgs),
    /// Change an app; options that are not given leave their values unchanged
    Set(SetArgs),
    /// Disable an app and revoke its tokens
    Disable {
        /// The app's key, as `app list` prints it
        #[arg(value_name = "APP_KEY")]
        key: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Enable an app again; revoked tokens stay revoked
    Enable {
        /// The app's key, as `app list` prints it
        #[arg(value_name = "APP_KEY")]
        key: String,
    },
    /// Give an app a new secret, which is shown only once
    RotateSecret {
        /// The app's key, as `app list` prints it
        #[arg(value_name = "APP_KEY")]
        key: String,
        /// How long the previous secret is still accepted, instead of `issuer.secret_overlap_seconds`;
        /// 0 invalidates it at once and revokes all tokens of the app
        #[arg(long, value_name = "SECONDS", value_parser = seconds::<u32>)]
        overlap_seconds: Option<u32>,
    },
    /// Revoke all tokens of an app; it can get new ones
    Revoke {
        /// The app's key, as `app list` prints it
        #[arg(value_name = "APP_KEY")]
        key: String,
    },
    /// Delete an app and revoke its tokens
    Delete {
        /// The app's key, as `app list` prints it
        #[arg(value_name = "APP_KEY")]
        key: String,
        /// Delete it although grants of users end with it, or it has got tokens
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        dry_run: DryRun,
    },
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Only apps of this user
    #[arg(long, value_name = "USERNAME")]
    owner: Option<String>,
    /// Only apps with this status: `active` or `disabled`
    #[arg(long, value_name = "STATUS", value_parser = Status::parse)]
    status: Option<Status>,
    /// Only apps that were last used so many days ago or earlier, or created then and never used
    #[arg(long, value_name = "DAYS", value_parser = Days::parse)]
    unused_days: Option<Days>,
    /// Only apps whose latest secret is at least so many days old
    #[arg(long, value_name = "DAYS", value_parser = Days::parse)]
    secret_days: Option<Days>,
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The app's name
    #[arg(value_name = "NAME")]
    name: String,
    /// What the app is, for people: a few lines
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// Where more is said of the app: an `https` URL
    #[arg(long, value_name = "URL", default_value = "")]
    link: String,
    /// The user who owns the app
    #[arg(long, value_name = "USERNAME")]
    owner: String,
    /// A scope that the app may have; can be repeated. Without it, the app follows its owner: it may
    /// have whatever the owner currently has, except the issuer's own scopes
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// An allowed redirect URI; can be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
}

#[derive(Debug, Args)]
struct SetArgs {
    /// The app's key, as `app list` prints it
    #[arg(value_name = "APP_KEY")]
    key: String,
    /// The new name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What the app is, for people: a few lines; empty to remove it
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Where more is said of the app: an `https` URL; empty to remove it
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// A scope that the app may have, replacing the present ones; can be repeated
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
    /// Follow the owner: whatever the owner currently has, except the issuer's own scopes
    #[arg(long, conflicts_with_all = ["scopes", "no_scopes", "add_scopes", "remove_scopes"])]
    follow_owner: bool,
    /// An allowed redirect URI, replacing the present ones; can be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Remove all redirect URIs
    #[arg(long, conflicts_with = "redirect_uris")]
    no_redirect_uris: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

pub(super) fn run(args: &AppArgs, out: &mut dyn Write) -> anyhow::Result<Finding> {
    let work = async |local: &LocalDirectory| args.command.run(local).await;
    let asked = |thing| args.command.asked(thing);
    args.store.administer(out, asked, work)
}

impl AppCommand {
    /// The name by which it asks for a thing.
    fn asked(&self, thing: Thing) -> Option<&str> {
        match (thing, self) {
            (Thing::User, Self::List(args)) => args.owner.as_deref(),
            (Thing::User, Self::Add(args)) => Some(&args.owner),
            (Thing::App, Self::Set(args)) => Some(&args.key),
            (
                Thing::App,
                Self::Show { key }
                | Self::Disable { key, .. }
                | Self::Enable { key }
                | Self::RotateSecret { key, .. }
                | Self::Revoke { key }
                | Self::Delete { key, .. },
            ) => Some(key),
            _ => None,
        }
    }

    async fn run(&self, local: &LocalDirectory) -> anyhow::Result<Report> {
        let directory = &local.directory();
        let of = AppsOf::Everybody;
        match self {
            Self::List(args) => {
                let wanted = args.search();
                let apps = all(async |page| directory.apps(&wanted, &page).await, shown);
                Ok(Report::List(apps.await?, COLUMNS))
            }
            Self::Show { key } => {
                let app = directory.app(key, of).await?;
                let secrets = directory.secrets_of(&app.app).await?;
                let answer = AppAnswer::of_owned(&app).with_secrets(&secrets);
                Ok(Report::One(value(&answer), SHOWN))
            }
            Self::Add(args) => args.run(directory).await,
            Self::Set(args) if args.dry_run.dry_run => {
                let rehearsal = local.rehearsal();
                rehearsal.update_app(&args.key, of, &args.update()).await?;
                Ok(dry_run::of_app(directory, &args.key).await?)
            }
            Self::Disable { key, dry_run } if dry_run.dry_run => {
                set_status(&local.rehearsal(), key, "disabled").await?;
                Ok(dry_run::of_app(directory, key).await?)
            }
            Self::Delete { key, dry_run, .. } if dry_run.dry_run => {
                let rehearsal = local.rehearsal();
                rehearsal.delete_app(key, of, WhenUsed::GoOn).await?;
                Ok(dry_run::of_app(directory, key).await?)
            }
            Self::Set(args) => {
                let update = args.update();
                let changed = directory.update_app(&args.key, of, &update).await?;
                Ok(told(&changed, CHANGED))
            }
            Self::Disable { key, .. } => set_status(directory, key, "disabled").await,
            Self::Enable { key } => set_status(directory, key, "active").await,
            Self::RotateSecret {
                key,
                overlap_seconds,
            } => {
                let overlap = overlap_seconds.unwrap_or(local.secret_overlap_seconds());
                Ok(with_secret(
                    &directory.rotate_secret(key, of, overlap).await?,
                ))
            }
            Self::Revoke { key } => {
                let what = WhatToRevoke::App(key.clone());
                let revocable = directory.revocable(what).await?;
                directory.revoke(revocable).await?;
                Ok(Report::Done(format!("all tokens of `{key}` are revoked")))
            }
            Self::Delete { key, force, .. } => {
                directory.delete_app(key, of, when_used(*force)).await?;
                Ok(Report::Done(format!("app `{key}` is deleted")))
            }
        }
    }
}

impl ListArgs {
    fn search(&self) -> AppSearch<'_> {
        AppSearch {
            owner: self.owner.as_deref(),
            status: self.status,
            unused: self.unused_days,
            secret: self.secret_days,
        }
    }
}

impl AddArgs {
    async fn run(&self, directory: &FreshDirectory<'_>) -> anyhow::Result<Report> {
        let owner = directory.user(&self.owner).await?;
        let wanted = NewApp {
            name: self.name.clone(),
            description: self.description.clone(),
            link: self.link.clone(),
            redirect_uris: self.redirect_uris.clone(),
            scopes: (!self.scopes.is_empty()).then(|| self.scopes.clone()),
        };
        Ok(with_secret(&directory.add_app(&owner, &wanted).await?))
    }
}

impl SetArgs {
    fn update(&self) -> AppUpdate {
        let scopes = self.no_scopes || !self.scopes.is_empty();
        let redirect_uris = self.no_redirect_uris || !self.redirect_uris.is_empty();
        AppUpdate {
            name: self.name.clone(),
            description: self.description.clone(),
            link: self.link.clone(),
            redirect_uris: redirect_uris.then(|| self.redirect_uris.clone()),
            scopes: scopes.then(|| self.scopes.clone()),
            add_scopes: (!self.add_scopes.is_empty()).then(|| self.add_scopes.clone()),
            remove_scopes: (!self.remove_scopes.is_empty()).then(|| self.remove_scopes.clone()),
            follows_owner: self.follow_owner.then_some(true),
            status: None,
        }
    }
}

async fn set_status(directory: &Directory<'_>, key: &str, status: &str) -> anyhow::Result<Report> {
    let wanted = AppUpdate {
        status: Some(status.to_owned()),
        ..AppUpdate::default()
    };
    let changed = directory
        .update_app(key, AppsOf::Everybody, &wanted)
        .await?;
    Ok(told(&changed, MEMBERS))
}

/// An app that was changed. Whoever has changed it need not know that this ends secrets.
fn told(changed: &AppChange, members: &'static [&'static str]) -> Report {
    let answer = AppAnswer::of_owned(&changed.app).with_change(changed);
    let mut answer = value(&answer);
    if changed.secrets_ended
        && let Some(members) = answer.as_object_mut()
    {
        let key = changed.app.app.key.as_str();
        let next = format!(
            "its secrets have ended, because it got a scope of the issuer's own: `portcullis app rotate-secret {key}` \
             makes another"
        );
        members.insert("next".to_owned(), next.into());
    }
    Report::One(answer, members)
}

fn with_secret(made: &NewSecret) -> Report {
    let answer = AppAnswer::of_owned(&made.app).with_secret(&made.secret);
    Report::One(value(&answer), MEMBERS)
}

fn shown(app: &OwnedApp) -> Value {
    value(&AppAnswer::of_owned(app))
}
