//! Rows of apps and their secrets.

use std::collections::{HashMap, HashSet};

use sqlx::any::AnyRow;
use sqlx::{Any, AnyConnection, AnyPool, Row, Transaction};

use super::batches::{Together, chunks};
use super::users::{self, scopes, status};
use super::{Created, Store, StoreError, created};
use crate::clock::UnixSeconds;
use crate::identity::{App, AppKey, AppName, RedirectUri, SecretDigest, User, UserId};

const SELECT: &str = "\
    SELECT a.app_key, a.owner_id, a.name, a.redirect_uris, a.status, a.created_at, \
    COALESCE((SELECT string_agg(s.scope, ' ') FROM app_scopes s WHERE s.app_key = a.app_key), '') \
      AS scopes, \
    COALESCE((SELECT string_agg(x.digest, ' ') FROM app_secrets x WHERE x.app_key = a.app_key \
      AND x.expires_at > $2), '') AS digests \
    FROM apps a";

/// When a secret ends that is not being replaced.
const NEVER: i64 = i64::MAX;

/// An app, what proves it, and whose scopes bound it.
#[derive(Debug, Clone)]
pub struct AppWithOwner {
    /// The app.
    pub app: App,
    /// The digests of its live secrets.
    pub secrets: Vec<SecretDigest>,
    /// Its owner, with the scopes of now.
    pub owner: User,
}

/// A page of somebody's apps, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppListing {
    /// At most as many as asked for.
    pub items: Vec<App>,
    /// The name after which the next page begins, where there is one.
    pub next: Option<String>,
}

impl Store {
    /// Adds an app with its first secret; all of its scopes exist.
    pub async fn add_app(&self, app: &App, secret: &SecretDigest) -> Result<Created, StoreError> {
        let mut transaction = self.begin().await?;
        let uris: Vec<&str> = app.redirect_uris.iter().map(RedirectUri::as_str).collect();
        let text = "INSERT INTO apps (app_key, owner_id, name, redirect_uris, status, created_at) \
                    VALUES ($1, $2, $3, $4, $5, $6)";
        let inserted = sqlx::query(text)
            .bind(app.key.as_str())
            .bind(app.owner.as_str())
            .bind(app.name.as_str())
            .bind(uris.join(" "))
            .bind(app.status.name())
            .bind(app.created_at.0)
            .execute(&mut *transaction)
            .await;
        if created(inserted.map(|_| ()))? == Created::NameTaken {
            transaction.rollback().await?;
            return Ok(Created::NameTaken);
        }
        add_parts(&mut transaction, app, secret).await?;
        transaction.commit().await?;
        Ok(Created::Yes)
    }

    /// An app with its live secrets and its owner.
    pub async fn app(
        &self,
        key: &AppKey,
        now: UnixSeconds,
    ) -> Result<Option<AppWithOwner>, StoreError> {
        self.app_lookups.ask((key.clone(), now)).await
    }

    /// How many apps somebody has.
    pub async fn count_apps(&self, owner: &UserId) -> Result<i64, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) AS apps FROM apps WHERE owner_id = $1")
            .bind(owner.as_str())
            .fetch_one(&self.reader)
            .await?;
        Ok(row.try_get("apps")?)
    }

    /// The apps of `owner` whose names come after `after`, at most `limit`.
    pub async fn apps(
        &self,
        owner: &UserId,
        after: &str,
        limit: usize,
    ) -> Result<AppListing, StoreError> {
        let text =
            format!("{SELECT} WHERE a.owner_id = $1 AND a.name > $3 ORDER BY a.name LIMIT $4");
        let rows = sqlx::query(&text)
            .bind(owner.as_str())
            .bind(NEVER)
            .bind(after)
            .bind(i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX))
            .fetch_all(&self.reader)
            .await?;
        let mut items = rows.iter().map(read).collect::<Result<Vec<App>, _>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more);
        Ok(AppListing {
            next: next.map(|app| app.name.as_str().to_owned()),
            items,
        })
    }
}

/// Finds apps by their keys, with their owners.
#[derive(Debug)]
pub(super) struct AppLookup {
    pub(super) pool: AnyPool,
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
        let mut connection = self.pool.acquire().await?;
        let mut apps = HashMap::new();
        for some in chunks(&keys) {
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
    connection: &mut AnyConnection,
    keys: &[&str],
    now: i64,
) -> Result<Vec<AnyRow>, StoreError> {
    // After the two that the selection has.
    let numbers: Vec<String> = (3..)
        .take(keys.len())
        .map(|number| format!("${number}"))
        .collect();
    let text = format!("{SELECT} WHERE a.app_key IN ($1, {})", numbers.join(", "));
    let mut select = sqlx::query(&text).bind("").bind(now);
    for key in keys {
        select = select.bind(*key);
    }
    Ok(select.fetch_all(connection).await?)
}

fn with_owner(row: &AnyRow, owner: &AnyRow) -> Result<AppWithOwner, StoreError> {
    let digests: &str = row.try_get("digests")?;
    let digests = digests.split(' ').filter(|digest| !digest.is_empty());
    let secrets: Option<Vec<_>> = digests.map(SecretDigest::from_text).collect();
    Ok(AppWithOwner {
        app: read(row)?,
        secrets: secrets.ok_or(StoreError::Unreadable("secret"))?,
        owner: users::read(owner)?,
    })
}

async fn add_parts(
    transaction: &mut Transaction<'static, Any>,
    app: &App,
    secret: &SecretDigest,
) -> Result<(), StoreError> {
    for scope in app.scopes.iter() {
        sqlx::query("INSERT INTO app_scopes (app_key, scope) VALUES ($1, $2)")
            .bind(app.key.as_str())
            .bind(scope.as_str())
            .execute(&mut **transaction)
            .await?;
    }
    let text = "INSERT INTO app_secrets (app_key, digest, created_at, expires_at) \
                VALUES ($1, $2, $3, $4)";
    sqlx::query(text)
        .bind(app.key.as_str())
        .bind(secret.to_text())
        .bind(app.created_at.0)
        .bind(NEVER)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<App, StoreError> {
    let uris: &str = row.try_get("redirect_uris")?;
    let uris = uris.split(' ').filter(|uri| !uri.is_empty());
    Ok(App {
        key: AppKey::known(row.try_get("app_key")?),
        name: AppName::parse(row.try_get("name")?)
            .map_err(|_| StoreError::Unreadable("name of an app"))?,
        owner: UserId::known(row.try_get("owner_id")?),
        redirect_uris: uris
            .map(RedirectUri::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| StoreError::Unreadable("redirect URI"))?,
        scopes: scopes(row, "scopes")?,
        status: status(row, "status")?,
        created_at: UnixSeconds(row.try_get("created_at")?),
    })
}
