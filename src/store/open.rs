//! Opening the store: connections, and what differs between the engines.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::any::install_default_drivers;
use sqlx::postgres::PgConnectOptions;

use super::apps::AppLookup;
use super::batches::Batches;
use super::change_turns::ChangeTurns;
use super::connections::{Connections, Target};
use super::location::{DatabaseUrl, Engine, StoreLocation};
use super::migrations::{self, Migration};
use super::outage::{OpenedFile, Server};
use super::patience::{
    MAX_AGE, POSTGRES_IDLE_TRANSACTION, POSTGRES_LOCK, POSTGRES_STATEMENT, POSTGRES_UNACKNOWLEDGED,
    SQLITE_LOCK,
};
use super::refresh_tokens::TokenLookup;
use super::revocations::{Growth, Notices};
use super::writer::{TokenRotator, TokenWriter};
use super::{Store, StoreError, notices, permission};
use crate::coding::push_escape;
use crate::token::check_key_file_mode;

/// With what every file of `SQLite` begins (section 1.3 of its file format).
const SQLITE_MAGIC: &[u8] = b"SQLite format 3\0";

const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    ReadWrite,
    /// Nothing is written, whatever the caller tries: no row, no schema, no journal.
    ReadOnly,
}

impl Store {
    /// Opens the store, makes it where it does not exist, and brings its schema up to date.
    pub async fn open(location: &StoreLocation) -> Result<Self, StoreError> {
        Ok(Self::migrate(location).await?.0)
    }

    /// Opens the store as [`Store::open`] does, and tells what became of its schema.
    pub async fn migrate(location: &StoreLocation) -> Result<(Self, Migration), StoreError> {
        if let StoreLocation::Sqlite(path) = location {
            create_privately(path)?;
        }
        let opened = Self::migrate_any(location).await;
        opened.map_err(|error| explained(error, location))
    }

    async fn migrate_any(location: &StoreLocation) -> Result<(Self, Migration), StoreError> {
        let store = Self::connect(location).await?;
        let migration = migrations::run(&store).await?;
        // A store that can only be read is told now and not to the first user.
        sqlx::query("UPDATE schema_version SET version = version")
            .execute(&store.writer)
            .await?;
        Ok((store, migration))
    }

    /// Opens a store that is there and has this binary's schema: whoever administers one must not
    /// make another by a slip, nor change the schema under a running server.
    pub async fn open_existing(location: &StoreLocation) -> Result<Self, StoreError> {
        let store = Self::connect_existing(location).await?;
        store.checked(location).await
    }

    /// Opens a store that is there and has this binary's schema, and leaves it as it is: whoever
    /// only looks must not get in the way of a running server. Writing to it fails.
    pub async fn open_to_read(location: &StoreLocation) -> Result<Self, StoreError> {
        check_present(location)?;
        let store = Self::connect_for(location, Access::ReadOnly).await;
        let store = store.map_err(|error| explained(error, location))?;
        store.checked(location).await
    }

    async fn checked(self, location: &StoreLocation) -> Result<Self, StoreError> {
        let checked = migrations::check(&self).await;
        checked.map_err(|error| explained(error, location))?;
        Ok(self)
    }

    /// Opens a store that is there, whatever its schema.
    pub(super) async fn connect_existing(location: &StoreLocation) -> Result<Self, StoreError> {
        check_present(location)?;
        let connected = Self::connect(location).await;
        connected.map_err(|error| explained(error, location))
    }

    async fn connect(location: &StoreLocation) -> Result<Self, StoreError> {
        Self::connect_for(location, Access::ReadWrite).await
    }

    pub(super) async fn connect_for(
        location: &StoreLocation,
        access: Access,
    ) -> Result<Self, StoreError> {
        install_default_drivers();
        let engine = location.engine();
        let (writer, reader) = match engine {
            // SQLite lets one write at a time. With one connection for it writers queue here, in turn
            // and within our limits; SQLite's own wait knows neither.
            Engine::Sqlite => (
                Connections::new(target(location, access)?, 1),
                Connections::new(target(location, access)?, SQLITE_READERS),
            ),
            Engine::Postgres => {
                let all = Connections::new(target(location, access)?, POSTGRES_CONNECTIONS);
                (all.clone(), all)
            }
        };
        admitted(&writer, location).await?;
        // SQLite cannot tell other processes; they look again and again.
        let told = engine == Engine::Postgres
            && access == Access::ReadWrite
            && notices::offered(&reader).await;
        let notices = if told {
            Notices::Given
        } else {
            Notices::Impossible
        };
        let appended = Arc::new(Growth::new(notices));
        let bounds = Arc::default();
        Ok(Self {
            notices: told.then(|| location.clone()),
            engine,
            app_lookups: Batches::start(AppLookup {
                pool: reader.clone(),
            }),
            token_lookups: Batches::start(TokenLookup {
                pool: reader.clone(),
            }),
            token_writes: Batches::start(TokenWriter {
                pool: writer.clone(),
                bounds: Arc::clone(&bounds),
            }),
            token_rotations: Batches::start(TokenRotator {
                pool: writer.clone(),
                appended: Arc::clone(&appended),
                bounds: Arc::clone(&bounds),
            }),
            writer,
            reader,
            changes: ChangeTurns::new(),
            appended,
            bounds,
            changed: Arc::default(),
        })
    }
}

/// Whether connections can be made: the first error is the one to show.
async fn admitted(connections: &Connections, location: &StoreLocation) -> Result<(), StoreError> {
    match (connections.acquire().await, location) {
        (Err(StoreError::Database(source)), StoreLocation::Postgres(url)) => {
            let options: PgConnectOptions = url.reveal().parse()?;
            let server = Server::postgres(&options);
            Err(StoreError::Refused { server, source })
        }
        (admitted, _) => admitted.map(drop),
    }
}

fn check_present(location: &StoreLocation) -> Result<(), StoreError> {
    match location {
        StoreLocation::Sqlite(path) => match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(_) => Err(StoreError::NotAFile(path.display().to_string())),
            // Not `Path::exists`, which says no of what is in a directory that is closed to this user.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Err(permission::failed(path, error))
            }
            Err(_) => Err(StoreError::Missing(path.display().to_string())),
        },
        StoreLocation::Postgres(_) => Ok(()),
    }
}

/// Where connections are made to.
fn target(location: &StoreLocation, access: Access) -> Result<Target, StoreError> {
    let engine = location.engine();
    let (url, server, file) = match location {
        StoreLocation::Sqlite(path) => {
            let file = OpenedFile::of(path).map_err(|error| permission::failed(path, error))?;
            (sqlite_url(path, access), Server::file(path), Some(file))
        }
        StoreLocation::Postgres(url) => {
            let options: PgConnectOptions = url.reveal().parse()?;
            (url.reveal().to_owned(), Server::postgres(&options), None)
        }
    };
    Ok(Target {
        options: url.parse()?,
        engine,
        server,
        file,
        settings: session_settings(engine, access),
        wishes: match engine {
            Engine::Postgres => wishes().collect(),
            Engine::Sqlite => Vec::new(),
        },
        max_age: MAX_AGE,
    })
}

/// What PostgreSQL is asked to do by itself, so that nothing goes on there for which nobody waits. A
/// database that knows one of them not may refuse it.
fn wishes() -> impl Iterator<Item = String> {
    let wishes = [
        ("lock_timeout", POSTGRES_LOCK),
        ("statement_timeout", POSTGRES_STATEMENT),
        (
            "idle_in_transaction_session_timeout",
            POSTGRES_IDLE_TRANSACTION,
        ),
        ("tcp_user_timeout", POSTGRES_UNACKNOWLEDGED),
    ];
    wishes
        .into_iter()
        .map(|(name, limit)| format!("SET {name} = {}", limit.as_millis()))
}

/// What a new connection runs first.
fn session_settings(engine: Engine, access: Access) -> Option<String> {
    match (engine, access) {
        // FULL: a write that was answered survives a loss of power.
        (Engine::Sqlite, Access::ReadWrite) => Some(format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
             PRAGMA busy_timeout = {}",
            SQLITE_LOCK.as_millis()
        )),
        (Engine::Postgres, Access::ReadOnly) => {
            Some("SET default_transaction_read_only = on".to_owned())
        }
        // The URL opens the file to read only.
        (Engine::Sqlite, Access::ReadOnly) | (Engine::Postgres, Access::ReadWrite) => None,
    }
}

/// The store holds private keys: its owner alone reads it, from the first moment on. Its journal
/// gets the same mode.
fn create_privately(path: &Path) -> Result<(), StoreError> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(_) => Ok(()),
        // `create_new` and then a look, not the reverse: a file that appears in between must not be
        // taken over with whatever mode it has.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => check_private(path),
        Err(error) => Err(permission::failed(path, error)),
    }
}

/// What opening the store would find wrong with its file, or with the directory in which it would make
/// one. Nothing is opened or made, and no database server is asked.
pub fn check_file(location: &StoreLocation) -> Result<(), StoreError> {
    let path = match location {
        StoreLocation::Sqlite(path) => path,
        StoreLocation::Postgres(url) => return check_named(url),
    };
    match path.try_exists() {
        Ok(true) => {
            check_private(path)?;
            return check_format(path, Access::ReadWrite);
        }
        Ok(false) => {}
        Err(error) => return Err(permission::failed(path, error)),
    }
    // The parent of a bare name is empty.
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let directory = parent.unwrap_or(Path::new("."));
    match std::fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(std::io::ErrorKind::NotADirectory.into()),
        Err(error) => Err(error),
    }
    .map_err(|source| StoreError::File {
        path: path.display().to_string(),
        source,
    })
}

/// Whether the files that a URL names can be read.
fn check_named(url: &DatabaseUrl) -> Result<(), StoreError> {
    for (parameter, path) in url.files() {
        File::open(path).map_err(|source| StoreError::NamedFile {
            parameter: parameter.to_owned(),
            path: path.display().to_string(),
            source,
        })?;
    }
    Ok(())
}

/// Whether the file begins as one of `SQLite` does; one that has just been made is empty.
pub(super) fn check_format(path: &Path, access: Access) -> Result<(), StoreError> {
    let mut beginning = Vec::new();
    // To write as well, as the start does: nothing is written here.
    let writes = access == Access::ReadWrite;
    let file = OpenOptions::new().read(true).write(writes).open(path);
    let read = file.and_then(|file| {
        let first = u64::try_from(SQLITE_MAGIC.len()).unwrap_or(u64::MAX);
        file.take(first).read_to_end(&mut beginning)
    });
    let name = path.display().to_string();
    match read {
        Err(error) => Err(permission::failed(path, error)),
        Ok(0) => Ok(()),
        Ok(_) if beginning == SQLITE_MAGIC => Ok(()),
        Ok(_) => Err(StoreError::NotADatabase(name)),
    }
}

/// A restored copy may have got another mode.
fn check_private(path: &Path) -> Result<(), StoreError> {
    let name = || path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|error| permission::failed(path, error))?;
    if !metadata.is_file() {
        return Err(StoreError::NotAFile(name()));
    }
    check_key_file_mode(metadata.mode()).map_err(|source| StoreError::Unsafe {
        path: name(),
        source,
    })
}

/// The driver decodes `%XX` in the path and splits it at `?`.
fn sqlite_url(path: &Path, access: Access) -> String {
    let mut url = "sqlite://".to_owned();
    for character in path.to_string_lossy().chars() {
        match character {
            '%' => push_escape(&mut url, b'%'),
            '?' => push_escape(&mut url, b'?'),
            '#' => push_escape(&mut url, b'#'),
            other => url.push(other),
        }
    }
    if access == Access::ReadOnly {
        url.push_str("?mode=ro");
        // Without a journal no process has it open, and SQLite would make a journal only to look.
        if !journal_of(path).exists() {
            url.push_str("&immutable=true");
        }
    }
    url
}

/// The write-ahead log of an `SQLite` file, which is there while a process has the file open.
pub(super) fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// An error while a store is opened: of a file it is told which, and what to do.
fn explained(error: StoreError, location: &StoreLocation) -> StoreError {
    match (error, location) {
        (StoreError::Database(source), StoreLocation::Sqlite(path)) => {
            let path = path.display().to_string();
            if is_no_database(&source) {
                StoreError::NotADatabase(path)
            } else {
                StoreError::Unusable { path, source }
            }
        }
        (error, _) => error,
    }
}

/// `SQLite` calls this `SQLITE_NOTADB`.
fn is_no_database(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    error.code().is_some_and(|code| code == "26")
}
