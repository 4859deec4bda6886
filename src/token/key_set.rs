//! The verification keys of one issuer, each bound to one algorithm when it is loaded.

use std::fmt;

use super::algorithm::Algorithm;
use super::error::TokenError;
use super::fingerprint::{Fields, Fingerprint};
use super::header::Header;
use super::issuer_rules::IssuerIndex;
use super::json::JwksError;
use super::jwks::{MAX_JWKS_BYTES, ReadKeys, SkippedKey};
use super::key::{Key, KeyName};
use super::missing_key::KeyHint;
use super::secret::{self, SecretError};
use super::signing_key::SigningKey;

/// The most keys that are tried for a token without `kid`: a bound on what a forged one may cost.
const MAX_KEYS_TO_TRY: usize = 4;

/// The verification keys of one issuer; never empty. Equal if they hold the same keys in any order.
#[derive(Clone)]
pub struct KeySet {
    keys: Vec<Key>,
    fingerprint: Fingerprint,
}

/// Why a JWKS or secret cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("the JWKS has {0} bytes: at most {MAX_JWKS_BYTES} are read")]
    TooLong(usize),
    #[error("this is not a JWKS: {0}")]
    NotJwks(#[from] JwksError),
    #[error("the JWKS has no usable key{}", list(.0))]
    NoUsableKey(Vec<SkippedKey>),
    /// A secret, but no HMAC algorithm.
    #[error(
        "an HMAC secret needs {} among the issuer's `algorithms`",
        Algorithm::list(&Algorithm::symmetric())
    )]
    NoHmacAlgorithm,
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// The first few skipped keys, as the end of a sentence.
fn list(skipped: &[SkippedKey]) -> String {
    let mut text = String::new();
    for key in skipped.iter().take(3) {
        text.push_str(if text.is_empty() { ": " } else { "; " });
        text.push_str(&key.to_string());
    }
    text
}

#[expect(clippy::len_without_is_empty, reason = "a key set is never empty")]
impl KeySet {
    /// Reads a JWKS (RFC 7517 section 5), key by key: one bad key does not spoil the others.
    /// `allowed` fixes the algorithm of a key that names none: the first that fits it, because one
    /// key serves one algorithm (RFC 8725 section 3.1). Fails if nothing usable is left.
    ///
    /// A key without `kid` serves only tokens that name none, unless it stands alone.
    ///
    /// Keys of several algorithms may share a `kid` (RFC 7517 section 4.5). Different keys of one
    /// algorithm with one `kid` are all left out: which one is meant cannot be told.
    pub fn from_jwks(
        json: &[u8],
        allowed: &[Algorithm],
    ) -> Result<(Self, Vec<SkippedKey>), KeySetError> {
        if json.len() > MAX_JWKS_BYTES {
            return Err(KeySetError::TooLong(json.len()));
        }
        let ReadKeys { mut keys, skipped } =
            ReadKeys::from_json(json, allowed)?.without_duplicates();
        // The one key of a set made by hand: whatever a token calls its key, it can be no other.
        // Not where others were left out: a token that names one of those must not be tried with this
        // one.
        if let ([(_, only)], true) = (keys.as_mut_slice(), skipped.is_empty()) {
            only.answer_to_any();
        }
        if keys.is_empty() {
            Err(KeySetError::NoUsableKey(skipped))
        } else {
            Ok((Self::new(keys), skipped))
        }
    }

    /// One HMAC secret, at least as long as the hash (RFC 7518 section 3.2). It serves the first
    /// HMAC algorithm of the list and no other. It is the only key, so it is tried whatever `kid` a
    /// token names.
    pub fn from_hmac_secret(secret: &[u8], algorithms: &[Algorithm]) -> Result<Self, KeySetError> {
        let (algorithm, least) = algorithms
            .iter()
            .find_map(|algorithm| Some((*algorithm, algorithm.least_secret_bytes()?)))
            .ok_or(KeySetError::NoHmacAlgorithm)?;
        secret::check(secret, algorithm, least)?;
        let key = Key::of_secret(KeyName::Any, algorithm, secret);
        Ok(Self::new(vec![(0, key)]))
    }

    /// What verifies the tokens of these keys, for verifiers in the same process: secrets are
    /// among them. Several keys must have ids. Fails where one key cannot be used, or there is none.
    pub fn of_signing_keys<'k>(
        keys: impl IntoIterator<Item = &'k SigningKey>,
    ) -> Result<Self, KeySetError> {
        let ReadKeys { keys, skipped } = ReadKeys::collect(keys, |key| {
            let id = || key.id().map(str::to_owned);
            key.verification_key().map_err(|error| (id(), error.into()))
        })
        .without_duplicates();
        if keys.is_empty() || !skipped.is_empty() {
            return Err(KeySetError::NoUsableKey(skipped));
        }
        Ok(Self::new(keys))
    }

    /// The algorithms of its keys, each once.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut algorithms: Vec<_> = self.keys.iter().map(Key::algorithm).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// The number of usable keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a key of the set has this very `kid`. The absence of one is what every set knows.
    pub fn knows(&self, hint: KeyHint) -> bool {
        let mut named = self.keys.iter().filter_map(Key::id);
        hint == KeyHint::of(None) || named.any(|id| hint == KeyHint::of(Some(id)))
    }

    fn new(keys: Vec<(usize, Key)>) -> Self {
        let keys: Vec<Key> = keys.into_iter().map(|(_, key)| key).collect();
        let mut digests: Vec<_> = keys.iter().map(Key::fingerprint).collect();
        // The order of a set says nothing: a server that shuffles its keys must not end all proofs at
        // each fetch.
        digests.sort_unstable();
        let mut fields = Fields::new();
        for digest in &digests {
            fields.add(digest.bytes());
        }
        Self {
            keys,
            fingerprint: fields.finish(),
        }
    }

    /// The same for the same keys, whatever their order.
    pub(super) fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Checks a signature under the keys that may have made it.
    pub(super) fn check_signature(
        &self,
        issuer: IssuerIndex,
        header: &Header,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> Result<(), TokenError> {
        let candidates = self.candidates(issuer, header)?;
        let verified = candidates
            .iter()
            .any(|key| key.verifies(message, signature));
        if verified {
            Ok(())
        } else {
            Err(TokenError::WrongSignature)
        }
    }

    /// The one key that the header names or, where it names none, the few of its algorithm. Costs
    /// no cryptography.
    pub(super) fn candidates(
        &self,
        issuer: IssuerIndex,
        header: &Header,
    ) -> Result<Vec<&Key>, TokenError> {
        let of_algorithm = |key: &&Key| key.algorithm() == header.algorithm;
        if let Some(key_id) = &header.key_id {
            let named = || self.keys.iter().filter(|key| key.answers_to(key_id));
            // The algorithm is that of the key and never that of the token: a public key used as an
            // HMAC secret is the classic forgery.
            match (named().find(of_algorithm), named().next()) {
                (Some(key), _) => Ok(vec![key]),
                (None, None) => Err(TokenError::UnknownKey(issuer)),
                (None, Some(_)) => Err(TokenError::KeyOfAnotherAlgorithm),
            }
        } else {
            let candidates: Vec<_> = self.keys.iter().filter(of_algorithm).collect();
            match candidates.len() {
                0 => Err(TokenError::UnknownKey(issuer)),
                // Few: each is a signature to verify, and whoever leaves `kid` out costs them all.
                1..=MAX_KEYS_TO_TRY => Ok(candidates),
                _ => Err(TokenError::TooManyKeysToTry),
            }
        }
    }
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for KeySet {}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.keys).finish()
    }
}
