//! Scopes: who changes them, and whose tokens then end.

use std::fmt;

use serde::Deserialize;

use super::audit::{Object, updated};
use super::named::check_scope;
use super::{Directory, DirectoryError, MAX_ROLES_AND_SCOPES, Named, Thing, WhenUsed, free};
use crate::identity::{Description, NameError, RoleName, Scope, ScopeName, ScopeSet};
use crate::issuer::own::OWN_SCOPES;
use crate::store::{Listing, Page, ScopeReach};
use crate::yaml::present;

/// So many roles that use a scope are told by name.
const TOLD_ROLES: usize = 5;

/// A scope that is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewScope {
    pub name: String,
    pub description: String,
}

impl NewScope {
    /// Whether it could be, as far as that can be told without the store.
    pub fn check(&self) -> Result<(), DirectoryError> {
        free_name(&self.name)?;
        Description::parse(&self.description)?;
        Ok(())
    }
}

/// What is to change of a scope; what is absent stays.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScopeUpdate {
    /// Another name: whoever has the scope loses the old one and has to get new tokens.
    #[serde(deserialize_with = "present")]
    pub name: Option<String>,
    #[serde(deserialize_with = "present")]
    pub description: Option<String>,
}

/// By what a scope is used.
#[derive(Debug)]
pub struct ScopeUses {
    /// The roles that have it.
    pub roles: Vec<RoleName>,
    /// The number of apps that have it in their list.
    pub apps: i64,
}

impl ScopeUses {
    /// Whether it is not used.
    pub fn are_none(&self) -> bool {
        self.roles.is_empty() && self.apps == 0
    }
}

/// Such as: the roles `clerk` and `sales` and 3 apps.
impl fmt::Display for ScopeUses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.roles.iter().take(TOLD_ROLES).map(RoleName::as_str);
        let mut uses: Vec<String> = names.map(|name| format!("role `{name}`")).collect();
        let more = self.roles.len().saturating_sub(TOLD_ROLES);
        if more > 0 {
            uses.push(format!("{more} more roles"));
        }
        match self.apps {
            0 => {}
            1 => uses.push("1 app".to_owned()),
            apps => uses.push(format!("{apps} apps")),
        }
        formatter.write_str(&uses.join(", "))
    }
}

impl Directory<'_> {
    pub async fn scopes(&self, page: &Page) -> Result<Listing<Scope>, DirectoryError> {
        Ok(self.store.scopes(page).await?)
    }

    /// The scopes that some role has.
    pub async fn scopes_of_roles(&self) -> Result<ScopeSet, DirectoryError> {
        Ok(self.store.scopes_of_roles().await?)
    }

    /// The scope of this name.
    pub async fn scope(&self, name: &str) -> Result<Scope, DirectoryError> {
        found(self.store.scope(&scope_name(name)?).await?)
    }

    /// The scope of this name, and whom it concerns.
    pub async fn scope_with_reach(
        &self,
        name: &str,
    ) -> Result<(Scope, ScopeReach), DirectoryError> {
        let scope = self.scope(name).await?;
        let reach = self.store.reach_of_scope(&scope.name).await?;
        Ok((scope, reach))
    }

    /// Adds a scope, which nobody has yet.
    pub async fn add_scope(&self, wanted: &NewScope) -> Result<Scope, DirectoryError> {
        let name = free_name(&wanted.name)?;
        let description = Description::parse(&wanted.description)?;
        let mut change = self.change().await?;
        free(
            change.add_scope(&name, description.as_str()).await?,
            Thing::Scope,
        )?;
        // Counted within the change, with the one that it adds.
        if change.has_more_scopes(MAX_ROLES_AND_SCOPES).await? {
            return Err(DirectoryError::Full(Thing::Scope));
        }
        let object = Object::Scope(&name);
        self.commit(change, object, "added", &[]).await?;
        Ok(Scope { name, description })
    }

    /// Changes a scope. With its name the tokens of all who have it end.
    pub async fn update_scope(
        &self,
        named: impl Into<Named<'_>>,
        wanted: &ScopeUpdate,
    ) -> Result<Scope, DirectoryError> {
        let named = named.into();
        let (mut change, actor) = self.change_with_actor().await?;
        let mut scope = found(change.scope(&scope_name(named.name())?).await?)?;
        check_scope(&mut change, named, &scope).await?;
        let (before, mut changes) = (scope.name.clone(), Vec::new());
        if let Some(description) = &wanted.description {
            let description = Description::parse(description)?;
            change.describe_scope(&scope.name, &description).await?;
            if description != scope.description {
                changes.push("description".to_owned());
            }
            scope.description = description;
        }
        if let Some(name) = wanted.name.as_deref()
            && name != scope.name.as_str()
        {
            not_own(&scope.name)?;
            let name = free_name(name)?;
            // A new name is another right to every policy that asks for it, and whoever has the old one
            // would have it.
            actor.may_rename(&scope.name, &name)?;
            self.authority.has_just_logged_in()?;
            self.may_take_scope(&mut change, &scope.name).await?;
            free(change.rename_scope(&scope.name, &name).await?, Thing::Scope)?;
            changes.push(format!("name {}", name.as_str()));
            scope.name = name;
        }
        let object = Object::Scope(&before);
        let action = updated(&changes);
        self.commit(change, object, action, &changes).await?;
        Ok(scope)
    }

    /// Deletes a scope. The tokens of all who have it end; what became of its uses is answered.
    pub async fn delete_scope(
        &self,
        named: impl Into<Named<'_>>,
        when_used: WhenUsed,
    ) -> Result<ScopeUses, DirectoryError> {
        let named = named.into();
        let mut change = self.change().await?;
        let scope = found(change.scope(&scope_name(named.name())?).await?)?;
        check_scope(&mut change, named, &scope).await?;
        not_own(&scope.name)?;
        self.may_take_scope(&mut change, &scope.name).await?;
        let uses = ScopeUses {
            roles: change.roles_with(&scope.name).await?,
            apps: change.count_apps_with(&scope.name).await?,
        };
        // Counted in the same transaction: nobody can begin to use it between the question and the
        // answer.
        if when_used == WhenUsed::Refuse && !uses.are_none() {
            return Err(DirectoryError::ScopeInUse(uses));
        }
        change.delete_scope(&scope.name).await?;
        let object = Object::Scope(&scope.name);
        let taken = (!uses.are_none()).then(|| format!("taken from {uses}"));
        self.commit(change, object, "deleted", taken.as_slice())
            .await?;
        Ok(uses)
    }
}

/// A name that no release will take for the issuer's own endpoints.
fn free_name(name: &str) -> Result<ScopeName, DirectoryError> {
    let name = ScopeName::parse(name).map_err(NameError::from)?;
    if !name.is_addressable() {
        return Err(DirectoryError::NotAddressable);
    }
    if name.is_own() {
        return Err(DirectoryError::Reserved);
    }
    Ok(name)
}

fn not_own(scope: &ScopeName) -> Result<(), DirectoryError> {
    if OWN_SCOPES.iter().any(|(own, _)| *own == scope.as_str()) {
        return Err(DirectoryError::Own(scope.as_str().to_owned()));
    }
    Ok(())
}

/// What cannot be a name is no scope's.
pub(super) fn scope_name(name: &str) -> Result<ScopeName, DirectoryError> {
    ScopeName::parse(name).map_err(|_| DirectoryError::NotFound(Thing::Scope))
}

fn found(scope: Option<Scope>) -> Result<Scope, DirectoryError> {
    scope.ok_or(DirectoryError::NotFound(Thing::Scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_scope_has_a_name_that_paths_can_have_and_the_issuer_has_not() {
        let rows = [
            ("orders.read", None),
            ("urn:shop:read", None),
            ("backendless.read", None),
            ("backend.new", Some(DirectoryError::Reserved)),
            ("consumer.new", Some(DirectoryError::Reserved)),
            ("a/b", Some(DirectoryError::NotAddressable)),
            ("a;b", Some(DirectoryError::NotAddressable)),
            ("a%2Fb", Some(DirectoryError::NotAddressable)),
            ("..", Some(DirectoryError::NotAddressable)),
            ("", Some(NameError.into())),
            ("a b", Some(NameError.into())),
        ];
        for (name, expected) in rows {
            let error = free_name(name).err().map(|error| error.to_string());
            let expected = expected.map(|error| error.to_string());
            assert_eq!(error, expected, "{name}");
        }
    }

    #[test]
    fn the_scopes_of_the_issuer_are_not_renamed_and_new_ones_that_look_alike_are() {
        for (name, own) in [
            ("backend.user", true),
            ("consumer.app", true),
            ("backend.x", false),
        ] {
            let scope = ScopeName::parse(name).unwrap();
            assert_eq!(not_own(&scope).is_err(), own, "{name}");
        }
    }

    /// What somebody would lose is told in a line, however much it is.
    #[test]
    fn uses_are_told_by_name_up_to_a_bound() {
        let uses = |roles: usize, apps: i64| {
            let role = |number| RoleName::parse(&format!("r{number}")).unwrap();
            let roles = (1..=roles).map(role).collect();
            ScopeUses { roles, apps }.to_string()
        };
        assert_eq!(uses(0, 0), "");
        assert_eq!(uses(1, 0), "role `r1`");
        assert_eq!(uses(2, 1), "role `r1`, role `r2`, 1 app");
        assert_eq!(uses(0, 2), "2 apps");
        let many = "role `r1`, role `r2`, role `r3`, role `r4`, role `r5`, 995 more roles, 3 apps";
        assert_eq!(uses(1000, 3), many);
    }
}
