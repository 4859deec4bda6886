//! The server's configuration: one file, and what flags and environment say over it.

mod document;
mod issuer;
mod issuers;
mod listener;
mod listeners;
mod log_apart;
mod named_files;
mod named_policies;
mod text;
mod traces;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::authorizer::CacheLimits;
use crate::feed::FeedListener;
use crate::files::FileError;
use crate::gate::{GateSettings, IdentityHeaders};
use crate::keyring::TrustedIssuer;
use crate::problem::{Faults, Problems};
use crate::reload::Inputs;
use crate::telemetry::{LogDocument, LogFormat, LogLevel, LogSettings};
use crate::tls::{TlsListener, TlsSettings};
use crate::yaml;

use document::{CacheDocument, ConfigDocument};
pub use issuer::IssuerSettings;
use issuers::Issuers;
pub use listener::{
    AdminListener, AuthzListener, DEFAULT_ADMIN_ADDRESS, ListenAddress, ListenAddressError,
};
use listeners::Listeners;
pub use named_files::FileFindings;
pub use named_policies::NamedPolicies;
pub use text::ConfigText;
pub use traces::TracesSettings;

/// Everything that `serve` needs to know, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file that it was read from; a reload reads it again.
    pub path: PathBuf,
    /// What flags and environment said over it.
    pub overrides: Overrides,
    /// The policy's files and directories.
    pub policy: Vec<PathBuf>,
    /// Those of the policy that is tried in shadow; empty where none is.
    pub shadow_policy: Vec<PathBuf>,
    /// After `SIGTERM`, serving goes on this long while readiness has fallen.
    pub drain: Duration,
    /// The protection space that challenges name (RFC 9110 section 11.5).
    pub realm: String,
    /// Where the proxy asks.
    pub authz: AuthzListener,
    /// Where the kubelet and Prometheus ask.
    pub admin: AdminListener,
    /// Where gates of other processes subscribe, if they may.
    pub feed: Option<FeedListener>,
    /// Whose tokens are trusted.
    pub trust: Vec<TrustedIssuer>,
    /// Whether the upstream is kept from seeing the token.
    pub strip_token: bool,
    /// The headers that tell the upstream who calls.
    pub identity_headers: IdentityHeaders,
    /// The bounds of the proof cache.
    pub cache: CacheLimits,
    /// What is logged, and how.
    pub log: LogSettings,
    /// Where the spans of checks go, if anywhere.
    pub traces: Option<TracesSettings>,
    /// The companion that hands out tokens, if there is to be one.
    pub issuer: Option<IssuerSettings>,
}

/// What flags and environment say over the file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Over `policy`.
    pub policy: Vec<PathBuf>,
    /// Over `listeners.authz.address`.
    pub authz_address: Option<ListenAddress>,
    /// Over `listeners.admin.address`.
    pub admin_address: Option<std::net::SocketAddr>,
    /// Over `log.level`.
    pub log_level: Option<LogLevel>,
    /// Over `log.format`.
    pub log_format: Option<LogFormat>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not what it should be.
    #[error("{}", .0.rendered)]
    Document(Box<ConfigReport>),
}

/// What is wrong in the file of a configuration, without values that may be secret.
#[derive(Debug)]
pub struct ConfigReport {
    /// Each names the key, its value and the fix.
    pub problems: Problems,
    /// The same for people, with the lines of the file.
    pub rendered: String,
}

impl Config {
    /// What a reload reads anew.
    pub fn inputs(&self) -> Inputs {
        Inputs {
            config: self.path.clone(),
            policy: self.policy.clone(),
            shadow_policy: self.shadow_policy.clone(),
            trust: self.trust.clone(),
        }
    }

    /// The headers besides `Authorization` that hold tokens, in lower case, each once.
    pub fn token_headers(&self) -> Vec<Box<str>> {
        let issuers = self.trust.iter();
        let named = issuers.filter_map(|issuer| issuer.rules.token_header());
        let named: BTreeSet<&str> = named.collect();
        named.into_iter().map(Into::into).collect()
    }

    /// The headers that hold tokens by `renewed`, and that a gate which was started with this
    /// configuration does not know: it neither keeps callers' copies from the upstream nor reads them as it
    /// should. One that holds no tokens any more stays removed from requests.
    pub fn unknown_token_headers(&self, renewed: &Self) -> Vec<Box<str>> {
        let known = self.token_headers();
        let mut named = renewed.token_headers();
        named.retain(|header| !known.contains(header));
        named
    }

    /// What upstreams and callers are told.
    pub fn gate_settings(&self) -> GateSettings {
        GateSettings {
            identity_headers: self.identity_headers.clone(),
            realm: self.realm.clone(),
            token_headers: self.token_headers(),
            strip_token: self.strip_token,
        }
    }

    /// The sections that differ from `other` and that only a restart applies.
    pub fn restart_sections(&self, other: &Self) -> Vec<&'static str> {
        let differing = [
            (
                "listeners",
                self.authz != other.authz || self.admin != other.admin || self.feed != other.feed,
            ),
            ("drain_seconds", self.drain != other.drain),
            ("realm", self.realm != other.realm),
            ("strip_token", self.strip_token != other.strip_token),
            (
                "identity_headers",
                self.identity_headers != other.identity_headers,
            ),
            ("cache", self.cache != other.cache),
            ("log", self.log != other.log),
            ("traces", self.traces != other.traces),
            ("issuer", self.issuer != other.issuer),
        ];
        let differing = differing.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name).collect()
    }

    /// The listeners that speak TLS, and how.
    pub fn tls(&self) -> impl Iterator<Item = (TlsListener, &TlsSettings)> {
        let feed = self.feed.as_ref();
        let listeners = [
            (TlsListener::Authz, self.authz.tls.as_ref()),
            (TlsListener::Admin, self.admin.tls.as_ref()),
            (TlsListener::Feed, feed.and_then(|feed| feed.tls.as_ref())),
            (
                TlsListener::Issuer,
                self.issuer.as_ref().and_then(issuer::tls),
            ),
        ];
        let listeners = listeners.into_iter();
        listeners.filter_map(|(listener, settings)| Some((listener, settings?)))
    }

    /// Reads the file at `path`.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::load_with_text(path, overrides).map(|(config, _)| config)
    }

    /// The same with the text, in which what is wrong beyond it can be shown.
    pub fn load_with_text(
        path: &Path,
        overrides: &Overrides,
    ) -> Result<(Self, ConfigText), ConfigError> {
        let text = ConfigText::read(path)?;
        let recovered = yaml::parse_in_parts(text.source());
        let recovered = recovered.map_err(|problems| text.unreadable(problems))?;
        if !recovered.problems.is_empty() {
            return Err(text.unreadable(recovered.problems));
        }
        let document = recovered.document;
        let config = Self::from_document(document, path, overrides);
        match config.and_then(|config| config.check_log_apart().map(|()| config)) {
            Ok(config) => Ok((config, text)),
            Err(faults) => Err(ConfigError::Document(Box::new(text.report(faults)))),
        }
    }

    fn from_document(
        document: ConfigDocument,
        path: &Path,
        overrides: &Overrides,
    ) -> Result<Self, Faults> {
        // Paths in the file are meant from where the file is, wherever the server was started.
        let base = path.parent().unwrap_or(Path::new(""));
        // Collected, not returned at the first: whoever corrects the file sees all that is wrong.
        let mut faults = Faults::default();
        check_version(document.version, &mut faults);
        let policy = policy_paths(document.policy, base, overrides, &mut faults);
        let shadow_policy = shadow_paths(document.shadow_policy, base, &mut faults);
        check_identity_headers(&document.identity_headers, &mut faults);
        let issuers = Issuers::build(document.trust, document.issuer, base, &mut faults);
        issuers.check(&document.identity_headers, &mut faults);
        check_realm(&document.realm, &mut faults);
        let listeners = Listeners::build(document.listeners, base, overrides, &mut faults);
        listeners.check(&issuers, &mut faults);
        faults.within("drain_seconds", document.drain_seconds, 0, 3600);
        let cache = cache_limits(&document.cache, &mut faults);
        check_log(&document.log, &mut faults);
        let log = document.log;
        let log = log.overridden(overrides.log_level, overrides.log_format, base, &mut faults);
        let traces = document.traces;
        let traces = traces.and_then(|traces| traces::build(traces, base, &mut faults));
        // A listener is missing only where a fault says why.
        match (faults.is_empty(), listeners.authz, listeners.admin) {
            (true, Some(authz), Some(admin)) => Ok(Self {
                path: path.to_owned(),
                overrides: overrides.clone(),
                policy,
                shadow_policy,
                drain: Duration::from_secs(document.drain_seconds),
                realm: document.realm,
                authz,
                admin,
                feed: listeners.feed,
                trust: issuers.trust,
                strip_token: document.strip_token,
                identity_headers: document.identity_headers,
                cache,
                log,
                traces,
                issuer: issuers.companion,
            }),
            _ => Err(faults),
        }
    }
}

fn check_version(version: u64, faults: &mut Faults) {
    if version != 1 {
        faults.add(
            "version",
            format!("`version: {version}` is not supported: write `version: 1`"),
        );
    }
}

fn check_identity_headers(headers: &IdentityHeaders, faults: &mut Faults) {
    if let Err(error) = headers.validate() {
        let key = format!("identity_headers.{}", error.entry());
        faults.add(key, error.to_string());
    }
}

fn check_log(document: &LogDocument, faults: &mut Faults) {
    let lines = document.buffer_lines() as u64;
    faults.within("log.buffer_lines", lines, 1, 1 << 24);
    let refusals = u64::from(document.refusals_per_second());
    faults.within("log.refusals_per_second", refusals, 1, 1_000_000);
}

fn policy_paths(
    written: Vec<PathBuf>,
    base: &Path,
    overrides: &Overrides,
    faults: &mut Faults,
) -> Vec<PathBuf> {
    if !overrides.policy.is_empty() {
        // Typed in a shell, and so meant from the working directory.
        return overrides.policy.clone();
    }
    if written.is_empty() {
        faults.add(
            "policy",
            "`policy` names no file: list at least one, such as `policy: [policy.yaml]`",
        );
    }
    written.into_iter().map(|path| base.join(path)).collect()
}

fn shadow_paths(written: Option<Vec<PathBuf>>, base: &Path, faults: &mut Faults) -> Vec<PathBuf> {
    if written.as_ref().is_some_and(Vec::is_empty) {
        faults.add(
            "shadow_policy",
            "`shadow_policy` names no file: list at least one, such as `shadow_policy: \
             [stricter.yaml]`, or remove the key",
        );
    }
    let written = written.unwrap_or_default().into_iter();
    written.map(|path| base.join(path)).collect()
}

fn cache_limits(document: &CacheDocument, faults: &mut Faults) -> CacheLimits {
    let limits = CacheLimits {
        max_entries: document.max_entries,
        max_bytes: document.max_bytes,
    };
    faults.within("cache.max_entries", limits.max_entries, 1, 100_000_000);
    faults.within("cache.max_bytes", limits.max_bytes, 1 << 16, 1 << 40);
    limits
}

/// The realm stands between quotes in a header (RFC 9110 section 5.6.4).
fn check_realm(realm: &str, faults: &mut Faults) {
    let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if realm.is_empty() || realm.len() > 128 || !realm.bytes().all(plain) {
        faults.add("realm", format!(
            "`realm: {realm}` cannot be sent in a header: use 1 to 128 printable ASCII characters \
             without quotes and backslashes"
        ));
    }
}
