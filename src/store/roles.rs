//! Roles, and which of them new users get.

use std::collections::BTreeSet;

use sqlx::{Any, Executor, Row};

use super::made::LAST;
use super::role_rows::{SELECT, named, read};
use super::scopes::has_more;
use super::settings::{self, Setting};
use super::statement::{assembled, chunks, placeholders};
use super::users::containing;
use super::{Change, Committed, Created, Listing, Page, Store, StoreError, created};
use crate::clock::UnixSeconds;
use crate::identity::{Role, RoleName, ScopeName, ScopeSet};
use crate::token::RevocationTarget;

/// From how many users a role is taken in one step.
const USERS_AT_ONCE: i64 = 5000;

impl Store {
    /// What these scopes are for, in the words of those who made them.
    pub async fn describe_scopes(
        &self,
        scopes: &ScopeSet,
    ) -> Result<Vec<(ScopeName, String)>, StoreError> {
        let mut described = Vec::new();
        for scope in scopes.iter() {
            let row = sqlx::query("SELECT description FROM scopes WHERE name = $1")
                .bind(scope.as_str())
                .fetch_optional(&self.reader)
                .await?;
            // Removed meanwhile.
            let Some(row) = row else { continue };
            described.push((scope.clone(), row.try_get("description")?));
        }
        Ok(described)
    }

    /// The names of the scopes, sorted, at most `limit`.
    pub async fn scope_names(&self, limit: usize) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT name FROM scopes ORDER BY name LIMIT $1")
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.reader)
            .await?;
        let names = rows.iter().map(|row| row.try_get("name"));
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// Adds a role where it does not exist, and these scopes to it. False, and nothing is done, if
    /// one of them does not exist, or the role is that of new users and may not have it.
    pub async fn extend_role(
        &self,
        role: &RoleName,
        scopes: &[ScopeName],
    ) -> Result<bool, StoreError> {
        // What is only added is dated by nothing.
        let mut change = self.change(UnixSeconds(0)).await?;
        let wanted: ScopeSet = scopes.iter().cloned().collect();
        if change.missing_scope(&wanted).await?.is_some() {
            return Ok(false);
        }
        change.extend_role(role, &wanted).await?;
        Ok(change.commit().await? == Committed::Yes)
    }

    /// The role of this name.
    pub async fn role(&self, name: &RoleName) -> Result<Option<Role>, StoreError> {
        named(&self.reader, name).await
    }

    pub async fn roles(&self, page: &Page) -> Result<Listing<Role>, StoreError> {
        self.roles_named("", page).await
    }

    /// The roles whose names hold `search`.
    pub async fn roles_named(
        &self,
        search: &str,
        page: &Page,
    ) -> Result<Listing<Role>, StoreError> {
        let rows = sqlx::query(assembled(list_text()))
            .bind(&*page.after)
            .bind(containing(&search.to_lowercase()))
            .bind(page.rows())
            .fetch_all(&self.reader)
            .await?;
        let roles = rows.iter().map(read).collect::<Result<_, _>>()?;
        let name = |role: &Role| role.name.as_str().to_owned();
        Ok(Listing::of(roles, page, name))
    }

    /// The role that new users get, if one is chosen.
    pub async fn default_role(&self) -> Result<Option<RoleName>, StoreError> {
        default_role(&self.reader).await
    }
}

pub(super) fn list_text() -> String {
    format!(
        "{SELECT} WHERE r.name > $1 AND LOWER(r.name) LIKE $2 ESCAPE '!' ORDER BY r.name LIMIT $3"
    )
}

impl Change {
    /// The role of this name.
    pub async fn role(&mut self, name: &RoleName) -> Result<Option<Role>, StoreError> {
        named(&mut *self.transaction, name).await
    }

    /// The role that new users get, if one is chosen.
    pub async fn default_role(&mut self) -> Result<Option<RoleName>, StoreError> {
        default_role(&mut *self.transaction).await
    }

    /// Whether there are more roles than so many.
    pub async fn has_more_roles(&mut self, than: u32) -> Result<bool, StoreError> {
        let text = "SELECT name FROM roles LIMIT 1 OFFSET $1";
        has_more(&mut self.transaction, text, than).await
    }

    /// Adds a role with scopes that exist. Where the name is taken the change is over.
    pub async fn add_role(
        &mut self,
        name: &RoleName,
        scopes: &ScopeSet,
    ) -> Result<Created, StoreError> {
        self.count_made().await?;
        let text = format!("INSERT INTO roles (name, made) VALUES ($1, {LAST})");
        let inserted = sqlx::query(assembled(text))
            .bind(name.as_str())
            .execute(&mut *self.transaction)
            .await;
        if created(inserted.map(|_| ()))? == Created::NameTaken {
            return Ok(Created::NameTaken);
        }
        self.add_role_scopes(name, scopes).await?;
        Ok(Created::Yes)
    }

    /// Adds a role where it does not exist, and these scopes, which exist, to it.
    pub async fn extend_role(
        &mut self,
        role: &RoleName,
        scopes: &ScopeSet,
    ) -> Result<(), StoreError> {
        self.count_made().await?;
        let text = format!(
            "INSERT INTO roles (name, made) VALUES ($1, {LAST}) ON CONFLICT (name) DO NOTHING"
        );
        self.execute(assembled(text), &[role.as_str().to_owned()], &[])
            .await?;
        self.add_role_scopes(role, scopes).await
    }

    /// Adds scopes that exist to a role.
    pub async fn add_role_scopes(
        &mut self,
        role: &RoleName,
        scopes: &ScopeSet,
    ) -> Result<(), StoreError> {
        if !scopes.administrative().is_empty() {
            // As where somebody gets such a role: see `set_user_roles`.
            let text = "DELETE FROM reset_links WHERE EXISTS (SELECT 1 FROM user_roles r \
                        WHERE r.user_id = reset_links.user_id AND r.role = $1)";
            self.execute(text, &[role.as_str().to_owned()], &[]).await?;
        }
        let rows = scopes.iter().map(|scope| [role.as_str(), scope.as_str()]);
        self.insert_pairs("role_scopes (role, scope)", rows).await
    }

    /// Those of `names` that exist, and what they have together.
    pub async fn roles_among(
        &mut self,
        names: &BTreeSet<RoleName>,
    ) -> Result<(BTreeSet<RoleName>, ScopeSet), StoreError> {
        let (mut found, mut scopes) = (BTreeSet::new(), Vec::new());
        let names: Vec<&RoleName> = names.iter().collect();
        for some in chunks(&names) {
            let among = placeholders(1, some.len());
            let text = format!("{SELECT} WHERE r.name IN ({among})");
            let mut query = sqlx::query(assembled(text));
            for name in some {
                query = query.bind(name.as_str());
            }
            for row in query.fetch_all(&mut *self.transaction).await? {
                let role = read(&row)?;
                scopes.extend(role.scopes.iter().cloned());
                found.insert(role.name);
            }
        }
        Ok((found, scopes.into_iter().collect()))
    }

    /// Ends the access tokens that name a role, whatever its scopes: a route may ask for the role itself.
    pub fn end_tokens_with(&mut self, role: &RoleName) {
        for name in [role.as_str(), RevocationTarget::UNNAMED_ROLE] {
            self.revoke_access_tokens(RevocationTarget::Role(name.to_owned()));
        }
    }

    /// Takes scopes from a role.
    pub async fn remove_role_scopes(
        &mut self,
        role: &RoleName,
        scopes: &ScopeSet,
    ) -> Result<(), StoreError> {
        if scopes.is_empty() {
            return Ok(());
        }
        self.touched.role(&mut self.transaction, role).await?;
        let scopes: Vec<&ScopeName> = scopes.iter().collect();
        for some in chunks(&scopes) {
            let mut names = vec![role.as_str().to_owned()];
            names.extend(some.iter().map(|scope| scope.as_str().to_owned()));
            let among = placeholders(2, some.len());
            let text = format!("DELETE FROM role_scopes WHERE role = $1 AND scope IN ({among})");
            self.execute(assembled(text), &names, &[]).await?;
        }
        Ok(())
    }

    /// Takes a role, which has no scopes any more, from some of those who have it: as many as others
    /// who write can wait for. Whether nobody has it then.
    pub async fn empty_role(&mut self, role: &RoleName) -> Result<bool, StoreError> {
        // In steps: all at once would hold the lock of the directory, and with SQLite that of the
        // store, for as long as a million rows take.
        let text = "DELETE FROM user_roles WHERE role = $1 AND user_id IN \
                    (SELECT user_id FROM user_roles WHERE role = $1 LIMIT $2)";
        let texts = [role.as_str().to_owned()];
        let removed = self.execute(text, &texts, &[USERS_AT_ONCE]).await?;
        Ok(removed < USERS_AT_ONCE.unsigned_abs())
    }

    /// How many users have a role.
    pub async fn count_users_with(&mut self, role: &RoleName) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS users FROM user_roles WHERE role = $1")
            .bind(role.as_str())
            .fetch_one(&mut *self.transaction)
            .await?;
        Ok(row.try_get("users")?)
    }

    /// Gives a role another name; its users keep it. Where the name is taken the change is over.
    pub async fn rename_role(
        &mut self,
        role: &RoleName,
        name: &RoleName,
    ) -> Result<Created, StoreError> {
        // Asked before the rename: the setting holds the name, and nothing else follows it.
        let is_default = self.default_role().await?.as_ref() == Some(role);
        self.touched.role(&mut self.transaction, role).await?;
        let renamed = sqlx::query("UPDATE roles SET name = $2 WHERE name = $1")
            .bind(role.as_str())
            .bind(name.as_str())
            .execute(&mut *self.transaction)
            .await;
        if created(renamed.map(|_| ()))? == Created::NameTaken {
            return Ok(Created::NameTaken);
        }
        if is_default {
            self.set_default_role(name).await?;
        }
        self.touched.follow_role(role, name);
        Ok(Created::Yes)
    }

    pub async fn delete_role(&mut self, role: &Role) -> Result<(), StoreError> {
        self.touched.role(&mut self.transaction, &role.name).await?;
        let texts = [role.name.as_str().to_owned()];
        self.execute("DELETE FROM roles WHERE name = $1", &texts, &[])
            .await?;
        Ok(())
    }

    /// Chooses the role that new users get.
    pub async fn set_default_role(&mut self, role: &RoleName) -> Result<(), StoreError> {
        let setting = Setting::DefaultRole;
        settings::replace(&mut *self.transaction, setting, role.as_str()).await
    }
}

async fn default_role(
    database: impl Executor<'_, Database = Any>,
) -> Result<Option<RoleName>, StoreError> {
    let name = settings::read(database, Setting::DefaultRole).await?;
    let role = name.as_deref().map(RoleName::parse).transpose();
    role.map_err(|_| StoreError::Unreadable("role"))
}
