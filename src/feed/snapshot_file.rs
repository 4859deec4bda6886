//! The last snapshot in a file, so that a gate can start while the issuer is away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prost::Message;

use super::wire::{Keys, Revocation};
use crate::token::check_key_file_mode;

/// The file's first bytes; the last one is the version of what follows.
const MAGIC: &[u8; 8] = b"PCFEED\n\x01";

/// The largest file that is read: a hundred million revocations would not fit into memory either.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// What a file holds.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Saved {
    #[prost(string, tag = "1")]
    pub(super) issuer: String,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) cursor: Bytes,
    #[prost(uint64, tag = "3")]
    pub(super) position: u64,
    /// When everything was known, by the issuer's clock.
    #[prost(int64, tag = "4")]
    pub(super) as_of: i64,
    #[prost(message, optional, tag = "5")]
    pub(super) keys: Option<Keys>,
    #[prost(message, repeated, tag = "6")]
    pub(super) revocations: Vec<Revocation>,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnapshotFileError {
    #[error("there is none yet")]
    Absent,
    #[error("{0}")]
    Io(io::Error),
    #[error("others may write it (mode {0:o}): whoever can may choose the keys; `chmod 600`")]
    Unsafe(u32),
    #[error("it is no snapshot of a feed, or of another release")]
    NotASnapshot,
    #[error("its digest is wrong: it is damaged, or was cut off")]
    Damaged,
    #[error("it is of the issuer `{0}`")]
    OtherIssuer(String),
}

/// Reads the file, if it is whole and of `issuer`.
pub(super) fn read(path: &Path, issuer: &str) -> Result<Saved, SnapshotFileError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => SnapshotFileError::Absent,
        _ => SnapshotFileError::Io(error),
    })?;
    let mode = file.metadata().map_err(SnapshotFileError::Io)?.mode();
    check_key_file_mode(mode).map_err(|_| SnapshotFileError::Unsafe(mode & 0o7777))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(SnapshotFileError::Io)?;
    let (magic, rest) = bytes
        .split_first_chunk::<8>()
        .ok_or(SnapshotFileError::NotASnapshot)?;
    if magic != MAGIC {
        return Err(SnapshotFileError::NotASnapshot);
    }
    let (digest, content) = rest
        .split_first_chunk::<32>()
        .ok_or(SnapshotFileError::Damaged)?;
    if blake3::hash(content) != *digest {
        return Err(SnapshotFileError::Damaged);
    }
    let saved = Saved::decode(content).map_err(|_| SnapshotFileError::NotASnapshot)?;
    if saved.issuer != issuer {
        return Err(SnapshotFileError::OtherIssuer(saved.issuer));
    }
    Ok(saved)
}

/// Puts the file in place, whole or not at all.
pub(super) fn write(path: &Path, saved: &Saved) -> io::Result<()> {
    let content = saved.encode_to_vec();
    let staging = staging(path);
    // What an earlier process left behind may have another mode.
    let _ = fs::remove_file(&staging);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&staging)?;
    file.write_all(MAGIC)?;
    file.write_all(blake3::hash(&content).as_bytes())?;
    file.write_all(&content)?;
    file.sync_all()?;
    fs::rename(&staging, path)
}

fn staging(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.shop.example";

    fn saved() -> Saved {
        Saved {
            issuer: ISSUER.to_owned(),
            cursor: Bytes::from_static(b"cursor"),
            position: 7,
            as_of: 1_800_000_000,
            keys: Some(Keys::default()),
            revocations: vec![Revocation::default(); 3],
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed");
        assert!(matches!(
            read(&path, ISSUER),
            Err(SnapshotFileError::Absent)
        ));
        for _ in 0..2 {
            write(&path, &saved()).unwrap();
            assert_eq!(read(&path, ISSUER).unwrap(), saved());
        }
        let mode = fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = read(&path, "https://id.other.example");
        assert!(matches!(other, Err(SnapshotFileError::OtherIssuer(_))));
    }

    #[test]
    fn no_byte_can_be_changed_added_or_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed");
        write(&path, &saved()).unwrap();
        let whole = fs::read(&path).unwrap();
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(read(&path, ISSUER).is_err(), "byte {position}");
            fs::write(&path, &whole[..position]).unwrap();
            assert!(read(&path, ISSUER).is_err(), "cut at {position}");
        }
        fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
        assert!(read(&path, ISSUER).is_err());
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed");
        write(&path, &saved()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o602)).unwrap();
        assert!(matches!(
            read(&path, ISSUER),
            Err(SnapshotFileError::Unsafe(0o602))
        ));
    }
}
