//! Grants that can still be extended: those with an unused refresh token. Their ids are in the column
//! `family`.

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::columns::{position, scopes};
use super::statement::assembled;
use super::{Change, Listing, Page, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, Audiences, Grant, GrantId, ScopeSet, UserId};

/// A grant that can still be extended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveGrant {
    pub grant: Grant,
    pub created_at: UnixSeconds,
    /// When it was last extended, or began.
    pub last_used_at: UnixSeconds,
    pub expires_at: UnixSeconds,
}

/// Whether the refresh token `t` of user `u` and app `a` has a position that no revocation is beyond:
/// `Entitlement::worth` in SQL, because a page is cut from what is left. The test `position_rule`
/// holds both together. An app that has gone has no `revoked_through`, which makes this false.
pub(super) const NOT_REVOKED: &str = "t.position >= u.revoked_through \
     AND t.position >= (SELECT everyone_through FROM revocation_head) \
     AND (t.app_key = '' OR t.position >= a.revoked_through)";

impl Store {
    /// Bounds how many grants one user may have with one app: when there are twice as many, the oldest
    /// end.
    pub fn bound_grants(&self, max_grants: u32) {
        self.bounds.set_max_grants(max_grants);
    }

    /// A grant, if it is one of this user that can still be extended.
    pub async fn live_grant(
        &self,
        user: &UserId,
        id: &str,
        now: UnixSeconds,
    ) -> Result<Option<LiveGrant>, StoreError> {
        let row = sqlx::query(assembled(one_text()))
            .bind(user.as_str())
            .bind(now.0)
            .bind(id)
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read_live).transpose()
    }

    /// The grants of a user, in the order of their ids.
    pub async fn grants(
        &self,
        user: &UserId,
        page: &Page,
        now: UnixSeconds,
    ) -> Result<Listing<LiveGrant>, StoreError> {
        let rows = sqlx::query(assembled(list_text()))
            .bind(user.as_str())
            .bind(now.0)
            .bind(&*page.after)
            .bind(page.rows())
            .fetch_all(&self.reader)
            .await?;
        let grants = rows.iter().map(read_live).collect::<Result<_, _>>()?;
        Ok(Listing::of(grants, page, |live: &LiveGrant| {
            live.grant.id.as_str().to_owned()
        }))
    }

    /// What was granted; none where the store knows no such grant, or no longer.
    pub async fn grant_scopes(&self, grant: &GrantId) -> Result<Option<ScopeSet>, StoreError> {
        grant_scopes(&self.reader, grant).await
    }
}

pub(super) fn list_text() -> String {
    format!(
        "{} AND t.family > $3 ORDER BY t.family LIMIT $4",
        live_text()
    )
}

pub(super) fn one_text() -> String {
    format!("{} AND t.family = $3 LIMIT 1", live_text())
}

/// The grants of a user that can still be extended.
fn live_text() -> String {
    format!(
        "SELECT t.family, t.user_id, t.app_key, t.scopes, t.audiences, t.position, \
         (SELECT MIN(f.created_at) FROM refresh_tokens f WHERE f.family = t.family) \
         AS created_at, t.created_at AS last_used_at, t.expires_at \
         FROM refresh_tokens t JOIN users u ON u.id = t.user_id \
         LEFT JOIN apps a ON a.app_key = t.app_key \
         WHERE t.user_id = $1 AND t.used_at = 0 AND t.expires_at > $2 AND {NOT_REVOKED}"
    )
}

impl Change {
    /// What was granted; none where the store knows no such grant, or no longer.
    pub async fn grant_scopes(&mut self, grant: &GrantId) -> Result<Option<ScopeSet>, StoreError> {
        grant_scopes(&mut *self.transaction, grant).await
    }

    /// Whether this is a grant of this user.
    pub async fn has_grant(&mut self, user: &UserId, grant: &GrantId) -> Result<bool, StoreError> {
        let text = "SELECT family FROM refresh_tokens WHERE family = $1 AND user_id = $2 LIMIT 1";
        let row = sqlx::query(text)
            .bind(grant.as_str())
            .bind(user.as_str())
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(row.is_some())
    }
}

async fn grant_scopes(
    database: impl Executor<'_, Database = Any>,
    grant: &GrantId,
) -> Result<Option<ScopeSet>, StoreError> {
    let text = "SELECT scopes FROM refresh_tokens WHERE family = $1 LIMIT 1";
    let row = sqlx::query(text)
        .bind(grant.as_str())
        .fetch_optional(database)
        .await?;
    row.as_ref().map(|row| scopes(row, "scopes")).transpose()
}

fn read_live(row: &AnyRow) -> Result<LiveGrant, StoreError> {
    Ok(LiveGrant {
        grant: read(row)?,
        created_at: UnixSeconds(row.try_get("created_at")?),
        last_used_at: UnixSeconds(row.try_get("last_used_at")?),
        expires_at: UnixSeconds(row.try_get("expires_at")?),
    })
}

/// The grant of a refresh token or an authorization code.
pub(super) fn read(row: &AnyRow) -> Result<Grant, StoreError> {
    let app: &str = row.try_get("app_key")?;
    Ok(Grant {
        id: GrantId::known(row.try_get("family")?),
        user: UserId::known(row.try_get("user_id")?),
        app: (!app.is_empty()).then(|| AppKey::known(app)),
        scopes: scopes(row, "scopes")?,
        audiences: Audiences::from_text(row.try_get("audiences")?),
        position: position(row, "position")?,
    })
}
