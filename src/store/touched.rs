//! What a change touches, as it was before and as it is after, from which follows what ends with it.

use std::collections::BTreeSet;

use sqlx::Row;

use super::StoreError;
use super::columns::{roles, status, username};
use super::connections::Transaction;
use super::statement::assembled;
use super::{app_rows, role_rows};
use crate::clock::UnixSeconds;
use crate::identity::{
    AppKey, AppState, Difference, Loss, PasswordState, RoleName, RoleState, UserId, UserState,
    losses,
};

/// The states from before: each is read when the change first touches the thing, and changes of the
/// directory come one at a time, so nobody else changes it before the end.
pub(super) struct Touched {
    /// When the change is made.
    now: UnixSeconds,
    users: Vec<(UserId, UserState)>,
    /// Whose passwords were replaced: a login may write the same one anew at any time.
    passwords: Vec<UserId>,
    apps: Vec<(AppKey, AppState)>,
    /// With the names that they have by now.
    roles: Vec<(RoleState, RoleName)>,
}

const USER: &str = "\
    SELECT u.username, u.status, COALESCE((SELECT string_agg(r.role, ' ') FROM user_roles r \
      WHERE r.user_id = u.id), '') \
      AS roles, \
    (SELECT COUNT(*) FROM apps a WHERE a.owner_id = u.id) AS apps, \
    (SELECT COUNT(*) FROM apps a JOIN app_secrets x ON x.app_key = a.app_key \
      WHERE a.owner_id = u.id AND x.expires_at = $2) AS app_secrets \
    FROM users u WHERE u.id = $1";

impl Touched {
    pub(super) fn nothing(now: UnixSeconds) -> Self {
        Self {
            now,
            users: Vec::new(),
            passwords: Vec::new(),
            apps: Vec::new(),
            roles: Vec::new(),
        }
    }

    /// Remembers a user, before anything of it is changed.
    pub(super) async fn user(
        &mut self,
        transaction: &mut Transaction,
        id: &UserId,
    ) -> Result<(), StoreError> {
        if !self.users.iter().any(|(known, _)| known == id)
            && let Some(state) = user_state(transaction, id).await?
        {
            self.users.push((id.clone(), state));
        }
        Ok(())
    }

    /// The same of one that gets another password.
    pub(super) async fn password(
        &mut self,
        transaction: &mut Transaction,
        id: &UserId,
    ) -> Result<(), StoreError> {
        self.user(transaction, id).await?;
        self.passwords.push(id.clone());
        Ok(())
    }

    pub(super) async fn app(
        &mut self,
        transaction: &mut Transaction,
        key: &AppKey,
    ) -> Result<(), StoreError> {
        if !self.apps.iter().any(|(known, _)| known == key)
            && let Some(state) = app_state(transaction, key, self.now).await?
        {
            self.apps.push((key.clone(), state));
        }
        Ok(())
    }

    /// Remembers a role, if somebody has it: of others no token rests on.
    pub(super) async fn role(
        &mut self,
        transaction: &mut Transaction,
        name: &RoleName,
    ) -> Result<(), StoreError> {
        if !self.roles.iter().any(|(_, now)| now == name)
            && role_rows::is_held(&mut **transaction, name).await?
            && let Some(state) = role_state(transaction, name).await?
        {
            self.roles.push((state, name.clone()));
        }
        Ok(())
    }

    /// Follows a role to another name.
    pub(super) fn follow_role(&mut self, from: &RoleName, to: &RoleName) {
        for (_, now) in &mut self.roles {
            if now == from {
                *now = to.clone();
            }
        }
    }

    /// What ends with all that was done.
    pub(super) async fn losses(
        self,
        transaction: &mut Transaction,
    ) -> Result<Vec<Loss>, StoreError> {
        let mut differences = Vec::new();
        for (id, before) in self.users {
            let mut after = user_state(transaction, &id).await?;
            if let Some(after) = &mut after
                && self.passwords.contains(&id)
            {
                after.password = PasswordState::Replaced;
            }
            differences.push(Difference::User { id, before, after });
        }
        for (key, before) in self.apps {
            let after = app_state(transaction, &key, self.now).await?;
            differences.push(Difference::App { key, before, after });
        }
        for (before, name) in self.roles {
            let after = role_state(transaction, &name).await?;
            differences.push(Difference::Role { before, after });
        }
        Ok(losses(&differences))
    }
}

async fn user_state(
    transaction: &mut Transaction,
    id: &UserId,
) -> Result<Option<UserState>, StoreError> {
    let row = sqlx::query(USER)
        .bind(id.as_str())
        .bind(app_rows::NEVER)
        .fetch_optional(&mut **transaction)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let count = |column: &str| {
        let count: i64 = row.try_get(column)?;
        u64::try_from(count).map_err(|_| StoreError::Unreadable("number of apps"))
    };
    Ok(Some(UserState {
        username: username(&row, "username")?,
        status: status(&row, "status")?,
        password: PasswordState::Kept,
        roles: roles(&row, "roles")?.into_iter().collect(),
        apps: count("apps")?,
        app_secrets: count("app_secrets")?,
    }))
}

async fn app_state(
    transaction: &mut Transaction,
    key: &AppKey,
    now: UnixSeconds,
) -> Result<Option<AppState>, StoreError> {
    let row = sqlx::query(assembled(format!(
        "{} WHERE a.app_key = $1",
        app_rows::SELECT
    )))
    .bind(key.as_str())
    .bind(now.0)
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let app = app_rows::read(&row)?;
    let accepted: &str = row.try_get("digests")?;
    let accepted = accepted.split(' ').filter(|digest| !digest.is_empty());
    let accepted_secrets: BTreeSet<String> = accepted.map(str::to_owned).collect();
    let newest = "SELECT digest FROM app_secrets WHERE app_key = $1 AND expires_at = $2";
    let newest = sqlx::query(newest)
        .bind(key.as_str())
        .bind(app_rows::NEVER)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(Some(AppState {
        status: app.status.status(),
        scopes: app.scopes,
        secret: newest.map(|row| row.try_get("digest")).transpose()?,
        accepted_secrets,
    }))
}

async fn role_state(
    transaction: &mut Transaction,
    name: &RoleName,
) -> Result<Option<RoleState>, StoreError> {
    let role = role_rows::named(&mut **transaction, name).await?;
    Ok(role.map(|role| RoleState {
        name: role.name,
        scopes: role.scopes,
    }))
}
