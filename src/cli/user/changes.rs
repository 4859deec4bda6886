//! `portcullis user add` and `portcullis user set`.

use clap::Args;

use super::{MEMBERS, shown};
use crate::cli::administration::{PasswordArgs, Report, Taken, note_known_passwords, value};
use crate::cli::dry_run::DryRun;
use crate::issuer::UserAnswer;
use crate::issuer::directory::{FreshDirectory, LocalDirectory, NewUser, UserChange, UserUpdate};

const CHANGED: &[&str] = &[
    "username",
    "email",
    "status",
    "roles",
    "added_roles",
    "removed_roles",
    "scopes",
    "passkeys",
    "created_at",
    "id",
    "position",
];

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The user's name
    #[arg(value_name = "USERNAME")]
    name: String,
    /// The user's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// A role; can be repeated. Without it, the user gets the default role
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    password: PasswordArgs,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The user's name
    #[arg(value_name = "USERNAME")]
    pub(super) name: String,
    /// The new name; revokes the user's tokens, which contain it
    #[arg(long, value_name = "USERNAME")]
    username: Option<String>,
    /// The user's e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// A role of the user, replacing the present ones; can be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Remove all roles
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// A role to add; can be repeated
    #[arg(long = "add-role", value_name = "ROLE", conflicts_with_all = ["roles", "no_roles"])]
    add_roles: Vec<String>,
    /// A role to remove; can be repeated
    #[arg(long = "remove-role", value_name = "ROLE", conflicts_with_all = ["roles", "no_roles"])]
    remove_roles: Vec<String>,
    #[command(flatten)]
    pub(super) dry_run: DryRun,
}

impl AddArgs {
    pub(super) async fn run(&self, local: &LocalDirectory) -> anyhow::Result<Report> {
        let password = self.password.read(local)?;
        let wanted = NewUser {
            username: self.name.clone(),
            email: self.email.clone(),
            password: password.text(),
            roles: (!self.roles.is_empty()).then(|| self.roles.clone()),
        };
        let directory = local.directory();
        let user = match directory.add_user(wanted).await {
            Ok(user) => user,
            Err(error) => {
                let (name, email) = (Some(self.name.as_str()), Some(self.email.as_str()));
                return Err(Taken::of_user(error, &directory, name, email).await);
            }
        };
        Ok(Report::One(password.shown_in(shown(&user)), MEMBERS))
    }
}

impl SetArgs {
    /// In a transaction that is carried out, or given up.
    pub(super) async fn update_with(
        &self,
        directory: &FreshDirectory<'_>,
    ) -> anyhow::Result<UserChange> {
        let update = self.update();
        match directory.update_user(&self.name, &update).await {
            Ok(changed) => Ok(changed),
            Err(error) => {
                let name = update.username.as_deref().filter(|new| *new != self.name);
                let email = update.email.as_deref();
                Err(Taken::of_user(error, directory, name, email).await)
            }
        }
    }

    pub(super) async fn run(&self, directory: &FreshDirectory<'_>) -> anyhow::Result<Report> {
        let changed = self.update_with(directory).await?;
        note_known_passwords(changed.known.as_ref());
        let answer = value(&UserAnswer::of_change(&changed));
        Ok(Report::One(answer, CHANGED))
    }

    fn update(&self) -> UserUpdate {
        let roles = self.no_roles || !self.roles.is_empty();
        UserUpdate {
            username: self.username.clone(),
            email: self.email.clone(),
            status: None,
            roles: roles.then(|| self.roles.clone()),
            add_roles: (!self.add_roles.is_empty()).then(|| self.add_roles.clone()),
            remove_roles: (!self.remove_roles.is_empty()).then(|| self.remove_roles.clone()),
        }
    }
}
