//! What an empty store needs before anybody can do anything: scopes, roles, an administrator.

use std::path::Path;

use super::directory::{self, Directory, DirectoryError, NewUser, PreparedUser};
use super::first_password::{self, ADMINISTRATOR, ADMINISTRATOR_EMAIL, FirstPasswordError};
use super::own::{ADMINISTRATOR_ROLE, OWN_SCOPES};
use super::{IssuerError, random};
use crate::clock::UnixSeconds;
use crate::identity::{PlainSecret, RoleName, ScopeName, ScopeSet};
use crate::store::{Created, Store, StoreError};

const DEFAULT_ROLE: &str = "consumer";

/// Whether an administrator was made just now.
pub enum FirstAdministrator {
    /// There were users already.
    Present,
    /// By another issuer on the store, which began at the same time.
    MadeElsewhere,
    /// With the password of the configured file.
    FromFile,
    /// With a password that is told this once.
    Generated {
        username: &'static str,
        password: PlainSecret,
    },
}

/// Why the first administrator cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum FirstStartError {
    /// The file of its password.
    #[error(transparent)]
    File(#[from] FirstPasswordError),
    /// The password itself, or the threads that hash it.
    #[error("the first administrator: {0}")]
    Password(String),
}

/// A store that may be empty.
pub(super) struct FirstStart<'a> {
    pub(super) store: &'a Store,
    /// In the hands of the machine.
    pub(super) directory: Directory<'a>,
    pub(super) admin_password_file: Option<&'a Path>,
    pub(super) now: UnixSeconds,
}

impl FirstStart<'_> {
    /// Makes what an empty store needs, once and all at once; to a store that has had it, only the
    /// scopes of this release are added. What administrators have done to roles since then stays.
    pub(super) async fn prepare(&self) -> Result<FirstAdministrator, IssuerError> {
        if self.store.is_prepared().await? {
            self.add_new_scopes().await?;
            return Ok(FirstAdministrator::Present);
        }
        let (password, outcome) = if let Some(file) = self.admin_password_file {
            let password = first_password::read(file, self.directory.site_words())
                .map_err(FirstStartError::from)?;
            (password, FirstAdministrator::FromFile)
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
            roles: Some(vec![ADMINISTRATOR_ROLE.to_owned()]),
        };
        let administrator = self.directory.prepare_user(user).await.map_err(not_made)?;
        match self.fill(&administrator).await? {
            Filled::WithAdministrator => Ok(outcome),
            Filled::WithoutAdministrator => Ok(FirstAdministrator::Present),
            Filled::Elsewhere => Ok(FirstAdministrator::MadeElsewhere),
        }
    }

    async fn fill(&self, administrator: &PreparedUser) -> Result<Filled, IssuerError> {
        let mut change = self.store.change(self.now).await?;
        if change.is_prepared().await? {
            // Another issuer on the same store was faster.
            return Ok(Filled::Elsewhere);
        }
        let mut scopes = ScopeSet::default();
        for (name, description) in own_scopes()? {
            change.add_scope(&name, description).await?;
            scopes = scopes.with(name);
        }
        let role = role_name(ADMINISTRATOR_ROLE)?;
        change.extend_role(&role, &scopes).await?;
        // The command line may have chosen one before; administrators it cannot make.
        if change
            .default_role()
            .await?
            .is_none_or(|chosen| chosen == role)
        {
            let consumer = role_name(DEFAULT_ROLE)?;
            let scopes = scopes.without(&scopes.administrative());
            change.extend_role(&consumer, &scopes).await?;
            change.set_default_role(&consumer).await?;
        }
        let first = if change.has_users().await? {
            Filled::WithoutAdministrator
        } else {
            let added = self.directory.add_prepared_user(&mut change, administrator);
            added.await.map_err(not_made)?;
            Filled::WithAdministrator
        };
        change.set_prepared().await?;
        directory::commit(change).await.map_err(not_made)?;
        Ok(first)
    }

    /// Adds the scopes that an earlier release did not have. Nobody gets them but the role of the
    /// administrators, if it still is that: it has all others of theirs, and new users do not get it.
    async fn add_new_scopes(&self) -> Result<(), IssuerError> {
        let mut change = self.store.change(self.now).await?;
        let (mut new, mut known) = (ScopeSet::default(), ScopeSet::default());
        for (name, description) in own_scopes()? {
            match change.add_scope(&name, description).await? {
                Created::Yes => new = new.with(name),
                Created::NameTaken => known = known.with(name),
            }
        }
        let role = change.role(&role_name(ADMINISTRATOR_ROLE)?).await?;
        if let Some(role) = role
            && !role.is_default
            && known.administrative().is_subset_of(&role.scopes)
        {
            change.add_role_scopes(&role.name, &new).await?;
        }
        if let Some(chosen) = change.default_role().await?
            && let Some(role) = change.role(&chosen).await?
            && !role.scopes.administrative().is_empty()
        {
            tracing::warn!(
                role.name = role.name.as_str(),
                role.scopes = %role.scopes.administrative(),
                "every new user is an administrator: take these scopes from the role with \
                 `portcullis role set`, or choose another default role"
            );
        }
        directory::commit(change).await.map_err(not_made)?;
        Ok(())
    }
}

/// What a first start made.
enum Filled {
    WithAdministrator,
    /// There were users.
    WithoutAdministrator,
    /// Another issuer was faster.
    Elsewhere,
}

fn not_made(error: DirectoryError) -> IssuerError {
    match error {
        DirectoryError::Store(error) => error.into(),
        other => FirstStartError::Password(other.to_string()).into(),
    }
}

fn own_scopes() -> Result<Vec<(ScopeName, &'static str)>, StoreError> {
    let own = OWN_SCOPES.map(|(name, description)| {
        let name = ScopeName::parse(name).map_err(|_| StoreError::Unreadable("scope"))?;
        Ok((name, description))
    });
    own.into_iter().collect()
}

fn role_name(name: &str) -> Result<RoleName, StoreError> {
    RoleName::parse(name).map_err(|_| StoreError::Unreadable("role"))
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
