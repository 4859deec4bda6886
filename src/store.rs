//! The issuer's store: rows in, domain types out. `SQLite` in a file, or PostgreSQL.
//!
//! Both speak the same SQL text: `$1` placeholders, `TEXT` and `BIGINT` columns, digests and sets as
//! text. What differs (opening, locking) is in `open`. What was answered is durable: `SQLite`
//! runs with `synchronous=FULL`, and a transaction ends before its caller hears of it.

mod apps;
mod batches;
mod location;
mod migrations;
mod open;
mod refresh_tokens;
mod roles;
mod signing_keys;
mod users;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Any, AnyPool, Transaction};

pub use apps::{AppListing, AppWithOwner};
pub use location::{InvalidLocation, StoreLocation};
pub use refresh_tokens::{RefreshToken, Rotation, Successor};
pub use signing_keys::StoredKey;
pub use users::{Credentials, LoginName};

use apps::AppLookup;
use batches::Batches;
use location::Engine;
use refresh_tokens::TokenLookup;
use writer::TokenWriter;

/// A store that is open and has this binary's schema.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    /// One connection where the engine has one writer.
    writer: AnyPool,
    reader: AnyPool,
    app_lookups: Batches<AppLookup>,
    token_lookups: Batches<TokenLookup>,
    token_writes: Batches<TokenWriter>,
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
    /// It has failed for several callers at once.
    #[error(transparent)]
    Together(Arc<StoreError>),
    /// The database does not answer.
    #[error("the store has not answered for {} seconds", .0.as_secs())]
    Silent(Duration),
    /// The file cannot be made.
    #[error("cannot create the store `{path}`: {source}: check its directory and who may write")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is there and cannot be used.
    #[error(
        "cannot open the store `{path}`: {source}: check that its disk is neither full nor \
         read-only, and who may write there"
    )]
    Unusable {
        /// The file.
        path: String,
        /// Why.
        source: sqlx::Error,
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
        begin(self.engine, &self.writer).await
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

/// Begins to write.
async fn begin(engine: Engine, writer: &AnyPool) -> Result<Transaction<'static, Any>, StoreError> {
    Ok(match engine {
        // Takes the lock at once: a lock that is taken later could have to be given up.
        Engine::Sqlite => writer.begin_with("BEGIN IMMEDIATE").await?,
        Engine::Postgres => writer.begin().await?,
    })
}

/// Tells a name that is taken from a failure.
fn created(outcome: Result<(), sqlx::Error>) -> Result<Created, StoreError> {
    match outcome {
        Ok(()) => Ok(Created::Yes),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Created::NameTaken),
        Err(error) => Err(error.into()),
    }
}
