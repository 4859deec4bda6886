//! `feed` in an entry of `trust`: where the issuer's feed is, and what happens without it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use crate::problem::Faults;
use crate::revocation::OnStale;
use crate::tls::IdentityFiles;
use crate::uri_host::plain_text_fault;
use crate::yaml::present;

/// Where a feed is, and what happens without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSettings {
    /// The issuers that serve it; the first that answers is used.
    pub addresses: Vec<Uri>,
    /// Holds the token that the issuer asks for.
    pub token_file: Option<PathBuf>,
    /// The certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// This gate's own certificate.
    pub identity: Option<IdentityFiles>,
    /// How old knowledge may be.
    pub max_staleness: Duration,
    /// What becomes of tokens when it is older.
    pub on_stale: OnStale,
    /// How long readiness waits for the first snapshot where stale knowledge serves.
    pub start_wait: Duration,
    /// Where the last snapshot is kept for the next start.
    pub snapshot_file: Option<PathBuf>,
    /// The most subjects in the list of revocations.
    pub max_revocations: usize,
    /// Whether the issuer is told of this gate.
    pub report: bool,
}

impl FeedSettings {
    /// How old an issuer's own knowledge may be. Where there is another address the next one is asked
    /// soon; where there is none, once what comes from there no longer counts as known.
    pub(super) fn most_behind(&self) -> Duration {
        match self.addresses.len() {
            0 | 1 => self.max_staleness,
            _ => self.max_staleness.min(MAX_BEHIND),
        }
    }

    /// The files whose change means another connection.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let identity = self.identity.iter();
        let identity = identity.flat_map(|files| [&files.cert_file, &files.key_file]);
        self.token_file.iter().chain(&self.ca_file).chain(identity)
    }
}

/// How old the knowledge of one issuer may be before another one is asked: a database that is slow for
/// a moment is no reason, and beyond it somebody else may know of what was revoked since.
const MAX_BEHIND: Duration = Duration::from_secs(5);

/// The section as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FeedDocument {
    addresses: Vec<String>,
    plain_text: bool,
    #[serde(deserialize_with = "present")]
    token_file: Option<PathBuf>,
    #[serde(deserialize_with = "present")]
    ca_file: Option<PathBuf>,
    #[serde(deserialize_with = "present")]
    client_cert_file: Option<PathBuf>,
    #[serde(deserialize_with = "present")]
    client_key_file: Option<PathBuf>,
    max_staleness_seconds: u64,
    on_stale: String,
    start_wait_seconds: u64,
    #[serde(deserialize_with = "present")]
    snapshot_file: Option<PathBuf>,
    max_revocations: u64,
    report: bool,
}

impl Default for FeedDocument {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            plain_text: false,
            token_file: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            max_staleness_seconds: 30,
            on_stale: "serve".to_owned(),
            start_wait_seconds: 10,
            snapshot_file: None,
            max_revocations: 1_000_000,
            report: true,
        }
    }
}

impl FeedDocument {
    /// Checks the section, which stands at `key`; relative files are relative to `base`.
    pub fn build(&self, key: &str, base: &Path, faults: &mut Faults) -> Option<FeedSettings> {
        let addresses = self.addresses(key, faults);
        let identity = identity_files(
            key,
            ["client_cert_file", "client_key_file"],
            [&self.client_cert_file, &self.client_key_file],
            base,
            faults,
        );
        let on_stale = OnStale::parse(&self.on_stale);
        if on_stale.is_none() {
            let other = &self.on_stale;
            faults.add(
                format!("{key}.on_stale"),
                format!("`{key}.on_stale: {other}` is not a valid value: write `serve` or `deny`"),
            );
        }
        let staleness = self.max_staleness_seconds;
        faults.within(
            &format!("{key}.max_staleness_seconds"),
            staleness,
            3,
            86_400,
        );
        let wait = self.start_wait_seconds;
        faults.within(&format!("{key}.start_wait_seconds"), wait, 0, 3600);
        let most = self.max_revocations;
        faults.within(&format!("{key}.max_revocations"), most, 1, 100_000_000);
        let file = |file: &Option<PathBuf>| file.as_ref().map(|file| base.join(file));
        Some(FeedSettings {
            addresses,
            token_file: file(&self.token_file),
            ca_file: file(&self.ca_file),
            identity,
            max_staleness: Duration::from_secs(staleness),
            on_stale: on_stale?,
            start_wait: Duration::from_secs(wait),
            snapshot_file: file(&self.snapshot_file),
            max_revocations: usize::try_from(most).ok()?,
            report: self.report,
        })
    }

    /// As it is written.
    pub fn snapshot_file(&self) -> Option<&Path> {
        self.snapshot_file.as_deref()
    }

    fn addresses(&self, key: &str, faults: &mut Faults) -> Vec<Uri> {
        if self.addresses.is_empty() {
            faults.add(
                format!("{key}.addresses"),
                format!(
                    "`{key}.addresses` is empty: list the issuers' feeds, such as \
                 `[\"https://id.shop.example:9193\"]`"
                ),
            );
        }
        let mut addresses = Vec::new();
        for (position, text) in self.addresses.iter().enumerate() {
            match self.address(text) {
                Ok(uri) => addresses.push(uri),
                Err(fix) => faults.add(
                    format!("{key}.addresses[{position}]"),
                    format!("`{key}.addresses`: `{text}` {fix}"),
                ),
            }
        }
        let plain = |uri: &Uri| uri.scheme_str() == Some("http");
        let secured = self.ca_file.is_some() || self.client_cert_file.is_some();
        if secured && addresses.iter().any(plain) {
            faults.add(
                format!("{key}.addresses"),
                format!("`{key}` has certificates for an address with plain `http`: use `https`"),
            );
        }
        addresses
    }

    fn address(&self, text: &str) -> Result<Uri, &'static str> {
        const SHAPE: &str = "is not a valid address: write `https://HOST:PORT`";
        let uri: Uri = text.parse().map_err(|_| SHAPE)?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(SHAPE)?;
        let bare = uri.path_and_query().is_none_or(|path| path == "/");
        if uri.port_u16().is_none() || !bare || text.contains(['@', '#']) {
            return Err(SHAPE);
        }
        match uri.scheme_str() {
            Some("https") => Ok(uri),
            Some("http") if self.plain_text => Ok(uri),
            Some("http") => plain_text_fault(host).map_or(Ok(uri), Err),
            _ => Err(SHAPE),
        }
    }
}

/// A certificate and its key are named together or not at all.
fn identity_files(
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
