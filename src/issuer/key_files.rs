//! Signing keys in files instead of the store: the first signs, the others are trusted as well.
//! They are read again all the time, so whoever replaces them rotates by hand.

use std::path::{Path, PathBuf};

use super::first_password;
use super::settings::{ALGORITHMS, IssuerSettings};
use crate::clock::UnixSeconds;
use crate::files::{self, FileError};
use crate::problem::Faults;
use crate::store::{self, StoreLocation, StoredKey};
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
    if let Err(error) = store::check_file(&settings.store) {
        faults.add("issuer.store", format!("`issuer.store`: {error}"));
    }
    if let Some(proxy) = &settings.portal.proxy
        && let Err(error) = super::proxy::check_files(proxy)
    {
        faults.add("issuer.portal.proxy.ca_file", error.to_string());
    }
    // Only a first start reads it: later it may be gone.
    let is_read = |path: &&PathBuf| path.exists() || is_missing(&settings.store);
    let password_file = settings.admin_password_file.as_ref();
    if let Some(path) = password_file.filter(is_read)
        && let Err(error) = first_password::read(path, &settings.password_words)
    {
        faults.add("issuer.admin_password_file", error.to_string());
    }
}

/// Whether a start would certainly make the store. Of a database that a server keeps, nobody knows.
fn is_missing(store: &StoreLocation) -> bool {
    matches!(store, StoreLocation::Sqlite(path) if !path.exists())
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::token::generate_key;

    /// Files with a key of each algorithm, and the modes that they have.
    fn files(folder: &Path, keys: &[(Algorithm, u32)]) -> Vec<PathBuf> {
        let write = |(number, (algorithm, mode)): (usize, &(Algorithm, u32))| {
            let path = folder.join(number.to_string());
            fs::write(&path, generate_key(*algorithm).unwrap().reveal()).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            path
        };
        keys.iter().enumerate().map(write).collect()
    }

    #[test]
    fn the_first_signs_and_the_others_are_of_any_algorithm() {
        let folder = tempfile::tempdir().unwrap();
        let paths = files(
            folder.path(),
            &[(Algorithm::Es256, 0o600), (Algorithm::EdDsa, 0o600)],
        );
        let keys = read(&paths, Algorithm::Es256, 60).unwrap();
        let lives: Vec<_> = keys.iter().map(|key| key.life).collect();
        assert_eq!(lives[0].algorithm, Algorithm::Es256);
        assert_eq!(lives[0].active_from, UnixSeconds(0));
        assert_eq!(lives[1].algorithm, Algorithm::EdDsa);
        assert_eq!(
            lives[1].active_from,
            UnixSeconds(i64::MAX),
            "its turn never comes"
        );
        assert!(lives.iter().all(|life| life.token_seconds == 60));
    }

    #[test]
    fn what_signs_must_be_of_the_algorithm_that_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path(), &[(Algorithm::EdDsa, 0o600)]);
        let error = read(&paths, Algorithm::Es256, 60).err().unwrap();
        assert!(matches!(error, KeyFileError::Key { .. }), "{error}");
        let named = paths[0].display().to_string();
        assert!(error.to_string().contains(&named), "{error}");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let paths = files(folder.path(), &[(Algorithm::Es256, 0o644)]);
        let error = read(&paths, Algorithm::Es256, 60).err().unwrap();
        assert!(
            error.to_string().contains("everybody can read it"),
            "{error}"
        );
        let absent = read(&[folder.path().join("none")], Algorithm::Es256, 60);
        assert!(matches!(absent, Err(KeyFileError::File(_))));
    }
}
