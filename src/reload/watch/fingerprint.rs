//! Digests of what paths hold. They are compared and never shown: the files may be secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};

use super::places::listed_entries;

/// What is read of one file, in bytes; of a larger one the length counts as well. Nothing that
/// Portcullis loads may be that large.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;

/// A digest for each path.
#[derive(PartialEq, Eq)]
pub(super) struct Fingerprints(BTreeMap<PathBuf, Vec<u8>>);

impl Fingerprints {
    /// Reads the paths as they are now.
    pub(super) fn of(paths: &BTreeSet<PathBuf>) -> Self {
        let of_path = |path: &PathBuf| (path.clone(), digest_of(path));
        Self(paths.iter().map(of_path).collect())
    }

    /// Whether a path is new or holds something else than `before`. Paths that went do not count.
    pub(super) fn differ_from(&self, before: &Self) -> bool {
        let same = |(path, digest)| before.0.get(path) == Some(digest);
        !self.0.iter().all(same)
    }
}

fn digest_of(path: &Path) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    let is_folder = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if is_folder {
        context.update(b"folder");
        for entry in listed_entries(path) {
            let name = entry.file_name().unwrap_or_default().as_encoded_bytes();
            // By its digest, which has a fixed length: otherwise a name could end in what looks like
            // the beginning of another entry.
            context.update(&digest_of_bytes(name));
            context.update(&digest_of_entry(&entry));
        }
    } else {
        context.update(&digest_of_entry(path));
    }
    context.finish().as_ref().to_vec()
}

fn digest_of_bytes(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&SHA256, bytes).as_ref().to_vec()
}

/// Each way in which there can be no content is a content of its own.
fn digest_of_entry(path: &Path) -> Vec<u8> {
    digest_of_file(path).unwrap_or_else(|error| {
        let kind = error.kind();
        digest_of_bytes(format!("unreadable: {kind:?}").as_bytes())
    })
}

fn digest_of_file(path: &Path) -> io::Result<Vec<u8>> {
    // Asked before it is opened: opening a named pipe waits for its other end.
    if !fs::metadata(path)?.is_file() {
        return Ok(digest_of_bytes(b"not a file"));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut context = Context::new(&SHA256);
    context.update(b"file");
    if length > MAX_FILE_BYTES {
        // Of more than is read, so that a file that grows beyond has changed all the same.
        context.update(&length.to_le_bytes());
    }
    let mut reader = file.take(MAX_FILE_BYTES);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(context.finish().as_ref().to_vec()),
            Ok(count) => context.update(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
