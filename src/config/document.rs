//! The configuration file as it is written.

use std::path::PathBuf;

use serde::Deserialize;

use super::issuer::IssuerDocument;
use super::listener::ListenersDocument;
use crate::gate::IdentityHeaders;
use crate::keyring::TrustedIssuerDocument;
use crate::telemetry::LogDocument;
use crate::yaml::present;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigDocument {
    pub(super) version: u64,
    #[serde(default)]
    pub(super) policy: Vec<PathBuf>,
    #[serde(default = "default_drain_seconds")]
    pub(super) drain_seconds: u64,
    #[serde(default = "default_realm")]
    pub(super) realm: String,
    #[serde(default)]
    pub(super) listeners: ListenersDocument,
    #[serde(default)]
    pub(super) trust: Vec<TrustedIssuerDocument>,
    #[serde(default)]
    pub(super) strip_token: bool,
    #[serde(default)]
    pub(super) identity_headers: IdentityHeaders,
    #[serde(default)]
    pub(super) cache: CacheDocument,
    #[serde(default)]
    pub(super) log: LogDocument,
    #[serde(default, deserialize_with = "present")]
    pub(super) issuer: Option<IssuerDocument>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct CacheDocument {
    pub(super) max_entries: u64,
    pub(super) max_bytes: u64,
}

impl Default for CacheDocument {
    fn default() -> Self {
        Self {
            max_entries: 100_000,
            max_bytes: 33_554_432,
        }
    }
}

fn default_drain_seconds() -> u64 {
    5
}

fn default_realm() -> String {
    "portcullis".to_owned()
}
