//! What the document of a configuration is built to, section by section, as far as it can be.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{CacheDocument, ConfigDocument};
use super::issuers::Issuers;
use super::listeners::Listeners;
use super::traces::{self, TracesSettings};
use super::{Config, Overrides};
use crate::authorizer::CacheLimits;
use crate::gate::IdentityHeaders;
use crate::problem::Faults;
use crate::telemetry::{LogDocument, LogSettings};

/// The sections. What is missing from them, a fault tells.
pub(super) struct Parts {
    pub(super) policy: Vec<PathBuf>,
    pub(super) shadow_policy: Vec<PathBuf>,
    pub(super) listeners: Listeners,
    pub(super) issuers: Issuers,
    pub(super) log: LogSettings,
    pub(super) traces: Option<TracesSettings>,
    drain_seconds: u64,
    realm: String,
    strip_token: bool,
    identity_headers: IdentityHeaders,
    cache: CacheLimits,
}

impl Parts {
    /// Builds each section. Faults are collected and not returned at the first: whoever corrects the file sees all
    /// that is wrong. Paths in the file are meant from where it is, wherever the server was started.
    pub(super) fn build(
        document: ConfigDocument,
        base: &Path,
        overrides: &Overrides,
        faults: &mut Faults,
    ) -> Self {
        check_version(document.version, faults);
        check_identity_headers(&document.identity_headers, faults);
        check_realm(&document.realm, faults);
        faults.within("drain_seconds", document.drain_seconds, 0, 3600);
        check_log(&document.log, faults);
        let log = document.log;
        let traces = document.traces;
        Self {
            policy: policy_paths(document.policy, base, overrides, faults),
            shadow_policy: shadow_paths(document.shadow_policy, base, faults),
            listeners: Listeners::build(document.listeners, base, overrides, faults),
            issuers: Issuers::build(document.trust, document.issuer, base, faults),
            log: log.overridden(overrides.log_level, overrides.log_format, base, faults),
            traces: traces.and_then(|traces| traces::build(traces, base, faults)),
            drain_seconds: document.drain_seconds,
            realm: document.realm,
            strip_token: document.strip_token,
            identity_headers: document.identity_headers,
            cache: cache_limits(&document.cache, faults),
        }
    }

    /// What the sections of the file at `path` must have in common.
    pub(super) fn check(&self, path: &Path, faults: &mut Faults) {
        self.issuers.check(&self.identity_headers, faults);
        self.listeners.check(&self.issuers, faults);
        self.check_log_apart(path, faults);
        self.check_written_apart(path, faults);
    }

    /// The configuration, unless something is wrong.
    pub(super) fn into_config(
        self,
        path: &Path,
        overrides: &Overrides,
        faults: Faults,
    ) -> Result<Config, Faults> {
        let listeners = self.listeners;
        // A listener is missing only where a fault says why.
        match (faults.is_empty(), listeners.authz, listeners.admin) {
            (true, Some(authz), Some(admin)) => Ok(Config {
                path: path.to_owned(),
                overrides: overrides.clone(),
                policy: self.policy,
                shadow_policy: self.shadow_policy,
                drain: Duration::from_secs(self.drain_seconds),
                realm: self.realm,
                authz,
                admin,
                feed: listeners.feed,
                trust: self.issuers.trust,
                strip_token: self.strip_token,
                identity_headers: self.identity_headers,
                cache: self.cache,
                log: self.log,
                traces: self.traces,
                issuer: self.issuers.companion,
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
