//! Refresh tokens: digests only, each used once, in families that end together.

use sqlx::{Any, Row, Transaction};

use super::locking::{Selected, lock_users};
use super::revocations::{as_bigint, position, revoke};
use super::users::scopes;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, ScopeSet, SecretDigest, UserId};
use crate::token::{LogPosition, Subject};

/// A refresh token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// All tokens that descend from one grant share it.
    pub family: String,
    /// Whose access it extends.
    pub user: UserId,
    /// The app that it is bound to; none where the user logged in.
    pub app: Option<AppKey>,
    /// What was granted; later ones have the same or, if the user has less, less.
    pub scopes: ScopeSet,
    /// When it ends.
    pub expires_at: UnixSeconds,
    /// How much of the revocation log had happened when it was given out.
    pub position: LogPosition,
}

/// What became of an attempt to use a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was unused and is used now: by this caller and no other.
    Rotated,
    /// It was used a moment ago and its successor never was, as when an answer is lost: the
    /// successor is replaced.
    Retried,
    /// It had been used before: its family has ended.
    Replayed,
    /// It is unknown or has ended.
    Unknown,
}

/// The token that follows on one that is used.
#[derive(Debug)]
pub struct Successor<'a> {
    /// Of the new token.
    pub digest: &'a SecretDigest,
    /// What it is.
    pub token: &'a RefreshToken,
}

impl Store {
    /// Keeps a new token.
    pub async fn add_refresh_token(
        &self,
        digest: &SecretDigest,
        token: &RefreshToken,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        insert(digest, token, now).execute(&self.writer).await?;
        Ok(())
    }

    /// A token that has not ended, used or not.
    pub async fn refresh_token(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<Option<RefreshToken>, StoreError> {
        let text = "SELECT family, user_id, app_key, scopes, expires_at, position \
                    FROM refresh_tokens \
                    WHERE digest = $1 AND expires_at > $2";
        let row = sqlx::query(text)
            .bind(digest.to_text())
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let app: &str = row.try_get("app_key")?;
        Ok(Some(RefreshToken {
            family: row.try_get("family")?,
            user: UserId::known(row.try_get("user_id")?),
            app: (!app.is_empty()).then(|| AppKey::known(app)),
            scopes: scopes(&row, "scopes")?,
            expires_at: UnixSeconds(row.try_get("expires_at")?),
            position: position(&row, "position")?,
        }))
    }

    /// Uses a token and keeps its successor, or ends the family of one that had been used (RFC 9700
    /// section 4.14.2). One that was used less than `retry_window_seconds` ago may be used again
    /// while its successor is unused.
    pub async fn rotate_refresh_token(
        &self,
        digest: &SecretDigest,
        successor: &Successor<'_>,
        retry_window_seconds: u32,
        now: UnixSeconds,
    ) -> Result<Rotation, StoreError> {
        let mut transaction = self.begin().await?;
        let its_user = "SELECT user_id FROM refresh_tokens WHERE digest = $1";
        lock_users(&mut transaction, &Selected::by(its_user, &digest.to_text())).await?;
        // Locks the row: of several callers at once, each sees what the one before has done.
        let text = "UPDATE refresh_tokens SET used_at = used_at \
                    WHERE digest = $1 AND expires_at > $2 RETURNING family, used_at, successor";
        let row = sqlx::query(text)
            .bind(digest.to_text())
            .bind(now.0)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else {
            return Ok(Rotation::Unknown);
        };
        let (used_at, earlier): (i64, &str) = (row.try_get("used_at")?, row.try_get("successor")?);
        let recent = now.since(UnixSeconds(used_at)) < i64::from(retry_window_seconds);
        let rotation = if used_at == 0 {
            Rotation::Rotated
        } else if recent && remove_unused(&mut transaction, earlier).await? {
            Rotation::Retried
        } else {
            // The access tokens of the grant end as well: one of the two callers is a thief.
            let grant = Subject::Grant(row.try_get("family")?);
            revoke(&mut transaction, &grant, now).await?;
            self.commit_appended(transaction).await?;
            return Ok(Rotation::Replayed);
        };
        let text = "UPDATE refresh_tokens SET used_at = $2, successor = $3 WHERE digest = $1";
        sqlx::query(text)
            .bind(digest.to_text())
            // A retry does not prolong the window.
            .bind(if used_at == 0 { now.0 } else { used_at })
            .bind(successor.digest.to_text())
            .execute(&mut *transaction)
            .await?;
        insert(successor.digest, successor.token, now)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(rotation)
    }
}

/// Removes a token that nobody has used; whether there was one.
async fn remove_unused(
    transaction: &mut Transaction<'static, Any>,
    digest: &str,
) -> Result<bool, StoreError> {
    let removed = sqlx::query("DELETE FROM refresh_tokens WHERE digest = $1 AND used_at = 0")
        .bind(digest)
        .execute(&mut **transaction)
        .await?;
    Ok(removed.rows_affected() == 1)
}

fn insert<'q>(
    digest: &SecretDigest,
    token: &'q RefreshToken,
    now: UnixSeconds,
) -> sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments<'q>> {
    let text = "INSERT INTO refresh_tokens (digest, family, user_id, app_key, scopes, \
                created_at, expires_at, used_at, successor, position) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', $8)";
    sqlx::query(text)
        .bind(digest.to_text())
        .bind(&*token.family)
        .bind(token.user.as_str())
        .bind(token.app.as_ref().map_or("", AppKey::as_str))
        .bind(token.scopes.to_string())
        .bind(now.0)
        .bind(token.expires_at.0)
        .bind(as_bigint(token.position))
}
