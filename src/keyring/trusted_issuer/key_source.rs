//! Where an issuer's keys come from: the one way that its entry names, and the settings of that way.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::TrustedIssuerDocument;
use crate::feed::FeedSettings;
use crate::jwks::{
    Discovery, JwksAddress, JwksAddressError, KeyLocation, PlainText, RemoteKeySettings,
};
use crate::problem::Faults;
use crate::token::{Algorithm, MAX_JWKS_BYTES};

/// Where an issuer's keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A JWKS on disk.
    File(PathBuf),
    /// A shared secret on disk.
    HmacSecret(PathBuf),
    /// The issuer in the same process.
    Companion,
    /// The issuer's feed, with what it revokes.
    Feed(FeedSettings),
    /// A JWKS at a URL.
    Remote(RemoteKeySettings),
}

/// Keys that cannot be fetched from where they are said to be.
struct Unreachable {
    /// The key of the configuration that says so.
    at: String,
    /// The beginning of a sentence of which the error is the rest.
    setting: &'static str,
    error: JwksAddressError,
}

impl TrustedIssuerDocument {
    pub(super) fn key_source(
        &self,
        key: &str,
        base: &Path,
        faults: &mut Faults,
    ) -> Option<KeySource> {
        let discovery = self.discovery.filter(|wanted| *wanted);
        if self.jwks_uri.is_none() && discovery.is_none() {
            for name in self.remote_settings() {
                faults.add(format!("{key}.{name}"), format!(
                    "`{key}.{name}` needs `jwks_uri` or `discovery`: remove it, or say where the keys \
                     are fetched"
                ));
            }
        }
        // All in one tuple, so that a new source does not compile until every pair of sources is
        // decided on.
        let ways = (
            &self.jwks_uri,
            discovery,
            &self.jwks_file,
            &self.hmac_secret_file,
            self.keys.as_deref(),
            &self.feed,
        );
        match ways {
            (Some(uri), None, None, None, None, None) => {
                let address = JwksAddress::parse(uri, self.plain_text());
                let location = address.map(KeyLocation::Address);
                let location = location.map_err(|error| Unreachable {
                    at: format!("{key}.jwks_uri"),
                    setting: "`jwks_uri`",
                    error,
                });
                self.remote(location, key, base, faults)
            }
            (None, Some(_), None, None, None, None) => {
                let discovery = Discovery::of(&self.issuer, self.plain_text());
                let location = discovery.map(KeyLocation::Discovery);
                let location = location.map_err(|error| Unreachable {
                    at: format!("{key}.issuer"),
                    setting: "`discovery` asks the `issuer`, which",
                    error,
                });
                self.remote(location, key, base, faults)
            }
            (None, None, Some(file), None, None, None) => Some(KeySource::File(base.join(file))),
            (None, None, None, Some(file), None, None) => {
                Some(KeySource::HmacSecret(base.join(file)))
            }
            (None, None, None, None, Some("companion"), None) => Some(KeySource::Companion),
            (None, None, None, None, None, Some(feed)) => {
                let settings = feed.build(&format!("{key}.feed"), base, faults);
                settings.map(KeySource::Feed)
            }
            _ => {
                faults.add(
                    key,
                    format!(
                        "`{key}` (issuer `{}`) must have exactly one source of keys: `jwks_uri`, \
                     `discovery: true`, `jwks_file`, `hmac_secret_file`, `keys: companion` or \
                     `feed`",
                        self.issuer
                    ),
                );
                None
            }
        }
    }

    fn plain_text(&self) -> PlainText {
        if self.jwks_plain_text == Some(true) {
            PlainText::Allowed
        } else {
            PlainText::Refused
        }
    }

    /// The settings of remote keys that are written.
    fn remote_settings(&self) -> impl Iterator<Item = &'static str> {
        let settings = [
            ("jwks_refresh_seconds", self.jwks_refresh_seconds.is_some()),
            (
                "jwks_cooldown_seconds",
                self.jwks_cooldown_seconds.is_some(),
            ),
            ("jwks_timeout_ms", self.jwks_timeout_ms.is_some()),
            ("jwks_max_bytes", self.jwks_max_bytes.is_some()),
            ("jwks_ca_file", self.jwks_ca_file.is_some()),
            ("jwks_plain_text", self.jwks_plain_text.is_some()),
            ("jwks_token_file", self.jwks_token_file.is_some()),
            ("jwks_cache_file", self.jwks_cache_file.is_some()),
            ("start_wait_seconds", self.start_wait_seconds.is_some()),
        ];
        let written = settings.into_iter().filter(|(_, written)| *written);
        written.map(|(name, _)| name)
    }

    fn remote(
        &self,
        location: Result<KeyLocation, Unreachable>,
        key: &str,
        base: &Path,
        faults: &mut Faults,
    ) -> Option<KeySource> {
        let refresh = self.jwks_refresh_seconds.unwrap_or(300);
        let cooldown = self.jwks_cooldown_seconds.unwrap_or(30);
        let timeout = self.jwks_timeout_ms.unwrap_or(2000);
        let max_bytes = self.jwks_max_bytes.unwrap_or(MAX_JWKS_BYTES as u64);
        faults.within(&format!("{key}.jwks_refresh_seconds"), refresh, 1, 86_400);
        faults.within(&format!("{key}.jwks_cooldown_seconds"), cooldown, 1, 3600);
        faults.within(&format!("{key}.jwks_timeout_ms"), timeout, 1, 60_000);
        let most = MAX_JWKS_BYTES as u64;
        faults.within(&format!("{key}.jwks_max_bytes"), max_bytes, 64, most);
        let start_wait = self.start_wait_seconds.unwrap_or(10);
        faults.within(&format!("{key}.start_wait_seconds"), start_wait, 0, 3600);
        // The cooldown is for what callers cause. Were the schedule faster, it would not be the limit
        // that it says.
        if refresh < cooldown {
            faults.add(format!("{key}.jwks_refresh_seconds"), format!(
                "`{key}.jwks_refresh_seconds: {refresh}` is shorter than the cooldown of {cooldown} \
                 seconds: raise it, or lower `jwks_cooldown_seconds`"
            ));
        }
        let location = match location {
            Ok(location) => location,
            Err(Unreachable { at, setting, error }) => {
                faults.add(
                    at,
                    format!("`{key}` (issuer `{}`): {setting} {error}", self.issuer),
                );
                return None;
            }
        };
        self.check_files(&location, key, faults);
        let path = |file: &Option<PathBuf>| file.as_ref().map(|file| base.join(file));
        Some(KeySource::Remote(RemoteKeySettings {
            location,
            refresh: Duration::from_secs(refresh),
            cooldown: Duration::from_secs(cooldown),
            timeout: Duration::from_millis(timeout),
            max_bytes: usize::try_from(max_bytes).ok()?,
            ca_file: path(&self.jwks_ca_file),
            token_file: path(&self.jwks_token_file),
            cache_file: path(&self.jwks_cache_file),
            start_wait: Duration::from_secs(start_wait),
        }))
    }

    fn check_files(&self, location: &KeyLocation, key: &str, faults: &mut Faults) {
        if self.jwks_ca_file.is_some() && !location.may_be_encrypted() {
            faults.add(
                format!("{key}.jwks_ca_file"),
                format!(
                    "`{key}.jwks_ca_file` has no effect with plain http: use `https`, or remove it"
                ),
            );
        }
        if self.jwks_token_file.is_some() && location.is_plain_text() {
            faults.add(format!("{key}.jwks_token_file"), format!(
                "`{key}.jwks_token_file` would send the token in plain text, where others can read \
                 it: use `https`, or remove it"
            ));
        }
    }
}

/// A shared secret verifies HMAC and nothing else; a JWKS never holds one.
pub(super) fn check_algorithms(
    keys: &KeySource,
    algorithms: &[Algorithm],
    key: &str,
    faults: &mut Faults,
) {
    let at = format!("{key}.algorithms");
    let hmac = algorithms
        .iter()
        .filter(|algorithm| algorithm.is_symmetric())
        .count();
    let secret = matches!(keys, KeySource::HmacSecret(_));
    let symmetric = Algorithm::list(&Algorithm::symmetric());
    if secret && hmac < algorithms.len() {
        faults.add(&*at, format!(
            "`{key}.algorithms`: a shared secret serves {symmetric} alone: remove the others, or use \
             `jwks_file`"
        ));
    }
    if secret && hmac > 1 {
        faults.add(
            &*at,
            format!(
                "`{key}.algorithms`: a shared secret serves one algorithm: keep the one that the \
             issuer signs with"
            ),
        );
    }
    // The issuer in the same process hands over what it signs with, secret or not.
    let published = !secret && *keys != KeySource::Companion;
    if published && hmac > 0 {
        faults.add(at, format!(
            "`{key}.algorithms`: {symmetric} needs `hmac_secret_file`: a JWKS is public and holds no \
             secret"
        ));
    }
}
