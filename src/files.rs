//! Files that people write and the kubelet mounts: read with a bound, refused with a reason.

mod folder;
mod identity;
mod own;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use crate::logo::MAX_LOGO_BYTES;
use crate::problem::{Source, closest};
use crate::token::{KeyFileModeError, MAX_JWKS_BYTES, MAX_KEY_FILE_BYTES, check_key_file_mode};
use crate::yaml::MAX_SOURCE_BYTES;

pub use folder::check_folder;
pub use identity::{FileIdentity, FileIdentityError};
pub use own::{OwnFileError, check_replaceable, open_own};

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system says so.
    #[error("cannot read `{}`: {source}: check the path and who may read it", .path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// It is not there, and a file beside it has nearly its name.
    #[error("`{}` does not exist: did you mean `{near}`?", .path.display())]
    Misspelt { path: PathBuf, near: String },
    /// Larger than anything sensible.
    #[error("`{}` is larger than {limit} bytes: is it the right file?", .path.display())]
    TooLarge {
        path: PathBuf,
        /// The bound, in bytes.
        limit: usize,
    },
    #[error("`{}` is not UTF-8 text: is it the right file? (first bad byte: {offset})", .path.display())]
    NotUtf8 {
        path: PathBuf,
        /// The offset of the first byte that does not belong.
        offset: usize,
    },
    /// A directory without policy files.
    #[error("`{}` contains no `.yaml` or `.yml` file: name the policy's directory, or the file", .0.display())]
    NoPolicy(PathBuf),
    /// Others could change or take what it holds.
    #[error("the file `{}` is not safe: {source}", .path.display())]
    Unsafe {
        path: PathBuf,
        source: KeyFileModeError,
    },
    /// A directory, a pipe or the like.
    #[error("`{}` is not a file: name the file itself", .0.display())]
    NotAFile(PathBuf),
}

impl FileError {
    /// The file, or the directory.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. }
            | Self::Misspelt { path, .. }
            | Self::TooLarge { path, .. }
            | Self::NotUtf8 { path, .. }
            | Self::NoPolicy(path)
            | Self::Unsafe { path, .. }
            | Self::NotAFile(path) => path,
        }
    }
}

/// The path without links and dots; of what is not there, that of its directory is.
pub fn resolved(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if let (Ok(folder), Some(name)) = (folder.canonicalize(), path.file_name()) {
        return folder.join(name);
    }
    // `..` stays: behind a link it does not lead back.
    let parts = path.components();
    parts.filter(|part| *part != Component::CurDir).collect()
}

/// Reads a text file, such as a configuration.
pub fn read_source(path: &Path) -> Result<Source, FileError> {
    // Nobody may ever write to a pipe, and a gate that reloads would wait.
    if fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo()) {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    let bytes = read_bounded(path, MAX_SOURCE_BYTES).map_err(|error| misspelt(path, error))?;
    let text = String::from_utf8(bytes).map_err(|error| FileError::NotUtf8 {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })?;
    Ok(Source {
        name: path.display().to_string(),
        text,
    })
}

/// Reads a picture.
pub fn read_logo(path: &Path) -> Result<Vec<u8>, FileError> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo()) {
        return Err(FileError::NotAFile(path.to_owned()));
    }
    read_bounded(path, MAX_LOGO_BYTES).map_err(|error| misspelt(path, error))
}

/// The error, or the file that may be meant where there is none.
fn misspelt(path: &Path, error: FileError) -> FileError {
    let is_absent = matches!(
        &error,
        FileError::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound
    );
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let (true, Some(stem)) = (is_absent, stem.filter(|stem| stem.len() > 2)) else {
        return error;
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let entries = fs::read_dir(folder).into_iter().flatten();
    let beside = entries.filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())));
    let beside: Vec<PathBuf> = beside
        .filter(|name| name.extension() == path.extension())
        .collect();
    let stems = beside.iter().filter_map(|name| name.file_stem()?.to_str());
    match closest(stem, stems) {
        Some(near) => {
            let near = match path.extension().and_then(|extension| extension.to_str()) {
                Some(extension) => format!("{near}.{extension}"),
                None => near.to_owned(),
            };
            FileError::Misspelt {
                path: path.to_owned(),
                near: path.with_file_name(near).display().to_string(),
            }
        }
        None => error,
    }
}

/// Reads the files of a policy; of a directory, its `.yaml` and `.yml` files in the order of
/// their names, hidden ones left out.
pub fn read_policy(paths: &[PathBuf]) -> Result<Vec<Source>, FileError> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = policy_files(path)?;
            // An empty directory is a mistake and no policy that refuses everything: a volume that was
            // not mounted looks just like it.
            if files.is_empty() {
                return Err(FileError::NoPolicy(path.clone()));
            }
            for file in files {
                sources.push(read_source(&file)?);
            }
        } else {
            sources.push(read_source(path)?);
        }
    }
    Ok(sources)
}

/// The files of a policy directory, in the order of their names.
pub fn policy_files(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let unreadable = |source| FileError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        // A mounted ConfigMap keeps its files in hidden directories and links to them by name; editors
        // leave copies behind. Only the names count.
        // What cannot be looked at, such as a link to nothing, is left to the error of whoever reads it: a rule
        // that is in it must not be gone without a word.
        if is_policy_file_name(&path) && !path.is_dir() {
            files.push(path);
        }
    }
    // The order of a directory is that of the file system, and digest and messages must not depend on
    // it.
    files.sort();
    Ok(files)
}

/// The folders in a policy directory that look as if they belonged to it: they hold policy files, or are
/// named like one. None of them is read.
pub fn unread_folders(directory: &Path) -> Vec<PathBuf> {
    visible(directory, |path| {
        let holds_some = || policy_files(path).is_ok_and(|files| !files.is_empty());
        path.is_dir() && (is_policy_file_name(path) || holds_some())
    })
}

/// The files in a policy directory whose name ends in another spelling of `.yaml` or `.yml`, which are
/// not read.
pub fn unread_files(directory: &Path) -> Vec<PathBuf> {
    visible(directory, |path| {
        let is_meant = is_policy_file_name(&path.with_extension("yaml"))
            && path.extension().is_some_and(|extension| {
                extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
            });
        is_meant && !is_policy_file_name(path) && path.is_file()
    })
}

/// What of a directory is so, in the order of its names. The hidden folders of a mounted `ConfigMap` hold
/// what the links beside them name.
fn visible(directory: &Path, is_so: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> = paths
        .filter(|path| {
            let name = path.file_name().map(std::ffi::OsStr::as_encoded_bytes);
            name.is_some_and(|name| !name.starts_with(b".")) && is_so(path)
        })
        .collect();
    found.sort();
    found
}

/// Whether a policy directory counts a file of this name: `.yaml` and `.yml`, but not tests, and not
/// hidden ones, among them the `..data` of a mounted `ConfigMap`.
pub fn is_policy_file_name(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let extension = path.extension();
    !hidden
        && !is_test_file_name(path)
        && extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Whether a file of this name holds tests of the policy beside it.
pub fn is_test_file_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let is_test = |name: &str| name.ends_with(".test.yaml") || name.ends_with(".test.yml");
    name.is_some_and(|name| !name.starts_with('.') && is_test(name))
}

/// Reads public keys: everybody may know them, but not everybody may choose them.
pub fn read_public_keys(path: &Path) -> Result<Vec<u8>, FileError> {
    read_shared(path, MAX_JWKS_BYTES)
}

/// Reads a private key or a secret. The group may read it: `fsGroup` of Kubernetes makes it so.
pub fn read_secret(path: &Path) -> Result<Vec<u8>, FileError> {
    check_key_file_mode(mode(path)?).map_err(|source| FileError::Unsafe {
        path: path.to_owned(),
        source,
    })?;
    read_bounded(path, MAX_KEY_FILE_BYTES)
}

/// Reads a token that is there for a process, as Kubernetes mounts them: whoever shares the container
/// may read it, and nobody else may choose it.
pub fn read_token(path: &Path) -> Result<Vec<u8>, FileError> {
    read_shared(path, MAX_KEY_FILE_BYTES)
}

/// Reads what everybody may read and not everybody may write.
fn read_shared(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    match check_key_file_mode(mode(path)?) {
        Ok(()) | Err(KeyFileModeError::WorldReadable(_)) => read_bounded(path, limit),
        Err(source @ KeyFileModeError::WorldWritable(_)) => Err(FileError::Unsafe {
            path: path.to_owned(),
            source,
        }),
    }
}

fn mode(path: &Path) -> Result<u32, FileError> {
    let metadata = fs::metadata(path).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    if metadata.is_file() {
        Ok(metadata.mode())
    } else {
        Err(FileError::NotAFile(path.to_owned()))
    }
}

fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    let unreadable = |source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // Not by the file's length: devices and files that grow have none that holds.
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > limit {
        return Err(FileError::TooLarge {
            path: path.to_owned(),
            limit,
        });
    }
    Ok(bytes)
}
