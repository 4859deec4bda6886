//! Who loses tokens when something in the directory changes: one function of before and after.
//!
//! A change of users, apps, roles or scopes is committed together with the revocations that
//! [`losses`] names, whatever its steps were.

use std::collections::BTreeSet;

use super::app::AppKey;
use super::scope::{RoleName, ScopeSet};
use super::user::{Status, UserId, Username};
use crate::token::RevocationTarget;

/// What a change has done to one thing; without `after` it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    User {
        id: UserId,
        before: UserState,
        after: Option<UserState>,
    },
    App {
        key: AppKey,
        before: AppState,
        after: Option<AppState>,
    },
    /// A role that somebody has: of others no token rests on.
    Role {
        before: RoleState,
        after: Option<RoleState>,
    },
}

/// What of a user decides whether its tokens stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserState {
    /// Tokens carry it.
    pub username: Username,
    pub status: Status,
    pub password: PasswordState,
    /// All of its roles: a route may ask for one that has no scope.
    pub roles: BTreeSet<RoleName>,
    /// How many apps it owns, and how many secrets they have that do not expire by themselves.
    pub apps: u64,
    pub app_secrets: u64,
}

/// Whether a password is the one from before the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordState {
    Kept,
    Replaced,
}

/// What of an app decides whether its tokens stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppState {
    pub status: Status,
    pub scopes: ScopeSet,
    /// The digest of its newest secret.
    pub secret: Option<String>,
    /// The digests of the secrets that are accepted.
    pub accepted_secrets: BTreeSet<String>,
}

/// What of a role decides whether the tokens stand that rest on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleState {
    /// Tokens carry it.
    pub name: RoleName,
    pub scopes: ScopeSet,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Everything that was given out to the target.
    All(RevocationTarget),
    /// Access tokens; refresh tokens go on and give what is left.
    AccessTokens(RevocationTarget),
}

impl Loss {
    pub fn target(&self) -> &RevocationTarget {
        match self {
            Self::All(target) | Self::AccessTokens(target) => target,
        }
    }
}

/// Everything that ends because of these differences; nothing twice.
pub fn losses(differences: &[Difference]) -> Vec<Loss> {
    let mut losses = Vec::new();
    for difference in differences {
        match difference {
            Difference::User { id, before, after } => {
                losses.extend(of_user(id, before, after.as_ref()));
            }
            Difference::App { key, before, after } => {
                if app_loses(before, after.as_ref()) {
                    losses.push(Loss::All(key.into()));
                }
            }
            Difference::Role { before, after } => {
                if role_loses(before, after.as_ref()) {
                    let name = before.name.as_str().to_owned();
                    losses.push(Loss::AccessTokens(RevocationTarget::Role(name)));
                }
            }
        }
    }
    // Tokens that do not name their roles rest on any of them.
    let is_role = |loss: &Loss| matches!(loss.target(), RevocationTarget::Role(_));
    if losses.iter().any(is_role) {
        let unnamed = RevocationTarget::Role(RevocationTarget::UNNAMED_ROLE.to_owned());
        losses.push(Loss::AccessTokens(unnamed));
    }
    losses
}

fn of_user(id: &UserId, before: &UserState, after: Option<&UserState>) -> Vec<Loss> {
    let own = || Loss::All(id.into());
    // What others got through its apps: two rows, however many apps it has.
    let owned = RevocationTarget::Owner(id.as_str().to_owned());
    let has_apps = before.apps > 0;
    let Some(after) = after else {
        return [Some(own()), has_apps.then_some(Loss::All(owned))]
            .into_iter()
            .flatten()
            .collect();
    };
    let disabled = before.status == Status::Active && after.status == Status::Disabled;
    let secrets_ended = before.app_secrets > 0 && after.app_secrets == 0;
    // Another role may give it the same scopes, now or before: a token may name the lost one alone,
    // and would outlive the loss of the other.
    let lost_role = !before.roles.is_subset(&after.roles);
    let renamed = before.username != after.username;
    if disabled || secrets_ended {
        let owned = has_apps.then_some(Loss::All(owned));
        [Some(own()), owned].into_iter().flatten().collect()
    } else if lost_role {
        let owned = has_apps.then_some(Loss::AccessTokens(owned));
        [Some(own()), owned].into_iter().flatten().collect()
    } else if renamed || after.password == PasswordState::Replaced {
        vec![own()]
    } else {
        Vec::new()
    }
}

/// A secret that is replaced with an overlap ends later and takes nothing along: one that ends at once
/// may have leaked.
fn app_loses(before: &AppState, after: Option<&AppState>) -> bool {
    let Some(after) = after else {
        return true;
    };
    let disabled = before.status == Status::Active && after.status == Status::Disabled;
    let secret_ended = before
        .secret
        .as_ref()
        .is_some_and(|secret| !after.accepted_secrets.contains(secret));
    disabled || secret_ended || !before.scopes.is_subset_of(&after.scopes)
}

fn role_loses(before: &RoleState, after: Option<&RoleState>) -> bool {
    match after {
        // Whatever its scopes: a route may ask for the role itself.
        None => true,
        Some(after) => before.name != after.name || !before.scopes.is_subset_of(&after.scopes),
    }
}

#[cfg(test)]
mod tests;
