//! The section as it is written.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use serde::Deserialize;

use super::hashing::HashingDocument;
use super::keys::{KeysDocument, algorithm};
use super::passkeys::PasskeysDocument;
use super::passwords;
use super::portal::PortalDocument;
use super::refresh::RefreshDocument;
use super::registration::Registration;
use super::revocation_bounds::{HolderBounds, WrittenBounds};
use super::sessions::SessionsDocument;
use super::{IssuerSettings, host_of};
use crate::connection_limits::{ConnectionLimits, ConnectionLimitsDocument};
use crate::issuer::grant_types::GrantTypes;
use crate::issuer::throttle::{ThrottleDocument, trusted_proxies};
use crate::problem::Faults;
use crate::revocation::OnStale;
use crate::store::{StoreLocation, WrittenLocation};
use crate::tls::{TlsDocument, TlsListener};
use crate::token::Algorithm;
use crate::yaml::present;

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerDocument {
    url: String,
    #[serde(default = "default_address")]
    address: String,
    #[serde(default = "default_store")]
    store: WrittenLocation,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default = "default_access_token_seconds")]
    access_token_seconds: u64,
    #[serde(default = "default_algorithm")]
    algorithm: String,
    #[serde(default)]
    keys: KeysDocument,
    #[serde(default = "default_sweep_seconds")]
    sweep_seconds: u64,
    #[serde(default = "default_audit_seconds")]
    audit_seconds: u64,
    #[serde(default)]
    refresh_token: RefreshDocument,
    #[serde(default = "GrantTypes::default_names")]
    grants: Vec<String>,
    #[serde(default)]
    user_credentials_at_token_endpoint: bool,
    #[serde(default, deserialize_with = "present")]
    admin_password_file: Option<PathBuf>,
    #[serde(default = "default_registration")]
    registration: String,
    #[serde(default)]
    portal: PortalDocument,
    #[serde(default)]
    passkeys: PasskeysDocument,
    #[serde(default)]
    sessions: SessionsDocument,
    #[serde(default)]
    hashing: HashingDocument,
    #[serde(default = "default_threads")]
    threads: u64,
    #[serde(default = "default_fresh_login_seconds")]
    fresh_login_seconds: u64,
    #[serde(default = "default_secret_overlap_seconds")]
    secret_overlap_seconds: u64,
    #[serde(default = "default_max_revocations")]
    max_revocations: u64,
    #[serde(default = "default_max_staleness_seconds")]
    max_staleness_seconds: u64,
    #[serde(default = "default_on_stale")]
    on_stale: String,
    #[serde(default, deserialize_with = "present")]
    max_revocations_per_user: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    max_revocations_per_app: Option<u64>,
    #[serde(default)]
    throttle: ThrottleDocument,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    #[serde(default = "default_max_connections")]
    max_connections: u64,
    #[serde(default, deserialize_with = "present")]
    max_connections_per_address: Option<u64>,
    #[serde(default = "default_timeout_ms")]
    header_timeout_ms: u64,
    #[serde(default = "default_timeout_ms")]
    body_timeout_ms: u64,
    #[serde(default = "default_idle_timeout_seconds")]
    idle_timeout_seconds: u64,
    #[serde(default = "default_lifetime_seconds")]
    lifetime_seconds: u64,
    #[serde(default, deserialize_with = "present")]
    tls: Option<TlsDocument>,
    #[serde(default = "default_hsts_seconds")]
    hsts_seconds: u64,
    #[serde(default)]
    password_words: Vec<String>,
}

/// A year, the least that ASVS 3.4.1 asks for.
fn default_hsts_seconds() -> u64 {
    365 * 86_400
}

fn default_registration() -> String {
    "open".to_owned()
}

fn default_address() -> String {
    "127.0.0.1:8080".to_owned()
}

fn default_max_connections() -> u64 {
    512
}

fn default_timeout_ms() -> u64 {
    10_000
}

/// Longer than the load balancers of the large clouds keep idle connections, so that these end first.
fn default_idle_timeout_seconds() -> u64 {
    75
}

fn default_lifetime_seconds() -> u64 {
    300
}

fn default_store() -> WrittenLocation {
    "sqlite:portcullis.db".into()
}

fn default_fresh_login_seconds() -> u64 {
    300
}

fn default_secret_overlap_seconds() -> u64 {
    86_400
}

fn default_max_revocations() -> u64 {
    1_000_000
}

fn default_max_staleness_seconds() -> u64 {
    30
}

fn default_on_stale() -> String {
    "serve".to_owned()
}

fn default_access_token_seconds() -> u64 {
    3600
}

fn default_algorithm() -> String {
    Algorithm::Es256.name().to_owned()
}

/// Ninety days.
fn default_audit_seconds() -> u64 {
    90 * 86_400
}

fn default_sweep_seconds() -> u64 {
    60
}

/// Half of the processors: the gate and the database's threads need some.
fn default_threads() -> u64 {
    available_parallelism()
        .map_or(1, |count| count.get() as u64 / 2)
        .clamp(1, 8)
}

impl IssuerDocument {
    fn revocation_bounds(&self, faults: &mut Faults) -> Option<HolderBounds> {
        let written = WrittenBounds {
            all: self.max_revocations,
            per_user: self.max_revocations_per_user,
            per_app: self.max_revocations_per_app,
        };
        written.build(faults)
    }

    /// What happens when revocations are not known up to now.
    fn on_stale(&self, faults: &mut Faults) -> Option<OnStale> {
        let key = "issuer.max_staleness_seconds";
        faults.within(key, self.max_staleness_seconds, 3, 86_400);
        let on_stale = OnStale::parse(&self.on_stale);
        if on_stale.is_none() {
            let other = &self.on_stale;
            faults.add(
                "issuer.on_stale",
                format!("`issuer.on_stale: {other}` is not a valid value: write `serve` or `deny`"),
            );
        }
        on_stale
    }

    /// What is said to others: the issuer's own name, and whom its tokens are for.
    fn check_names(&self, faults: &mut Faults) {
        if !is_issuer_url(&self.url) {
            faults.add("issuer.url", format!(
                "`issuer.url: {}` is not a valid issuer: write an absolute `https://` or `http://` URL \
                 without path, query and fragment, such as `https://id.shop.example`",
                self.url
            ));
        }
        if let Some(empty) = self.audiences.iter().position(String::is_empty) {
            faults.add(
                format!("issuer.audiences[{empty}]"),
                "`issuer.audiences` has an empty entry: remove it",
            );
        }
    }

    /// The bounds of the numbers that no section of their own checks.
    fn check_numbers(&self, faults: &mut Faults) {
        const DAY: u64 = 86_400;
        for (key, value, least, most) in [
            (
                "issuer.access_token_seconds",
                self.access_token_seconds,
                1,
                DAY,
            ),
            ("issuer.sweep_seconds", self.sweep_seconds, 1, DAY),
            (
                "issuer.audit_seconds",
                self.audit_seconds,
                DAY,
                10 * 366 * DAY,
            ),
            ("issuer.threads", self.threads, 1, 1024),
            (
                "issuer.fresh_login_seconds",
                self.fresh_login_seconds,
                10,
                DAY,
            ),
            (
                "issuer.secret_overlap_seconds",
                self.secret_overlap_seconds,
                0,
                30 * DAY,
            ),
            ("issuer.hsts_seconds", self.hsts_seconds, 0, 3650 * DAY),
        ] {
            faults.within(key, value, least, most);
        }
    }

    fn connections(&self, faults: &mut Faults) -> Option<ConnectionLimits> {
        let limits = ConnectionLimitsDocument {
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            header_timeout_ms: self.header_timeout_ms,
            body_timeout_ms: self.body_timeout_ms,
            idle_timeout_seconds: self.idle_timeout_seconds,
            lifetime_seconds: self.lifetime_seconds,
        };
        limits.build("issuer", faults)
    }

    fn address(&self, faults: &mut Faults) -> Option<SocketAddr> {
        let address = self.address.parse().ok();
        if address.is_none() {
            let address = &self.address;
            faults.add("issuer.address", format!(
                "`issuer.address: {address}` is not a valid address: write an IP address and a port such \
                 as `127.0.0.1:8080`"
            ));
        }
        address
    }

    fn store(&self, base: &Path, faults: &mut Faults) -> Option<StoreLocation> {
        let location = StoreLocation::parse(self.store.reveal(), base);
        let location = location.map_err(|error| {
            let message = format!("`issuer.store` is not valid: {error}");
            faults.add("issuer.store", message);
        });
        location.ok()
    }

    /// Checks the section; relative files are relative to `base`.
    pub fn build(self, base: &Path, faults: &mut Faults) -> Option<IssuerSettings> {
        self.check_names(faults);
        self.check_numbers(faults);
        let address = self.address(faults);
        let connections = self.connections(faults);
        let store = self.store(base, faults);
        let algorithm = algorithm(&self.algorithm, faults);
        let bounds = self.revocation_bounds(faults);
        let on_stale = self.on_stale(faults);
        let keys = self.keys.build(base, faults);
        let refresh_token = self.refresh_token.build(faults);
        let hashing = self.hashing.build(faults);
        let grants = GrantTypes::parse(&self.grants, faults);
        let registration = Registration::parse(&self.registration, faults);
        let portal = self.portal.build(base, faults);
        portal.check_audiences(&self.url, &self.audiences, faults);
        let host = host_of(&self.url);
        let password_words = passwords::words(&host, &portal.title, &self.password_words, faults);
        let passkeys = self.passkeys.build(&self.url, faults);
        let sessions = self.sessions.build(faults);
        let throttle = self.throttle.build(faults);
        let trusted_proxies = trusted_proxies(&self.trusted_proxies, faults);
        let section = TlsListener::Issuer.section();
        let tls = self.tls.map(|tls| tls.build(section, base, faults));
        let bounds = bounds?;
        Some(IssuerSettings {
            url: self.url,
            address: address?,
            connections: connections?,
            store: store?,
            audiences: self.audiences,
            access_token_seconds: u32::try_from(self.access_token_seconds).ok()?,
            algorithm: algorithm?,
            keys: keys?,
            sweep_seconds: self.sweep_seconds,
            audit_seconds: u32::try_from(self.audit_seconds).ok()?,
            refresh_token: refresh_token?,
            grants,
            user_credentials_at_token_endpoint: self.user_credentials_at_token_endpoint,
            admin_password_file: self.admin_password_file.map(|file| base.join(file)),
            password_words,
            registration: registration?,
            portal,
            passkeys: passkeys?,
            sessions: sessions?,
            hashing: hashing?,
            threads: usize::try_from(self.threads).ok()?,
            secret_overlap_seconds: u32::try_from(self.secret_overlap_seconds).ok()?,
            fresh_login_seconds: u32::try_from(self.fresh_login_seconds).ok()?,
            max_revocations: usize::try_from(self.max_revocations).ok()?,
            max_staleness: Duration::from_secs(self.max_staleness_seconds),
            on_stale: on_stale?,
            max_revocations_per_user: bounds.per_user,
            max_revocations_per_app: bounds.per_app,
            throttle: throttle?,
            trusted_proxies,
            tls,
            hsts_seconds: u32::try_from(self.hsts_seconds).ok()?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_origin_and_nothing_more() {
        let rows = [
            ("https://id.shop.example", true),
            ("https://id.shop.example:8443", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", true),
            ("https://id.shop.example/", false),
            ("https://id.shop.example/realm", false),
            ("https://id.shop.example?tenant=1", false),
            ("https://id.shop.example#top", false),
            ("https://alice@id.shop.example", false),
            ("ftp://id.shop.example", false),
            ("id.shop.example", false),
            ("/id", false),
            ("", false),
        ];
        for (url, expected) in rows {
            assert_eq!(is_issuer_url(url), expected, "{url}");
        }
    }
}
