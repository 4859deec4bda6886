//! The section `issuer` of the configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use serde::Deserialize;

use crate::problem::Faults;
use crate::store::StoreLocation;
use crate::yaml::present;

/// What an issuer needs to know, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The tokens' `iss`, and what clients put paths behind; without a slash at the end.
    pub url: String,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Where its rows are.
    pub store: StoreLocation,
    /// The tokens' `aud`, beside the issuer itself.
    pub audiences: Vec<String>,
    /// How long an access token holds.
    pub access_token_seconds: u32,
    /// Refresh tokens.
    pub refresh_token: RefreshSettings,
    /// What the token endpoint offers.
    pub grants: Grants,
    /// The password of the first administrator; without it one is made and told once.
    pub admin_password_file: Option<PathBuf>,
    /// How passwords are hashed.
    pub hashing: HashingSettings,
    /// The threads that serve it.
    pub threads: usize,
}

/// Refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshSettings {
    /// How long after its login a grant can be extended, at most.
    pub lifetime_seconds: u32,
    /// How long after its use a token may be used again if its successor was not: the answer may
    /// have been lost.
    pub retry_window_seconds: u32,
    /// Whether `client_credentials` is answered with one, although RFC 6749 section 4.4.3 advises
    /// against it.
    pub with_client_credentials: bool,
}

/// What the token endpoint offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grants {
    /// RFC 6749 section 4.4.
    pub client_credentials: bool,
    /// RFC 6749 section 6.
    pub refresh_token: bool,
}

/// The bounds of password hashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingSettings {
    /// How many passwords are hashed at once; each takes 19 MiB.
    pub threads: usize,
    /// How many more may wait before further ones are turned away.
    pub max_queue: usize,
}

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerDocument {
    url: String,
    #[serde(default = "default_address")]
    address: String,
    #[serde(default = "default_store")]
    store: String,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default = "default_access_token_seconds")]
    access_token_seconds: u64,
    #[serde(default)]
    refresh_token: RefreshDocument,
    #[serde(default = "default_grants")]
    grants: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    admin_password_file: Option<PathBuf>,
    #[serde(default)]
    hashing: HashingDocument,
    #[serde(default = "default_threads")]
    threads: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RefreshDocument {
    lifetime_seconds: u64,
    retry_window_seconds: u64,
    with_client_credentials: bool,
}

impl Default for RefreshDocument {
    fn default() -> Self {
        Self {
            lifetime_seconds: 2_592_000,
            retry_window_seconds: 10,
            with_client_credentials: true,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HashingDocument {
    threads: u64,
    max_queue: u64,
}

/// All processors but one: whoever logs in must not slow the gate beside it.
impl Default for HashingDocument {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, |count| count.get() as u64);
        Self {
            threads: processors.saturating_sub(1).clamp(1, 8),
            max_queue: 64,
        }
    }
}

fn default_address() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_store() -> String {
    "sqlite:portcullis.db".to_owned()
}

fn default_access_token_seconds() -> u64 {
    3600
}

/// Half of the processors: the gate and the database's threads need some.
fn default_threads() -> u64 {
    available_parallelism()
        .map_or(1, |count| count.get() as u64 / 2)
        .clamp(1, 8)
}

fn default_grants() -> Vec<String> {
    vec!["client_credentials".to_owned(), "refresh_token".to_owned()]
}

impl IssuerDocument {
    /// Checks the section; relative files are relative to `base`.
    pub fn build(self, base: &Path, faults: &mut Faults) -> Option<IssuerSettings> {
        if !is_issuer_url(&self.url) {
            faults.add(format!(
                "`issuer.url: {}` is no issuer: write an absolute `https://` or `http://` URL \
                 without path, query and fragment, such as `https://id.shop.example`",
                self.url
            ));
        }
        let address = self.address.parse().ok();
        if address.is_none() {
            let address = &self.address;
            faults.add(format!(
                "`issuer.address: {address}` is no address: write an IP address and a port such \
                 as `127.0.0.1:8080`"
            ));
        }
        let store = StoreLocation::parse(&self.store, base)
            .map_err(|error| faults.add(format!("`issuer.store` names no store: {error}")));
        if self.audiences.iter().any(String::is_empty) {
            faults.add("`issuer.audiences` has an empty entry: remove it");
        }
        faults.within(
            "issuer.access_token_seconds",
            self.access_token_seconds,
            1,
            86_400,
        );
        let key = "issuer.refresh_token.lifetime_seconds";
        faults.within(key, self.refresh_token.lifetime_seconds, 1, 366 * 86_400);
        faults.within("issuer.hashing.threads", self.hashing.threads, 1, 256);
        faults.within(
            "issuer.hashing.max_queue",
            self.hashing.max_queue,
            1,
            100_000,
        );
        faults.within("issuer.threads", self.threads, 1, 1024);
        let key = "issuer.refresh_token.retry_window_seconds";
        faults.within(key, self.refresh_token.retry_window_seconds, 0, 60);
        let grants = grants(&self.grants, faults);
        Some(IssuerSettings {
            url: self.url,
            address: address?,
            store: store.ok()?,
            audiences: self.audiences,
            access_token_seconds: u32::try_from(self.access_token_seconds).ok()?,
            refresh_token: RefreshSettings {
                lifetime_seconds: u32::try_from(self.refresh_token.lifetime_seconds).ok()?,
                retry_window_seconds: u32::try_from(self.refresh_token.retry_window_seconds)
                    .ok()?,
                with_client_credentials: self.refresh_token.with_client_credentials,
            },
            grants,
            admin_password_file: self.admin_password_file.map(|file| base.join(file)),
            hashing: HashingSettings {
                threads: usize::try_from(self.hashing.threads).ok()?,
                max_queue: usize::try_from(self.hashing.max_queue).ok()?,
            },
            threads: usize::try_from(self.threads).ok()?,
        })
    }
}

/// RFC 8414 section 2, without a path: the well-known documents are at the root.
fn is_issuer_url(url: &str) -> bool {
    let uri: Option<http::Uri> = url.parse().ok();
    uri.is_some_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.path_and_query().is_none_or(|path| path == "/")
            && !url.ends_with('/')
            && !url.contains(['#', '@', '?'])
    })
}

fn grants(names: &[String], faults: &mut Faults) -> Grants {
    let mut grants = Grants {
        client_credentials: false,
        refresh_token: false,
    };
    for name in names {
        match name.as_str() {
            "client_credentials" => grants.client_credentials = true,
            "refresh_token" => grants.refresh_token = true,
            _ => faults.add(format!(
                "`issuer.grants`: `{name}` is not supported: use `client_credentials` and \
                 `refresh_token`"
            )),
        }
    }
    grants
}
