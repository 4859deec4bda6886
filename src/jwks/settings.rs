//! What an operator says about a remote key set.

use std::path::PathBuf;
use std::time::Duration;

use super::address::JwksAddress;

/// Where the keys of an issuer are fetched, how often and within which bounds. The bounds of these
/// values are those of the configuration; see `keyring::trusted_issuer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteKeySettings {
    pub address: JwksAddress,
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
}

impl RemoteKeySettings {
    /// The defaults: refresh 300 s, cooldown 30 s, timeout 2 s, 1 MiB, roots of the system.
    pub fn new(address: JwksAddress) -> Self {
        Self {
            address,
            refresh: Duration::from_mins(5),
            cooldown: Duration::from_secs(30),
            timeout: Duration::from_secs(2),
            max_bytes: 1024 * 1024,
            ca_file: None,
        }
    }
}
