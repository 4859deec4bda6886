//! Rows of apps and their secrets.

use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use super::revocations::position;
use super::users::{scopes, status};
use super::{Created, Store, StoreError, created};
use crate::clock::UnixSeconds;
use crate::identity::{App, AppKey, AppName, RedirectUri, ScopeSet, SecretDigest, User, UserId};

const SELECT: &str = "\
    SELECT a.app_key, a.owner_id, a.name, a.redirect_uris, a.status, a.created_at, \
    a.revoked_through, (SELECT position FROM revocation_head) AS as_of, \
    COALESCE((SELECT string_agg(s.scope, ' ') FROM app_scopes s WHERE s.app_key = a.app_key), '') \
      AS scopes, \
    COALESCE((SELECT string_agg(x.digest, ' ') FROM app_secrets x WHERE x.app_key = a.app_key \
      AND x.expires_at > $2), '') AS digests \
    FROM apps a";

/// When a secret ends that is not being replaced.
const NEVER: i64 = i64::MAX;

/// An app, what proves it, and whose scopes bound it.
#[derive(Debug)]
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

impl AppWithOwner {
    /// What the app may have now: never more than its owner.
    pub fn scopes(&self) -> ScopeSet {
        let scopes = self.app.scopes.iter();
        let owned = scopes.filter(|scope| self.owner.scopes.contains(scope.as_str()));
        owned.cloned().collect()
    }
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
        let row = sqlx::query(&format!("{SELECT} WHERE a.app_key = $1"))
            .bind(key.as_str())
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let app = read(&row)?;
        let digests: &str = row.try_get("digests")?;
        let digests = digests.split(' ').filter(|digest| !digest.is_empty());
        let secrets: Option<Vec<_>> = digests.map(SecretDigest::from_text).collect();
        // Gone in between with its app.
        let Some(mut owner) = self.user(&app.owner).await? else {
            return Ok(None);
        };
        // The app was read earlier: what was taken back from it in between is beyond this.
        owner.as_of = owner.as_of.min(position(&row, "as_of")?);
        Ok(Some(AppWithOwner {
            app,
            secrets: secrets.ok_or(StoreError::Unreadable("secret"))?,
            owner,
        }))
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
        revoked_through: position(row, "revoked_through")?,
    })
}
