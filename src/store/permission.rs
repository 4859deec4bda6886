//! Who this process is, and to whom a file belongs that it may not use.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// Users with their numbers, as most systems list them.
const USERS: &str = "/etc/passwd";

/// Its owner is the effective user of the process.
const PROCESS: &str = "/proc/self";

/// A user of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    number: u32,
    /// None where it is not listed on this machine.
    name: Option<String>,
}

/// A file or directory that is in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPlace {
    path: PathBuf,
    owner: SystemUser,
    /// The bits of its permissions.
    mode: u32,
}

impl SystemUser {
    fn of(number: u32) -> Self {
        let users = fs::read_to_string(USERS).unwrap_or_default();
        let text = number.to_string();
        let name = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
            (id == text).then(|| name.to_owned())
        });
        Self { number, name }
    }
}

impl fmt::Display for SystemUser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(formatter, "`{name}` (uid {})", self.number),
            None => write!(formatter, "uid {}", self.number),
        }
    }
}

impl fmt::Display for ClosedPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, owner, mode } = self;
        let path = path.display();
        write!(
            formatter,
            "`{path}` belongs to {owner} and has mode {mode:04o}"
        )
    }
}

/// The error of an attempt to use `path`: where it is not permitted, who tried and what is in the way.
pub(super) fn failed(path: &Path, source: io::Error) -> StoreError {
    let is_refused = source.kind() == io::ErrorKind::PermissionDenied;
    let place = is_refused.then(|| closed(path)).flatten();
    match (place, fs::metadata(PROCESS)) {
        (Some(place), Ok(process)) => StoreError::Forbidden {
            path: path.display().to_string(),
            user: SystemUser::of(process.uid()),
            place: Box::new(place),
        },
        _ => StoreError::File {
            path: path.display().to_string(),
            source,
        },
    }
}

/// The file itself where it is seen, or the nearest directory above it that is.
fn closed(path: &Path) -> Option<ClosedPlace> {
    let seen = |place: &Path| -> Option<(PathBuf, Metadata)> {
        // The directory of a bare name is the present one.
        let place = if place == Path::new("") {
            Path::new(".")
        } else {
            place
        };
        let metadata = fs::metadata(place).ok()?;
        Some((place.to_owned(), metadata))
    };
    let (path, metadata) = path.ancestors().find_map(seen)?;
    Some(ClosedPlace {
        path,
        owner: SystemUser::of(metadata.uid()),
        mode: metadata.mode() & 0o7777,
    })
}
