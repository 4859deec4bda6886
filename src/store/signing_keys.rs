//! The private keys that sign tokens. Several issuers on one store sign with the same.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row};

use super::{Change, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::token::{Algorithm, KeyLife};

/// A private key as it is kept. Not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its place in the line, and when it does what.
    pub life: KeyLife,
    /// The `kid` of its tokens; empty where it is the thumbprint, as in rows of the first schema.
    pub id: String,
    /// PKCS#8 in PEM, or a secret in base64url.
    pub private_key: String,
    /// Since when it is published.
    pub created_at: UnixSeconds,
}

/// Whether a key found its position free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is there now.
    Yes,
    /// Somebody else was faster: read anew what is there.
    PositionTaken,
}

impl Store {
    /// All keys, in the order of their positions.
    pub async fn signing_keys(&self) -> Result<Vec<StoredKey>, StoreError> {
        let text = "SELECT position, algorithm, private_key, created_at, key_id, active_from, \
                    token_seconds FROM signing_keys ORDER BY position";
        let rows = sqlx::query(text).fetch_all(&self.reader).await?;
        rows.iter().map(read).collect()
    }

    /// The position of the last key, which every rotation moves: cheap to ask. 0 where there is none.
    pub async fn newest_signing_key(&self) -> Result<i64, StoreError> {
        let text = "SELECT COALESCE(MAX(position), 0) AS newest FROM signing_keys";
        let row = sqlx::query(text).fetch_one(&self.reader).await?;
        Ok(row.try_get("newest")?)
    }

    /// Adds a key unless its position is taken: of several issuers that want the same successor,
    /// one has its way.
    pub async fn add_signing_key(&self, key: &StoredKey) -> Result<Placed, StoreError> {
        let inserted = insert(key).execute(&self.writer).await?;
        Ok(placed(inserted.rows_affected()))
    }

    /// Notes that the key at `position` may sign tokens that live this long.
    pub async fn extend_signing_key(
        &self,
        position: i64,
        token_seconds: i64,
    ) -> Result<(), StoreError> {
        // Only upwards: tokens from before a shorter life still live, and the key must outlive them.
        let text = "UPDATE signing_keys SET token_seconds = $2 \
                    WHERE position = $1 AND token_seconds < $2";
        sqlx::query(text)
            .bind(position)
            .bind(token_seconds)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    pub async fn remove_signing_key(&self, position: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM signing_keys WHERE position = $1")
            .bind(position)
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

impl Change {
    /// Adds a key unless its position is taken.
    pub async fn add_signing_key(&mut self, key: &StoredKey) -> Result<Placed, StoreError> {
        let inserted = insert(key).execute(&mut *self.transaction).await?;
        Ok(placed(inserted.rows_affected()))
    }

    /// Adds a key unless its position is taken, and removes all before it.
    pub async fn replace_signing_keys(&mut self, key: &StoredKey) -> Result<Placed, StoreError> {
        // Nothing is removed then: the keys before it may be those that the faster one has just
        // published.
        if self.add_signing_key(key).await? == Placed::PositionTaken {
            return Ok(Placed::PositionTaken);
        }
        sqlx::query("DELETE FROM signing_keys WHERE position < $1")
            .bind(key.life.position)
            .execute(&mut *self.transaction)
            .await?;
        Ok(Placed::Yes)
    }
}

fn placed(rows: u64) -> Placed {
    match rows {
        0 => Placed::PositionTaken,
        _ => Placed::Yes,
    }
}

fn insert(key: &StoredKey) -> Query<'static, Any, AnyArguments> {
    let text = "INSERT INTO signing_keys (position, algorithm, private_key, created_at, key_id, \
                active_from, token_seconds) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                ON CONFLICT (position) DO NOTHING";
    sqlx::query(text)
        .bind(key.life.position)
        .bind(key.life.algorithm.name())
        .bind(&*key.private_key)
        .bind(key.created_at.0)
        .bind(&*key.id)
        .bind(key.life.active_from.0)
        .bind(key.life.token_seconds)
}

fn read(row: &AnyRow) -> Result<StoredKey, StoreError> {
    let algorithm = Algorithm::from_name(row.try_get("algorithm")?);
    Ok(StoredKey {
        life: KeyLife {
            position: row.try_get("position")?,
            algorithm: algorithm.ok_or(StoreError::Unreadable("signing key"))?,
            active_from: UnixSeconds(row.try_get("active_from")?),
            token_seconds: row.try_get("token_seconds")?,
        },
        id: row.try_get("key_id")?,
        private_key: row.try_get("private_key")?,
        created_at: UnixSeconds(row.try_get("created_at")?),
    })
}
