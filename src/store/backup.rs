//! A copy of the store while it is in use.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::location::StoreLocation;
use super::settings::{self, Setting};
use super::{Change, Store, StoreError};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL copies itself.
    #[error(
        "this copies SQLite stores; for PostgreSQL use its own tool: `pg_dump --format=custom \
         --file=FILE URL`"
    )]
    Postgres,
    /// The file for the copy; one that exists is never overwritten.
    #[error("cannot write the copy `{}`: {source}: name a file that does not exist", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Copies the store as it is at one instant into a new file that its owner alone reads. Whoever
    /// uses the store goes on meanwhile. Its schema may be any: the moment for a copy is before a
    /// migration.
    pub async fn backup(location: &StoreLocation, out: &Path) -> Result<(), BackupError> {
        match location {
            StoreLocation::Postgres(_) => return Err(BackupError::Postgres),
            StoreLocation::Sqlite(_) => {}
        }
        let store = Self::connect_existing(location).await?;
        let failed = |source| BackupError::File {
            path: out.to_owned(),
            source,
        };
        // Made here and not by SQLite, which would let everybody read it until the mode is set: it
        // holds private keys.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(out)
            .map_err(failed)?;
        let copied = store.copy_into(out).await;
        store.close().await;
        let copied = match copied {
            // What is told to be safe is on the disk, with its name.
            Ok(()) => synced(out).map_err(failed),
            Err(error) => Err(BackupError::Store(error)),
        };
        if copied.is_err() {
            // Half a copy is none; the first error is the one to show.
            drop(fs::remove_file(out));
        }
        copied
    }

    /// Into a file that is empty.
    async fn copy_into(&self, out: &Path) -> Result<(), StoreError> {
        let path = fs::canonicalize(out).map_err(|source| StoreError::File {
            path: out.display().to_string(),
            source,
        })?;
        let mut connection = self.reader.acquire().await?;
        connection.lift_limit();
        sqlx::query("VACUUM INTO $1")
            .bind(path.to_string_lossy().into_owned())
            .execute(&mut connection)
            .await?;
        Ok(())
    }
}

pub(super) fn synced(file: &Path) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => File::open(".")?.sync_all(),
    }
}

impl Change {
    /// Gives the revocation log another name, after a restore: whoever has followed it begins anew, and keeps what it knows to be revoked.
    pub async fn rename_log(&mut self, name: &str) -> Result<(), StoreError> {
        settings::replace(&mut *self.transaction, Setting::LogId, name).await
    }
}
