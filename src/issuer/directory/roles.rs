//! Roles: who changes them, and whose tokens then end.

use serde::Deserialize;

use super::audit::{Object, UNCHANGED, role_changes, updated};
use super::list_update::ListUpdate;
use super::named::check_role;
use super::{
    Directory, DirectoryError, FreshDirectory, InUse, KnownPasswords, MAX_ROLES_AND_SCOPES, Named,
    Thing, WhenUsed, check_count, existing_scopes, free, rehearse,
};
use crate::identity::{Role, RoleName, ScopeName, ScopeSet};
use crate::issuer::own::ADMINISTRATOR_ROLE;
use crate::store::{Change, Listing, Page, Reach};
use crate::yaml::present;

/// A role that is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRole {
    pub name: String,
    pub scopes: Vec<String>,
}

impl NewRole {
    /// Whether it could have its name.
    pub fn check_name(&self) -> Result<(), DirectoryError> {
        free_name(&self.name).map(drop)
    }

    /// Whether it could be the role that new users get.
    pub fn check_for_everybody(&self) -> Result<(), DirectoryError> {
        let names = self.scopes.iter();
        let scopes = names
            .filter_map(|name| ScopeName::parse(name).ok())
            .collect();
        for_everybody(&scopes)
    }
}

/// What is to change of a role; what is absent stays.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleUpdate {
    /// Another name; whoever has the role keeps it.
    #[serde(deserialize_with = "present")]
    pub name: Option<String>,
    /// All scopes that it is to have: it loses the others.
    #[serde(deserialize_with = "present")]
    pub scopes: Option<Vec<String>>,
    /// Scopes that it is to have as well.
    #[serde(deserialize_with = "present")]
    pub add_scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    pub remove_scopes: Option<Vec<String>>,
}

/// What became of a role, and whom that concerns.
#[derive(Debug)]
pub struct RoleChange {
    /// As it is now.
    pub role: Role,
    /// The scopes that it did not have before.
    pub added: ScopeSet,
    /// The scopes that it had before.
    pub removed: ScopeSet,
    /// How many users have it.
    pub users: i64,
    /// Their passwords, where somebody knows them who lacks what the users have got.
    pub known: Option<KnownPasswords>,
}

impl Directory<'_> {
    pub async fn roles(&self, page: &Page) -> Result<Listing<Role>, DirectoryError> {
        Ok(self.store.roles(page).await?)
    }

    /// The roles whose names hold `search`.
    pub async fn roles_named(
        &self,
        search: &str,
        page: &Page,
    ) -> Result<Listing<Role>, DirectoryError> {
        Ok(self.store.roles_named(search, page).await?)
    }

    /// The role that new users get, if one is chosen.
    pub async fn default_role(&self) -> Result<Option<Role>, DirectoryError> {
        match self.store.default_role().await? {
            Some(name) => Ok(self.store.role(&name).await?),
            None => Ok(None),
        }
    }

    /// The role of this name.
    pub async fn role(&self, name: &str) -> Result<Role, DirectoryError> {
        found(self.store.role(&role_name(name)?).await?)
    }

    /// The role of this name, and whom it concerns.
    pub async fn role_with_reach(&self, name: &str) -> Result<(Role, Reach), DirectoryError> {
        let role = self.role(name).await?;
        let reach = self.store.reach_of_role(&role.name, self.now).await?;
        Ok((role, reach))
    }

    pub async fn add_role(&self, wanted: &NewRole) -> Result<Role, DirectoryError> {
        let name = free_name(&wanted.name)?;
        let mut change = self.change().await?;
        let scopes = existing_scopes(&mut change, &wanted.scopes).await?;
        check_count(&scopes, &ScopeSet::default())?;
        self.authority.may_pass_on(&scopes)?;
        if !scopes.own().is_empty() {
            self.authority.has_just_logged_in()?;
        }
        free(change.add_role(&name, &scopes).await?, Thing::Role)?;
        // Counted within the change, with the one that it adds.
        if change.has_more_roles(MAX_ROLES_AND_SCOPES).await? {
            return Err(DirectoryError::Full(Thing::Role));
        }
        let (object, scopes_told) = (Object::Role(&name), format!("scopes {scopes}"));
        self.commit(change, object, "added", &[scopes_told]).await?;
        Ok(Role {
            name,
            scopes,
            is_default: false,
        })
    }

    /// The change, if nobody has the role.
    pub(super) async fn unless_used(
        &self,
        mut change: Change,
        role: &Role,
    ) -> Result<Change, DirectoryError> {
        if change.count_users_with(&role.name).await? == 0 {
            return Ok(change);
        }
        // Nobody waits while it is counted what is told.
        drop(change);
        let reach = self.store.reach_of_role(&role.name, self.now).await?;
        Err(DirectoryError::InUse(InUse::role(role, reach)))
    }
}

impl Directory<'_> {
    /// Whether a role could be changed so, if its users were told; nothing is changed.
    pub async fn check_role_update(
        &self,
        named: impl Into<Named<'_>>,
        wanted: &RoleUpdate,
    ) -> Result<(), DirectoryError> {
        let named = named.into();
        let (change, _) = self.updated_role(named, wanted, WhenUsed::GoOn).await?;
        rehearse(change).await
    }

    /// A change of a role that is still to be committed, with what it was before.
    async fn updated_role(
        &self,
        named: Named<'_>,
        wanted: &RoleUpdate,
        when_used: WhenUsed,
    ) -> Result<(Change, UpdatedRole), DirectoryError> {
        let (mut change, actor) = self.change_with_actor().await?;
        let before = found(change.role(&role_name(named.name())?).await?)?;
        check_role(&mut change, named, &before).await?;
        let scopes = wanted_scopes(&mut change, &before, wanted).await?;
        let (added, removed) = (
            scopes.without(&before.scopes),
            before.scopes.without(&scopes),
        );
        self.authority.may_pass_on(&added)?;
        // Also to take away: otherwise somebody with few rights could disarm those who have more.
        self.authority.may_pass_on(&removed)?;
        actor.may_extend(&before, &added)?;
        // Everybody who registers gets the default role, so that nothing may come into it by which
        // users get more rights.
        if before.is_default {
            for_everybody(&added)?;
        }
        let is_renamed = (wanted.name.as_ref()).is_some_and(|name| name != before.name.as_str());
        if is_renamed || !removed.is_empty() {
            self.may_take_from(&mut change, &before).await?;
            if when_used == WhenUsed::Refuse {
                change = self.unless_used(change, &before).await?;
            }
        }
        let known = self
            .check_raised_role(&mut change, &before.name, &added)
            .await?;
        change.remove_role_scopes(&before.name, &removed).await?;
        change.add_role_scopes(&before.name, &added).await?;
        let name = match &wanted.name {
            Some(name) if name != before.name.as_str() => free_name(name)?,
            Some(_) | None => before.name.clone(),
        };
        if name != before.name {
            not_own(&before.name)?;
            actor.may_rename_role(&before.name, &name)?;
            free(change.rename_role(&before.name, &name).await?, Thing::Role)?;
        }
        let users = change.count_users_with(&name).await?;
        let role = Role {
            name,
            scopes,
            is_default: before.is_default,
        };
        let after = RoleChange {
            role,
            added,
            removed,
            users,
            known,
        };
        Ok((change, UpdatedRole { before, after }))
    }
}

/// A role before and after a change that is not committed yet.
struct UpdatedRole {
    before: Role,
    after: RoleChange,
}

impl FreshDirectory<'_> {
    /// Changes a role. The tokens of those end who have less than before; `when_used` is about what takes
    /// something from its users.
    pub async fn update_role(
        &self,
        named: impl Into<Named<'_>>,
        wanted: &RoleUpdate,
        when_used: WhenUsed,
    ) -> Result<RoleChange, DirectoryError> {
        let (change, UpdatedRole { before, after }) =
            self.updated_role(named.into(), wanted, when_used).await?;
        let role = &after.role;
        let (object, mut changes) = (Object::Role(&before.name), role_changes(&before, role));
        if before.name != role.name {
            changes.push(format!("users {}", after.users));
        }
        let action = updated(&changes);
        self.commit(change, object, action, &changes).await?;
        Ok(after)
    }

    /// Chooses the role that whoever registers gets.
    pub async fn set_default_role(
        &self,
        named: impl Into<Named<'_>>,
    ) -> Result<Role, DirectoryError> {
        let named = named.into();
        let mut change = self.change().await?;
        let role = found(change.role(&role_name(named.name())?).await?)?;
        check_role(&mut change, named, &role).await?;
        for_everybody(&role.scopes)?;
        change.set_default_role(&role.name).await?;
        let object = Object::Role(&role.name);
        let action = if role.is_default {
            UNCHANGED
        } else {
            "made the default role"
        };
        self.commit(change, object, action, &[]).await?;
        Ok(Role {
            is_default: true,
            ..role
        })
    }
}

/// What a role is to have after an update. What is taken from it must exist as well: a misspelt name
/// would take nothing.
async fn wanted_scopes(
    change: &mut Change,
    before: &Role,
    wanted: &RoleUpdate,
) -> Result<ScopeSet, DirectoryError> {
    let (added, removed) = (wanted.add_scopes.as_ref(), wanted.remove_scopes.as_ref());
    let update = ListUpdate::read("scopes", wanted.scopes.as_ref(), added, removed)?;
    let held = || before.scopes.iter().map(ScopeName::as_str);
    existing_scopes(change, update.removed()).await?;
    update.check_held(before.name.as_str(), Thing::Scope, held())?;
    match update.of(held()) {
        None => Ok(before.scopes.clone()),
        Some(names) => {
            let scopes = existing_scopes(change, &names).await?;
            check_count(&scopes, &before.scopes)?;
            Ok(scopes)
        }
    }
}

fn for_everybody(scopes: &ScopeSet) -> Result<(), DirectoryError> {
    if scopes.administrative().is_empty() {
        Ok(())
    } else {
        Err(DirectoryError::EverybodyAdministrator)
    }
}

pub(super) fn not_own(role: &RoleName) -> Result<(), DirectoryError> {
    if role.as_str() == ADMINISTRATOR_ROLE {
        return Err(DirectoryError::Own(role.as_str().to_owned()));
    }
    Ok(())
}

/// A name under which it will be found.
fn free_name(name: &str) -> Result<RoleName, DirectoryError> {
    let name = RoleName::parse(name)?;
    if name.is_addressable() {
        Ok(name)
    } else {
        Err(DirectoryError::NotAddressable)
    }
}

/// What cannot be a name is no role's.
pub(super) fn role_name(name: &str) -> Result<RoleName, DirectoryError> {
    RoleName::parse(name).map_err(|_| DirectoryError::NotFound(Thing::Role))
}

pub(super) fn found(role: Option<Role>) -> Result<Role, DirectoryError> {
    role.ok_or(DirectoryError::NotFound(Thing::Role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_users_get_nothing_that_administrators_have() {
        for (scopes, allowed) in [
            ("", true),
            ("orders.read consumer.app", true),
            ("orders.read backend.user", false),
            ("backend.introspect", false),
        ] {
            let scopes = ScopeSet::parse(scopes).unwrap();
            assert_eq!(for_everybody(&scopes).is_ok(), allowed, "{scopes}");
        }
    }

    #[test]
    fn only_the_role_of_the_administrators_is_the_issuers_own() {
        for (name, own) in [("administrator", true), ("administrators", false)] {
            let role = RoleName::parse(name).unwrap();
            assert_eq!(not_own(&role).is_err(), own, "{name}");
        }
    }

    #[test]
    fn a_name_that_no_role_can_have_is_not_found_and_not_given() {
        assert!(matches!(
            role_name("a b"),
            Err(DirectoryError::NotFound(Thing::Role))
        ));
        assert!(matches!(free_name("a b"), Err(DirectoryError::Scope(_))));
        assert!(matches!(
            free_name("a/b"),
            Err(DirectoryError::NotAddressable)
        ));
        assert!(free_name("sales").is_ok());
    }
}
