//! Where the store is.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::problem::conceal;

/// Where the store is: `sqlite:FILE` or `postgres://...`.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreLocation {
    Sqlite(PathBuf),
    Postgres(DatabaseUrl),
}

/// A PostgreSQL URL. It may hold a password, so that nothing but the driver sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// The key `store` as it is written.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct WrittenLocation(String);

/// Text that names no store. The text is not in it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Neither a file nor a server.
    #[error("write `sqlite:FILE`, or `postgres://USER@HOST/DATABASE`")]
    Shape,
    /// A file whose name is that of a server, perhaps with a password, which messages would show.
    #[error(
        "what follows `sqlite:` looks like the URL of a server: write a file after `sqlite:`, or \
         begin with `postgres://`"
    )]
    ServerAsFile,
    /// A file with parameters, which would become a part of its name.
    #[error(
        "a file after `sqlite:` takes no parameters: remove the question mark and what follows it"
    )]
    FileWithParameters,
    /// The driver would ignore a parameter, and log its value.
    #[error(
        "the URL has a parameter that is not known: use `sslmode`, `sslrootcert`, `sslcert`, \
         `sslkey`, `host`, `hostaddr`, `port`, `dbname`, `user`, `password`, `application_name`, \
         `options` and `statement-cache-capacity`, and write a question mark in a password as `%3F`"
    )]
    Parameter,
    /// Whether and how the connection is encrypted.
    #[error(
        "`sslmode` has a value that is not known: use `disable`, `allow`, `prefer`, `require`, `verify-ca` or \
         `verify-full`"
    )]
    SslMode,
}

/// What `sslmode` may be.
const SSL_MODES: [&str; 6] = [
    "allow",
    "disable",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// The parameters that name files.
const FILE_PARAMETERS: [&str; 6] = [
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
];

/// The parameters that the driver knows.
const PARAMETERS: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// What differs between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl StoreLocation {
    /// Reads a location; a relative file is relative to `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, LocationError> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(':') => {
                let path = path.strip_prefix("//").unwrap_or(path);
                if names_a_server(path) {
                    return Err(LocationError::ServerAsFile);
                }
                if path.contains('?') {
                    return Err(LocationError::FileWithParameters);
                }
                Ok(Self::Sqlite(base.join(path)))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                DatabaseUrl::parse(text).map(Self::Postgres)
            }
            _ => Err(LocationError::Shape),
        }
    }

    /// The files of the store: that of an `SQLite` one, and those that it makes beside it.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Sqlite(path) => ["", "-wal", "-shm", "-journal"]
                .map(|end| {
                    let mut name = path.clone().into_os_string();
                    name.push(end);
                    PathBuf::from(name)
                })
                .into(),
            Self::Postgres(_) => Vec::new(),
        }
    }

    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}

/// `postgres://...`, or `user:password@host` of one.
fn names_a_server(path: &str) -> bool {
    let credentials = path.split_once('@').map(|(before, _)| before);
    path.contains("://") || credentials.is_some_and(|before| before.contains(':'))
}

impl DatabaseUrl {
    fn parse(text: &str) -> Result<Self, LocationError> {
        let known = |name: &str| PARAMETERS.contains(&name) || name.starts_with("options[");
        if !parameters(text).all(|(name, _)| known(name)) {
            return Err(LocationError::Parameter);
        }
        let is_mode = |name: &str| name == "sslmode" || name == "ssl-mode";
        let mut modes = parameters(text).filter(|(name, _)| is_mode(name));
        if modes.any(|(_, mode)| !SSL_MODES.contains(&mode.to_ascii_lowercase().as_str())) {
            return Err(LocationError::SslMode);
        }
        Ok(Self(text.to_owned()))
    }

    /// The files that its parameters name, each with the parameter. A name that is encoded is left to the driver.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Path)> {
        parameters(&self.0)
            .filter(|(name, value)| FILE_PARAMETERS.contains(name) && !value.contains('%'))
            .map(|(name, value)| (name, Path::new(value)))
    }

    /// The whole URL, for the driver alone.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

/// The names and values behind the question mark, as they are written.
fn parameters(url: &str) -> impl Iterator<Item = (&str, &str)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

impl WrittenLocation {
    /// What is written, to be parsed.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for WrittenLocation {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Without the password.
impl fmt::Display for StoreLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(url) => write!(formatter, "{url:?}"),
        }
    }
}

impl fmt::Debug for StoreLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&conceal(&self.0))
    }
}

impl fmt::Debug for WrittenLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even of which kind it is: it may be misspelt.
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<StoreLocation, LocationError> {
        StoreLocation::parse(text, Path::new("/base"))
    }

    #[test]
    fn a_location_shows_no_password() {
        for (text, shown) in [
            ("sqlite:a.db", "sqlite:/base/a.db"),
            ("postgres://u:hunter2@h/db", "postgres://***@h/db"),
            (
                "postgresql://h/db?password=hunter2&user=u",
                "postgresql://h/db?***",
            ),
        ] {
            let location = parse(text).unwrap();
            assert_eq!(location.to_string(), shown);
            assert_eq!(format!("{location:?}"), shown);
            assert!(!format!("{:?}", WrittenLocation::from(text)).contains("hunter2"));
        }
    }

    #[test]
    fn a_server_is_not_taken_for_a_file() {
        for text in [
            "sqlite:postgres://u:hunter2@127.0.0.1/d",
            "sqlite://u:hunter2@127.0.0.1:5432/d",
            "sqlite:u:hunter2@h",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, LocationError::ServerAsFile, "{text}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        for text in ["sqlite:a@b.db", "sqlite:///srv/a:b.db", "sqlite:c:\\d.db"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn parameters_do_not_become_a_part_of_a_files_name() {
        for text in ["sqlite:x.db?mode=ro", "sqlite:///srv/x.db?"] {
            assert_eq!(
                parse(text).unwrap_err(),
                LocationError::FileWithParameters,
                "{text}"
            );
        }
        assert!(StoreLocation::parse("sqlite:x.db", Path::new("/what?")).is_ok());
    }

    #[test]
    fn parameters_that_the_driver_would_log_are_refused() {
        for good in [
            "postgres://h/db?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres:///db?host=/run/postgresql&options[search_path]=a",
            "postgres://h/db?",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "postgres://h/db?passwrd=hunter2",
            "postgres://u:hun?ter2@h/db",
            "postgres://h/db?sslmode=require&hunter2",
        ] {
            let error = parse(bad).unwrap_err();
            assert_eq!(error, LocationError::Parameter, "{bad}");
            assert!(!error.to_string().contains("ter2"), "{error}");
        }
        let wrong = parse("postgres://h/db?sslmode=verify_full").unwrap_err();
        assert_eq!(wrong, LocationError::SslMode);
    }

    #[test]
    fn files_are_named_by_parameters() {
        let text = "postgres://u:p@h/db?sslmode=verify-full&sslrootcert=/etc/ca.pem&sslkey=a%20b";
        let StoreLocation::Postgres(url) = parse(text).unwrap() else {
            panic!("{text}")
        };
        let files: Vec<_> = url.files().collect();
        assert_eq!(files, [("sslrootcert", Path::new("/etc/ca.pem"))]);
    }
}
