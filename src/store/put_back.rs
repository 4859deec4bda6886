//! A copy of the store in place of the store.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use super::backup::synced;
use super::location::StoreLocation;
use super::open::{Access, check_format, journal_of};
use super::{Store, StoreError};

/// What `SQLite` keeps beside a file: the write-ahead log, and the index of it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Why a copy is not put in place of the store. What was there is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum PutBackError {
    /// PostgreSQL restores itself.
    #[error(
        "this restores SQLite stores; for PostgreSQL use its own tool, `pg_restore`, and then `portcullis store \
         restored`"
    )]
    Postgres,
    #[error("cannot read the copy `{}`: {source}", .path.display())]
    Copy { path: PathBuf, source: io::Error },
    #[error("the copy `{}` is not an SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// What was committed last may be in the log alone.
    #[error(
        "the copy `{}` has a write-ahead log beside it, so that it is no copy of one instant: take one that \
         `portcullis store backup` made, or make one of this with it", .0.display()
    )]
    WithLog(PathBuf),
    #[error("the copy `{}` is the store itself", .0.display())]
    Itself(PathBuf),
    #[error("cannot write `{}`, which is to become the store: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A copy beside the store, under another name: nothing has become of the store yet. It is removed where it is not
/// put in place.
pub struct PlacedCopy {
    store: PathBuf,
    path: PathBuf,
}

impl PlacedCopy {
    /// Writes a copy beside the store, with the owner of the store or of its directory, and for this owner alone.
    pub fn write(store: &StoreLocation, copy: &Path) -> Result<Self, PutBackError> {
        let StoreLocation::Sqlite(store) = store else {
            return Err(PutBackError::Postgres);
        };
        let owned = check(store, copy)?;
        let path = with_suffix(store, ".restoring");
        // What an attempt that was killed has left.
        remove(&path, &["", BESIDE[0], BESIDE[1]])?;
        let placed = Self {
            store: store.clone(),
            path,
        };
        placed
            .fill(copy, &owned)
            .map_err(|source| placed.failed(source))?;
        Ok(placed)
    }

    /// Where it is, to be opened.
    pub fn location(&self) -> StoreLocation {
        StoreLocation::Sqlite(self.path.clone())
    }

    /// Makes it the store, in one step. Nobody has the copy or the store open.
    pub fn put_in_place(self) -> Result<(), PutBackError> {
        let failed = |source| self.failed(source);
        let log = journal_of(&self.path);
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(PutBackError::WithLog(self.path.clone()));
        }
        File::open(&self.path)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        // Before the file gets its name: a log that is left beside it would be taken for its own, and bring back
        // what was written after the copy was made.
        remove(&self.store, &BESIDE)?;
        fs::rename(&self.path, &self.store).map_err(failed)?;
        synced(&self.store).map_err(failed)
    }

    fn fill(&self, copy: &Path, owned: &Metadata) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.path)?;
        io::copy(&mut File::open(copy)?, &mut file)?;
        let written = file.metadata()?;
        if (written.uid(), written.gid()) != (owned.uid(), owned.gid()) {
            fchown(&file, Some(owned.uid()), Some(owned.gid()))?;
        }
        file.sync_all()
    }

    fn failed(&self, source: io::Error) -> PutBackError {
        PutBackError::File {
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for PlacedCopy {
    fn drop(&mut self) {
        // Under this name there is nothing any more where it was put in place.
        let _ = remove(&self.path, &["", BESIDE[0], BESIDE[1]]);
    }
}

impl Store {
    /// Opens what is at a location to look at it, whatever its schema.
    pub async fn open_any_to_read(location: &StoreLocation) -> Result<Self, StoreError> {
        Self::connect_for(location, Access::ReadOnly).await
    }
}

/// Whether a copy can take the place of the store; whose the file is to be.
fn check(store: &Path, copy: &Path) -> Result<Metadata, PutBackError> {
    let unreadable = |source| PutBackError::Copy {
        path: copy.to_owned(),
        source,
    };
    let metadata = fs::metadata(copy).map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Err(PutBackError::NotADatabase(copy.to_owned()));
    }
    check_beginning(copy)?;
    if fs::metadata(journal_of(copy)).is_ok_and(|log| log.len() > 0) {
        return Err(PutBackError::WithLog(copy.to_owned()));
    }
    match fs::metadata(store) {
        Ok(present) if (present.dev(), present.ino()) == (metadata.dev(), metadata.ino()) => {
            Err(PutBackError::Itself(copy.to_owned()))
        }
        Ok(present) => Ok(present),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = store.parent().filter(|parent| *parent != Path::new(""));
            let directory = directory.unwrap_or(Path::new("."));
            fs::metadata(directory).map_err(|source| PutBackError::File {
                path: directory.to_owned(),
                source,
            })
        }
        Err(source) => Err(PutBackError::File {
            path: store.to_owned(),
            source,
        }),
    }
}

fn check_beginning(copy: &Path) -> Result<(), PutBackError> {
    match check_format(copy, Access::ReadOnly) {
        Err(StoreError::NotADatabase(_)) => Err(PutBackError::NotADatabase(copy.to_owned())),
        checked => Ok(checked?),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes what has these endings, as far as it is there.
fn remove(path: &Path, suffixes: &[&str]) -> Result<(), PutBackError> {
    for suffix in suffixes {
        let path = with_suffix(path, suffix);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(PutBackError::File { path, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
