//! The section `issuer` of the configuration.

mod revocation_bounds;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;
use std::time::Duration;

use serde::Deserialize;

use revocation_bounds::{HolderBounds, WrittenBounds};

use super::throttle::{ThrottleDocument, ThrottleSettings, TrustedProxies, trusted_proxies};
use crate::connection_limits::{ConnectionLimits, ConnectionLimitsDocument};
use crate::problem::Faults;
use crate::revocation::OnStale;
use crate::store::{StoreLocation, WrittenLocation};
use crate::token::{Algorithm, MAX_PUBLISHED_KEYS};
use crate::yaml::present;

const DAY_SECONDS: u64 = 86_400;

/// What an issuer needs to know, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The tokens' `iss`, and what clients put paths behind; without a slash at the end.
    pub url: String,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The bounds of its connections. Those of trusted proxies have none of their own.
    pub connections: ConnectionLimits,
    /// Where its rows are.
    pub store: StoreLocation,
    /// The tokens' `aud`, beside the issuer itself.
    pub audiences: Vec<String>,
    /// How long an access token holds.
    pub access_token_seconds: u32,
    /// What new keys serve: ES256, RS256, `EdDSA` or HS256.
    pub algorithm: Algorithm,
    /// The signing keys.
    pub keys: KeySettings,
    /// How often rows that have ended are removed.
    pub sweep_seconds: u64,
    /// Refresh tokens.
    pub refresh_token: RefreshSettings,
    /// What the token endpoint offers.
    pub grants: Grants,
    /// Whether a user's name and password are accepted there where those of an app are.
    pub user_credentials_at_token_endpoint: bool,
    /// The password of the first administrator; without it one is made and told once.
    pub admin_password_file: Option<PathBuf>,
    /// Whether strangers become users.
    pub registration: Registration,
    /// How passwords are hashed.
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
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
}

/// The signing keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// How long a key signs before another takes over; 0 is for ever.
    pub rotate_seconds: u32,
    /// How often store or files are asked whether the keys have changed.
    pub poll_ms: u64,
    /// Where the keys are instead of in the store: the first signs, the others are only published.
    pub files: Vec<PathBuf>,
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
    /// How many grants a user may have with one app before the oldest end.
    pub max_grants: u32,
}

/// What the token endpoint offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each grant is offered or not, whatever the others are"
)]
pub struct Grants {
    /// RFC 6749 section 4.4.
    pub client_credentials: bool,
    /// RFC 6749 section 6.
    pub refresh_token: bool,
    /// RFC 6749 section 4.1, with PKCE.
    pub authorization_code: bool,
    /// RFC 6749 section 4.3: an app that has asked its user for the password. RFC 9700 section 2.4
    /// says that it must not be used, so it is offered where it is asked for by name.
    pub password: bool,
}

/// Whether strangers become users by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Whoever calls `/consumer/register` does.
    Open,
    /// Administrators add users, and nobody else.
    Closed,
}

/// The bounds of password hashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashingSettings {
    /// How many passwords are hashed at once; each takes 19 MiB.
    pub threads: usize,
    /// How many more may wait before further ones are turned away.
    pub max_queue: usize,
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
    #[serde(default)]
    refresh_token: RefreshDocument,
    #[serde(default = "default_grants")]
    grants: Vec<String>,
    #[serde(default)]
    user_credentials_at_token_endpoint: bool,
    #[serde(default, deserialize_with = "present")]
    admin_password_file: Option<PathBuf>,
    #[serde(default = "default_registration")]
    registration: String,
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
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct KeysDocument {
    #[serde(deserialize_with = "present")]
    rotate_seconds: Option<u64>,
    poll_ms: u64,
    files: Vec<PathBuf>,
}

impl Default for KeysDocument {
    fn default() -> Self {
        Self {
            rotate_seconds: None,
            poll_ms: 5000,
            files: Vec::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RefreshDocument {
    lifetime_seconds: u64,
    retry_window_seconds: u64,
    with_client_credentials: bool,
    max_grants: u64,
}

impl Default for RefreshDocument {
    fn default() -> Self {
        Self {
            lifetime_seconds: 2_592_000,
            retry_window_seconds: 10,
            with_client_credentials: true,
            max_grants: 100,
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

fn default_sweep_seconds() -> u64 {
    60
}

/// Half of the processors: the gate and the database's threads need some.
fn default_threads() -> u64 {
    available_parallelism()
        .map_or(1, |count| count.get() as u64 / 2)
        .clamp(1, 8)
}

fn default_grants() -> Vec<String> {
    ["client_credentials", "refresh_token", "authorization_code"]
        .map(str::to_owned)
        .into()
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
            faults.add(format!(
                "`issuer.on_stale: {other}` is not known: write `serve` or `deny`"
            ));
        }
        on_stale
    }

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
        let connections = self.connections(faults);
        let store = StoreLocation::parse(self.store.reveal(), base)
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
        let algorithm = algorithm(&self.algorithm, faults);
        let bounds = self.revocation_bounds(faults);
        let on_stale = self.on_stale(faults);
        let keys = self.keys.build(base, faults);
        faults.within("issuer.sweep_seconds", self.sweep_seconds, 1, 86_400);
        let refresh_token = self.refresh_token.build(faults);
        faults.within("issuer.hashing.threads", self.hashing.threads, 1, 256);
        faults.within(
            "issuer.hashing.max_queue",
            self.hashing.max_queue,
            1,
            100_000,
        );
        faults.within("issuer.threads", self.threads, 1, 1024);
        let key = "issuer.fresh_login_seconds";
        faults.within(key, self.fresh_login_seconds, 10, 86_400);
        let key = "issuer.secret_overlap_seconds";
        faults.within(key, self.secret_overlap_seconds, 0, 30 * 86_400);
        let grants = grants(&self.grants, faults);
        let registration = registration(&self.registration, faults);
        let throttle = self.throttle.build(faults);
        let trusted_proxies = trusted_proxies(&self.trusted_proxies, faults);
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
            refresh_token: refresh_token?,
            grants,
            user_credentials_at_token_endpoint: self.user_credentials_at_token_endpoint,
            admin_password_file: self.admin_password_file.map(|file| base.join(file)),
            registration: registration?,
            hashing: HashingSettings {
                threads: usize::try_from(self.hashing.threads).ok()?,
                max_queue: usize::try_from(self.hashing.max_queue).ok()?,
            },
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

/// Those that every verifier of the field knows: one for each kind of key.
pub(super) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Es256,
    Algorithm::Rs256,
    Algorithm::EdDsa,
    Algorithm::Hs256,
];

fn algorithm(name: &str, faults: &mut Faults) -> Option<Algorithm> {
    let known = Algorithm::from_name(name).filter(|known| ALGORITHMS.contains(known));
    if known.is_none() {
        faults.add(format!(
            "`issuer.algorithm: {name}` is not supported: use ES256, RS256, EdDSA or HS256"
        ));
    }
    known
}

impl RefreshDocument {
    fn build(self, faults: &mut Faults) -> Option<RefreshSettings> {
        let key = "issuer.refresh_token.lifetime_seconds";
        faults.within(key, self.lifetime_seconds, 1, 366 * 86_400);
        let key = "issuer.refresh_token.retry_window_seconds";
        faults.within(key, self.retry_window_seconds, 0, 60);
        let key = "issuer.refresh_token.max_grants";
        faults.within(key, self.max_grants, 1, 100_000);
        Some(RefreshSettings {
            lifetime_seconds: u32::try_from(self.lifetime_seconds).ok()?,
            retry_window_seconds: u32::try_from(self.retry_window_seconds).ok()?,
            with_client_credentials: self.with_client_credentials,
            max_grants: u32::try_from(self.max_grants).ok()?,
        })
    }
}

impl KeysDocument {
    fn build(self, base: &Path, faults: &mut Faults) -> Option<KeySettings> {
        faults.within("issuer.keys.poll_ms", self.poll_ms, 100, 60_000);
        if self.rotate_seconds.is_some() && !self.files.is_empty() {
            faults.add(
                "`issuer.keys.rotate_seconds` is about keys in the store: remove it, or `files`",
            );
        }
        if self.files.len() > MAX_PUBLISHED_KEYS {
            faults.add(format!(
                "`issuer.keys.files` lists more than {MAX_PUBLISHED_KEYS} files: remove those \
                 whose tokens have ended"
            ));
        }
        let rotate_seconds = self.rotate_seconds.unwrap_or(90 * DAY_SECONDS);
        // With less, tokens of more keys would be about than verifiers may take.
        if rotate_seconds != 0 {
            let key = "issuer.keys.rotate_seconds";
            faults.within(key, rotate_seconds, DAY_SECONDS / 4, 3660 * DAY_SECONDS);
        }
        Some(KeySettings {
            rotate_seconds: u32::try_from(rotate_seconds).ok()?,
            poll_ms: self.poll_ms,
            files: self.files.into_iter().map(|file| base.join(file)).collect(),
        })
    }
}

fn registration(text: &str, faults: &mut Faults) -> Option<Registration> {
    match text {
        "open" => Some(Registration::Open),
        "closed" => Some(Registration::Closed),
        _ => {
            faults.add(format!(
                "`issuer.registration: {text}` is not known: write `open`, or `closed` if only \
                 administrators add users"
            ));
            None
        }
    }
}

fn grants(names: &[String], faults: &mut Faults) -> Grants {
    let mut grants = Grants {
        client_credentials: false,
        refresh_token: false,
        authorization_code: false,
        password: false,
    };
    for name in names {
        match name.as_str() {
            "client_credentials" => grants.client_credentials = true,
            "refresh_token" => grants.refresh_token = true,
            "authorization_code" => grants.authorization_code = true,
            "password" => grants.password = true,
            _ => faults.add(format!(
                "`issuer.grants`: `{name}` is not supported: use `client_credentials`, \
                 `refresh_token`, `authorization_code` and `password`"
            )),
        }
    }
    grants
}
