//! The issuer's store: rows in, domain types out. `SQLite` in a file, or PostgreSQL.
//!
//! Both speak the same SQL text: `$1` placeholders, `TEXT` and `BIGINT` columns, digests and sets as
//! text. What differs (opening, locking) is in `open`. What was answered is durable: `SQLite`
//! runs with `synchronous=FULL`, and a transaction ends before its caller hears of it.

mod app_lists;
mod app_rows;
mod app_secrets;
mod app_uses;
mod apps;
mod audit;
mod authorization_codes;
mod backup;
mod batches;
mod bearers;
mod change;
mod change_turns;
mod charges;
mod columns;
mod connections;
mod first_start;
mod gone_names;
mod grant_bounds;
mod grants;
mod instances;
mod invariants;
mod location;
mod locking;
mod login_places;
mod made;
mod migrations;
mod new_grants;
mod new_link;
mod notices;
mod open;
mod outage;
mod passkeys;
mod password_setters;
mod patience;
mod permission;
#[cfg(test)]
mod plans;
mod put_back;
mod reach;
mod refresh_tokens;
mod reset_links;
mod revocations;
mod revoking;
mod role_rows;
mod roles;
mod scope_uses;
mod scopes;
mod sessions;
mod settings;
mod sign_ins;
mod signing_keys;
mod statement;
mod sweep;
mod touched;
mod users;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use app_lists::{AppFilter, Counted, StaleApps};
pub use app_secrets::LiveSecret;
pub use apps::OwnedApp;
pub use audit::{
    AUDIT_ACTIONS, AUDIT_ACTIONS_TOLD, AUDIT_KINDS, AUDIT_KINDS_TOLD, ActorKind, AuditActor,
    AuditEntry, AuditFilter, AuditRecord,
};
pub use authorization_codes::{AuthorizationCode, CodeState, Redemption};
pub use backup::BackupError;
pub use bearers::Bearers;
pub use change::{Change, Committed};
pub use change_turns::ChangeOf;
pub use charges::Holder;
pub use grants::LiveGrant;
pub use instances::InstanceRow;
pub use location::{DatabaseUrl, LocationError, StoreLocation, WrittenLocation};
pub use locking::Holding;
pub use made::Made;
pub use migrations::Migration;
pub use open::check_file;
pub use outage::{OutageError, Server};
pub use passkeys::{AnsweredChallenge, PasskeyNoted, StoredPasskey};
pub use password_setters::SetPasswords;
pub use permission::{ClosedPlace, SystemUser};
pub use put_back::{PlacedCopy, PutBackError};
pub use reach::{MAX_COUNTED, Reach, ScopeReach};
pub use refresh_tokens::{RefreshToken, Rotation, Successor};
pub use revocations::LoggedRevocation;
pub use scope_uses::ScopeCounts;
pub use sessions::NewSession;
pub use sign_ins::KEPT_OF_OUTCOME;
pub use signing_keys::{Placed, StoredKey};
pub use sweep::Swept;
pub use users::{Credentials, LoginName, UserFilter};

use apps::AppLookup;
use batches::Batches;
use change_turns::ChangeTurns;
use charges::Bounds;
use connections::{Connections, Transaction};
use location::Engine;
use refresh_tokens::TokenLookup;
use revocations::Growth;
use writer::{TokenRotator, TokenWriter};

/// A store that is open and has this binary's schema.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    /// One connection where the engine has one writer.
    writer: Connections,
    reader: Connections,
    /// Whose change comes next.
    changes: ChangeTurns,
    /// Told whenever the revocation log is known to have grown.
    appended: Arc<Growth>,
    /// How much of the log one may fill.
    bounds: Arc<Bounds>,
    /// Where other processes are told of that, and tell.
    notices: Option<StoreLocation>,
    app_lookups: Batches<AppLookup>,
    token_lookups: Batches<TokenLookup>,
    token_writes: Batches<TokenWriter>,
    token_rotations: Batches<TokenRotator>,
    /// Whether this process has carried out a change.
    changed: Arc<AtomicBool>,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What comes after this; empty for the beginning.
    pub after: String,
    /// At most so many.
    pub limit: usize,
}

/// A page of a list, in the order of the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// At most as many as asked for.
    pub items: Vec<T>,
    /// After what the next page begins, where there is one.
    pub next: Option<String>,
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
    /// The database is full, read-only or broken.
    #[error("the store has failed: {}", told(.0))]
    Database(sqlx::Error),
    /// The database is away.
    #[error(transparent)]
    Away(OutageError),
    /// The database server answers, and lets nobody in.
    #[error("{server} refuses this issuer: {}: correct `issuer.store`", told(.source))]
    Refused { server: Server, source: sqlx::Error },
    /// The user or app that a new row belongs to has been deleted since it was read.
    #[error("the user or app that this belongs to has been deleted in the meantime")]
    Gone,
    /// The user has got its first passkey since its password was checked.
    #[error("the user has got a passkey in the meantime: the password alone is no longer enough")]
    PasskeyAdded,
    /// Others were in the way of a transaction, which the database has ended.
    #[error("another transaction was changing the same rows: try again: {}", told(.0))]
    Contended(sqlx::Error),
    /// Many changes were waiting for their turn.
    #[error(
        "those who change users, roles, scopes or apps have kept another change waiting for {} s: look in the audit \
         log for who does so", .0.as_secs()
    )]
    ManyChanges(Duration),
    /// One change has kept the others waiting.
    #[error(
        "a change of users, roles, scopes or apps took longer than {} s and was given up: change less at once", .0.as_secs()
    )]
    LongChange(Duration),
    /// It has failed for several callers at once.
    #[error(transparent)]
    Together(Arc<StoreError>),
    /// The database does not answer.
    #[error(
        "the store has not answered for {} s: check whether its server or its disk is overloaded", .0.as_secs()
    )]
    Silent(Duration),
    /// The file cannot be made.
    #[error("cannot create the store `{path}`: {source}: check its directory and who may write")]
    File {
        path: String,
        source: std::io::Error,
    },
    /// It may be there, and this process may not use it.
    #[error(
        "permission denied for the store `{path}`: this process is user {user}, and {place}: run it as the user that \
         owns the store, or give that user the directory and the file"
    )]
    Forbidden {
        path: String,
        user: SystemUser,
        place: Box<ClosedPlace>,
    },
    /// A certificate or key of the connection to the server.
    #[error("the `{parameter}` of the URL, `{path}`, cannot be read: {source}")]
    NamedFile {
        parameter: String,
        path: String,
        source: std::io::Error,
    },
    /// Others could read the keys in the file, or put theirs in.
    #[error("the store `{path}` holds private keys and is not safe: {source}")]
    Unsafe {
        path: String,
        source: crate::token::KeyFileModeError,
    },
    /// The file is something else.
    #[error(
        "the store `{0}` is not an SQLite database: correct `issuer.store`, or restore the file \
         from a backup"
    )]
    NotADatabase(String),
    /// It is there and is not a file.
    #[error(
        "the store `{0}` is a directory or a device: name a file in `issuer.store`, such as \
         `sqlite:portcullis.db`"
    )]
    NotAFile(String),
    /// It is another program's.
    #[error(
        "{server} has a table `{table}` that is not Portcullis's: name a file or a database of its \
         own in `issuer.store`"
    )]
    Foreign {
        server: Server,
        /// One of its tables.
        table: String,
    },
    /// The file is there and cannot be used.
    #[error(
        "cannot open the store `{path}`: {}: check that its disk is neither full nor \
         read-only, and who may write there; if the file itself is damaged, restore it from a backup",
        told(.source)
    )]
    Unusable { path: String, source: sqlx::Error },
    /// A newer binary has been here.
    #[error(
        "the store has schema {found} and this binary knows {known}: use the newer binary, or \
         restore the backup from before its migration"
    )]
    NewerSchema { found: i64, known: i64 },
    /// An older binary has been here.
    #[error(
        "the store has schema {found} and this binary needs {known}: run `portcullis store \
         migrate`, or start the server of this release on it"
    )]
    OlderSchema { found: i64, known: i64 },
    /// There is no store, only a database.
    #[error(
        "{server} has none of Portcullis's tables: if `issuer.store` is meant to name the store of a running issuer, \
         correct it; a new store is made by the server when it starts, or by `portcullis store migrate`"
    )]
    NoStore { server: Server },
    /// There is no store.
    #[error(
        "there is no store at `{0}`: correct `issuer.store`, or restore the file from a backup; if there \
         has never been one, start the server once, which makes it"
    )]
    Missing(String),
    /// A row holds what this binary never writes.
    #[error("the store holds an unreadable {0}: was it edited by hand?")]
    Unreadable(&'static str),
}

/// An error of the driver. PostgreSQL says in which line of its own source an error arose, which reads like a line
/// of a configuration.
fn told(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(error) => match error.code() {
            Some(code) => format!("{} (code {code})", error.message()),
            None => error.message().to_owned(),
        },
        None => error.to_string(),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match OutageError::of(&error) {
            Some(OutageError::Long(limit)) => Self::LongChange(*limit),
            Some(outage) => Self::Away(outage.clone()),
            None if is_foreign_key(&error) => Self::Gone,
            None if is_contention(&error) => Self::Contended(error),
            None => Self::Database(error),
        }
    }
}

fn is_foreign_key(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    error.is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}

/// Whether the database has ended a transaction because others were in its way, and done nothing of it
/// (SQLSTATE class 40: deadlocks and what cannot be put into an order).
fn is_contention(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("40"))
}

impl Store {
    /// Begins to write. Serialised where the engine has one writer.
    async fn begin(&self) -> Result<Transaction, StoreError> {
        self.writer.begin().await
    }

    /// Whether the store answers, and can be written to where that is known without writing.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self.engine {
            // Reading would go on while another process has the file locked for ever, or its disk
            // can only be read.
            Engine::Sqlite => self.begin().await?.rollback().await,
            Engine::Postgres => {
                sqlx::query("SELECT 1").execute(&self.reader).await?;
                Ok(())
            }
        }
    }

    /// Whether this process has carried out a change of the directory or the keys.
    pub fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }

    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

impl Page {
    /// The beginning of a list.
    pub fn first(limit: usize) -> Self {
        Self {
            after: String::new(),
            limit,
        }
    }

    /// One more than is asked for, which tells whether there is another page.
    fn rows(&self) -> i64 {
        i64::try_from(self.limit.saturating_add(1)).unwrap_or(i64::MAX)
    }
}

impl<T> Listing<T> {
    /// Of the rows that [`Page::rows`] asks for; `name` is what they are in the order of.
    fn of(mut items: Vec<T>, page: &Page, name: impl Fn(&T) -> String) -> Self {
        let more = items.len() > page.limit;
        items.truncate(page.limit);
        let next = items.last().filter(|_| more).map(name);
        Self { items, next }
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
