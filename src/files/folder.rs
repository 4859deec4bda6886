//! Whether files can be made in a directory, found out without leaving one there.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Why no file could be made in this directory, if none could; empty is the working directory.
pub fn check_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    // A file without a name, which is gone when it is closed.
    let nameless = OpenOptions::new()
        .write(true)
        .mode(0o600)
        .custom_flags(libc::O_TMPFILE)
        .open(folder);
    match nameless {
        Err(error) if has_no_nameless_files(&error) => check_by_name(folder),
        other => other.map(drop),
    }
}

/// Not every file system has files without names, and some directories, such as `/proc`, take none at all.
fn check_by_name(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".portcullis-check-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&path)?;
    std::fs::remove_file(&path)
}

/// `open(2)`: kernels and file systems without `O_TMPFILE` take it for an attempt to write to a directory.
fn has_no_nameless_files(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [libc::EISDIR, libc::EOPNOTSUPP, libc::ENOENT, libc::EINVAL]
        .iter()
        .any(|known| code == Some(*known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_takes_no_files_is_found_and_the_others_are_left_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        check_folder(folder.path()).unwrap();
        check_by_name(folder.path()).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        std::fs::write(folder.path().join("file"), "").unwrap();
        for wrong in [
            folder.path().join("missing"),
            folder.path().join("file"),
            "/proc".into(),
        ] {
            assert!(check_folder(&wrong).is_err(), "{}", wrong.display());
        }
    }
}
