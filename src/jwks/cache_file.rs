//! The last keys of an issuer in a file, so that a gate can start while the issuer is away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{self, OwnFileError};
use crate::token::MAX_JWKS_BYTES;

/// The longest file that is read: a key set of the longest kind, quoted once more.
const MAX_FILE_BYTES: u64 = 2 * MAX_JWKS_BYTES as u64 + 4096;

/// Public keys may be read by everybody.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The file of one issuer. What it holds is used only for the issuer and the address it came from:
/// under another name the keys of one would verify the tokens of another.
#[derive(Debug, Clone)]
pub struct CacheFile {
    path: PathBuf,
    issuer: String,
    location: String,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheFileError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Own(#[from] OwnFileError),
    #[error("it is not a file of cached keys, or another release wrote it")]
    NotACache,
    #[error("it holds the keys of `{issuer}` at `{location}`")]
    OtherIssuer { issuer: String, location: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    issuer: String,
    location: String,
    jwks: String,
}

impl CacheFile {
    pub fn new(path: PathBuf, issuer: &str, location: String) -> Self {
        Self {
            path,
            issuer: issuer.to_owned(),
            location,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key set that was written last; none where there is no file.
    pub fn read(&self) -> Result<Option<Vec<u8>>, CacheFileError> {
        let Some(file) = files::open_own(&self.path, WRITABLE_BY_OTHERS)? else {
            return Ok(None);
        };
        let mut text = Vec::new();
        // Longer than it may be, it is cut off and no JSON any more, which is the same as any other
        // damage.
        file.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
        let saved: Saved = serde_json::from_slice(&text).map_err(|_| CacheFileError::NotACache)?;
        if saved.version != 1 {
            return Err(CacheFileError::NotACache);
        }
        // The keys of another issuer, or from an address that the configuration no longer names, would
        // verify tokens that it does not mean to trust.
        if saved.issuer != self.issuer || saved.location != self.location {
            return Err(CacheFileError::OtherIssuer {
                issuer: saved.issuer,
                location: saved.location,
            });
        }
        Ok(Some(saved.jwks.into_bytes()))
    }

    /// Puts this key set in the place of the last one: whole, or not at all.
    pub fn write(&self, jwks: &[u8]) -> Result<(), CacheFileError> {
        let jwks = std::str::from_utf8(jwks).map_err(|_| CacheFileError::NotACache)?;
        let saved = Saved {
            version: 1,
            issuer: self.issuer.clone(),
            location: self.location.clone(),
            jwks: jwks.to_owned(),
        };
        let text = serde_json::to_vec(&saved).map_err(|_| CacheFileError::NotACache)?;
        files::check_replaceable(&self.path, is_cache)?;
        let [beside] = written_beside(&self.path);
        // Of an earlier write that was cut off; its mode may be another.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(&text)?;
        // Before the rename, or a loss of power could leave an empty file under the name.
        file.sync_all()?;
        Ok(fs::rename(&beside, &self.path)?)
    }
}

/// What is written beside a cache file: its next version.
pub fn written_beside(cache: &Path) -> [PathBuf; 1] {
    let mut name = cache.as_os_str().to_owned();
    name.push(".new");
    [name.into()]
}

/// Whether this or another release wrote the file.
fn is_cache(file: File) -> io::Result<bool> {
    let mut text = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
    let saved: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
    let has = |key: &&str| saved.as_ref().is_some_and(|saved| saved.get(key).is_some());
    Ok(["version", "issuer", "jwks"].iter().all(has))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    const JWKS: &[u8] = b"{\"keys\": [1, \"\xc3\xa9\"]}";

    fn cache(folder: &Path, issuer: &str, location: &str) -> CacheFile {
        CacheFile::new(folder.join("keys"), issuer, location.to_owned())
    }

    #[test]
    fn what_is_written_is_read_by_its_issuer_at_its_address_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "https://id.example", "https://id.example/a");
        assert_eq!(ours.read().unwrap(), None);
        ours.write(b"old").unwrap();
        ours.write(JWKS).unwrap();
        assert_eq!(ours.read().unwrap().as_deref(), Some(JWKS));
        for (issuer, location) in [
            ("https://evil.example", "https://id.example/a"),
            ("https://id.example", "https://id.example/b"),
        ] {
            let other = cache(folder.path(), issuer, location).read();
            assert!(matches!(other, Err(CacheFileError::OtherIssuer { .. })));
        }
    }

    /// What is written takes the place of whatever was there.
    #[test]
    fn a_link_is_not_read_and_makes_way() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "a", "b");
        ours.write(JWKS).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(ours.path(), &elsewhere).unwrap();
        symlink(&elsewhere, ours.path()).unwrap();
        let refused = ours.read().unwrap_err();
        assert!(
            refused.to_string().contains("not a regular file"),
            "{refused}"
        );
        ours.write(JWKS).unwrap();
        assert_eq!(ours.read().unwrap().as_deref(), Some(JWKS));
    }

    #[test]
    fn what_others_wrote_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "a", "b");
        for text in ["version: 1\nroutes: []\n", "{\"keys\": []}", "7", "x"] {
            fs::write(ours.path(), text).unwrap();
            let refused = ours.write(JWKS).unwrap_err();
            assert!(matches!(
                refused,
                CacheFileError::Own(OwnFileError::Foreign)
            ));
            assert_eq!(fs::read_to_string(ours.path()).unwrap(), text);
        }
        let later = "{\"version\": 2, \"issuer\": \"a\", \"jwks\": {}, \"more\": 1}";
        for text in ["", later] {
            fs::write(ours.path(), text).unwrap();
            ours.write(JWKS).unwrap();
            assert_eq!(ours.read().unwrap().as_deref(), Some(JWKS), "{text}");
        }
    }

    #[test]
    fn everybody_may_read_the_public_keys() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "a", "b");
        ours.write(JWKS).unwrap();
        for mode in [0o644, 0o604, 0o444, 0o640] {
            fs::set_permissions(ours.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(ours.read().unwrap().as_deref(), Some(JWKS), "{mode:o}");
        }
    }

    #[test]
    fn the_file_is_private_and_one_that_others_may_write_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "a", "b");
        ours.write(JWKS).unwrap();
        let mode = fs::metadata(ours.path()).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        for mode in [0o602, 0o620, 0o646, 0o660, 0o666] {
            fs::set_permissions(ours.path(), Permissions::from_mode(mode)).unwrap();
            assert!(
                matches!(
                    ours.read(),
                    Err(CacheFileError::Own(OwnFileError::Unsafe(_)))
                ),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn what_is_damaged_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "a", "b");
        for text in [
            "",
            "{}",
            "{\"keys\": []}",
            "{\"version\": 2, \"issuer\": \"a\", \"location\": \"b\", \"jwks\": \"\"}",
        ] {
            fs::write(ours.path(), text).unwrap();
            fs::set_permissions(ours.path(), Permissions::from_mode(0o600)).unwrap();
            assert!(
                matches!(ours.read(), Err(CacheFileError::NotACache)),
                "{text}"
            );
        }
    }
}
