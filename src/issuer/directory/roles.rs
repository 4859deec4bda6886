//! Roles: who changes them, and whose tokens then end.

use serde::Deserialize;

use super::super::first_start::ADMINISTRATOR_ROLE;
use super::{Directory, DirectoryError, Thing, commit, existing_scopes, free};
use crate::identity::{Role, RoleName, ScopeSet};
use crate::store::{Listing, Page};
use crate::yaml::present;

/// A role that is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    /// Its name.
    pub name: String,
    /// Its scopes.
    pub scopes: Vec<String>,
}

/// What is to change of a role; what is absent stays.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleUpdate {
    /// Another name; whoever has the role keeps it.
    #[serde(deserialize_with = "present")]
    pub name: Option<String>,
    /// All scopes that it is to have.
    #[serde(deserialize_with = "present")]
    pub scopes: Option<Vec<String>>,
}

impl Directory<'_> {
    /// The roles.
    pub async fn roles(&self, page: &Page) -> Result<Listing<Role>, DirectoryError> {
        Ok(self.store.roles(page).await?)
    }

    /// The role of this name.
    pub async fn role(&self, name: &str) -> Result<Role, DirectoryError> {
        found(self.store.role(&role_name(name)?).await?)
    }

    /// Adds a role.
    pub async fn add_role(&self, wanted: &NewRole) -> Result<Role, DirectoryError> {
        let name = RoleName::parse(&wanted.name)?;
        let mut change = self.change().await?;
        let scopes = existing_scopes(&mut change, &wanted.scopes).await?;
        self.authority.may_pass_on(&scopes)?;
        free(change.add_role(&name, &scopes).await?)?;
        commit(change).await?;
        Ok(Role {
            name,
            scopes,
            is_default: false,
        })
    }

    /// Changes a role. The tokens of those end who have less than before.
    pub async fn update_role(
        &self,
        name: &str,
        wanted: &RoleUpdate,
    ) -> Result<Role, DirectoryError> {
        let mut change = self.change().await?;
        let before = found(change.role(&role_name(name)?).await?)?;
        let scopes = match &wanted.scopes {
            Some(names) => existing_scopes(&mut change, names).await?,
            None => before.scopes.clone(),
        };
        let (added, removed) = (
            scopes.without(&before.scopes),
            before.scopes.without(&scopes),
        );
        self.authority.may_pass_on(&added)?;
        self.authority.may_pass_on(&removed)?;
        self.authority.may_extend(&before, &added)?;
        if before.is_default {
            for_everybody(&added)?;
        }
        change.remove_role_scopes(&before.name, &removed).await?;
        change.add_role_scopes(&before.name, &added).await?;
        let name = match &wanted.name {
            Some(name) => RoleName::parse(name)?,
            None => before.name.clone(),
        };
        if name != before.name {
            not_own(&before.name)?;
            free(change.rename_role(&before.name, &name).await?)?;
        }
        commit(change).await?;
        Ok(Role {
            name,
            scopes,
            is_default: before.is_default,
        })
    }

    /// Deletes a role. The tokens of those end who have less than before.
    pub async fn delete_role(&self, name: &str) -> Result<(), DirectoryError> {
        let mut change = self.change().await?;
        let role = found(change.role(&role_name(name)?).await?)?;
        not_own(&role.name)?;
        if role.is_default {
            return Err(DirectoryError::DefaultRole);
        }
        self.authority.may_pass_on(&role.scopes)?;
        change.delete_role(&role).await?;
        commit(change).await
    }

    /// Chooses the role that whoever registers gets.
    pub async fn set_default_role(&self, name: &str) -> Result<Role, DirectoryError> {
        let mut change = self.change().await?;
        let role = found(change.role(&role_name(name)?).await?)?;
        for_everybody(&role.scopes)?;
        change.set_default_role(&role.name).await?;
        commit(change).await?;
        Ok(Role {
            is_default: true,
            ..role
        })
    }
}

fn for_everybody(scopes: &ScopeSet) -> Result<(), DirectoryError> {
    if scopes.administrative().is_empty() {
        Ok(())
    } else {
        Err(DirectoryError::EverybodyAdministrator)
    }
}

fn not_own(role: &RoleName) -> Result<(), DirectoryError> {
    if role.as_str() == ADMINISTRATOR_ROLE {
        return Err(DirectoryError::Own(role.as_str().to_owned()));
    }
    Ok(())
}

/// What cannot be a name is no role's.
fn role_name(name: &str) -> Result<RoleName, DirectoryError> {
    RoleName::parse(name).map_err(|_| DirectoryError::NotFound(Thing::Role))
}

fn found(role: Option<Role>) -> Result<Role, DirectoryError> {
    role.ok_or(DirectoryError::NotFound(Thing::Role))
}
