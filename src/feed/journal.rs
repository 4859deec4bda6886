//! What came after the last snapshot, in a file beside it: a frame at a time, on the disk before the
//! next. What was cut off in the middle ends it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use blake3::Hash;
use prost::Message;

use super::snapshot_file::{self, OPEN_TO_ALL, journal_of};
use super::wire::{MAX_FRAME_BYTES, Revocations};
use crate::files;

/// The file's first bytes; the last one is the version of what follows: the digest of the snapshot
/// that it goes on from, then frames, each with its length and its digest in front.
const MAGIC: &[u8; 8] = b"PCJRNL\n\x01";

/// A journal that is written.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    bytes: u64,
    snapshot: PathBuf,
    digest: Hash,
}

impl Journal {
    /// Begins one that goes on from the snapshot with this digest, in place of any other.
    pub(super) fn begin(snapshot: &Path, digest: &Hash) -> io::Result<Self> {
        let path = journal_of(snapshot);
        // What an earlier process left behind may have another mode.
        let _ = fs::remove_file(&path);
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(MAGIC)?;
        // Names the snapshot that it goes on from, so that a crash between writing the two leaves a
        // journal that is not used and no wrong one.
        file.write_all(digest.as_bytes())?;
        file.sync_all()?;
        Ok(Self {
            file,
            bytes: 0,
            snapshot: snapshot.to_owned(),
            digest: *digest,
        })
    }

    /// Adds frames; they are on the disk when it returns.
    pub(super) fn append(&mut self, frames: &[Revocations]) -> io::Result<()> {
        let mut bytes = Vec::new();
        if frames.is_empty() {
            return Ok(());
        }
        for frame in frames {
            let content = frame.encode_to_vec();
            let length = u32::try_from(content.len()).map_err(io::Error::other)?;
            bytes.extend(length.to_be_bytes());
            bytes.extend(blake3::hash(&content).as_bytes());
            bytes.extend(content);
        }
        self.file.write_all(&bytes)?;
        // Before anybody is told: a frame that counts as saved must be there after a loss of power.
        self.file.sync_data()?;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Whether a process that starts now would read it: whether its file and its snapshot are still the
    /// ones that are found under their names.
    pub(super) fn is_in_place(&self) -> bool {
        let identity = |file: Metadata| (file.dev(), file.ino());
        let named = fs::metadata(journal_of(&self.snapshot)).map(identity);
        let written = self.file.metadata().map(identity);
        matches!((named, written), (Ok(named), Ok(written)) if named == written)
            && snapshot_file::digest(&self.snapshot) == Some(self.digest)
    }

    /// How much has been added, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The frames of the journal that goes on from the snapshot with this digest, one after the other.
/// There are none where it goes on from another one, or may have been written by others.
pub(super) fn frames(snapshot: &Path, digest: &Hash) -> impl Iterator<Item = Revocations> {
    let mut file = open(snapshot, digest);
    std::iter::from_fn(move || next(file.as_mut()?))
}

fn open(snapshot: &Path, digest: &Hash) -> Option<BufReader<File>> {
    let file = files::open_own(&journal_of(snapshot), OPEN_TO_ALL).ok()??;
    let mut file = BufReader::new(file);
    let (mut magic, mut of) = ([0; MAGIC.len()], [0; blake3::OUT_LEN]);
    file.read_exact(&mut magic).ok()?;
    file.read_exact(&mut of).ok()?;
    (magic == *MAGIC && *digest == of).then_some(file)
}

fn next(file: &mut impl Read) -> Option<Revocations> {
    let (mut length, mut digest) = ([0; 4], [0; blake3::OUT_LEN]);
    file.read_exact(&mut length).ok()?;
    file.read_exact(&mut digest).ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    // The length is not covered by the digest: a broken one must not ask for four gigabytes.
    if length > MAX_FRAME_BYTES {
        return None;
    }
    let mut content = vec![0; length];
    file.read_exact(&mut content).ok()?;
    if blake3::hash(&content) != digest {
        return None;
    }
    Revocations::decode(&*content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(position: u64) -> Revocations {
        Revocations {
            position,
            cursor: position.to_string().into(),
            ..Revocations::default()
        }
    }

    fn read(snapshot: &Path, digest: Hash) -> Vec<u64> {
        let frames = frames(snapshot, &digest);
        frames.map(|frame| frame.position).collect()
    }

    #[test]
    fn what_was_added_is_read_up_to_what_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let snapshot = folder.path().join("feed");
        let (one, other) = (Hash::from_bytes([1; 32]), Hash::from_bytes([2; 32]));
        assert!(read(&snapshot, one).is_empty());
        let mut journal = Journal::begin(&snapshot, &one).unwrap();
        journal.append(&[frame(1), frame(2)]).unwrap();
        journal.append(&[frame(3)]).unwrap();
        assert_eq!(read(&snapshot, one), [1, 2, 3]);
        assert!(read(&snapshot, other).is_empty(), "of another snapshot");
        let path = journal_of(&snapshot);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let found = read(&snapshot, one);
            assert!([1, 2, 3].starts_with(&found) && found.len() < 3, "{length}");
        }
        for position in 0..whole.len() {
            let mut changed = whole.clone();
            changed[position] ^= 1;
            fs::write(&path, &changed).unwrap();
            let found = read(&snapshot, one);
            assert!(
                [1, 2, 3].starts_with(&found) && found.len() < 3,
                "{position}"
            );
        }
        Journal::begin(&snapshot, &other).unwrap();
        assert!(read(&snapshot, one).is_empty(), "it is another one");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }
}
