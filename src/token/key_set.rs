//! The verification keys of one issuer, each bound to one algorithm when it is loaded.

use std::fmt;

use serde_json::Value;

use super::algorithm::Algorithm;
use super::error::TokenError;
use super::fingerprint::{Fields, Fingerprint};
use super::header::Header;
use super::json::{self, JsonError, JwksError};
use super::key::{Key, KeyName};
use super::signing_key::SigningKey;
use super::trust::IssuerIndex;
use super::{jwk, secret};

/// The longest JWKS that is read.
pub const MAX_JWKS_BYTES: usize = 1024 * 1024;

/// The most keys of one issuer. Real ones publish two to ten.
pub const MAX_KEYS: usize = 64;

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
    /// It is longer than [`MAX_JWKS_BYTES`].
    #[error("the JWKS has {0} bytes: at most {MAX_JWKS_BYTES} are read")]
    TooLong(usize),
    /// It is not a JSON object with one array `keys`.
    #[error("this is not a JWKS: {0}")]
    NotJwks(&'static str),
    /// It is a JWKS without a key that can be used.
    #[error("the JWKS has no usable key{}", list(.0))]
    NoUsableKey(Vec<SkippedKey>),
    /// A secret, but no HMAC algorithm.
    #[error("an HMAC secret needs one of HS256, HS384 and HS512 among the issuer's `algorithms`")]
    NoHmacAlgorithm,
    /// The secret is shorter than the hash.
    #[error(
        "the HMAC secret has {bytes} bytes and {algorithm} needs at least {least}: make one with \
         `portcullis key generate --algorithm {algorithm}`"
    )]
    SecretTooShort {
        /// What it was meant for.
        algorithm: Algorithm,
        /// Its length.
        bytes: usize,
        /// The least length.
        least: usize,
    },
    /// The secret stands in public documentation.
    #[error(
        "the HMAC secret is a published example, so anybody can sign with it: make one with \
         `portcullis key generate`"
    )]
    SecretPublished,
    /// The secret repeats itself or has too few different bytes.
    #[error(
        "the HMAC secret is not random: it repeats itself or has few different bytes; make one \
         with `portcullis key generate`"
    )]
    SecretWeak,
}

/// A key of a JWKS that was left out, and why. Holds no key material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its position in `keys`.
    pub position: usize,
    /// Its `kid`, where it has a readable one.
    pub key_id: Option<String>,
    /// Why, for the log.
    pub reason: String,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "key {}", self.position)?;
        if let Some(key_id) = &self.key_id {
            write!(formatter, " (`{key_id}`)")?;
        }
        write!(formatter, ": {}", self.reason)
    }
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
        // Some editors and servers begin with a byte order mark.
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let values =
            json::parse_keys(json).map_err(|fault| KeySetError::NotJwks(fault.message()))?;
        let mut keys = Vec::new();
        let mut skipped = Vec::new();
        for (position, value) in values.into_iter().enumerate() {
            if keys.len() == MAX_KEYS {
                let reason = format!("only the first {MAX_KEYS} usable keys are used");
                skipped.push(SkippedKey {
                    position,
                    key_id: None,
                    reason,
                });
                continue;
            }
            match read_key(value, allowed) {
                Ok(key) => keys.push((position, key)),
                Err((key_id, reason)) => skipped.push(SkippedKey {
                    position,
                    key_id,
                    reason,
                }),
            }
        }
        let mut keys = without_duplicates(keys, &mut skipped);
        // The one key of a set made by hand: whatever a token calls its key, it can be no other.
        if let ([only], true) = (keys.as_mut_slice(), skipped.is_empty()) {
            only.answer_to_any();
        }
        skipped.sort_by_key(|key| key.position);
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
        Ok(Self::new(vec![key]))
    }

    /// What verifies the tokens of these keys, for verifiers in the same process: secrets are
    /// among them. Several keys must have ids. Fails where one key cannot be used, or there is none.
    pub fn of_signing_keys<'k>(
        keys: impl IntoIterator<Item = &'k SigningKey>,
    ) -> Result<Self, KeySetError> {
        let mut verifying = Vec::new();
        let mut skipped = Vec::new();
        for (position, key) in keys.into_iter().enumerate() {
            match key.verification_key() {
                Ok(key) => verifying.push((position, key)),
                Err(reason) => skipped.push(SkippedKey {
                    position,
                    key_id: key.id().map(str::to_owned),
                    reason,
                }),
            }
        }
        let verifying = without_duplicates(verifying, &mut skipped);
        if verifying.is_empty() || !skipped.is_empty() {
            return Err(KeySetError::NoUsableKey(skipped));
        }
        Ok(Self::new(verifying))
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

    fn new(keys: Vec<Key>) -> Self {
        let mut digests: Vec<_> = keys.iter().map(Key::fingerprint).collect();
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
            match (named().find(of_algorithm), named().next()) {
                (Some(key), _) => Ok(vec![key]),
                (None, None) => Err(TokenError::UnknownKey(issuer)),
                (None, Some(_)) => Err(TokenError::KeyOfAnotherAlgorithm),
            }
        } else {
            let candidates: Vec<_> = self.keys.iter().filter(of_algorithm).collect();
            match candidates.len() {
                0 => Err(TokenError::UnknownKey(issuer)),
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

impl JwksError {
    fn message(self) -> &'static str {
        match self {
            Self::NotAnObject => "expected a JSON object with the member `keys`",
            Self::NoKeys => "the member `keys` is missing",
            Self::KeysTwice => "the member `keys` stands twice",
            Self::KeysNotAnArray => "the member `keys` is not an array",
        }
    }
}

/// A key, or its `kid` and why it is left out.
fn read_key(
    value: Result<Value, JsonError>,
    allowed: &[Algorithm],
) -> Result<Key, (Option<String>, String)> {
    let members = match value {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err((None, "it is not a JSON object".to_owned())),
        Err(JsonError::DuplicateMember) => {
            return Err((None, "it holds a member twice".to_owned()));
        }
        Err(JsonError::TooDeep | JsonError::Syntax) => {
            return Err((None, "it is nested too deeply".to_owned()));
        }
    };
    jwk::read(&members, allowed).map_err(|reason| {
        let key_id = jwk::key_id(&members).ok().flatten();
        (
            key_id
                .filter(|id| !id.contains(char::is_control))
                .map(str::to_owned),
            reason,
        )
    })
}

/// Leaves out keys that stand twice, and all keys whose name and algorithm several have.
fn without_duplicates(keys: Vec<(usize, Key)>, skipped: &mut Vec<SkippedKey>) -> Vec<Key> {
    let mut skip = |position, key: &Key, reason: &str| {
        let key_id = key.readable_id().map(str::to_owned);
        skipped.push(SkippedKey {
            position,
            key_id,
            reason: reason.to_owned(),
        });
    };
    let mut distinct: Vec<(usize, Key)> = Vec::new();
    for (position, key) in keys {
        if distinct
            .iter()
            .any(|(_, other)| other.fingerprint() == key.fingerprint())
        {
            skip(position, &key, "it stands twice");
        } else {
            distinct.push((position, key));
        }
    }
    let ambiguous: Vec<bool> = distinct
        .iter()
        .map(|(_, key)| {
            distinct
                .iter()
                .filter(|(_, other)| key.is_called_like(other))
                .count()
                > 1
        })
        .collect();
    let mut unambiguous = Vec::new();
    for ((position, key), ambiguous) in distinct.into_iter().zip(ambiguous) {
        if ambiguous {
            skip(
                position,
                &key,
                "another key of the same algorithm has the same `kid`",
            );
        } else {
            unambiguous.push(key);
        }
    }
    unambiguous
}
