//! Which file a path leads to, so that two processes can tell whether they mean the same one.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

/// A file by its device and inode: the same for every path that leads to it, and another one where
/// two files merely have the same content. Written `DEVICE:INODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

/// Text that is not a file's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a file's identity: write `DEVICE:INODE`")]
pub struct FileIdentityError;

impl FileIdentity {
    /// The file that `path` leads to at the moment.
    pub fn of(path: &Path) -> io::Result<Self> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

impl fmt::Display for FileIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.device, self.inode)
    }
}

impl FromStr for FileIdentity {
    type Err = FileIdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (device, inode) = text.split_once(':').ok_or(FileIdentityError)?;
        let number = |text: &str| text.parse().map_err(|_| FileIdentityError);
        Ok(Self {
            device: number(device)?,
            inode: number(inode)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_paths_to_a_file_are_the_same_and_two_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("one"), "same").unwrap();
        std::fs::write(path("other"), "same").unwrap();
        std::os::unix::fs::symlink(path("one"), path("link")).unwrap();
        let identity = |name: &str| FileIdentity::of(&path(name)).unwrap();
        assert_eq!(identity("one"), identity("link"));
        assert_ne!(identity("one"), identity("other"));
        assert_eq!(identity("one").to_string().parse(), Ok(identity("one")));
        for text in ["", ":", "1", "1:", ":2", "1:2:3", "-1:2", "a:b"] {
            assert_eq!(
                text.parse::<FileIdentity>(),
                Err(FileIdentityError),
                "{text}"
            );
        }
    }
}
