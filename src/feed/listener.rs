//! The section `listeners.feed`: where gates subscribe, and how they prove that they may.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::problem::Faults;
use crate::yaml::present;

/// The listener that gates of other processes subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedListener {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Holds the token that gates show.
    pub token_file: Option<PathBuf>,
    /// For TLS.
    pub identity: Option<IdentityFiles>,
    /// Gates must have a certificate of one of these authorities.
    pub client_ca_file: Option<PathBuf>,
    /// Further gates are turned away.
    pub max_subscribers: usize,
}

/// A certificate with its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The chain, its end first.
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedListenerDocument {
    address: String,
    #[serde(deserialize_with = "present")]
    token_file: Option<PathBuf>,
    #[serde(deserialize_with = "present")]
    cert_file: Option<PathBuf>,
    #[serde(deserialize_with = "present")]
    key_file: Option<PathBuf>,
    #[serde(deserialize_with = "present")]
    client_ca_file: Option<PathBuf>,
    plain_text: bool,
    max_subscribers: u64,
}

impl Default for FeedListenerDocument {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:9193".to_owned(),
            token_file: None,
            cert_file: None,
            key_file: None,
            client_ca_file: None,
            plain_text: false,
            max_subscribers: 10_000,
        }
    }
}

impl FeedListenerDocument {
    /// Checks the section; relative files are relative to `base`.
    pub fn build(self, base: &Path, faults: &mut Faults) -> Option<FeedListener> {
        let address: Option<SocketAddr> = self.address.parse().ok();
        let Some(address) = address else {
            let address = &self.address;
            faults.add("listeners.feed.address", format!(
                "`listeners.feed.address: {address}` is not a valid address: write an IP address and a port, \
                 such as `127.0.0.1:9193`"
            ));
            return None;
        };
        faults.within(
            "listeners.feed.max_subscribers",
            self.max_subscribers,
            1,
            1 << 20,
        );
        let identity = identity_files(
            "listeners.feed",
            ["cert_file", "key_file"],
            [&self.cert_file, &self.key_file],
            base,
            faults,
        );
        if self.client_ca_file.is_some() && self.cert_file.is_none() {
            faults.add(
                "listeners.feed.client_ca_file",
                "`listeners.feed.client_ca_file` needs TLS: set `cert_file` and `key_file` as well",
            );
        }
        if !address.ip().is_loopback() {
            self.check_exposed(address, faults);
        }
        Some(FeedListener {
            address,
            token_file: self.token_file.map(|file| base.join(file)),
            identity,
            client_ca_file: self.client_ca_file.map(|file| base.join(file)),
            max_subscribers: usize::try_from(self.max_subscribers).ok()?,
        })
    }

    fn check_exposed(&self, address: SocketAddr, faults: &mut Faults) {
        if self.token_file.is_none() && self.client_ca_file.is_none() {
            faults.add("listeners.feed.address", format!(
                "`listeners.feed.address: {address}` can be reached by others, and nothing says who \
                 may subscribe: set `token_file`, or `client_ca_file` with `cert_file` and \
                 `key_file`, or listen on 127.0.0.1"
            ));
        }
        if self.cert_file.is_none() && !self.plain_text {
            faults.add("listeners.feed.address", format!(
                "`listeners.feed.address: {address}` can be reached by others in plain text: set \
                 `cert_file` and `key_file`, or `plain_text: true` where something else encrypts"
            ));
        }
    }
}

/// A certificate and its key are named together or not at all.
pub(super) fn identity_files(
    section: &str,
    [cert_name, key_name]: [&str; 2],
    files: [&Option<PathBuf>; 2],
    base: &Path,
    faults: &mut Faults,
) -> Option<IdentityFiles> {
    match files {
        [Some(certificate), Some(key)] => Some(IdentityFiles {
            cert_file: base.join(certificate),
            key_file: base.join(key),
        }),
        [None, None] => None,
        [Some(_), None] => {
            let at = format!("{section}.{cert_name}");
            faults.add(&*at, format!("`{at}` needs `{key_name}`"));
            None
        }
        [None, Some(_)] => {
            let at = format!("{section}.{key_name}");
            faults.add(&*at, format!("`{at}` needs `{cert_name}`"));
            None
        }
    }
}
