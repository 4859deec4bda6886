//! What a change touches, as it was before and as it is after, from which follows what ends with it.

use std::collections::BTreeSet;

use sqlx::Row;

use super::columns::status;
use super::statement::assembled;
use super::{Change, StoreError, apps};
use crate::identity::{
    AppKey, AppState, Difference, Loss, PasswordState, RoleName, RoleState, UserId, UserState,
    Username, losses,
};

/// The states from before: each is read when the change first touches the thing, and changes of the
/// directory come one at a time, so nobody else changes it before the end.
#[derive(Default)]
pub(super) struct Touched {
    users: Vec<(UserId, UserState)>,
    /// Whose passwords were replaced: a login may write the same one anew at any time.
    passwords: Vec<UserId>,
    apps: Vec<(AppKey, AppState)>,
    /// With the names that they have by now.
    roles: Vec<(RoleState, RoleName)>,
}

const USER: &str = "\
    SELECT u.username, u.status, COALESCE((SELECT string_agg(r.role, ' ') FROM user_roles r \
      WHERE r.user_id = u.id AND EXISTS (SELECT 1 FROM role_scopes s WHERE s.role = r.role)), '') \
      AS roles, \
    (SELECT COUNT(*) FROM apps a WHERE a.owner_id = u.id) AS apps, \
    (SELECT COUNT(*) FROM apps a JOIN app_secrets x ON x.app_key = a.app_key \
      WHERE a.owner_id = u.id AND x.expires_at = $2) AS app_secrets \
    FROM users u WHERE u.id = $1";

impl Change {
    /// Remembers a user, before anything of it is changed.
    pub(super) async fn touch_user(&mut self, id: &UserId) -> Result<(), StoreError> {
        if !self.touched.users.iter().any(|(known, _)| known == id)
            && let Some(state) = self.user_state(id).await?
        {
            self.touched.users.push((id.clone(), state));
        }
        Ok(())
    }

    /// The same of one that gets another password.
    pub(super) async fn touch_password(&mut self, id: &UserId) -> Result<(), StoreError> {
        self.touch_user(id).await?;
        self.touched.passwords.push(id.clone());
        Ok(())
    }

    pub(super) async fn touch_app(&mut self, key: &AppKey) -> Result<(), StoreError> {
        if !self.touched.apps.iter().any(|(known, _)| known == key)
            && let Some(state) = self.app_state(key).await?
        {
            self.touched.apps.push((key.clone(), state));
        }
        Ok(())
    }

    /// Remembers a role, if somebody has it: of others no token rests on.
    pub(super) async fn touch_role(&mut self, name: &RoleName) -> Result<(), StoreError> {
        if !self.touched.roles.iter().any(|(_, now)| now == name)
            && self.is_held(name).await?
            && let Some(state) = self.role_state(name).await?
        {
            self.touched.roles.push((state, name.clone()));
        }
        Ok(())
    }

    /// Follows a role to another name.
    pub(super) fn follow_role(&mut self, from: &RoleName, to: &RoleName) {
        for (_, now) in &mut self.touched.roles {
            if now == from {
                *now = to.clone();
            }
        }
    }

    /// What ends with all that was done so far.
    pub(super) async fn losses(&mut self) -> Result<Vec<Loss>, StoreError> {
        let touched = std::mem::take(&mut self.touched);
        let mut differences = Vec::new();
        for (id, before) in touched.users {
            let mut after = self.user_state(&id).await?;
            if let Some(after) = &mut after
                && touched.passwords.contains(&id)
            {
                after.password = PasswordState::Replaced;
            }
            differences.push(Difference::User { id, before, after });
        }
        for (key, before) in touched.apps {
            let after = self.app_state(&key).await?;
            differences.push(Difference::App { key, before, after });
        }
        for (before, name) in touched.roles {
            let after = self.role_state(&name).await?;
            differences.push(Difference::Role { before, after });
        }
        Ok(losses(&differences))
    }

    async fn user_state(&mut self, id: &UserId) -> Result<Option<UserState>, StoreError> {
        let row = sqlx::query(USER)
            .bind(id.as_str())
            .bind(apps::NEVER)
            .fetch_optional(&mut *self.transaction)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let username = Username::parse(row.try_get("username")?);
        let roles: &str = row.try_get("roles")?;
        let roles = roles.split(' ').filter(|role| !role.is_empty());
        let roles = roles.map(RoleName::parse).collect::<Result<_, _>>();
        let count = |column: &str| {
            let count: i64 = row.try_get(column)?;
            u64::try_from(count).map_err(|_| StoreError::Unreadable("number of apps"))
        };
        Ok(Some(UserState {
            username: username.map_err(|_| StoreError::Unreadable("username"))?,
            status: status(&row, "status")?,
            password: PasswordState::Kept,
            roles: roles.map_err(|_| StoreError::Unreadable("role"))?,
            apps: count("apps")?,
            app_secrets: count("app_secrets")?,
        }))
    }

    async fn app_state(&mut self, key: &AppKey) -> Result<Option<AppState>, StoreError> {
        let row = sqlx::query(assembled(format!("{} WHERE a.app_key = $1", apps::SELECT)))
            .bind(key.as_str())
            .bind(self.now.0)
            .fetch_optional(&mut *self.transaction)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let app = apps::read(&row)?;
        let accepted: &str = row.try_get("digests")?;
        let accepted = accepted.split(' ').filter(|digest| !digest.is_empty());
        let accepted_secrets: BTreeSet<String> = accepted.map(str::to_owned).collect();
        let newest = "SELECT digest FROM app_secrets WHERE app_key = $1 AND expires_at = $2";
        let newest = sqlx::query(newest)
            .bind(key.as_str())
            .bind(apps::NEVER)
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(Some(AppState {
            status: app.status,
            scopes: app.scopes,
            secret: newest.map(|row| row.try_get("digest")).transpose()?,
            accepted_secrets,
        }))
    }

    async fn role_state(&mut self, name: &RoleName) -> Result<Option<RoleState>, StoreError> {
        let role = self.role(name).await?;
        Ok(role.map(|role| RoleState {
            name: role.name,
            scopes: role.scopes,
        }))
    }
}
