//! Links for a forgotten password: digests only, one of a user at a time.

use sqlx::Row;

use super::new_link::NewLink;
use super::{Change, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{SecretDigest, UserId};

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
