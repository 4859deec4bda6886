//! Why the database does not answer, and what to do about it.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// The database as messages name it: never with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server(String);

/// Why the database does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutageError {
    /// No connection can be made.
    #[error("{server} cannot be reached: {reason}: start it, or correct its address")]
    Unreachable {
        server: Server,
        /// What the system says.
        reason: String,
    },
    /// It does not answer in time.
    #[error(
        "{server} has not answered for {} s: check whether it is overloaded, and whether a firewall \
         drops its connections", .limit.as_secs()
    )]
    Silent { server: Server, limit: Duration },
    /// Others use all connections.
    #[error(
        "all connections to the store have been in use for {} s: check the database for slow queries \
         and locks", .0.as_secs()
    )]
    Busy(Duration),
    /// A transaction that others wait for has made more statements than there is time for.
    #[error("a change has taken longer than {} s and was given up", .0.as_secs())]
    Long(Duration),
    /// What was opened is no longer under its name.
    #[error(
        "the file of {0} was moved, deleted or replaced while this process had it open, so that nothing \
         is read or written any more: put the file back; or, to use what is there now, stop the process, \
         remove the `-wal` and `-shm` beside it, which belong to the other file, and start"
    )]
    Replaced(Server),
}

/// The file that an `SQLite` store was in when it was opened. Connections that are made later open what is
/// under its name by then.
pub(super) struct OpenedFile {
    path: PathBuf,
    /// Open as long as this is compared, so that no other file gets its number.
    _held: File,
    identity: (u64, u64),
}

impl OpenedFile {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let held = File::open(path)?;
        let metadata = held.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            identity: (metadata.dev(), metadata.ino()),
            _held: held,
        })
    }

    /// Fails where another process would not find the same store under this name: what it writes would not
    /// be seen here, and what is written here would be lost with this process.
    pub(super) fn check(&self) -> Result<(), OutageError> {
        match identity(&self.path) {
            Ok(found) if found == self.identity => Ok(()),
            Ok(_) | Err(_) => Err(OutageError::Replaced(Server::file(&self.path))),
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Server {
    pub(super) fn file(path: &Path) -> Self {
        Self(format!("the store `{}`", path.display()))
    }

    pub(super) fn postgres(options: &PgConnectOptions) -> Self {
        let port = options.get_port();
        Self(match options.get_socket() {
            Some(folder) => format!("PostgreSQL at `{}`, port {port},", folder.display()),
            None => format!("PostgreSQL at `{}:{port}`", options.get_host()),
        })
    }

    pub(super) fn unreachable(&self, error: &io::Error) -> OutageError {
        OutageError::Unreachable {
            server: self.clone(),
            reason: error.to_string(),
        }
    }

    pub(super) fn silent(&self, limit: Duration) -> OutageError {
        OutageError::Silent {
            server: self.clone(),
            limit,
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl OutageError {
    /// What became an error of the driver on its way.
    pub(super) fn of(error: &sqlx::Error) -> Option<&Self> {
        let sqlx::Error::Io(error) = error else {
            return None;
        };
        error.get_ref()?.downcast_ref()
    }
}

/// What executes statements can fail with nothing else.
impl From<OutageError> for sqlx::Error {
    fn from(outage: OutageError) -> Self {
        Self::Io(io::Error::other(outage))
    }
}
