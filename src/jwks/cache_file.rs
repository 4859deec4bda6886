//! The last keys of an issuer in a file, so that a gate can start while the issuer is away.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::token::MAX_JWKS_BYTES;

/// The longest file that is read: a key set of the longest kind, quoted once more.
const MAX_FILE_BYTES: u64 = 2 * MAX_JWKS_BYTES as u64 + 4096;

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
    #[error(
        "it is not a regular file: it may be a link, a directory or a pipe; name the file itself"
    )]
    NotAFile,
    #[error(
        "it belongs to the user {owner}, and this process runs as {own}: whoever owns it may choose \
         the keys; remove it, and name a file in a folder of this service"
    )]
    OtherOwner { owner: u32, own: u32 },
    #[error("others can write to it (mode {0:04o}), and so choose the keys: run `chmod 600` on it")]
    Unsafe(u32),
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
        // Neither another file that a link leads to, nor a pipe for whose writer one waits.
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(&self.path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                return Err(CacheFileError::NotAFile);
            }
            Err(error) => return Err(error.into()),
        };
        check(&file.metadata()?, own_user()?)?;
        let mut text = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut text)?;
        let saved: Saved = serde_json::from_slice(&text).map_err(|_| CacheFileError::NotACache)?;
        if saved.version != 1 {
            return Err(CacheFileError::NotACache);
        }
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
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let beside = PathBuf::from(name);
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
        file.sync_all()?;
        Ok(fs::rename(&beside, &self.path)?)
    }
}

/// The user that this process runs as.
fn own_user() -> io::Result<u32> {
    // The kernel gives the folder to the effective user.
    Ok(fs::metadata("/proc/self")?.uid())
}

/// Whether only this process, as the user `own`, and root can have chosen what the file holds. Public
/// keys may be read by everybody.
fn check(file: &Metadata, own: u32) -> Result<(), CacheFileError> {
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    if !file.is_file() {
        return Err(CacheFileError::NotAFile);
    }
    let owner = file.uid();
    if owner != own && owner != 0 {
        return Err(CacheFileError::OtherOwner { owner, own });
    }
    if file.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(CacheFileError::Unsafe(file.mode() & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

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

    #[test]
    fn a_link_a_folder_and_a_pipe_are_not_read_and_nobody_waits_for_the_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "a", "b");
        ours.write(JWKS).unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::rename(ours.path(), &elsewhere).unwrap();
        let refused = || matches!(ours.read(), Err(CacheFileError::NotAFile));
        symlink(&elsewhere, ours.path()).unwrap();
        assert!(refused(), "a link");
        fs::remove_file(ours.path()).unwrap();
        fs::create_dir(ours.path()).unwrap();
        assert!(refused(), "a folder");
        fs::remove_dir(ours.path()).unwrap();
        let made = Command::new("mkfifo").arg(ours.path()).status().unwrap();
        assert!(made.success());
        assert!(refused(), "a pipe");
        // What is written takes the place of whatever was there.
        ours.write(JWKS).unwrap();
        assert_eq!(ours.read().unwrap().as_deref(), Some(JWKS));
    }

    #[test]
    fn a_file_of_another_user_is_not_read_unless_it_is_roots() {
        let folder = tempfile::tempdir().unwrap();
        let ours = cache(folder.path(), "a", "b");
        ours.write(JWKS).unwrap();
        let file = fs::metadata(ours.path()).unwrap();
        let own = own_user().unwrap();
        assert_eq!(file.uid(), own);
        assert!(check(&file, own).is_ok());
        let seen_by_another = check(&file, own + 1);
        if own == 0 {
            assert!(seen_by_another.is_ok());
            std::os::unix::fs::chown(ours.path(), Some(12345), None).unwrap();
            assert!(matches!(
                ours.read(),
                Err(CacheFileError::OtherOwner {
                    owner: 12345,
                    own: 0
                })
            ));
        } else {
            assert!(
                matches!(seen_by_another, Err(CacheFileError::OtherOwner { owner, .. }) if owner == own)
            );
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
                matches!(ours.read(), Err(CacheFileError::Unsafe(_))),
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
