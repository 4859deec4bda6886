//! Links for a forgotten password: digests only, one of a user at a time.

use sqlx::Row;

use super::connections::Transaction;
use super::{Change, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{SecretDigest, UserId};

/// A link that a change makes.
#[derive(Debug)]
pub(super) struct NewLink {
    user: UserId,
    digest: SecretDigest,
    expires_at: UnixSeconds,
}

impl NewLink {
    pub(super) async fn write(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let text = "INSERT INTO reset_links (user_id, digest, expires_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (user_id) DO UPDATE \
                    SET digest = excluded.digest, expires_at = excluded.expires_at";
        sqlx::query(text)
            .bind(self.user.as_str())
            .bind(self.digest.to_text())
            .bind(self.expires_at.0)
            .execute(&mut **transaction)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Whose password a link sets that has neither expired nor been used.
    pub async fn reset_link(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<Option<UserId>, StoreError> {
        let text = "SELECT user_id FROM reset_links WHERE digest = $1 AND expires_at > $2";
        let row = sqlx::query(text)
            .bind(digest.to_text())
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        let user = row.map(|row| row.try_get("user_id").map(UserId::known));
        Ok(user.transpose()?)
    }
}

impl Change {
    /// Makes this the link of a user, instead of an earlier one, when the change is committed: also where what
    /// the change takes away would end a link that was there before.
    pub fn set_reset_link(
        &mut self,
        user: &UserId,
        digest: &SecretDigest,
        expires_at: UnixSeconds,
    ) {
        self.link = Some(NewLink {
            user: user.clone(),
            digest: digest.clone(),
            expires_at,
        });
    }

    /// Uses a link up; false where the user has no such link, or no longer.
    pub async fn use_reset_link(
        &mut self,
        user: &UserId,
        digest: &SecretDigest,
    ) -> Result<bool, StoreError> {
        let text = "DELETE FROM reset_links WHERE user_id = $1 AND digest = $2 AND expires_at > $3";
        let texts = [user.as_str().to_owned(), digest.to_text()];
        let now = self.now.0;
        Ok(self.execute(text, &texts, &[now]).await? == 1)
    }
}
