//! How logs name people: by a digest that only whoever has its key can compute, or in clear.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::files::{self, FileError};
use crate::token::secret_in_file;

/// Sets the keys of digests in logs apart from whatever else a file serves for.
const KEY_CONTEXT: &str = "portcullis 2026 digests of subjects in logs";

/// The same for a secret of the store.
const STORED_KEY_CONTEXT: &str = "portcullis 2026 digests of subjects in logs, by the store";

/// A shorter key could be guessed, in bytes: 16 random ones as hex digits.
const MIN_KEY_BYTES: usize = 32;

/// How a subject is named in logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectForm {
    /// The first 16 hex digits of a keyed BLAKE3 hash of `iss` and `sub`: the same person has the
    /// same digest, and a list of names does not reveal whose it is.
    #[default]
    Digest,
    /// `sub` itself.
    Plain,
}

#[derive(Clone)]
pub struct SubjectNames {
    form: SubjectForm,
    key: [u8; blake3::KEY_LEN],
    origin: KeyOrigin,
}

/// Who else has the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyOrigin {
    /// Whoever reads the configured file.
    File,
    /// Whoever opens the store of the issuer.
    Store,
    /// Nobody.
    Process,
}

/// Why people cannot be named in logs.
#[derive(Debug, thiserror::Error)]
pub enum SubjectKeyError {
    /// The key's file cannot be used.
    #[error("`log.subject_key_file`: {0}")]
    File(#[from] FileError),
    /// The key could be guessed.
    #[error(
        "`log.subject_key_file`: the key has {0} bytes: use at least {MIN_KEY_BYTES}, such as \
         those of `openssl rand -hex 32`"
    )]
    TooShort(usize),
    /// The operating system's random generator.
    #[error("cannot make a key for the digests in the log: no random bytes")]
    Randomness,
}

impl SubjectNames {
    /// Whether names are digests.
    pub fn form(&self) -> SubjectForm {
        self.form
    }

    /// With the key in a file, so that digests are the same after a restart and in other processes
    /// with that key; without a file, with a key of this process.
    pub fn load(form: SubjectForm, key_file: Option<&Path>) -> Result<Self, SubjectKeyError> {
        let (key, origin) = match key_file {
            Some(path) => (read_key(path)?, KeyOrigin::File),
            None => (random_key()?, KeyOrigin::Process),
        };
        Ok(Self { form, key, origin })
    }

    /// Digests by a secret that the store keeps, so that they are the same after a restart and in every
    /// process on that store. A key file goes before it.
    #[must_use]
    pub fn with_stored_secret(self, secret: &[u8]) -> Self {
        match self.origin {
            KeyOrigin::File => self,
            KeyOrigin::Store | KeyOrigin::Process => Self {
                form: self.form,
                key: blake3::derive_key(STORED_KEY_CONTEXT, secret),
                origin: KeyOrigin::Store,
            },
        }
    }

    /// Whether names are shown in clear.
    pub fn are_plain(&self) -> bool {
        self.form == SubjectForm::Plain
    }

    /// What a log calls `subject` of `issuer`.
    pub fn name(&self, issuer: &str, subject: &str) -> String {
        match self.form {
            SubjectForm::Plain => subject.to_owned(),
            SubjectForm::Digest => self.digest(issuer, subject),
        }
    }

    /// The digest of `subject` of `issuer`, even where names are shown in clear.
    pub fn digest(&self, issuer: &str, subject: &str) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(issuer.as_bytes());
        hasher.update(b"\n");
        hasher.update(subject.as_bytes());
        let first = hasher.finalize().as_bytes().first_chunk().copied();
        format!("{:016x}", u64::from_be_bytes(first.unwrap_or_default()))
    }
}

fn read_key(path: &Path) -> Result<[u8; blake3::KEY_LEN], SubjectKeyError> {
    let bytes = files::read_secret(path)?;
    let secret = secret_in_file(&bytes);
    if secret.len() < MIN_KEY_BYTES {
        return Err(SubjectKeyError::TooShort(secret.len()));
    }
    Ok(blake3::derive_key(KEY_CONTEXT, secret))
}

fn random_key() -> Result<[u8; blake3::KEY_LEN], SubjectKeyError> {
    let mut key = [0; blake3::KEY_LEN];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| SubjectKeyError::Randomness)?;
    Ok(key)
}

/// Without the key.
impl fmt::Debug for SubjectNames {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.form.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const ISSUER: &str = "https://id.shop.example";

    fn with_key(text: &str) -> Result<SubjectNames, SubjectKeyError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        SubjectNames::load(SubjectForm::Digest, Some(&path))
    }

    #[test]
    fn processes_with_one_key_give_the_same_digest_and_others_another() {
        let key = "0123456789abcdef0123456789abcdef";
        let one = with_key(key).unwrap().name(ISSUER, "alice");
        assert_eq!(one.len(), 16);
        assert_eq!(
            with_key(&format!("{key}\n")).unwrap().name(ISSUER, "alice"),
            one
        );
        assert_ne!(with_key(key).unwrap().name(ISSUER, "bob"), one);
        assert_ne!(with_key(key).unwrap().name("other", "alice"), one);
        assert_ne!(
            with_key(&key.replace('0', "1"))
                .unwrap()
                .name(ISSUER, "alice"),
            one
        );
        let random = || SubjectNames::load(SubjectForm::Digest, None).unwrap();
        assert_ne!(
            random().name(ISSUER, "alice"),
            random().name(ISSUER, "alice")
        );
    }

    #[test]
    fn processes_on_one_store_give_the_same_digest_unless_a_file_has_the_key() {
        let random = || SubjectNames::load(SubjectForm::Digest, None).unwrap();
        let stored = |secret: &[u8]| random().with_stored_secret(secret).name(ISSUER, "alice");
        assert_eq!(stored(b"one"), stored(b"one"));
        assert_ne!(stored(b"one"), stored(b"other"));
        let file = || with_key("0123456789abcdef0123456789abcdef").unwrap();
        let both = file().with_stored_secret(b"one").name(ISSUER, "alice");
        assert_eq!(both, file().name(ISSUER, "alice"));
    }

    #[test]
    fn a_key_that_could_be_guessed_is_refused() {
        let error = with_key("0123456789abcdef0123456789abcde\n").unwrap_err();
        assert!(error.to_string().contains("has 31 bytes"), "{error}");
    }

    #[test]
    fn the_key_is_not_shown() {
        let names = with_key("0123456789abcdef0123456789abcdef").unwrap();
        assert_eq!(format!("{names:?}"), "Digest");
    }
}
