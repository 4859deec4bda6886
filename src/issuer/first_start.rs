//! What an empty store needs before anybody can do anything: scopes, roles, an administrator.

use std::path::Path;

use super::directory::{Authority, DirectoryError, NewUser};
use super::{Issuer, IssuerError, random};
use crate::files::{self, FileError};
use crate::identity::{PlainSecret, RoleName, ScopeName};
use crate::store::StoreError;
use crate::token::secret_in_file;

const ADMINISTRATOR: &str = "admin";
const ADMINISTRATOR_EMAIL: &str = "admin@localhost";
pub(super) const ADMINISTRATOR_ROLE: &str = "administrator";
const DEFAULT_ROLE: &str = "consumer";

/// What the issuer's own endpoints ask for; `policy.yaml` has the same.
pub(super) const OWN_SCOPES: [(&str, &str); 8] = [
    ("backend.app", "See and change everybody's apps"),
    (
        "backend.introspect",
        "Ask what everybody's tokens are worth",
    ),
    ("backend.role", "See and change roles"),
    ("backend.scope", "See and change scopes"),
    ("backend.token", "Take back tokens of anybody"),
    ("backend.user", "See and change users"),
    ("consumer.account", "See and change the own account"),
    ("consumer.app", "See and change the own apps"),
];

/// Whether an administrator was made just now.
pub enum FirstAdministrator {
    /// There were users already.
    Present,
    /// With the password of the configured file.
    FromFile,
    /// With a password that is told this once.
    Generated {
        /// The name.
        username: &'static str,
        /// The password.
        password: PlainSecret,
    },
}

/// Why the first administrator cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The file of its password.
    #[error("`issuer.admin_password_file`: {0}")]
    File(#[from] FileError),
    /// The password itself, or the threads that hash it.
    #[error("the first administrator: {0}")]
    Password(String),
}

impl Issuer {
    /// Adds what is missing; harmless on a store that has it.
    pub(super) async fn prepare_first_start(&self) -> Result<FirstAdministrator, IssuerError> {
        let own = OWN_SCOPES.map(|(name, description)| (ScopeName::parse(name), description));
        let mut scopes = Vec::new();
        for (name, description) in own {
            let name = name.map_err(|_| StoreError::Unreadable("scope"))?;
            self.store.add_scope(&name, description).await?;
            scopes.push(name);
        }
        let administrator = self.own_role(ADMINISTRATOR_ROLE, &scopes).await?;
        if self.store.default_role().await?.is_none() {
            scopes.retain(|scope| scope.as_str().starts_with("consumer."));
            let consumer = self.own_role(DEFAULT_ROLE, &scopes).await?;
            self.store.set_default_role(&consumer).await?;
        }
        if self.store.has_users().await? {
            return Ok(FirstAdministrator::Present);
        }
        self.add_administrator(administrator).await
    }

    async fn own_role(&self, name: &str, scopes: &[ScopeName]) -> Result<RoleName, StoreError> {
        let role = RoleName::parse(name).map_err(|_| StoreError::Unreadable("role"))?;
        self.store.add_role(&role, scopes).await?;
        Ok(role)
    }

    async fn add_administrator(&self, role: RoleName) -> Result<FirstAdministrator, IssuerError> {
        let file = self.settings.admin_password_file.as_deref();
        let (password, outcome) = if let Some(file) = file {
            (read_password(file)?, FirstAdministrator::FromFile)
        } else {
            let password = PlainSecret::from_random(random()?);
            let text = password.reveal().to_owned();
            let username = ADMINISTRATOR;
            (text, FirstAdministrator::Generated { username, password })
        };
        let user = NewUser {
            username: ADMINISTRATOR.to_owned(),
            email: ADMINISTRATOR_EMAIL.to_owned(),
            password,
            roles: Some(vec![role.as_str().to_owned()]),
        };
        match self.directory(Authority::Machine).add_user(user).await {
            Ok(_) => Ok(outcome),
            // Another issuer on the same store was faster.
            Err(DirectoryError::NameTaken) => Ok(FirstAdministrator::Present),
            Err(error) => Err(FirstStartError::Password(error.to_string()).into()),
        }
    }
}

fn read_password(path: &Path) -> Result<String, FirstStartError> {
    let bytes = files::read_secret(path)?;
    let text = std::str::from_utf8(secret_in_file(&bytes));
    text.map(str::to_owned)
        .map_err(|_| FirstStartError::Password("the file is not UTF-8 text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::ADMINISTRATIVE_SCOPES;

    #[test]
    fn the_policy_the_roles_and_the_last_administrator_are_about_the_same_scopes() {
        let names = OWN_SCOPES.map(|(name, _)| ScopeName::parse(name).unwrap());
        assert!(names.iter().all(ScopeName::is_own));
        let administrative = names.iter().filter(|name| name.is_administrative());
        let administrative: Vec<&str> = administrative.map(ScopeName::as_str).collect();
        assert_eq!(administrative, ADMINISTRATIVE_SCOPES);
        let policy = include_str!("policy.yaml");
        for (name, description) in OWN_SCOPES {
            let line = format!("\n  {name}: {description}\n");
            assert!(policy.contains(&line), "{name}");
        }
    }
}
