//! The section `trust` of the configuration: each issuer, its rules, and where its keys come from.

mod carrier;
mod claims;
mod key_source;
mod names;
mod own_files;
mod warning;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::feed::{self, FeedDocument};
use crate::jwks;
use crate::problem::{Faults, closest};
use crate::token::{Algorithm, DEFAULT_TOKEN_BYTES, IssuerRules, MAX_TOKEN_BYTES};
use crate::yaml::present;
pub use key_source::KeySource;

use claims::{ClaimsDocument, Several, WrittenRequirements, WrittenRules};
use own_files::OwnFiles;

pub use warning::{TrustWarning, misspelt_scopes, nobody_trusted, trust_warnings};

/// An issuer whose tokens are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedIssuer {
    /// What its tokens must be like.
    pub rules: IssuerRules,
    /// Where its keys come from.
    pub keys: KeySource,
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
    discovery: Option<bool>,
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
    #[serde(default, deserialize_with = "present")]
    jwks_plain_text: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    jwks_token_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "present")]
    jwks_cache_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "present")]
    start_wait_seconds: Option<u64>,
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
    #[serde(default, deserialize_with = "present")]
    token_header: Option<String>,
    #[serde(default, deserialize_with = "present")]
    spiffe_trust_domain: Option<String>,
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
    let mut own_files = OwnFiles::new(base);
    let mut issuers = Vec::new();
    let names = names::of(&documents, faults);
    let count = documents.len();
    for (position, (document, name)) in documents.into_iter().zip(names).enumerate() {
        let key = format!("trust[{position}]");
        if let Some(file) = &document.jwks_cache_file {
            let key = format!("{key}.jwks_cache_file");
            let beside = |file: &Path| jwks::written_beside(file).to_vec();
            own_files.take(&key, file, beside, faults);
        }
        if let Some(file) = document.feed.as_ref().and_then(FeedDocument::snapshot_file) {
            let key = format!("{key}.feed.snapshot_file");
            let beside = |file: &Path| feed::written_beside(file).to_vec();
            own_files.take(&key, file, beside, faults);
        }
        issuers.extend(document.build(name, &key, base, faults));
    }
    // Without the entries that are wrong, the others are not where they are written.
    if issuers.len() == count {
        carrier::check(&issuers, faults);
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
            faults.add(
                format!("{key}.issuer"),
                format!("`{key}.issuer` is empty: write the tokens' exact `iss`"),
            );
        }
        if self.audiences.is_empty() || self.audiences.iter().any(String::is_empty) {
            faults.add(
                format!("{key}.audiences"),
                format!(
                    "`{key}` (issuer `{issuer}`) has no audience: list the tokens' `aud` for this \
                 service, such as `audiences: [orders-api]`; without it any token of the issuer \
                 would do"
                ),
            );
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
            faults.add(
                format!("{key}.types"),
                format!("`{key}.types` is empty: list the accepted `typ`, such as `at+jwt`"),
            );
        }
        let algorithms = algorithms(&self.algorithms, key, faults);
        let keys = self.key_source(key, base, faults);
        if let (Some(keys), false) = (&keys, algorithms.is_empty()) {
            key_source::check_algorithms(keys, &algorithms, key, faults);
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
                token_header: carrier::token_header(key, self.token_header, faults),
                spiffe_trust_domain: carrier::trust_domain(key, self.spiffe_trust_domain, faults),
            },
            keys: keys?,
        })
    }
}

fn algorithms(names: &[String], key: &str, faults: &mut Faults) -> Vec<Algorithm> {
    let key = format!("{key}.algorithms");
    if names.is_empty() {
        faults.add(
            &*key,
            format!("`{key}` is empty: list those that the issuer signs with, such as `[ES256]`"),
        );
    }
    let mut algorithms = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let at = format!("{key}[{position}]");
        match Algorithm::from_name(name) {
            Some(algorithm) if !algorithms.contains(&algorithm) => algorithms.push(algorithm),
            Some(_) => faults.add(at, format!("`{key}` lists `{name}` twice: remove one")),
            None => faults.add(
                at,
                match closest(name, Algorithm::ALL.iter().map(|known| known.name())) {
                    // ES512 is one that no other stands for.
                    Some(near) if name != "ES512" => {
                        format!("`{key}`: `{name}` is not supported: did you mean `{near}`?")
                    }
                    _ => format!(
                        "`{key}`: `{name}` is not supported: use {}; the library that verifies \
                         signatures has no others",
                        Algorithm::list(&Algorithm::ALL)
                    ),
                },
            ),
        }
    }
    algorithms
}
