//! The section `issuer` of the configuration.

mod hashing;
mod keys;
mod portal;
mod refresh;
mod registration;
mod revocation_bounds;
mod sessions;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use serde::Deserialize;

use hashing::HashingDocument;
use keys::{KeysDocument, algorithm};
use portal::PortalDocument;
use refresh::RefreshDocument;
use revocation_bounds::{HolderBounds, WrittenBounds};
use sessions::SessionsDocument;

pub use hashing::HashingSettings;
pub(super) use keys::ALGORITHMS;
pub use keys::KeySettings;
pub use portal::PortalSettings;
pub use refresh::RefreshSettings;
pub use registration::Registration;
pub use sessions::SessionSettings;

use super::grant_types::GrantTypes;
use super::throttle::{ThrottleDocument, ThrottleSettings, TrustedProxies, trusted_proxies};
use crate::connection_limits::{ConnectionLimits, ConnectionLimitsDocument};
use crate::problem::Faults;
use crate::revocation::OnStale;
use crate::store::{StoreLocation, WrittenLocation};
use crate::tls::{TlsDocument, TlsListener, TlsSettings};
use crate::token::Algorithm;
use crate::yaml::present;

/// What an issuer needs to know, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The tokens' `iss`, and what clients put paths behind; without a slash at the end.
    pub url: String,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The bounds of its connections. Those of trusted proxies have none of their own.
    pub connections: ConnectionLimits,
    pub store: StoreLocation,
    /// The tokens' `aud`, beside the issuer itself.
    pub audiences: Vec<String>,
    /// How long an access token holds.
    pub access_token_seconds: u32,
    /// What new keys serve: ES256, RS256, `EdDSA` or HS256.
    pub algorithm: Algorithm,
    pub keys: KeySettings,
    /// How often rows that have ended are removed.
    pub sweep_seconds: u64,
    /// How long it is kept who did what in the directory.
    pub audit_seconds: u32,
    pub refresh_token: RefreshSettings,
    /// What the token endpoint offers.
    pub grants: GrantTypes,
    /// Whether a user's name and password are accepted there where those of an app are.
    pub user_credentials_at_token_endpoint: bool,
    /// The password of the first administrator; without it one is made and told once.
    pub admin_password_file: Option<PathBuf>,
    pub registration: Registration,
    pub portal: PortalSettings,
    pub sessions: SessionSettings,
    pub hashing: HashingSettings,
    /// The threads that serve it.
    pub threads: usize,
    /// How long an app's earlier secret is accepted beside a new one, unless the call says.
    pub secret_overlap_seconds: u32,
    /// How long after a login its token may make apps and secrets.
    pub fresh_login_seconds: u32,
    /// How many users, apps, grants and tokens a gate in this process remembers as revoked.
    pub max_revocations: usize,
    /// How old what the gate in this process knows of revocations may be.
    pub max_staleness: Duration,
    /// What becomes of tokens there when it is older.
    pub on_stale: OnStale,
    /// How many rows of the revocation log one user may have caused that are kept at the same time.
    pub max_revocations_per_user: u32,
    /// The same of one app, whoever uses it.
    pub max_revocations_per_app: u32,
    /// How much is tried before somebody must wait.
    pub throttle: ThrottleSettings,
    /// Whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    pub tls: Option<TlsSettings>,
}

impl IssuerSettings {
    /// All that a token's `aud` may hold: the issuer itself first, nothing twice.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let others = self.audiences.iter().map(String::as_str);
        let others = others.filter(|audience| *audience != self.url);
        std::iter::once(self.url.as_str()).chain(others)
    }
}

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

    /// Checks the section; relative files are relative to `base`.
    pub fn build(self, base: &Path, faults: &mut Faults) -> Option<IssuerSettings> {
        if !is_issuer_url(&self.url) {
            faults.add("issuer.url", format!(
                "`issuer.url: {}` is not a valid issuer: write an absolute `https://` or `http://` URL \
                 without path, query and fragment, such as `https://id.shop.example`",
                self.url
            ));
        }
        let address = self.address.parse().ok();
        if address.is_none() {
            let address = &self.address;
            faults.add("issuer.address", format!(
                "`issuer.address: {address}` is not a valid address: write an IP address and a port such \
                 as `127.0.0.1:8080`"
            ));
        }
        let connections = self.connections(faults);
        let store = StoreLocation::parse(self.store.reveal(), base).map_err(|error| {
            let message = format!("`issuer.store` is not valid: {error}");
            faults.add("issuer.store", message);
        });
        if let Some(empty) = self.audiences.iter().position(String::is_empty) {
            faults.add(
                format!("issuer.audiences[{empty}]"),
                "`issuer.audiences` has an empty entry: remove it",
            );
        }
        faults.within(
            "issuer.access_token_seconds",
            self.access_token_seconds,
            1,
            86_400,
        );
        let algorithm = algorithm(&self.algorithm, faults);
        let bounds = self.revocation_bounds(faults);
        let on_stale = self.on_stale(faults);
        let keys = self.keys.build(base, faults);
        faults.within("issuer.sweep_seconds", self.sweep_seconds, 1, 86_400);
        let key = "issuer.audit_seconds";
        faults.within(key, self.audit_seconds, 86_400, 10 * 366 * 86_400);
        let refresh_token = self.refresh_token.build(faults);
        let hashing = self.hashing.build(faults);
        faults.within("issuer.threads", self.threads, 1, 1024);
        let key = "issuer.fresh_login_seconds";
        faults.within(key, self.fresh_login_seconds, 10, 86_400);
        let key = "issuer.secret_overlap_seconds";
        faults.within(key, self.secret_overlap_seconds, 0, 30 * 86_400);
        let grants = GrantTypes::parse(&self.grants, faults);
        let registration = Registration::parse(&self.registration, faults);
        let portal = self.portal.build(faults);
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
            store: store.ok()?,
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
            registration: registration?,
            portal,
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
        })
    }
}

impl IssuerDocument {
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
pub(super) mod tests {
    use super::*;
    use crate::problem::Source;
    use crate::yaml;

    /// The settings of a section as it is written, or what is wrong with it.
    pub(in crate::issuer) fn read(section: &str) -> Result<IssuerSettings, Vec<String>> {
        let source = Source {
            name: "portcullis.yaml".to_owned(),
            text: format!("{{url: \"https://id.shop.example\", {section}}}"),
        };
        let document: IssuerDocument = yaml::parse(&source).ok().unwrap();
        let mut faults = Faults::default();
        let settings = document.build(Path::new("/etc/portcullis"), &mut faults);
        if faults.is_empty() {
            Ok(settings.unwrap())
        } else {
            Err(faults.into_messages())
        }
    }

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

    #[test]
    fn the_issuer_itself_is_the_first_audience_and_nothing_is_there_twice() {
        let settings = read("audiences: [orders-api, \"https://id.shop.example\", stock-api]");
        let settings = settings.unwrap();
        let audiences: Vec<&str> = settings.audiences().collect();
        let expected = ["https://id.shop.example", "orders-api", "stock-api"];
        assert_eq!(audiences, expected);
    }

    #[test]
    fn files_are_relative_to_the_configuration() {
        let settings = read("admin_password_file: secret, keys: {files: [key.pem, /run/next.pem]}");
        let settings = settings.unwrap();
        let file = settings.admin_password_file.as_deref();
        assert_eq!(file, Some(Path::new("/etc/portcullis/secret")));
        let expected = ["/etc/portcullis/key.pem", "/run/next.pem"].map(PathBuf::from);
        assert_eq!(settings.keys.files, expected);
    }

    #[test]
    #[rustfmt::skip]
    fn each_key_has_bounds_that_its_message_names() {
        let rows = [
            ("access_token_seconds: 0", "issuer.access_token_seconds: 0"),
            ("access_token_seconds: 86401", "issuer.access_token_seconds: 86401"),
            ("sweep_seconds: 0", "issuer.sweep_seconds: 0"),
            ("audit_seconds: 86399", "issuer.audit_seconds: 86399"),
            ("threads: 0", "issuer.threads: 0"),
            ("fresh_login_seconds: 9", "issuer.fresh_login_seconds: 9"),
            ("secret_overlap_seconds: 2592001", "issuer.secret_overlap_seconds: 2592001"),
            ("max_staleness_seconds: 2", "issuer.max_staleness_seconds: 2"),
            ("on_stale: open", "issuer.on_stale: open"),
            ("max_revocations: 0", "issuer.max_revocations: 0"),
            ("algorithm: none", "issuer.algorithm: none"),
            ("algorithm: ES384", "issuer.algorithm: ES384"),
            ("registration: maybe", "issuer.registration: maybe"),
            ("portal: {title: \"\"}", "issuer.portal.title: "),
            ("portal: {example_url: /orders/1}", "issuer.portal.example_url: /orders/1"),
            ("sessions: {idle_seconds: 59}", "issuer.sessions.idle_seconds: 59"),
            ("sessions: {max_seconds: 2592001}", "issuer.sessions.max_seconds: 2592001"),
            ("hashing: {threads: 0}", "issuer.hashing.threads: 0"),
            ("hashing: {max_queue: 0}", "issuer.hashing.max_queue: 0"),
            ("refresh_token: {lifetime_seconds: 0}", "issuer.refresh_token.lifetime_seconds: 0"),
            ("refresh_token: {retry_window_seconds: 61}", "issuer.refresh_token.retry_window_seconds: 61"),
            ("refresh_token: {max_grants: 0}", "issuer.refresh_token.max_grants: 0"),
            ("keys: {poll_ms: 99}", "issuer.keys.poll_ms: 99"),
            ("keys: {rotate_seconds: 3600}", "issuer.keys.rotate_seconds: 3600"),
            ("keys: {rotate_seconds: 0, files: [a]}", "issuer.keys.rotate_seconds"),
            ("throttle: {max_entries: 63}", "issuer.throttle.max_entries: 63"),
            ("throttle: {account: {burst: 0, refill_seconds: 1}}", "issuer.throttle.account.burst: 0"),
            ("trusted_proxies: [10.0.0.0/33]", "issuer.trusted_proxies"),
            ("audiences: [\"\"]", "issuer.audiences"),
        ];
        for (section, named) in rows {
            let faults = read(section).unwrap_err();
            assert_eq!(faults.len(), 1, "{section}: {faults:?}");
            assert!(faults[0].contains(&format!("`{named}")), "{section}: {faults:?}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let faults = read("threads: 0, registration: maybe, hashing: {threads: 0}");
        assert_eq!(faults.unwrap_err().len(), 3);
    }
}
