//! Why the database does not answer, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;
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
