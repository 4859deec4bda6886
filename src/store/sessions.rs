//! Sessions: the browsers in which a user is logged in. Digests only.

use sqlx::Row;

use super::columns::as_bigint;
use super::locking::{ENDED, lock_listed_users, sweeping};
use super::statement::assembled;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{SecretDigest, User, UserId};

/// How many that have ended make room for a new one.
const SWEPT_AT_ONCE: i64 = 100;

impl Store {
    /// Keeps a new session, and forgets those that are over.
    pub async fn add_session(
        &self,
        digest: &SecretDigest,
        user: &User,
        expires_at: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        sqlx::query(assembled(sweeping(
            self.engine,
            ("sessions", "digest"),
            ENDED,
        )))
        .bind(now.0)
        .bind(SWEPT_AT_ONCE)
        .execute(&self.writer)
        .await?;
        let text = "INSERT INTO sessions (digest, user_id, created_at, expires_at, position) \
                    VALUES ($1, $2, $3, $4, $5)";
        sqlx::query(text)
            .bind(digest.to_text())
            .bind(user.id.as_str())
            .bind(now.0)
            .bind(expires_at.0)
            .bind(as_bigint(user.as_of))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Whose session it is, if neither it is over nor what its user had before was taken back.
    pub async fn session(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<Option<UserId>, StoreError> {
        let text = "SELECT s.user_id FROM sessions s JOIN users u ON u.id = s.user_id \
                    WHERE s.digest = $1 AND s.expires_at > $2 \
                    AND s.position >= u.revoked_through \
                    AND s.position >= (SELECT everyone_through FROM revocation_head)";
        let row = sqlx::query(text)
            .bind(digest.to_text())
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(UserId::known(row.try_get("user_id")?)))
    }

    /// Ends one session.
    pub async fn end_session(&self, digest: &SecretDigest) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessions WHERE digest = $1")
            .bind(digest.to_text())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Ends all sessions of a user, as when it is disabled or its password changes.
    pub async fn end_sessions(&self, user: &UserId) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        lock_listed_users(&mut transaction, vec![user.as_str()]).await?;
        sqlx::query("DELETE FROM sessions WHERE user_id = $1")
            .bind(user.as_str())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
