//! The directory of users, roles, scopes and apps: who may change what, and what then ends.
//!
//! No HTTP: endpoints and the command line both come here. Each operation is one [`Change`] of the
//! store, so that the rules are asked about what is there while nobody else changes it, and
//! what was given out ends together with what gave the right to it.
//!
//! Nobody passes on more than it has; `authority` and `actor` say what that means.

mod actor;
mod app_hands;
mod app_search;
mod app_secrets;
mod apps;
mod audit;
mod authority;
mod error;
mod in_use;
mod known_passwords;
mod list_update;
mod local;
mod named;
mod passkeys;
mod present;
mod reset_links;
mod role_deletion;
mod role_lists;
mod roles;
mod scopes;
mod signing_keys;
mod takings;
mod tokens;
mod users;

use std::ops::Deref;

use actor::Actor;

use super::audit::Naming;
use super::hashing::PasswordHasher;
use crate::clock::UnixSeconds;
use crate::identity::{ContextWords, NameError, RequiredFor, ScopeSet};
use crate::store::{Change, ChangeOf, Committed, Created, Store};
use crate::token::LogPosition;

pub use app_search::{AppSearch, Days, DaysError};
pub use apps::{AppChange, AppUpdate, AppsOf, MAX_APPS, NewApp, NewSecret};
pub use authority::{Authority, Login};
pub use error::{DirectoryError, Thing};
pub use in_use::{InUse, WhenUsed, is_app_in_use, is_role_in_use, is_user_in_use};
pub use known_passwords::KnownPasswords;
pub use local::{LocalDirectory, OpenError};
pub use named::Named;
pub use reset_links::ResetLink;
pub use role_lists::MAX_ROLES_OF_USER;
pub use roles::{NewRole, RoleChange, RoleUpdate};
pub use scopes::{NewScope, ScopeUpdate, ScopeUses};
pub use tokens::{Revocable, RevocationRequest, WhatToRevoke};
pub use users::{AppsAfter, NewUser, UserChange, UserUpdate};

pub(super) use passkeys::AddedPasskey;
pub(super) use users::PreparedUser;

/// The most scopes that a role, or the list of an app, can have.
const MAX_SCOPES: usize = 1000;

/// The most roles, and the most scopes, that there can be. Who may make them could fill the store otherwise.
pub const MAX_ROLES_AND_SCOPES: u32 = 10_000;

/// Users, roles, scopes and apps, in the hands of somebody. What gives somebody more than before, and so
/// outlives the token that asks for it, is of [`FreshDirectory`] alone, or asks for a fresh login itself where
/// only some changes give something.
pub struct Directory<'a> {
    store: &'a Store,
    demands: Demands<'a>,
    authority: Authority<'a>,
    naming: Naming<'a>,
    ending: Ending,
    now: UnixSeconds,
}

/// How a change ends that nothing has refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Committed,
    /// It is looked whether it could be committed, and given up.
    Rehearsed,
}

/// A directory in the hands of somebody who has just logged in. It is made by [`Directory::fresh`] alone, so that
/// what takes a fresh login cannot be called without one.
pub struct FreshDirectory<'a>(Directory<'a>);

/// What is asked of users: what new passwords are held to, what hashes them, and who must have a passkey.
#[derive(Clone, Copy)]
pub(super) struct Demands<'a> {
    pub(super) hasher: &'a PasswordHasher,
    /// The words of the site.
    pub(super) words: &'a ContextWords,
    pub(super) required: RequiredFor,
}

impl<'a> Directory<'a> {
    /// The words of the site, which no password may be made of.
    pub(in crate::issuer) fn site_words(&self) -> &ContextWords {
        self.demands.words
    }

    pub(super) fn new(
        store: &'a Store,
        demands: Demands<'a>,
        authority: Authority<'a>,
        naming: Naming<'a>,
        now: UnixSeconds,
    ) -> Self {
        Self {
            store,
            demands,
            authority,
            naming,
            ending: Ending::Committed,
            now,
        }
    }

    /// The same where each change is refused as it would be, and otherwise given up instead of committed.
    fn rehearsing(self) -> Self {
        Self {
            ending: Ending::Rehearsed,
            ..self
        }
    }

    /// The same with what takes a fresh login.
    pub fn fresh(self) -> Result<FreshDirectory<'a>, DirectoryError> {
        self.authority.has_just_logged_in()?;
        Ok(FreshDirectory(self))
    }

    /// What the logs call a user with this id, or whoever claims to have this name: never in clear.
    pub fn digest(&self, name: &str) -> String {
        self.naming.names.digest(self.naming.issuer, name)
    }

    /// Begins a change, if the caller still is who it was when it was let in: what it waited for may
    /// have been the change that took its rights, or the end of its session.
    async fn change(&self) -> Result<Change, DirectoryError> {
        Ok(self.change_with_actor().await?.0)
    }

    /// The same, with who does it as it is in the change.
    async fn change_with_actor(&self) -> Result<(Change, Actor), DirectoryError> {
        self.change_of(self.whose()).await
    }

    /// The same of a change that takes something back from others: a crowd that changes something else is not in
    /// its way.
    async fn change_taking_back(&self) -> Result<(Change, Actor), DirectoryError> {
        let whose = match self.whose() {
            ChangeOf::User(user) => ChangeOf::TakingBack(user),
            other => other,
        };
        self.change_of(whose).await
    }

    fn whose(&self) -> ChangeOf<'_> {
        match self.authority {
            Authority::Machine => ChangeOf::Nobody,
            Authority::Bearer { user, scopes, .. } if scopes.administrative().is_empty() => {
                ChangeOf::User(user)
            }
            Authority::Bearer { user, .. } => ChangeOf::Administrator(user),
        }
    }

    async fn change_of(&self, whose: ChangeOf<'_>) -> Result<(Change, Actor), DirectoryError> {
        let mut change = self.store.change_by(whose, self.now).await?;
        let Authority::Bearer {
            scopes,
            token,
            session,
            ..
        } = self.authority
        else {
            return Ok((change, Actor::Machine));
        };
        if !present::is_logged_in(&mut change, session).await? {
            return Err(DirectoryError::Changed);
        }
        let actor = present::actor(&mut change, scopes, token, self.demands.required).await?;
        Ok((change, actor.ok_or(DirectoryError::Changed)?))
    }
}

impl<'a> Deref for FreshDirectory<'a> {
    type Target = Directory<'a>;

    fn deref(&self) -> &Directory<'a> {
        &self.0
    }
}

/// Commits a change, and gives back the position of the log after which what it ends is refused, where it ends
/// something.
pub(super) async fn commit(change: Change) -> Result<Option<LogPosition>, DirectoryError> {
    let (committed, position) = change.commit_at().await?;
    accepted(committed)?;
    Ok(position)
}

/// Whether a change could be committed; it is not.
async fn rehearse(mut change: Change) -> Result<(), DirectoryError> {
    accepted(change.rehearse().await?)
}

fn accepted(committed: Committed) -> Result<(), DirectoryError> {
    match committed {
        Committed::Yes => Ok(()),
        Committed::LastAdministrator => Err(DirectoryError::LastAdministrator),
        Committed::EverybodyAdministrator => Err(DirectoryError::EverybodyAdministrator),
        Committed::ShareUsedUp => Err(DirectoryError::ShareUsedUp),
    }
}

fn free(created: Created, thing: Thing) -> Result<(), DirectoryError> {
    match created {
        Created::Yes => Ok(()),
        Created::NameTaken => Err(DirectoryError::NameTaken(thing)),
    }
}

/// Scopes as they are written in lists.
fn scope_set(names: &[String]) -> Result<ScopeSet, DirectoryError> {
    let names = names
        .iter()
        .map(|name| crate::identity::ScopeName::parse(name));
    Ok(names.collect::<Result<_, _>>().map_err(NameError::from)?)
}

/// Refuses more scopes than a role or app may have. What has more from before may lose some of them.
fn check_count(scopes: &ScopeSet, before: &ScopeSet) -> Result<(), DirectoryError> {
    if scopes.iter().count() > MAX_SCOPES.max(before.iter().count()) {
        Err(DirectoryError::TooManyScopes)
    } else {
        Ok(())
    }
}

async fn existing_scopes(
    change: &mut Change,
    names: &[String],
) -> Result<ScopeSet, DirectoryError> {
    let scopes = scope_set(names)?;
    match change.missing_scope(&scopes).await? {
        Some(missing) => Err(DirectoryError::UnknownScope(missing.as_str().to_owned())),
        None => Ok(scopes),
    }
}
