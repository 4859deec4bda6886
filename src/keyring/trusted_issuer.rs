//! The section `trust` of the configuration: each issuer, its rules, and where its keys come from.

mod claims;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::feed::{FeedDocument, FeedSettings};
use crate::problem::Faults;
use crate::token::{Algorithm, DEFAULT_TOKEN_BYTES, IssuerRules, MAX_TOKEN_BYTES};
use crate::yaml::present;
use claims::{ClaimsDocument, Several, WrittenRequirements, WrittenRules};

/// An issuer whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// What its tokens must be like.
    pub rules: IssuerRules,
    /// Where its keys come from.
    pub keys: KeySource,
}

/// Where an issuer's keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A JWKS on disk.
    File(PathBuf),
    /// A shared secret on disk.
    HmacSecret(PathBuf),
    /// The issuer in the same process.
    Companion,
    /// The issuer's feed, with what it takes back.
    Feed(FeedSettings),
    /// A JWKS at a URL.
    Remote {
        /// `https`, or `http` to this host.
        uri: String,
        /// How often the keys are fetched.
        refresh: Duration,
        /// The least time between two fetches for unknown key ids.
        cooldown: Duration,
        /// The longest that a fetch may take.
        timeout: Duration,
        /// Larger answers are refused, in bytes.
        max_bytes: usize,
        /// The certificate authorities to believe instead of the system's, as PEM.
        ca_file: Option<PathBuf>,
    },
}

/// What the policy calls these issuers.
pub fn issuer_names(trusted: &[TrustedIssuer]) -> Vec<Box<str>> {
    trusted
        .iter()
        .map(|issuer| issuer.rules.name.clone())
        .collect()
}

/// An entry of `trust` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuerDocument {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    issuer: String,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    algorithms: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    jwks_uri: Option<String>,
    #[serde(default, deserialize_with = "present")]
    jwks_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "present")]
    hmac_secret_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "present")]
    keys: Option<String>,
    #[serde(default, deserialize_with = "present")]
    feed: Option<FeedDocument>,
    #[serde(default, deserialize_with = "present")]
    jwks_refresh_seconds: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    jwks_cooldown_seconds: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    jwks_timeout_ms: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    jwks_max_bytes: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    jwks_ca_file: Option<PathBuf>,
    #[serde(default = "default_leeway_seconds")]
    leeway_seconds: u64,
    #[serde(default = "default_types")]
    types: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    scope_claim: Option<String>,
    #[serde(default, deserialize_with = "present")]
    audience_claim: Option<String>,
    #[serde(default, deserialize_with = "present")]
    claims: Option<ClaimsDocument>,
    #[serde(default)]
    scope_names: BTreeMap<String, Several>,
    #[serde(default, deserialize_with = "present")]
    require: Option<WrittenRequirements>,
    #[serde(default = "default_max_lifetime_seconds")]
    max_lifetime_seconds: u64,
    #[serde(default = "default_max_token_bytes")]
    max_token_bytes: u64,
}

fn default_leeway_seconds() -> u64 {
    30
}

fn default_types() -> Vec<String> {
    vec!["at+jwt".to_owned(), "jwt".to_owned()]
}

fn default_max_lifetime_seconds() -> u64 {
    86_400
}

fn default_max_token_bytes() -> u64 {
    DEFAULT_TOKEN_BYTES as u64
}

/// Checks the entries of `trust`; relative paths are relative to `base`.
pub fn trusted_issuers(
    documents: Vec<TrustedIssuerDocument>,
    base: &Path,
    faults: &mut Faults,
) -> Vec<TrustedIssuer> {
    let mut seen = BTreeSet::new();
    let mut issuers = Vec::new();
    let names = names::of(&documents, faults);
    for (position, (document, name)) in documents.into_iter().zip(names).enumerate() {
        let key = format!("trust[{position}]");
        if !seen.insert(document.issuer.clone()) {
            faults.add(format!(
                "`{key}.issuer: {}` is listed twice: one issuer has one entry, with all its \
                 audiences and algorithms",
                document.issuer
            ));
        }
        issuers.extend(document.build(name, &key, base, faults));
    }
    issuers
}

impl TrustedIssuerDocument {
    fn build(
        self,
        name: Box<str>,
        key: &str,
        base: &Path,
        faults: &mut Faults,
    ) -> Option<TrustedIssuer> {
        let issuer = &self.issuer;
        if issuer.is_empty() {
            faults.add(format!(
                "`{key}.issuer` is empty: write the tokens' exact `iss`"
            ));
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            faults.add(format!(
                "`{key}` (issuer `{issuer}`) has no audience: list the tokens' `aud` for this \
                 service, such as `audiences: [orders-api]`; without it any token of the issuer \
                 would do"
            ));
        }
        faults.within(
            &format!("{key}.leeway_seconds"),
            self.leeway_seconds,
            0,
            300,
        );
        let lifetime_key = format!("{key}.max_lifetime_seconds");
        faults.within(&lifetime_key, self.max_lifetime_seconds, 1, 366 * 86_400);
        let length_key = format!("{key}.max_token_bytes");
        let longest = MAX_TOKEN_BYTES as u64;
        faults.within(&length_key, self.max_token_bytes, 1024, longest);
        if self.types.is_empty() {
            faults.add(format!(
                "`{key}.types` is empty: list the accepted `typ`, such as `at+jwt`"
            ));
        }
        let algorithms = algorithms(&self.algorithms, key, faults);
        let keys = self.key_source(key, base, faults);
        if let (Some(keys), false) = (&keys, algorithms.is_empty()) {
            check_family(keys, &algorithms, key, faults);
        }
        let written = WrittenRules {
            claims: self.claims,
            scope_claim: self.scope_claim,
            audience_claim: self.audience_claim,
            scope_names: self.scope_names,
            require: self.require,
        };
        Some(TrustedIssuer {
            rules: IssuerRules {
                name,
                issuer: self.issuer.into(),
                audiences: self.audiences.into_iter().map(Into::into).collect(),
                algorithms,
                leeway_seconds: u32::try_from(self.leeway_seconds).ok()?,
                types: self.types.iter().map(|name| name.as_str().into()).collect(),
                claims: written.build(key, faults),
                max_lifetime_seconds: self.max_lifetime_seconds,
                max_token_bytes: usize::try_from(self.max_token_bytes).ok()?,
            },
            keys: keys?,
        })
    }

    fn key_source(&self, key: &str, base: &Path, faults: &mut Faults) -> Option<KeySource> {
        let remote_only = [
            ("jwks_refresh_seconds", self.jwks_refresh_seconds.is_some()),
            (
                "jwks_cooldown_seconds",
                self.jwks_cooldown_seconds.is_some(),
            ),
            ("jwks_timeout_ms", self.jwks_timeout_ms.is_some()),
            ("jwks_max_bytes", self.jwks_max_bytes.is_some()),
            ("jwks_ca_file", self.jwks_ca_file.is_some()),
        ];
        if self.jwks_uri.is_none() {
            for (name, _) in remote_only.iter().filter(|(_, set)| *set) {
                faults.add(format!(
                    "`{key}.{name}` needs `jwks_uri`: remove it, or name the URL"
                ));
            }
        }
        let ways = (
            &self.jwks_uri,
            &self.jwks_file,
            &self.hmac_secret_file,
            self.keys.as_deref(),
            &self.feed,
        );
        match ways {
            (Some(uri), None, None, None, None) => self.remote(uri, key, base, faults),
            (None, Some(file), None, None, None) => Some(KeySource::File(base.join(file))),
            (None, None, Some(file), None, None) => Some(KeySource::HmacSecret(base.join(file))),
            (None, None, None, Some("companion"), None) => Some(KeySource::Companion),
            (None, None, None, None, Some(feed)) => {
                let settings = feed.build(&format!("{key}.feed"), base, faults);
                settings.map(KeySource::Feed)
            }
            _ => {
                faults.add(format!(
                    "`{key}` (issuer `{}`) must name its keys in one way: `jwks_uri`, `jwks_file`, \
                     `hmac_secret_file`, `keys: companion` or `feed`",
                    self.issuer
                ));
                None
            }
        }
    }

    fn remote(&self, uri: &str, key: &str, base: &Path, faults: &mut Faults) -> Option<KeySource> {
        let refresh = self.jwks_refresh_seconds.unwrap_or(300);
        let cooldown = self.jwks_cooldown_seconds.unwrap_or(30);
        let timeout = self.jwks_timeout_ms.unwrap_or(2000);
        let max_bytes = self.jwks_max_bytes.unwrap_or(1 << 20);
        faults.within(&format!("{key}.jwks_refresh_seconds"), refresh, 1, 86_400);
        faults.within(&format!("{key}.jwks_cooldown_seconds"), cooldown, 1, 3600);
        faults.within(&format!("{key}.jwks_timeout_ms"), timeout, 1, 60_000);
        faults.within(&format!("{key}.jwks_max_bytes"), max_bytes, 64, 1 << 24);
        Some(KeySource::Remote {
            uri: uri.to_owned(),
            refresh: Duration::from_secs(refresh),
            cooldown: Duration::from_secs(cooldown),
            timeout: Duration::from_millis(timeout),
            max_bytes: usize::try_from(max_bytes).ok()?,
            ca_file: self.jwks_ca_file.as_ref().map(|file| base.join(file)),
        })
    }
}

fn algorithms(names: &[String], key: &str, faults: &mut Faults) -> Vec<Algorithm> {
    if names.is_empty() {
        faults.add(format!(
            "`{key}.algorithms` is empty: list those that the issuer signs with, such as `[ES256]`"
        ));
    }
    let mut algorithms = Vec::new();
    for name in names {
        match Algorithm::from_name(name) {
            Some(algorithm) if !algorithms.contains(&algorithm) => algorithms.push(algorithm),
            Some(_) => faults.add(format!(
                "`{key}.algorithms` lists `{name}` twice: remove one"
            )),
            None => faults.add(format!(
                "`{key}.algorithms`: `{name}` is not supported: use {}",
                Algorithm::list(&Algorithm::ALL)
            )),
        }
    }
    algorithms
}

/// A shared secret verifies HMAC and nothing else; a JWKS never holds one.
fn check_family(keys: &KeySource, algorithms: &[Algorithm], key: &str, faults: &mut Faults) {
    let hmac = algorithms
        .iter()
        .filter(|algorithm| algorithm.is_symmetric())
        .count();
    let secret = matches!(keys, KeySource::HmacSecret(_));
    let symmetric = Algorithm::list(&Algorithm::symmetric());
    if secret && hmac < algorithms.len() {
        faults.add(format!(
            "`{key}.algorithms`: a shared secret serves {symmetric} alone: remove the others, or use \
             `jwks_file`"
        ));
    }
    if secret && hmac > 1 {
        faults.add(format!(
            "`{key}.algorithms`: a shared secret serves one algorithm: keep the one that the \
             issuer signs with"
        ));
    }
    // The issuer in the same process hands over what it signs with, secret or not.
    let published = !secret && *keys != KeySource::Companion;
    if published && hmac > 0 {
        faults.add(format!(
            "`{key}.algorithms`: {symmetric} needs `hmac_secret_file`: a JWKS is public and holds no \
             secret"
        ));
    }
}
