//! The server's configuration: one file, and what flags and environment say over it.

mod document;
mod issuer;
#[cfg(feature = "issuer")]
mod issuer_warnings;
mod issuers;
mod listener;
mod listeners;
mod log_apart;
mod named_files;
mod named_policies;
mod parts;
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
use crate::telemetry::{LogFormat, LogLevel, LogSettings};
use crate::tls::{TlsListener, TlsSettings};
use crate::yaml;

use document::SECTIONS;
pub use issuer::IssuerSettings;
pub use listener::{
    AdminListener, AuthzListener, DEFAULT_ADMIN_ADDRESS, ListenAddress, ListenAddressError,
};
pub use named_files::FileFindings;
pub use named_policies::NamedPolicies;
use parts::Parts;
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
            descriptions: self
                .issuer
                .as_ref()
                .map(issuer::descriptions)
                .unwrap_or_default(),
            logo: self.issuer.as_ref().and_then(issuer::logo),
            restart_needed: Vec::new(),
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
            (
                "issuer",
                match (&self.issuer, &other.issuer) {
                    (Some(settings), Some(other)) => issuer::needs_restart(settings, other),
                    (settings, other) => settings.is_some() != other.is_some(),
                },
            ),
        ];
        let differing = differing.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name).collect()
    }

    /// The listeners that speak TLS, and how.
    pub fn tls(&self) -> impl Iterator<Item = (TlsListener, &TlsSettings)> {
        tls_of(
            Some(&self.authz),
            Some(&self.admin),
            self.feed.as_ref(),
            self.issuer.as_ref(),
        )
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
        if let Some(problem) = text.policy() {
            return Err(text.unreadable(vec![problem], Faults::default()));
        }
        let recovered = yaml::parse_in_parts(text.source());
        let recovered =
            recovered.map_err(|problems| text.unreadable(problems, Faults::default()))?;
        let base = path.parent().unwrap_or(Path::new(""));
        let mut faults = Faults::default();
        let parts = Parts::build(recovered.document, base, overrides, &mut faults);
        if !recovered.problems.is_empty() {
            // What is missing from a section may be missing only because it could not be read.
            let is_whole = |key: &str| {
                let section = key.split(['.', '[']).next().unwrap_or(key);
                !recovered.damage.is_below(section, &SECTIONS)
            };
            faults.retain(is_whole);
            return Err(text.unreadable(recovered.problems, faults));
        }
        parts.check(path, &mut faults);
        match parts.into_config(path, overrides, faults) {
            Ok(config) => Ok((config, text)),
            Err(faults) => Err(ConfigError::Document(Box::new(text.report(faults)))),
        }
    }
}

/// The listeners that speak TLS, of those that exist.
fn tls_of<'a>(
    authz: Option<&'a AuthzListener>,
    admin: Option<&'a AdminListener>,
    feed: Option<&'a FeedListener>,
    issuer: Option<&'a IssuerSettings>,
) -> impl Iterator<Item = (TlsListener, &'a TlsSettings)> {
    let listeners = [
        (
            TlsListener::Authz,
            authz.and_then(|authz| authz.tls.as_ref()),
        ),
        (
            TlsListener::Admin,
            admin.and_then(|admin| admin.tls.as_ref()),
        ),
        (TlsListener::Feed, feed.and_then(|feed| feed.tls.as_ref())),
        (TlsListener::Issuer, issuer.and_then(issuer::tls)),
    ];
    let listeners = listeners.into_iter();
    listeners.filter_map(|(listener, settings)| Some((listener, settings?)))
}
