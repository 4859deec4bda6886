//! Passwords that an administrator has set for somebody else, and so knows: nobody gets `backend.*` scopes with one
//! from whoever does not have them itself.
//!
//! A password counts as its user's own once the user has replaced it, with the old one or by a link. Whoever does
//! that in its place shows: the user's own password, or its link, then opens nothing.

use std::fmt;

use super::{Authority, Directory, DirectoryError};
use crate::clock::UnixSeconds;
use crate::identity::{RoleName, ScopeSet, User, UserId, Username};
use crate::store::{Change, SetPasswords};

/// Passwords that somebody else knows than the users who would get `backend.*` scopes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPasswords {
    /// Whose, or one of those whose.
    pub user: Username,
    /// How many other users have one as well.
    pub others: i64,
    /// Who has set them; none where that user is gone.
    pub set_by: Option<Username>,
    /// When the latest of them was set.
    pub at: UnixSeconds,
}

impl Directory<'_> {
    /// Notes who has set the password that a user has with this change, where that is not the user itself. Whoever
    /// holds the store needs no password.
    pub(super) async fn note_password_setter(
        &self,
        change: &mut Change,
        user: &UserId,
    ) -> Result<(), DirectoryError> {
        if let Some(setter) = self.authority.user()
            && setter != user
        {
            change.note_password_setter(user, setter).await?;
        }
        Ok(())
    }

    /// Whether somebody could log in as this user who lacks what it is to have beside what it has. Refused but to
    /// the machine, which is told.
    pub(super) async fn check_raised_user(
        &self,
        change: &mut Change,
        before: &User,
        scopes: &ScopeSet,
    ) -> Result<Option<KnownPasswords>, DirectoryError> {
        let gained = scopes.without(&before.scopes).administrative();
        if gained.is_empty() {
            return Ok(None);
        }
        let set = change.password_setter(&before.id).await?;
        self.check_setters(change, set.into_iter().collect(), &gained)
            .await
    }

    /// The same of all who have a role, which is to get these scopes.
    pub(super) async fn check_raised_role(
        &self,
        change: &mut Change,
        role: &RoleName,
        added: &ScopeSet,
    ) -> Result<Option<KnownPasswords>, DirectoryError> {
        let gained = added.administrative();
        if gained.is_empty() {
            return Ok(None);
        }
        let set = change.password_setters_of_role(role).await?;
        self.check_setters(change, set, &gained).await
    }

    async fn check_setters(
        &self,
        change: &mut Change,
        set: Vec<SetPasswords>,
        gained: &ScopeSet,
    ) -> Result<Option<KnownPasswords>, DirectoryError> {
        for passwords in set {
            let setter = change.user(&passwords.by).await?;
            // Who has the scopes anyway gets nothing by the password of another.
            let has_them = |setter: &User| {
                setter.is_active() && gained.is_subset_of(&self.demands.required.usable(setter))
            };
            if setter.as_ref().is_some_and(has_them) {
                continue;
            }
            let known = KnownPasswords {
                user: passwords.user,
                others: passwords.users - 1,
                set_by: setter.map(|setter| setter.username),
                at: passwords.at,
            };
            return match self.authority {
                Authority::Machine => Ok(Some(known)),
                Authority::Bearer { .. } => Err(DirectoryError::KnownPasswords(known)),
            };
        }
        Ok(None)
    }
}

impl fmt::Display for KnownPasswords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.set_by {
            Some(name) => write!(f, "`{}`", name.as_str())?,
            None => write!(f, "an administrator who is gone")?,
        }
        write!(f, " has set the password of `{}`", self.user.as_str())?;
        if self.others > 0 {
            write!(f, " and {} more", self.others)?;
        }
        write!(f, " ({})", self.at)
    }
}
