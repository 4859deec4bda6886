//! Rows of apps.

use std::collections::{HashMap, HashSet};

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::app_rows::{NEVER, SELECT, read};
use super::batches::Together;
use super::columns::{position, username};
use super::connections::{Connections, Held};
use super::statement::{assembled, chunks, placeholders};
use super::users;
use super::{Change, Created, Store, StoreError, created};
use crate::clock::UnixSeconds;
use crate::identity::{
    App, AppKey, AppLink, AppName, AppStatus, AppWithOwner, KeptSecret, RedirectUri, ScopesFrom,
    SecretDigest, UserId, Username,
};

/// An app and the name of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedApp {
    pub app: App,
    pub owner: Username,
}

impl Store {
    /// Adds an app with its first secret; all of its scopes exist.
    pub async fn add_app(&self, app: &App, secret: &KeptSecret) -> Result<Created, StoreError> {
        let mut change = self.change(app.created_at).await?;
        let created = change.add_app(app, secret).await?;
        if created == Created::Yes {
            // No app makes an administrator.
            let _ = change.commit().await?;
        }
        Ok(created)
    }

    /// An app with its live secrets and its owner.
    pub async fn app(
        &self,
        key: &AppKey,
        now: UnixSeconds,
    ) -> Result<Option<AppWithOwner>, StoreError> {
        self.app_lookups.ask((key.clone(), now)).await
    }

    /// An app with the name of its owner.
    pub async fn owned_app(&self, key: &AppKey) -> Result<Option<OwnedApp>, StoreError> {
        owned(&self.reader, key).await
    }
}

/// Finds apps by their keys, with their owners.
#[derive(Debug)]
pub(super) struct AppLookup {
    pub(super) pool: Connections,
}

impl Together for AppLookup {
    /// A key, and when it is asked for.
    type Question = (AppKey, UnixSeconds);
    type Answer = Option<AppWithOwner>;

    async fn answer(
        &self,
        questions: &[(AppKey, UnixSeconds)],
    ) -> Result<Vec<Result<Option<AppWithOwner>, StoreError>>, StoreError> {
        // They all ask now; where the clock moves on meanwhile, no secret outlives its end.
        let now = questions.iter().map(|(_, now)| now.0).max();
        let keys: Vec<&str> = questions.iter().map(|(key, _)| key.as_str()).collect();
        // Often they are all the same app.
        let different: HashSet<&str> = keys.iter().copied().collect();
        // One for both statements: while the others are in use a second one would have to be waited for.
        let mut connection = self.pool.acquire().await?;
        let mut apps = HashMap::new();
        for some in chunks(&Vec::from_iter(different)) {
            for row in select_apps(&mut connection, some, now.unwrap_or(NEVER)).await? {
                apps.insert(row.try_get::<String, _>("app_key")?, row);
            }
        }
        let owners: HashSet<&str> = apps
            .values()
            .map(|row| row.try_get("owner_id"))
            .collect::<Result<_, _>>()?;
        let owners = users::find(&mut connection, &Vec::from_iter(owners)).await?;
        let answer = |key: &&str| {
            let Some(row) = apps.get(*key) else {
                return Ok(None);
            };
            // Without an owner it has gone in between.
            let owner = owners.get(row.try_get::<&str, _>("owner_id")?);
            owner.map(|owner| with_owner(row, owner)).transpose()
        };
        Ok(keys.iter().map(answer).collect())
    }
}

async fn select_apps(
    connection: &mut Held,
    keys: &[&str],
    now: i64,
) -> Result<Vec<AnyRow>, StoreError> {
    // After the two that the selection has. The first finds nothing: no key is empty.
    let keyed = placeholders(3, keys.len());
    let text = format!("{SELECT} WHERE a.app_key IN ($1, {keyed})");
    let mut select = sqlx::query(assembled(text)).bind("").bind(now);
    for key in keys {
        select = select.bind(*key);
    }
    Ok(select.fetch_all(connection).await?)
}

fn with_owner(row: &AnyRow, owner: &AnyRow) -> Result<AppWithOwner, StoreError> {
    let digests: &str = row.try_get("digests")?;
    let digests = digests.split(' ').filter(|digest| !digest.is_empty());
    let secrets: Option<Vec<_>> = digests.map(SecretDigest::from_text).collect();
    let mut owner = users::read(owner)?;
    // The app was read earlier: what was revoked in between is beyond this.
    owner.as_of = owner.as_of.min(position(row, "as_of")?);
    Ok(AppWithOwner {
        app: read(row)?,
        secrets: secrets.ok_or(StoreError::Unreadable("secret"))?,
        owner,
    })
}

impl Change {
    /// The app with this key.
    pub async fn app(&mut self, key: &AppKey) -> Result<Option<OwnedApp>, StoreError> {
        owned(&mut *self.transaction, key).await
    }

    /// How many apps somebody has.
    pub async fn count_apps(&mut self, owner: &UserId) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS apps FROM apps WHERE owner_id = $1")
            .bind(owner.as_str())
            .fetch_one(&mut *self.transaction)
            .await?;
        Ok(row.try_get("apps")?)
    }

    /// Adds an app with its first secret; all of its scopes exist. Where its owner has one whose name reads like
    /// its own the change is over.
    pub async fn add_app(&mut self, app: &App, secret: &KeptSecret) -> Result<Created, StoreError> {
        if self.has_twin(app).await? {
            return Ok(Created::NameTaken);
        }
        let text = "INSERT INTO apps (app_key, owner_id, name, redirect_uris, status, created_at, \
                    follows_owner, folded_name, disabled_by_owner, description, link) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let inserted = sqlx::query(text)
            .bind(app.key.as_str())
            .bind(app.owner.as_str())
            .bind(app.name.as_str())
            .bind(joined(&app.redirect_uris))
            .bind(app.status.status().name())
            .bind(app.created_at.0)
            .bind(follows_owner(app))
            .bind(app.name.folded())
            .bind(disabled_by_owner(app))
            .bind(app.description.as_str())
            .bind(link(app))
            .execute(&mut *self.transaction)
            .await;
        // PostgreSQL takes no more statements of a transaction after one has failed, so that the change
        // is over whatever the caller does.
        if created(inserted.map(|_| ()))? == Created::NameTaken {
            return Ok(Created::NameTaken);
        }
        self.add_app_scopes(app).await?;
        self.add_secret(&app.key, secret, app.created_at).await?;
        Ok(Created::Yes)
    }

    /// Gives an app the name, words, URIs, scopes and status of `app`. Where it gets a name that reads like that of
    /// another one of its owner the change is over.
    pub async fn update_app(&mut self, app: &App) -> Result<Created, StoreError> {
        if self.has_twin(app).await? {
            return Ok(Created::NameTaken);
        }
        self.touched.app(&mut self.transaction, &app.key).await?;
        let text = "UPDATE apps SET name = $2, redirect_uris = $3, status = $4, \
                    follows_owner = $5, folded_name = $6, disabled_by_owner = $7, \
                    description = $8, link = $9 WHERE app_key = $1";
        let updated = sqlx::query(text)
            .bind(app.key.as_str())
            .bind(app.name.as_str())
            .bind(joined(&app.redirect_uris))
            .bind(app.status.status().name())
            .bind(follows_owner(app))
            .bind(app.name.folded())
            .bind(disabled_by_owner(app))
            .bind(app.description.as_str())
            .bind(link(app))
            .execute(&mut *self.transaction)
            .await;
        if created(updated.map(|_| ()))? == Created::NameTaken {
            return Ok(Created::NameTaken);
        }
        // Written anew as a whole: the difference to the list from before is what `touched` finds, and
        // no statement has to.
        let texts = [app.key.as_str().to_owned()];
        self.execute("DELETE FROM app_scopes WHERE app_key = $1", &texts, &[])
            .await?;
        self.add_app_scopes(app).await?;
        Ok(Created::Yes)
    }

    /// Whether another app of the owner has a name that reads like the one that this app gets. An app that keeps its
    /// name has none: earlier releases have let such pairs in. Changes come one after another, so that of two at once
    /// one sees the other.
    async fn has_twin(&mut self, app: &App) -> Result<bool, StoreError> {
        let rows = sqlx::query("SELECT app_key, name FROM apps WHERE owner_id = $1")
            .bind(app.owner.as_str())
            .fetch_all(&mut *self.transaction)
            .await?;
        let mut is_taken = false;
        for row in rows {
            let (key, name): (&str, &str) = (row.try_get("app_key")?, row.try_get("name")?);
            if key != app.key.as_str() {
                is_taken |= AppName::known(name).reads_like(&app.name);
            } else if name == app.name.as_str() {
                return Ok(false);
            }
        }
        Ok(is_taken)
    }

    pub async fn delete_app(&mut self, key: &AppKey) -> Result<(), StoreError> {
        self.touched.app(&mut self.transaction, key).await?;
        self.keep_names("app", key.as_str()).await?;
        let texts = [key.as_str().to_owned()];
        self.execute("DELETE FROM apps WHERE app_key = $1", &texts, &[])
            .await?;
        Ok(())
    }

    async fn add_app_scopes(&mut self, app: &App) -> Result<(), StoreError> {
        if app.scopes_from == ScopesFrom::Owner {
            return Ok(());
        }
        let rows = app.scopes.iter();
        let rows = rows.map(|scope| [app.key.as_str(), scope.as_str()]);
        self.insert_pairs("app_scopes (app_key, scope)", rows).await
    }
}

async fn owned(
    database: impl Executor<'_, Database = Any>,
    key: &AppKey,
) -> Result<Option<OwnedApp>, StoreError> {
    let row = sqlx::query(assembled(format!("{SELECT} WHERE a.app_key = $1")))
        .bind(key.as_str())
        .bind(NEVER)
        .fetch_optional(database)
        .await?;
    row.as_ref().map(read_owned).transpose()
}

fn follows_owner(app: &App) -> i64 {
    i64::from(app.scopes_from == ScopesFrom::Owner)
}

fn disabled_by_owner(app: &App) -> i64 {
    i64::from(app.status == AppStatus::DisabledByOwner)
}

fn link(app: &App) -> &str {
    app.link.as_ref().map_or("", AppLink::as_str)
}

fn joined(uris: &[RedirectUri]) -> String {
    let uris: Vec<&str> = uris.iter().map(RedirectUri::as_str).collect();
    uris.join(" ")
}

pub(super) fn read_owned(row: &AnyRow) -> Result<OwnedApp, StoreError> {
    Ok(OwnedApp {
        app: read(row)?,
        owner: username(row, "owner")?,
    })
}
