//! A JWKS (RFC 7517 section 5), read key by key: one bad key does not spoil the others.

use std::fmt;

use serde_json::Value;

use super::algorithm::Algorithm;
use super::json::{self, JsonError, JwksError};
use super::jwk::{self, JwkError};
use super::key::Key;

/// The longest JWKS that is read.
pub const MAX_JWKS_BYTES: usize = 1024 * 1024;

/// The most keys of one issuer. Real ones publish two to ten.
pub const MAX_KEYS: usize = 64;

/// The most entries of a set that are read: an entry can be as short as two bytes, and each costs many
/// times its length in memory, and a reason where it cannot be used.
const MAX_ENTRIES: usize = 1024;

/// A key of a JWKS that was left out, and why. Holds no key material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its position in `keys`.
    pub position: usize,
    /// Its `kid`, where it has a readable one.
    pub key_id: Option<String>,
    pub reason: SkipReason,
}

/// Why a key of a set is left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    #[error("it is not a JSON object")]
    NotAnObject,
    #[error("a member appears twice in it")]
    DuplicateMember,
    #[error("it is nested too deeply")]
    TooDeep,
    #[error(transparent)]
    Unusable(#[from] JwkError),
    #[error("the same key appears twice")]
    Duplicate,
    /// Which of them a token means cannot be told.
    #[error("another key of the same algorithm has the same `kid`")]
    Ambiguous,
    #[error("only the first {MAX_KEYS} usable keys are used")]
    TooMany,
    #[error("only the first {MAX_ENTRIES} entries of a set are read")]
    TooManyEntries,
}

/// The keys of a set, with their positions in it, and those that were left out.
pub(super) struct ReadKeys {
    pub(super) keys: Vec<(usize, Key)>,
    pub(super) skipped: Vec<SkippedKey>,
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

impl ReadKeys {
    /// Reads the keys that `allowed` has an algorithm for.
    pub(super) fn from_json(json: &[u8], allowed: &[Algorithm]) -> Result<Self, JwksError> {
        // Some editors and servers begin with a byte order mark.
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let keys = json::parse_keys(json, MAX_ENTRIES)?;
        let mut read = Self::collect(keys.entries, |value| read_key(value, allowed));
        if keys.has_more {
            read.skip(MAX_ENTRIES, None, SkipReason::TooManyEntries);
        }
        Ok(read)
    }

    /// Reads one after the other. Those beyond the bound are not even looked at.
    pub(super) fn collect<T>(
        values: impl IntoIterator<Item = T>,
        read_one: impl Fn(T) -> Result<Key, (Option<String>, SkipReason)>,
    ) -> Self {
        let mut read = Self {
            keys: Vec::new(),
            skipped: Vec::new(),
        };
        for (position, value) in values.into_iter().enumerate() {
            if read.keys.len() == MAX_KEYS {
                read.skip(position, None, SkipReason::TooMany);
                continue;
            }
            match read_one(value) {
                Ok(key) => read.keys.push((position, key)),
                Err((key_id, reason)) => read.skip(position, key_id, reason),
            }
        }
        read
    }

    /// Leaves out keys that appear twice, and all keys whose name and algorithm several have.
    pub(super) fn without_duplicates(mut self) -> Self {
        let mut distinct: Vec<(usize, Key)> = Vec::new();
        for (position, key) in std::mem::take(&mut self.keys) {
            let same = |(_, other): &(usize, Key)| other.fingerprint() == key.fingerprint();
            if distinct.iter().any(same) {
                self.skip_key(position, &key, SkipReason::Duplicate);
            } else {
                distinct.push((position, key));
            }
        }
        let is_ambiguous = |key: &Key| {
            let alike = distinct
                .iter()
                .filter(|(_, other)| key.is_called_like(other));
            alike.count() > 1
        };
        let ambiguous: Vec<bool> = distinct.iter().map(|(_, key)| is_ambiguous(key)).collect();
        for ((position, key), ambiguous) in distinct.into_iter().zip(ambiguous) {
            if ambiguous {
                self.skip_key(position, &key, SkipReason::Ambiguous);
            } else {
                self.keys.push((position, key));
            }
        }
        self.skipped.sort_by_key(|key| key.position);
        self
    }

    fn skip_key(&mut self, position: usize, key: &Key, reason: SkipReason) {
        let key_id = key.readable_id().map(str::to_owned);
        self.skip(position, key_id, reason);
    }

    fn skip(&mut self, position: usize, key_id: Option<String>, reason: SkipReason) {
        self.skipped.push(SkippedKey {
            position,
            key_id,
            reason,
        });
    }
}

/// A key, or its `kid` and why it is left out.
fn read_key(
    value: Result<Value, JsonError>,
    allowed: &[Algorithm],
) -> Result<Key, (Option<String>, SkipReason)> {
    let members = match value {
        Ok(Value::Object(members)) => members,
        Ok(_) => return Err((None, SkipReason::NotAnObject)),
        Err(JsonError::DuplicateMember) => return Err((None, SkipReason::DuplicateMember)),
        // Syntax errors end the reading of the whole set, so what is left of one is depth.
        Err(JsonError::TooDeep | JsonError::Syntax) => return Err((None, SkipReason::TooDeep)),
    };
    jwk::read(&members, allowed).map_err(|error| {
        let key_id = jwk::key_id(&members).ok().flatten();
        let readable = key_id.filter(|id| !id.contains(char::is_control));
        (readable.map(str::to_owned), error.into())
    })
}
