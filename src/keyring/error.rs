//! Why the keys of an issuer cannot be used.

use std::path::PathBuf;

use crate::feed::FeedError;
use crate::files::FileError;
use crate::jwks::RemoteKeysError;
use crate::token::{DuplicateIssuerError, KeySetError};

/// Why the keys of an issuer cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Its key file cannot be read.
    #[error("issuer `{issuer}`, `{key}`: {source}")]
    File {
        issuer: String,
        /// The key of the configuration.
        key: &'static str,
        source: FileError,
    },
    /// Its key file holds no usable key.
    #[error("issuer `{issuer}`, `{key}: {}`: {source}", .path.display())]
    Keys {
        issuer: String,
        /// The key of the configuration.
        key: &'static str,
        path: PathBuf,
        source: KeySetError,
    },
    /// Its key file is PEM.
    #[error(
        "issuer `{issuer}`, `jwks_file: {}`: this is PEM, not a JWKS: `portcullis key generate` \
         writes both with `--out` and `--jwks`; a private key does not belong here at all", .path.display()
    )]
    Pem { issuer: String, path: PathBuf },
    /// Its remote key set cannot even be asked for.
    #[error("issuer `{issuer}`: {source}")]
    Remote {
        issuer: String,
        source: RemoteKeysError,
    },
    /// Its feed cannot even be asked for.
    #[error("issuer `{issuer}`: {source}")]
    Feed { issuer: String, source: FeedError },
    /// Two entries for one issuer.
    #[error(transparent)]
    Duplicate(#[from] DuplicateIssuerError),
}

impl KeyringError {
    /// The setting of the issuer's entry that is to blame.
    pub fn setting(&self) -> String {
        match self {
            Self::File { key, .. } | Self::Keys { key, .. } => (*key).to_owned(),
            Self::Pem { .. } => "jwks_file".to_owned(),
            Self::Remote {
                source: RemoteKeysError::Ca { .. },
                ..
            } => "jwks_ca_file".to_owned(),
            Self::Remote { .. } => "jwks_uri".to_owned(),
            Self::Feed { source, .. } => match source.setting() {
                Some(setting) => format!("feed.{setting}"),
                None => "feed".to_owned(),
            },
            Self::Duplicate(_) => "issuer".to_owned(),
        }
    }
}
