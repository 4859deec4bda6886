//! The last snapshot in a file, so that a gate can start while the issuer is away. It is written and read
//! piece by piece: a list of a million rows takes no more memory for it than it has.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use blake3::Hash;
use bytes::Bytes;
use prost::Message;

use super::wire::{self, Keys, MAX_FRAME_BYTES, Revocations};
use crate::files::{self, OwnFileError};
use crate::revocation::Revocation;

/// The file's first bytes; the last one is the version of what follows: the digest of the rest, then
/// messages with their length in front, of which the first is [`Saved`] and all others are rows.
const MAGIC: &[u8; 8] = b"PCFEED\n\x02";

/// Of the content, after the first bytes.
const DIGEST_BYTES: usize = 32;

/// What the mode must not have. The group may write: `fsGroup` of Kubernetes makes it so.
pub(super) const OPEN_TO_ALL: u32 = 0o006;

/// What a file holds besides rows.
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
}

/// The rows of a file that is whole, still to be read.
#[derive(Debug)]
pub(super) struct SavedRows {
    file: BufReader<File>,
    digest: Hash,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnapshotFileError {
    #[error("there is none yet")]
    Absent,
    #[error("{0}")]
    Io(io::Error),
    #[error(transparent)]
    Own(#[from] OwnFileError),
    #[error("it is not a snapshot of a feed, or another release wrote it")]
    NotASnapshot,
    #[error("its digest is wrong: it is damaged or truncated")]
    Damaged,
    #[error("it belongs to the issuer `{0}`")]
    OtherIssuer(String),
}

/// Opens the file, if it is whole and of `issuer`.
pub(super) fn read(path: &Path, issuer: &str) -> Result<(Saved, SavedRows), SnapshotFileError> {
    let opened = files::open_own(path, OPEN_TO_ALL)?;
    let mut file = opened.ok_or(SnapshotFileError::Absent)?;
    let digest = check_digest(&mut file)?;
    let mut rows = SavedRows {
        file: BufReader::new(file),
        digest,
    };
    let saved: Option<Saved> = rows.message()?;
    let saved = saved.ok_or(SnapshotFileError::NotASnapshot)?;
    if saved.issuer != issuer {
        return Err(SnapshotFileError::OtherIssuer(saved.issuer));
    }
    Ok((saved, rows))
}

/// The digest that the file has in front, whether or not it is that of its content.
pub(super) fn digest(path: &Path) -> Option<Hash> {
    let mut file = File::open(path).ok()?;
    let (mut magic, mut digest) = ([0; MAGIC.len()], [0; DIGEST_BYTES]);
    file.read_exact(&mut magic).ok()?;
    file.read_exact(&mut digest).ok()?;
    (magic == *MAGIC).then_some(Hash::from_bytes(digest))
}

/// The digest of the content, if that is what was written; leaves the file at its beginning.
fn check_digest(file: &mut File) -> Result<Hash, SnapshotFileError> {
    let (mut magic, mut digest) = ([0; MAGIC.len()], [0; DIGEST_BYTES]);
    file.read_exact(&mut magic).map_err(cut_off)?;
    if magic != *MAGIC {
        return Err(SnapshotFileError::NotASnapshot);
    }
    file.read_exact(&mut digest).map_err(cut_off)?;
    let begin = file.stream_position().map_err(SnapshotFileError::Io)?;
    let mut hasher = blake3::Hasher::new();
    // All of it before any of it is used: half of the rows would be taken for all that has been
    // revoked.
    hasher
        .update_reader(&mut *file)
        .map_err(SnapshotFileError::Io)?;
    let found = hasher.finalize();
    if found != digest {
        return Err(SnapshotFileError::Damaged);
    }
    let begin = file.seek(SeekFrom::Start(begin));
    begin.map_err(SnapshotFileError::Io)?;
    Ok(found)
}

fn cut_off(error: io::Error) -> SnapshotFileError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => SnapshotFileError::Damaged,
        _ => SnapshotFileError::Io(error),
    }
}

impl SavedRows {
    /// Of the whole content: names the file to what goes on from it.
    pub(super) fn digest(&self) -> Hash {
        self.digest
    }

    /// The next rows; nothing after the last.
    pub(super) fn next_rows(&mut self) -> Result<Option<Vec<wire::Revocation>>, SnapshotFileError> {
        let rows: Option<Revocations> = self.message()?;
        Ok(rows.map(|rows| rows.revocations))
    }

    fn message<M: Message + Default>(&mut self) -> Result<Option<M>, SnapshotFileError> {
        let mut length = [0; 4];
        match self.file.read_exact(&mut length) {
            Ok(()) => {}
            // The end comes where a length would begin. Within a message it is a fault, but there the
            // digest has been checked already.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(SnapshotFileError::Io(error)),
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_FRAME_BYTES {
            return Err(SnapshotFileError::NotASnapshot);
        }
        let mut bytes = vec![0; length];
        self.file.read_exact(&mut bytes).map_err(cut_off)?;
        let message = M::decode(&*bytes).map_err(|_| SnapshotFileError::NotASnapshot)?;
        Ok(Some(message))
    }
}

/// Puts the file in place, whole or not at all; the digest of its content.
pub(super) fn write(
    path: &Path,
    saved: &Saved,
    rows: impl Iterator<Item = Vec<Revocation>>,
) -> io::Result<Hash> {
    files::check_replaceable(path, is_snapshot).map_err(io::Error::other)?;
    let staging = staging(path);
    // What an earlier process left behind may have another mode.
    let _ = fs::remove_file(&staging);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&staging)?;
    file.write_all(MAGIC)?;
    let digest_at = file.stream_position()?;
    // Its place, filled in when all is written: the rows pass by once and are not kept in memory for
    // it.
    file.write_all(&[0; DIGEST_BYTES])?;
    let mut content = Content {
        file: BufWriter::new(file),
        hasher: blake3::Hasher::new(),
    };
    content.add(saved)?;
    for chunk in rows {
        content.add(&Revocations {
            revocations: chunk.iter().map(wire::Revocation::from).collect(),
            ..Revocations::default()
        })?;
    }
    let digest = content.hasher.finalize();
    let mut file = content
        .file
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(digest_at))?;
    file.write_all(digest.as_bytes())?;
    // Before the rename: after a loss of power the name could otherwise lead to a file without its
    // content.
    file.sync_all()?;
    fs::rename(&staging, path)?;
    Ok(digest)
}

/// Whether this or another release wrote the file.
#[expect(clippy::unnecessary_wraps, reason = "others cannot always tell")]
fn is_snapshot(mut file: File) -> io::Result<bool> {
    let (_, name) = MAGIC.split_last().unwrap_or((&0, MAGIC));
    let mut begin = vec![0; name.len()];
    Ok(file.read_exact(&mut begin).is_ok() && begin == name)
}

/// What the digest is of.
struct Content {
    file: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Content {
    fn add(&mut self, message: &impl Message) -> io::Result<()> {
        let bytes = message.encode_to_vec();
        let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        for part in [&length.to_be_bytes(), &*bytes] {
            self.hasher.update(part);
            self.file.write_all(part)?;
        }
        Ok(())
    }
}

/// What is written beside a snapshot file: its next version, and its journal.
pub fn written_beside(snapshot: &Path) -> [PathBuf; 2] {
    [staging(snapshot), journal_of(snapshot)]
}

/// The journal of a snapshot file.
pub(super) fn journal_of(snapshot: &Path) -> PathBuf {
    let mut name = snapshot.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

fn staging(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::clock::UnixSeconds;
    use crate::token::{LogPosition, Mark};

    const ISSUER: &str = "https://id.shop.example";

    fn saved() -> Saved {
        Saved {
            issuer: ISSUER.to_owned(),
            cursor: Bytes::from_static(b"cursor"),
            position: 7,
            as_of: 1_800_000_000,
            keys: Some(Keys::default()),
        }
    }

    fn rows() -> Vec<Revocation> {
        let row = |position| Revocation {
            position: LogPosition(position),
            mark: (position > 1).then_some(Mark(u128::from(position))),
            expires_at: UnixSeconds(1_800_000_000),
        };
        (1..6).map(row).collect()
    }

    fn write(path: &Path) {
        let rows = rows();
        super::write(path, &saved(), rows.chunks(3).map(<[_]>::to_vec)).unwrap();
    }

    #[test]
    fn what_others_wrote_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.yaml");
        fs::write(&path, "version: 1\nroutes: []\n").unwrap();
        let rows = rows();
        let replaced = super::write(&path, &saved(), rows.chunks(3).map(<[_]>::to_vec));
        let refused = replaced.unwrap_err().to_string();
        assert!(refused.contains("it is not replaced"), "{refused}");
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "version: 1\nroutes: []\n"
        );
        // One of another release is.
        fs::write(&path, b"PCFEED\n\x01...").unwrap();
        write(&path);
        assert!(read(&path, ISSUER).is_ok());
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
            write(&path);
            let (found, mut pieces) = read(&path, ISSUER).unwrap();
            assert_eq!(found, saved());
            let mut found = Vec::new();
            while let Some(piece) = pieces.next_rows().unwrap() {
                assert!(piece.len() <= 3);
                found.extend(piece);
            }
            let expected: Vec<_> = rows().iter().map(wire::Revocation::from).collect();
            assert_eq!(found, expected);
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
        write(&path);
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
        write(&path);
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for refused in [0o602, 0o604, 0o666] {
            mode(refused);
            assert!(matches!(
                read(&path, ISSUER),
                Err(SnapshotFileError::Own(OwnFileError::Unsafe(found))) if found == refused
            ));
        }
        mode(0o660);
        assert!(read(&path, ISSUER).is_ok());
    }

    #[test]
    fn a_file_that_is_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("feed"), folder.path().join("link"));
        write(&path);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(
            read(&link, ISSUER),
            Err(SnapshotFileError::Own(OwnFileError::NotAFile))
        ));
    }
}
