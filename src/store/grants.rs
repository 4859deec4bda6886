//! Grants that can still be extended: families of refresh tokens.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::columns::scopes;
use super::{Change, Listing, Page, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, ScopeSet, UserId};

/// A grant that can still be extended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveGrant {
    /// What its tokens call it (`sid`).
    pub id: String,
    /// The app that it is bound to; none where the user logged in.
    pub app: Option<AppKey>,
    /// What was granted.
    pub scopes: ScopeSet,
    /// When it began.
    pub created_at: UnixSeconds,
    /// When it was last extended, or began.
    pub last_used_at: UnixSeconds,
    /// When it ends.
    pub expires_at: UnixSeconds,
}

impl Store {
    /// Bounds how many grants one user may have with one app: when there are twice as many, the oldest
    /// end.
    pub fn bound_grants(&self, max_grants: u32) {
        self.bounds.set_max_grants(max_grants);
    }

    /// The grants of a user, in the order of their ids.
    pub async fn grants(
        &self,
        user: &UserId,
        page: &Page,
        now: UnixSeconds,
    ) -> Result<Listing<LiveGrant>, StoreError> {
        // Without those of an app that has gone, and what was taken back with user or app.
        let text = "SELECT t.family, t.app_key, t.scopes, (SELECT MIN(f.created_at) \
                    FROM refresh_tokens f WHERE f.family = t.family) AS created_at, \
                    t.created_at AS last_used_at, t.expires_at FROM refresh_tokens t JOIN users u ON u.id = t.user_id \
                    LEFT JOIN apps a ON a.app_key = t.app_key \
                    WHERE t.user_id = $1 AND t.used_at = 0 AND t.expires_at > $2 AND t.family > $3 \
                    AND t.position >= u.revoked_through \
                    AND t.position >= (SELECT everyone_through FROM revocation_head) \
                    AND (t.app_key = '' OR t.position >= a.revoked_through) \
                    ORDER BY t.family LIMIT $4";
        let rows = sqlx::query(text)
            .bind(user.as_str())
            .bind(now.0)
            .bind(&*page.after)
            .bind(page.rows())
            .fetch_all(&self.reader)
            .await?;
        let grants = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listing::of(grants, page, |grant: &LiveGrant| {
            grant.id.clone()
        }))
    }
}

impl Change {
    /// Whether this is a grant of this user.
    pub async fn has_grant(&mut self, user: &UserId, grant: &str) -> Result<bool, StoreError> {
        let text = "SELECT family FROM refresh_tokens WHERE family = $1 AND user_id = $2 LIMIT 1";
        let row = sqlx::query(text)
            .bind(grant)
            .bind(user.as_str())
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(row.is_some())
    }
}

fn read(row: &AnyRow) -> Result<LiveGrant, StoreError> {
    let app: &str = row.try_get("app_key")?;
    Ok(LiveGrant {
        id: row.try_get("family")?,
        app: (!app.is_empty()).then(|| AppKey::known(app)),
        scopes: scopes(row, "scopes")?,
        created_at: UnixSeconds(row.try_get("created_at")?),
        last_used_at: UnixSeconds(row.try_get("last_used_at")?),
        expires_at: UnixSeconds(row.try_get("expires_at")?),
    })
}
