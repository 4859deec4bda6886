//! Where the store is.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where the store is: `sqlite:FILE` or `postgres://...`.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A file.
    Sqlite(PathBuf),
    /// A server; the URL may hold a password.
    Postgres(String),
}

/// Text that names no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write `sqlite:FILE`, or `postgres://USER@HOST/DATABASE`")]
pub struct InvalidLocation;

/// What differs between the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl StoreLocation {
    /// Reads a location; a relative file is relative to `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, InvalidLocation> {
        match text.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(':') => {
                let path = path.strip_prefix("//").unwrap_or(path);
                Ok(Self::Sqlite(base.join(path)))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(text.to_owned()))
            }
            _ => Err(InvalidLocation),
        }
    }

    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }
}

/// Keeps the password.
impl fmt::Debug for StoreLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(_) => formatter.write_str("postgres://.."),
        }
    }
}
