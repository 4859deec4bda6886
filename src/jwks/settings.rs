//! What an operator says about a remote key set.

use std::path::PathBuf;
use std::time::Duration;

use super::address::JwksAddress;
use super::discovery::Discovery;
use crate::token::MAX_JWKS_BYTES;

/// Where the keys of an issuer are fetched, how often and within which bounds. The bounds of these
/// values are those of the configuration; see `keyring::trusted_issuer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteKeySettings {
    pub location: KeyLocation,
    /// The time between two fetches, jittered by a tenth; a shorter `max-age` shortens it.
    pub refresh: Duration,
    /// At most one fetch for unknown key ids in this time, counted from the start of the last fetch
    /// that was asked for. Never longer than `refresh`.
    pub cooldown: Duration,
    /// The bound of one whole fetch: name, connection, handshake, head and body.
    pub timeout: Duration,
    /// The largest accepted body, in bytes.
    pub max_bytes: usize,
    /// Certificates in PEM that alone are trusted as roots; absent: the roots of the system.
    pub ca_file: Option<PathBuf>,
    /// Holds a token that the server asks for, as a Kubernetes API server does. Read at each fetch.
    pub token_file: Option<PathBuf>,
    /// Where the last keys are kept for the next start.
    pub cache_file: Option<PathBuf>,
    /// How long readiness waits for the first keys.
    pub start_wait: Duration,
}

/// Where the keys of an issuer are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    Address(JwksAddress),
    /// Where the issuer's metadata say.
    Discovery(Discovery),
}

impl KeyLocation {
    /// Whether the first server that is asked has to prove who it is.
    pub fn is_encrypted(&self) -> bool {
        self.first().is_encrypted()
    }

    /// Whether some server that is asked may have to: metadata that come by plain http may name keys with
    /// TLS.
    pub fn may_be_encrypted(&self) -> bool {
        match self {
            Self::Address(address) => address.is_encrypted(),
            Self::Discovery(_) => true,
        }
    }

    /// Whether others than this machine may read what is sent there.
    pub fn is_plain_text(&self) -> bool {
        self.first().is_plain_text()
    }

    /// For logs and `/status`.
    pub fn display(&self) -> String {
        self.first().display()
    }

    /// What a file of keys is bound to: every part of the URL.
    pub fn binding(&self) -> String {
        self.first().uri().to_string()
    }

    /// What is asked first.
    pub(super) fn first(&self) -> &JwksAddress {
        match self {
            Self::Address(address) => address,
            Self::Discovery(discovery) => discovery.document(),
        }
    }
}

impl RemoteKeySettings {
    /// The defaults: refresh 300 s, cooldown 30 s, timeout 2 s, 1 MiB, roots of the system, 10 s at
    /// the start.
    pub fn new(location: KeyLocation) -> Self {
        Self {
            location,
            refresh: Duration::from_mins(5),
            cooldown: Duration::from_secs(30),
            timeout: Duration::from_secs(2),
            max_bytes: MAX_JWKS_BYTES,
            ca_file: None,
            token_file: None,
            cache_file: None,
            start_wait: Duration::from_secs(10),
        }
    }
}
