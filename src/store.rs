//! The issuer's store: rows in, domain types out. `SQLite` in a file, or PostgreSQL.
//!
//! Both speak the same SQL text: `$1` placeholders, `TEXT` and `BIGINT` columns, digests and sets as
//! text. What differs (opening, locking) is in `open`. What was answered is durable: `SQLite`
//! runs with `synchronous=FULL`, and a transaction ends before its caller hears of it.

mod apps;
mod location;
mod migrations;
mod notices;
mod open;
mod refresh_tokens;
mod revocations;
mod roles;
mod signing_keys;
mod users;

use std::sync::Arc;

use sqlx::{Any, AnyPool, Transaction};
use tokio::sync::Notify;

pub use apps::{AppListing, AppWithOwner};
pub use location::{InvalidLocation, StoreLocation};
pub use refresh_tokens::{RefreshToken, Rotation, Successor};
pub use revocations::LoggedRevocation;
pub use signing_keys::StoredKey;
pub use users::{Credentials, LoginName};

use location::Engine;

/// A store that is open and has this binary's schema.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    /// One connection where the engine has one writer.
    writer: AnyPool,
    reader: AnyPool,
    /// Told whenever the revocation log is known to have grown.
    appended: Arc<Notify>,
    /// Where other processes are told of that, and tell.
    notices: Option<StoreLocation>,
}

/// Whether something new found its name free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    Yes,
    /// The name, or one of the names, is somebody else's.
    NameTaken,
}

/// Why the store cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is away, full, read-only or broken.
    #[error("the store does not answer: {0}")]
    Database(#[from] sqlx::Error),
    /// The file cannot be made.
    #[error("cannot create the store `{path}`: {source}: check its directory and who may write")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A newer binary has been here.
    #[error(
        "the store has schema {found} and this binary knows {known}: use the newer binary, or \
         restore the backup from before its migration"
    )]
    NewerSchema {
        /// In the store.
        found: i64,
        /// In this binary.
        known: i64,
    },
    /// A row holds what this binary never writes.
    #[error("the store holds an unreadable {0}: was it edited by hand?")]
    Unreadable(&'static str),
}

impl Store {
    /// Begins to write. Serialised where the engine has one writer.
    async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(match self.engine {
            // Takes the lock at once: a lock that is taken later could have to be given up.
            Engine::Sqlite => self.writer.begin_with("BEGIN IMMEDIATE").await?,
            Engine::Postgres => self.writer.begin().await?,
        })
    }

    /// Whether the store answers at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.reader).await?;
        Ok(())
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Tells a name that is taken from a failure.
fn created(outcome: Result<(), sqlx::Error>) -> Result<Created, StoreError> {
    match outcome {
        Ok(()) => Ok(Created::Yes),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Created::NameTaken),
        Err(error) => Err(error.into()),
    }
}
