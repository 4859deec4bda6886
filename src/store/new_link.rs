//! The link for a password that a change makes.

use super::StoreError;
use super::connections::Transaction;
use crate::clock::UnixSeconds;
use crate::identity::{SecretDigest, UserId};

/// A link that is written when its change is committed.
#[derive(Debug)]
pub(super) struct NewLink {
    pub(super) user: UserId,
    pub(super) digest: SecretDigest,
    pub(super) expires_at: UnixSeconds,
}

impl NewLink {
    /// Instead of an earlier one of the user.
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
