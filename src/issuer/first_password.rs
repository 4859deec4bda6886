//! The first administrator, and the file of its password.

use std::path::{Path, PathBuf};

use crate::files::{self, FileError};
use crate::identity::{ContextWords, Password};
use crate::token::secret_in_file;

pub(super) const ADMINISTRATOR: &str = "admin";
pub(super) const ADMINISTRATOR_EMAIL: &str = "admin@localhost";

/// Why a file cannot be that of the first administrator's password.
#[derive(Debug, thiserror::Error)]
pub enum FirstPasswordError {
    #[error("`issuer.admin_password_file`: {0}")]
    File(#[from] FileError),
    /// What the file holds.
    #[error("`issuer.admin_password_file: {}`: {reason}", .path.display())]
    Unfit { path: PathBuf, reason: String },
}

/// The password in the file, where it may be one; `words` are those of the site.
pub(super) fn read(path: &Path, words: &ContextWords) -> Result<String, FirstPasswordError> {
    let unfit = |reason: String| FirstPasswordError::Unfit {
        path: path.to_owned(),
        reason,
    };
    let bytes = files::read_secret(path)?;
    let text = std::str::from_utf8(secret_in_file(&bytes));
    let text = text.map_err(|_| unfit("the file is not UTF-8 text".to_owned()))?;
    let words = words.with([ADMINISTRATOR, ADMINISTRATOR_EMAIL]);
    match Password::choose(text.to_owned(), &words) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(unfit(error.to_string())),
    }
}
