//! The private keys that sign tokens. Several issuers on one store sign with the same.

use sqlx::Row;

use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::token::{Algorithm, KeyText};

/// A private key as it is kept.
pub struct StoredKey {
    /// What it serves.
    pub algorithm: Algorithm,
    /// PKCS#8 in PEM.
    pub private_key: String,
}

impl Store {
    /// The key in use. `fresh` becomes it where there is none; who comes second gets the first's.
    pub async fn signing_key(
        &self,
        algorithm: Algorithm,
        fresh: &KeyText,
        now: UnixSeconds,
    ) -> Result<StoredKey, StoreError> {
        let text = "INSERT INTO signing_keys (position, algorithm, private_key, created_at) \
                    VALUES (1, $1, $2, $3) ON CONFLICT (position) DO NOTHING";
        sqlx::query(text)
            .bind(algorithm.name())
            .bind(fresh.reveal())
            .bind(now.0)
            .execute(&self.writer)
            .await?;
        let text = "SELECT algorithm, private_key FROM signing_keys ORDER BY position DESC LIMIT 1";
        let row = sqlx::query(text).fetch_one(&self.writer).await?;
        let algorithm = Algorithm::from_name(row.try_get("algorithm")?);
        Ok(StoredKey {
            algorithm: algorithm.ok_or(StoreError::Unreadable("signing key"))?,
            private_key: row.try_get("private_key")?,
        })
    }
}
