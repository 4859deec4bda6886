//! Signing keys in files instead of the store: the first signs, the others are trusted as well.
//! They are read again all the time, so whoever replaces them rotates by hand.

use std::path::{Path, PathBuf};

use super::settings::{ALGORITHMS, IssuerSettings};
use crate::clock::UnixSeconds;
use crate::files::{self, FileError};
use crate::problem::Faults;
use crate::store::StoredKey;
use crate::token::{Algorithm, KeyLife, SigningKey, SigningKeyError};

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// One cannot be read, or others could read it.
    #[error("`issuer.keys.files`: {0}")]
    File(#[from] FileError),
    /// One holds no key of an algorithm that the issuer can use.
    #[error("`issuer.keys.files`: `{}`: {source}", .path.display())]
    Key {
        path: PathBuf,
        source: SigningKeyError,
    },
}

/// Reads the keys as rows that never change: the first has always been in use, and the turn of the
/// others never comes.
pub(super) fn read(
    paths: &[PathBuf],
    algorithm: Algorithm,
    token_seconds: u32,
) -> Result<Vec<StoredKey>, KeyFileError> {
    let mut keys = Vec::new();
    for (position, path) in (1..).zip(paths) {
        let text = text(path)?;
        // What signs is what is configured; what signed before may have been something else.
        let others = ALGORITHMS.iter().filter(|_| position > 1);
        let algorithm = fitting(&text, algorithm, others.copied());
        let algorithm = algorithm.map_err(|source| KeyFileError::Key {
            path: path.clone(),
            source,
        })?;
        let active_from = if position == 1 { 0 } else { i64::MAX };
        keys.push(StoredKey {
            life: KeyLife {
                position,
                algorithm,
                active_from: UnixSeconds(active_from),
                token_seconds: i64::from(token_seconds),
            },
            id: String::new(),
            private_key: text,
            created_at: UnixSeconds(0),
        });
    }
    Ok(keys)
}

/// What a start would find wrong with the files that the section names; what they hold is dropped.
pub fn check_files(settings: &IssuerSettings, faults: &mut Faults) {
    let IssuerSettings {
        keys, algorithm, ..
    } = settings;
    if let Err(error) = read(&keys.files, *algorithm, settings.access_token_seconds) {
        faults.add("issuer.keys.files", error.to_string());
    }
    // Only a first start reads it: later it may be gone.
    let password_file = settings.admin_password_file.as_ref();
    if let Some(path) = password_file.filter(|path| path.exists())
        && let Err(error) = files::read_secret(path)
    {
        let message = format!("`issuer.admin_password_file`: {error}");
        faults.add("issuer.admin_password_file", message);
    }
}

fn text(path: &Path) -> Result<String, FileError> {
    let bytes = files::read_secret(path)?;
    String::from_utf8(bytes).map_err(|error| FileError::NotUtf8 {
        path: path.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

/// The algorithm that a key serves: `first`, else one of `others`. The error is that of `first`.
fn fitting(
    text: &str,
    first: Algorithm,
    mut others: impl Iterator<Item = Algorithm>,
) -> Result<Algorithm, SigningKeyError> {
    let serves = |algorithm| SigningKey::read(text.as_bytes(), algorithm);
    match serves(first) {
        Ok(_) => Ok(first),
        Err(error) => others
            .find(|algorithm| serves(*algorithm).is_ok())
            .ok_or(error),
    }
}
