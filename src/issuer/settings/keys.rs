//! `issuer.keys` and `issuer.algorithm`: what signs the tokens.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::problem::Faults;
use crate::token::{Algorithm, MAX_PUBLISHED_KEYS};
use crate::yaml::present;

const DAY_SECONDS: u64 = 86_400;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettings {
    /// How long a key signs before another takes over; 0 is for ever.
    pub rotate_seconds: u32,
    /// How often store or files are asked whether the keys have changed.
    pub poll_ms: u64,
    /// Where the keys are instead of in the store: the first signs, the others are only published.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KeysDocument {
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

/// Those that every verifier of the field knows: one for each kind of key.
pub(in crate::issuer) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::Es256,
    Algorithm::Rs256,
    Algorithm::EdDsa,
    Algorithm::Hs256,
];

pub(super) fn algorithm(name: &str, faults: &mut Faults) -> Option<Algorithm> {
    let known = Algorithm::from_name(name).filter(|known| ALGORITHMS.contains(known));
    if known.is_none() {
        faults.add(
            "issuer.algorithm",
            format!(
                "`issuer.algorithm: {name}` is not supported: use ES256, RS256, EdDSA or HS256"
            ),
        );
    }
    known
}

impl KeysDocument {
    pub(super) fn build(self, base: &Path, faults: &mut Faults) -> Option<KeySettings> {
        faults.within("issuer.keys.poll_ms", self.poll_ms, 100, 60_000);
        if self.rotate_seconds.is_some() && !self.files.is_empty() {
            faults.add(
                "issuer.keys.rotate_seconds",
                "`issuer.keys.rotate_seconds` is about keys in the store: remove it, or `files`",
            );
        }
        if self.files.len() > MAX_PUBLISHED_KEYS {
            faults.add(
                "issuer.keys.files",
                format!(
                    "`issuer.keys.files` lists more than {MAX_PUBLISHED_KEYS} files: remove those \
                 whose tokens have ended"
                ),
            );
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
