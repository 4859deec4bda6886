//! Files that this program writes for its own next start. What is in them is trusted, so nobody else may
//! have chosen it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Why such a file is not used.
#[derive(Debug, thiserror::Error)]
pub enum OwnFileError {
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
    /// Its mode, of which a bit is set that must not be.
    #[error("{others} (mode {0:04o}): run `chmod 600` on it", others = others_can(*.0))]
    Unsafe(u32),
    #[error(
        "another program or a person wrote it, so that it is not replaced: name a file that nothing else uses, \
         or remove it"
    )]
    Foreign,
}

/// What such a mode lets others do.
fn others_can(mode: u32) -> &'static str {
    if mode & 0o022 == 0 {
        "others can read it, and it is for this process alone"
    } else {
        "others can write to it, and so choose what is in it"
    }
}

/// Opens the file, whose owner must be this process's user or root; none where there is no file. None of
/// the mode bits in `refused` may be set.
pub fn open_own(path: &Path, refused: u32) -> Result<Option<File>, OwnFileError> {
    // Neither another file that a link leads to, nor a pipe for whose writer one waits.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(OwnFileError::NotAFile);
        }
        Err(error) => return Err(error.into()),
    };
    // Of what is open: what the path leads to may be another file by now.
    check(&file.metadata()?, own_user()?, refused)?;
    Ok(Some(file))
}

/// Refuses to put a file of this program in the place of one that it has not written, whose content would be
/// lost. A link makes way: what it leads to stays.
pub fn check_replaceable(
    path: &Path,
    is_own: impl FnOnce(File) -> io::Result<bool>,
) -> Result<(), OwnFileError> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.is_symlink() || found.is_file() && found.len() == 0 {
        return Ok(());
    }
    if !found.is_file() {
        return Err(OwnFileError::NotAFile);
    }
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    if is_own(opened?)? {
        Ok(())
    } else {
        Err(OwnFileError::Foreign)
    }
}

/// The user that this process runs as.
fn own_user() -> io::Result<u32> {
    // The kernel gives the folder to the effective user.
    Ok(fs::metadata("/proc/self")?.uid())
}

fn check(file: &Metadata, own: u32, refused: u32) -> Result<(), OwnFileError> {
    if !file.is_file() {
        return Err(OwnFileError::NotAFile);
    }
    let owner = file.uid();
    if owner != own && owner != 0 {
        return Err(OwnFileError::OtherOwner { owner, own });
    }
    if file.mode() & refused != 0 {
        return Err(OwnFileError::Unsafe(file.mode() & 0o7777));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    const WRITABLE_BY_OTHERS: u32 = 0o022;

    fn open(path: &Path) -> Result<Option<File>, OwnFileError> {
        open_own(path, WRITABLE_BY_OTHERS)
    }

    #[test]
    fn a_link_a_folder_and_a_pipe_are_not_read_and_nobody_waits_for_the_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own");
        assert!(open(&path).unwrap().is_none());
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "text").unwrap();
        let refused = || matches!(open(&path), Err(OwnFileError::NotAFile));
        symlink(&elsewhere, &path).unwrap();
        assert!(refused(), "a link");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(refused(), "a folder");
        fs::remove_dir(&path).unwrap();
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        assert!(refused(), "a pipe");
    }

    #[test]
    fn a_file_of_another_user_is_not_read_unless_it_is_roots() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own");
        fs::write(&path, "text").unwrap();
        let file = fs::metadata(&path).unwrap();
        let own = own_user().unwrap();
        assert_eq!(file.uid(), own);
        assert!(check(&file, own, 0).is_ok());
        let seen_by_another = check(&file, own + 1, 0);
        if own == 0 {
            assert!(seen_by_another.is_ok());
            std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
            assert!(matches!(
                open(&path),
                Err(OwnFileError::OtherOwner {
                    owner: 12345,
                    own: 0
                })
            ));
        } else {
            assert!(
                matches!(seen_by_another, Err(OwnFileError::OtherOwner { owner, .. }) if owner == own)
            );
        }
    }

    #[test]
    fn modes_are_refused_by_their_bits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own");
        fs::write(&path, "text").unwrap();
        for mode in [0o600, 0o644, 0o604, 0o444, 0o640] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert!(open(&path).unwrap().is_some(), "{mode:o}");
        }
        for mode in [0o602, 0o620, 0o646, 0o660, 0o666] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = open(&path).unwrap_err().to_string();
            let expected = format!(
                "others can write to it, and so choose what is in it (mode {mode:04o}): run \
                 `chmod 600` on it"
            );
            assert_eq!(error, expected, "{mode:o}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        let error = open_own(&path, 0o006).unwrap_err().to_string();
        assert_eq!(
            error,
            "others can read it, and it is for this process alone (mode 0604): run `chmod 600` on it"
        );
    }
}
