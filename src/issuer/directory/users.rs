//! Users: who adds, changes and deletes them, and when their tokens end.

use serde::Deserialize;

use super::audit::{Object, updated, user_changes, user_parts};
use super::role_lists::{existing_roles, wanted_roles};
use super::{
    Directory, DirectoryError, FreshDirectory, InUse, KnownPasswords, Named, Thing, WhenUsed,
    commit, free,
};
use crate::identity::{
    Email, Password, RequiredFor, RoleName, ScopeSet, Status, User, UserId, Username,
};
use crate::issuer::hashing::HashingFor;
use crate::issuer::random;
use crate::store::{
    AuditActor, AuditRecord, Change, ChangeOf, Holding, Listing, LiveGrant, Page, Reach, UserFilter,
};
use crate::token::LogPosition;
use crate::yaml::present;

/// A user that is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    pub username: String,
    pub email: String,
    pub password: String,
    /// Its roles; without them it gets the default role.
    #[serde(default, deserialize_with = "present")]
    pub roles: Option<Vec<String>>,
}

/// What is to change of a user; what is absent stays.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UserUpdate {
    /// Another name. Tokens carry it, so they end.
    #[serde(deserialize_with = "present")]
    pub username: Option<String>,
    #[serde(deserialize_with = "present")]
    pub email: Option<String>,
    /// `active` or `disabled`.
    #[serde(deserialize_with = "present")]
    pub status: Option<String>,
    /// All roles that it is to have: it loses the others.
    #[serde(deserialize_with = "present")]
    pub roles: Option<Vec<String>>,
    /// Roles that it is to have as well.
    #[serde(deserialize_with = "present")]
    pub add_roles: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    pub remove_roles: Option<Vec<String>>,
}

/// What became of a user.
#[derive(Debug)]
pub struct UserChange {
    /// As it is now.
    pub user: User,
    /// The roles that it did not have before.
    pub added: Vec<RoleName>,
    /// The roles that it had before.
    pub removed: Vec<RoleName>,
    /// Its password, where somebody knows it who lacks what the user has got.
    pub known: Option<KnownPasswords>,
    /// From which position of the revocation log on gates refuse what has ended; none where nothing has.
    pub position: Option<LogPosition>,
}

/// A user that is to be, of whom only what the store has is not known yet.
pub(in crate::issuer) struct PreparedUser {
    username: Username,
    email: Email,
    password_hash: String,
    roles: Option<Vec<String>>,
}

/// What becomes of a user's apps when its password changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppsAfter {
    /// They keep their secrets, and what others got through them.
    Stay,
    /// All their secrets and tokens end.
    End,
}

impl Directory<'_> {
    /// The users that a filter lets through.
    pub async fn users(
        &self,
        filter: &UserFilter,
        page: &Page,
    ) -> Result<Listing<User>, DirectoryError> {
        Ok(self.store.users(filter, page).await?)
    }

    /// The user of this name.
    pub async fn user(&self, name: &str) -> Result<User, DirectoryError> {
        let found = self.store.user_named(&username(name)?).await?;
        found.ok_or(DirectoryError::NotFound(Thing::User))
    }

    /// How many active users must have a passkey and have none, so that they administer by nothing.
    pub async fn administrators_without_passkeys(&self) -> Result<i64, DirectoryError> {
        match self.demands.required {
            RequiredFor::Nobody => Ok(0),
            RequiredFor::Administrators => {
                Ok(self.store.count_administrators_without_passkeys().await?)
            }
        }
    }

    /// The user of this name, and whom it concerns that it loses something.
    pub async fn user_with_reach(
        &self,
        named: impl Into<Named<'_>>,
    ) -> Result<(User, Reach), DirectoryError> {
        let named = named.into();
        let user = self.user(named.name()).await?;
        self.check_user(named, &user)?;
        let reach = self.store.reach_of_user(&user.id, self.now).await?;
        Ok((user, reach))
    }

    /// Adds an active user that registers itself, which the caller tells the log.
    pub(in crate::issuer) async fn register(
        &self,
        wanted: NewUser,
    ) -> Result<User, DirectoryError> {
        let prepared = self.prepare_user(wanted).await?;
        let mut change = self.change().await?;
        let user = self.add_prepared_user(&mut change, &prepared).await?;
        let record = AuditRecord {
            actor: AuditActor::User(&user.id),
            action: "registered",
            object_kind: "user",
            object_name: user.id.as_str(),
            change: &user_parts(&user).join("; "),
        };
        change.record(&record).await?;
        commit(change).await?;
        Ok(user)
    }

    /// Reads a user that is to be and hashes its password, which is too slow to be done while others
    /// wait for a change.
    pub(in crate::issuer) async fn prepare_user(
        &self,
        wanted: NewUser,
    ) -> Result<PreparedUser, DirectoryError> {
        let (username, email) = (
            Username::parse(&wanted.username)?,
            Email::parse(&wanted.email)?,
        );
        let words = self.demands.words.with([username.as_str(), email.as_str()]);
        let password = Password::choose(wanted.password, &words)?;
        Ok(PreparedUser {
            password_hash: self
                .demands
                .hasher
                .hash(password, HashingFor::new(username.as_str()))
                .await?,
            username,
            email,
            roles: wanted.roles,
        })
    }

    /// Adds a user within a change, which is over where a name is taken.
    pub(in crate::issuer) async fn add_prepared_user(
        &self,
        change: &mut Change,
        prepared: &PreparedUser,
    ) -> Result<User, DirectoryError> {
        let roles = match &prepared.roles {
            None => change.default_role().await?.into_iter().collect(),
            Some(names) => {
                let (roles, scopes) = existing_roles(change, names, 0).await?;
                self.authority.may_pass_on(&scopes)?;
                roles
            }
        };
        let user = User {
            id: UserId::from_random(random()?),
            username: prepared.username.clone(),
            email: prepared.email.clone(),
            status: Status::Active,
            roles,
            scopes: ScopeSet::default(),
            created_at: self.now,
            passkeys: 0,
            as_of: LogPosition::default(),
            revoked_through: LogPosition::default(),
        };
        free(
            change.add_user(&user, &prepared.password_hash).await?,
            Thing::User,
        )?;
        // Read again: its roles have scopes.
        found(change.user(&user.id).await?)
    }

    /// Deletes a user with its apps; all their tokens end.
    pub async fn delete_user(
        &self,
        named: impl Into<Named<'_>>,
        when_used: WhenUsed,
    ) -> Result<(), DirectoryError> {
        let named = named.into();
        let mut change = self.change().await?;
        let user = found(change.user_named(&username(named.name())?).await?)?;
        self.check_user(named, &user)?;
        self.authority.may_pass_on(&user.scopes)?;
        change.hold_with_apps(&user.id, Holding::ToRemove).await?;
        if when_used == WhenUsed::Refuse && change.count_apps(&user.id).await? > 0 {
            // Nobody waits while it is counted what is told.
            drop(change);
            let reach = self.store.reach_of_user(&user.id, self.now).await?;
            return Err(DirectoryError::InUse(InUse::user(&user, reach)));
        }
        let apps = change.count_apps(&user.id).await?;
        change.delete_user(&user.id).await?;
        let (object, mut parts) = (Object::User(&user.id), user_parts(&user));
        parts.push(format!("apps {apps}"));
        self.commit(change, object, "deleted", &parts).await
    }

    /// Gives a user another password of its own; all its tokens end. `user` was read when it gave
    /// the old one: whoever had its tokens revoked since then has the last word. Gives back the user as of the end of
    /// the change: a session that begins there outlives it, and nothing that is revoked later.
    pub async fn change_own_password(
        &self,
        user: &User,
        password: String,
        apps: AppsAfter,
    ) -> Result<User, DirectoryError> {
        let hash = self.hash(user, password).await?;
        let (mut change, _) = self.change_of(ChangeOf::Password(&user.id)).await?;
        if apps == AppsAfter::End {
            change.hold_with_apps(&user.id, Holding::ToChange).await?;
        }
        let present = found(change.user(&user.id).await?)?;
        if present.revoked_through != user.revoked_through || present.status != Status::Active {
            return Err(DirectoryError::Changed);
        }
        change.set_password_hash(&user.id, &hash).await?;
        if apps == AppsAfter::End {
            change.end_secrets_of(&user.id).await?;
        }
        change.mark_own();
        let object = Object::User(&user.id);
        let committed = self.commit_at(change, object, "password replaced", &[]);
        let as_of = committed.await?.unwrap_or(present.as_of);
        Ok(User {
            as_of,
            revoked_through: as_of,
            ..present
        })
    }

    /// Gives a user another address at its own request.
    pub async fn change_own_email(&self, user: &User, email: &str) -> Result<User, DirectoryError> {
        let email = Email::parse(email)?;
        let mut change = self.change().await?;
        let before = found(change.user(&user.id).await?)?;
        let renamed = change.rename_user(&before.id, &before.username, &email);
        free(renamed.await?, Thing::User)?;
        let after = User {
            email,
            ..before.clone()
        };
        change.mark_own();
        let (object, changes) = (Object::User(&after.id), user_changes(&before, &after));
        let action = updated(&changes);
        self.commit(change, object, action, &changes).await?;
        Ok(after)
    }

    /// The grants of a user that can still be extended.
    pub async fn grants(
        &self,
        user: &UserId,
        page: &Page,
    ) -> Result<Listing<LiveGrant>, DirectoryError> {
        Ok(self.store.grants(user, page, self.now).await?)
    }

    /// One of them.
    pub async fn grant(&self, user: &UserId, id: &str) -> Result<LiveGrant, DirectoryError> {
        let found = self.store.live_grant(user, id, self.now).await?;
        found.ok_or(DirectoryError::NotFound(Thing::Grant))
    }

    pub(super) async fn hash(
        &self,
        user: &User,
        password: String,
    ) -> Result<String, DirectoryError> {
        let names = [user.username.as_str(), user.email.as_str()];
        let password = Password::choose(password, &self.demands.words.with(names))?;
        let whom = HashingFor::new(user.id.as_str());
        Ok(self.demands.hasher.hash(password, whom).await?)
    }
}

impl FreshDirectory<'_> {
    pub async fn add_user(&self, wanted: NewUser) -> Result<User, DirectoryError> {
        let prepared = self.prepare_user(wanted).await?;
        let mut change = self.change().await?;
        let user = self.add_prepared_user(&mut change, &prepared).await?;
        self.note_password_setter(&mut change, &user.id).await?;
        let (object, parts) = (Object::User(&user.id), user_parts(&user));
        self.commit(change, object, "added", &parts).await?;
        Ok(user)
    }

    /// Changes a user. Its tokens end if it is disabled, renamed, or loses a role that they rest on;
    /// those of its apps, whoever uses them, if it is disabled or loses such a role.
    pub async fn update_user(
        &self,
        named: impl Into<Named<'_>>,
        wanted: &UserUpdate,
    ) -> Result<UserChange, DirectoryError> {
        let named = named.into();
        let (mut change, actor) = self.change_with_actor().await?;
        let before = found(change.user_named(&username(named.name())?).await?)?;
        self.check_user(named, &before)?;
        // Also for a name alone: who may rename or disable an administrator must be one.
        self.authority.may_pass_on(&before.scopes)?;
        if wanted.status.is_some() {
            change.hold_with_apps(&before.id, Holding::ToChange).await?;
        }
        let username = match &wanted.username {
            Some(name) => Username::parse(name)?,
            None => before.username.clone(),
        };
        let email = match &wanted.email {
            Some(address) => Email::parse(address)?,
            None => before.email.clone(),
        };
        free(
            change.rename_user(&before.id, &username, &email).await?,
            Thing::User,
        )?;
        if let Some(status) = &wanted.status {
            let status = Status::parse(status)?;
            change.set_user_status(&before.id, status).await?;
        }
        let mut known = None;
        if let Some((roles, scopes)) = wanted_roles(&mut change, &before, wanted).await? {
            self.authority.may_pass_on(&scopes)?;
            actor.may_raise(&before, &roles, &scopes)?;
            known = self
                .check_raised_user(&mut change, &before, &scopes)
                .await?;
            change.set_user_roles(&before.id, &roles).await?;
        }
        let after = found(change.user(&before.id).await?)?;
        let (object, changes) = (Object::User(&after.id), user_changes(&before, &after));
        let action = updated(&changes);
        let position = self.commit_at(change, object, action, &changes).await?;
        let without = |roles: &[RoleName], others: &[RoleName]| {
            let left = roles.iter().filter(|role| !others.contains(role));
            left.cloned().collect()
        };
        Ok(UserChange {
            added: without(&after.roles, &before.roles),
            removed: without(&before.roles, &after.roles),
            position,
            user: after,
            known,
        })
    }

    /// Gives a user another password; all its tokens end.
    pub async fn set_password(&self, name: &str, password: String) -> Result<(), DirectoryError> {
        let (mut change, user) = self.replacing_password(name.into(), password).await?;
        self.note_password_setter(&mut change, &user.id).await?;
        let object = Object::User(&user.id);
        self.commit(change, object, "password replaced", &[]).await
    }

    /// A change that gives a user another password, and the user.
    pub(super) async fn replacing_password(
        &self,
        named: Named<'_>,
        password: String,
    ) -> Result<(Change, User), DirectoryError> {
        let user = self.user(named.name()).await?;
        // By its id from here on.
        self.check_user(named, &user)?;
        let hash = self.hash(&user, password).await?;
        let mut change = self.change().await?;
        // Read again: while the password was hashed, the user may have got what the caller must not
        // take over.
        let user = found(change.user(&user.id).await?)?;
        self.authority.may_pass_on(&user.scopes)?;
        change.set_password_hash(&user.id, &hash).await?;
        Ok((change, user))
    }
}

/// What cannot be a name is nobody's.
pub(super) fn username(name: &str) -> Result<Username, DirectoryError> {
    Username::parse(name).map_err(|_| DirectoryError::NotFound(Thing::User))
}

fn found(user: Option<User>) -> Result<User, DirectoryError> {
    user.ok_or(DirectoryError::NotFound(Thing::User))
}
