//! Rows of the secrets of apps.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::app_rows::NEVER;
use super::{Change, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, KeptSecret, SecretDigest, SecretEnd, UserId};

/// A secret of an app that is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSecret {
    pub digest: SecretDigest,
    pub ends_with: SecretEnd,
    pub created_at: UnixSeconds,
    /// None for the latest one, which goes on until it is replaced.
    pub expires_at: Option<UnixSeconds>,
}

impl Store {
    /// The secrets of an app that are accepted at `now`, the latest first.
    pub async fn live_secrets(
        &self,
        key: &AppKey,
        now: UnixSeconds,
    ) -> Result<Vec<LiveSecret>, StoreError> {
        let text = "SELECT digest, ends_with, created_at, expires_at FROM app_secrets \
                    WHERE app_key = $1 AND expires_at > $2 ORDER BY expires_at DESC";
        let rows = sqlx::query(text)
            .bind(key.as_str())
            .bind(now.0)
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(read_secret).collect()
    }
}

impl Change {
    /// Ends all secrets of somebody's apps: none of them can get a token until it has another. The
    /// caller holds the apps.
    pub async fn end_secrets_of(&mut self, owner: &UserId) -> Result<(), StoreError> {
        self.touched.user(&mut self.transaction, owner).await?;
        let text = "DELETE FROM app_secrets WHERE app_key IN \
                    (SELECT app_key FROM apps WHERE owner_id = $1)";
        let texts = [owner.as_str().to_owned()];
        self.execute(text, &texts, &[]).await?;
        let text = "UPDATE apps SET secret_since = 0 WHERE owner_id = $1";
        self.execute(text, &texts, &[]).await?;
        Ok(())
    }

    /// Ends all secrets of an app: it can get no token until it has another.
    pub async fn end_secrets(&mut self, key: &AppKey) -> Result<(), StoreError> {
        self.touched.app(&mut self.transaction, key).await?;
        let texts = [key.as_str().to_owned()];
        let text = "DELETE FROM app_secrets WHERE app_key = $1";
        self.execute(text, &texts, &[]).await?;
        let text = "UPDATE apps SET secret_since = 0 WHERE app_key = $1";
        self.execute(text, &texts, &[]).await?;
        Ok(())
    }

    /// The secret of an app that nothing replaces yet.
    pub async fn latest_secret(
        &mut self,
        key: &AppKey,
    ) -> Result<Option<SecretDigest>, StoreError> {
        let text = "SELECT digest, ends_with, created_at, expires_at FROM app_secrets \
                    WHERE app_key = $1 AND expires_at = $2";
        let row = sqlx::query(text)
            .bind(key.as_str())
            .bind(NEVER)
            .fetch_optional(&mut *self.transaction)
            .await?;
        let secret = row.as_ref().map(read_secret).transpose()?;
        Ok(secret.map(|secret| secret.digest))
    }

    /// When the secret before the latest one ends, if it is still accepted.
    pub async fn earlier_secret_until(
        &mut self,
        key: &AppKey,
    ) -> Result<Option<UnixSeconds>, StoreError> {
        let text = "SELECT digest, ends_with, created_at, expires_at FROM app_secrets \
                    WHERE app_key = $1 AND expires_at <> $2 AND expires_at > $3";
        let row = sqlx::query(text)
            .bind(key.as_str())
            .bind(NEVER)
            .bind(self.now.0)
            .fetch_optional(&mut *self.transaction)
            .await?;
        let secret = row.as_ref().map(read_secret).transpose()?;
        Ok(secret.and_then(|secret| secret.expires_at))
    }

    /// Gives an app another secret. The one before lives for `overlap_seconds` more, older ones end:
    /// there are never more than two.
    pub async fn rotate_secret(
        &mut self,
        key: &AppKey,
        secret: &KeptSecret,
        overlap_seconds: u32,
    ) -> Result<(), StoreError> {
        self.touched.app(&mut self.transaction, key).await?;
        let now = self.now;
        let texts = [key.as_str().to_owned()];
        // Before the present one gets its end: whoever rotates twice in a row must not have three that
        // are accepted.
        let older = "DELETE FROM app_secrets WHERE app_key = $1 AND expires_at <> $2";
        self.execute(older, &texts, &[NEVER]).await?;
        let earlier = "UPDATE app_secrets SET expires_at = $2 WHERE app_key = $1";
        let end = now.plus(i64::from(overlap_seconds)).0;
        self.execute(earlier, &texts, &[end]).await?;
        self.add_secret(key, secret, now).await
    }

    pub(super) async fn add_secret(
        &mut self,
        key: &AppKey,
        secret: &KeptSecret,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let text = "INSERT INTO app_secrets (app_key, digest, ends_with, created_at, expires_at) \
                    VALUES ($1, $2, $3, $4, $5)";
        let (digest, end) = (secret.digest.to_text(), secret.ends_with.as_str());
        let texts = [key.as_str().to_owned(), digest, end.to_owned()];
        self.execute(text, &texts, &[now.0, NEVER]).await?;
        let text = "UPDATE apps SET secret_since = $2 WHERE app_key = $1";
        let texts = [key.as_str().to_owned()];
        self.execute(text, &texts, &[now.0]).await?;
        Ok(())
    }
}

fn read_secret(row: &AnyRow) -> Result<LiveSecret, StoreError> {
    let digest = SecretDigest::from_text(row.try_get("digest")?);
    let expires_at: i64 = row.try_get("expires_at")?;
    Ok(LiveSecret {
        digest: digest.ok_or(StoreError::Unreadable("secret"))?,
        ends_with: SecretEnd::known(row.try_get("ends_with")?),
        created_at: UnixSeconds(row.try_get("created_at")?),
        expires_at: (expires_at != NEVER).then_some(UnixSeconds(expires_at)),
    })
}
