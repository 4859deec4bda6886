//! The section `listeners.feed`: where gates subscribe, and how they prove that they may.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::problem::Faults;
use crate::tls::{TlsDocument, TlsListener, TlsSettings};
use crate::yaml::present;

/// The listener that gates of other processes subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedListener {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Holds the token that gates show.
    pub token_file: Option<PathBuf>,
    pub tls: Option<TlsSettings>,
    /// Further gates are turned away.
    pub max_subscribers: usize,
}

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedListenerDocument {
    address: String,
    #[serde(deserialize_with = "present")]
    token_file: Option<PathBuf>,
    #[serde(deserialize_with = "present")]
    tls: Option<TlsDocument>,
    plain_text: bool,
    max_subscribers: u64,
}

impl Default for FeedListenerDocument {
    fn default() -> Self {
        Self {
            address: "127.0.0.1:9193".to_owned(),
            token_file: None,
            tls: None,
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
        if !address.ip().is_loopback() {
            self.check_exposed(address, faults);
        }
        let section = TlsListener::Feed.section();
        let tls = self.tls.map(|tls| tls.build(section, base, faults));
        Some(FeedListener {
            address,
            token_file: self.token_file.map(|file| base.join(file)),
            tls,
            max_subscribers: usize::try_from(self.max_subscribers).ok()?,
        })
    }

    fn check_exposed(&self, address: SocketAddr, faults: &mut Faults) {
        let asks_for_clients = self.tls.as_ref().is_some_and(TlsDocument::asks_for_clients);
        if self.token_file.is_none() && !asks_for_clients {
            faults.add("listeners.feed.address", format!(
                "`listeners.feed.address: {address}` can be reached by others, and nothing says who \
                 may subscribe: set `token_file`, or `tls` with `client_ca_file`, or listen on 127.0.0.1"
            ));
        }
        if self.tls.is_none() && !self.plain_text {
            faults.add("listeners.feed.address", format!(
                "`listeners.feed.address: {address}` can be reached by others in plain text: set \
                 `tls`, or `plain_text: true` where something else encrypts"
            ));
        }
    }
}
