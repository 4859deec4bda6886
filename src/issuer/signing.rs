//! The keys at one instant: the one that signs access tokens, and those that others verify them with.

use serde_json::{Map, Value, json};

use super::{IssuerError, keys};
use crate::clock::UnixSeconds;
use crate::identity::SecretDigest;
use crate::store::{StoreError, StoredKey};
use crate::token::{Algorithm, CryptographyError, KeySet, KeyState, SigningKey};

/// The keys at one instant, parsed once. Swapped whole.
pub(super) struct Signer {
    key: SigningKey,
    /// All that are published: secrets as well.
    key_set: KeySet,
    /// Those of them that are public (RFC 7517 section 5).
    jwks: String,
    /// A validator of the JWKS (RFC 9110 section 8.8.3), with its quotation marks.
    etag: String,
    /// What all this was made of.
    rows: Vec<StoredKey>,
    states: Vec<KeyState>,
    /// The ids of the rows; empty for those that have ended.
    ids: Vec<String>,
}

/// A key that verifiers are told of, and where it is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublishedKey {
    /// The `kid` of its tokens.
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pub(super) state: KeyState,
    /// None where it is not known, as of keys in files; like the next one.
    pub(super) created_at: Option<UnixSeconds>,
    /// From when on it signs.
    pub(super) active_from: Option<UnixSeconds>,
    /// None as long as nothing follows on it.
    pub(super) published_until: Option<UnixSeconds>,
}

impl Signer {
    /// What these keys are at `now`.
    pub(super) fn new(rows: Vec<StoredKey>, now: UnixSeconds) -> Result<Self, IssuerError> {
        let states = states(&rows, now);
        let (mut published, mut ids) = (Vec::new(), Vec::new());
        let mut active = None;
        for (row, state) in rows.iter().zip(&states) {
            match state {
                KeyState::Ended => {
                    ids.push(String::new());
                    continue;
                }
                KeyState::Active => active = Some(published.len()),
                // Published before it signs, so that verifiers have it by then, and after, as long as
                // tokens of it live.
                KeyState::Next | KeyState::Retiring => {}
            }
            let key = keys::read(row)?;
            ids.push(key.id().unwrap_or_default().to_owned());
            published.push(key);
        }
        let key_set = KeySet::of_signing_keys(&published)?;
        let public: Vec<Value> = published
            .iter()
            .filter_map(SigningKey::public_jwk)
            .collect();
        let jwks = json!({ "keys": public }).to_string();
        // Of the content: all processes of one issuer give the same one, whichever of them is asked.
        let etag = format!("\"{}\"", SecretDigest::of(jwks.as_bytes()).to_text());
        let active = active.and_then(|position| published.into_iter().nth(position));
        Ok(Self {
            key: active.ok_or(StoreError::Unreadable("line of signing keys"))?,
            key_set,
            jwks,
            etag,
            rows,
            states,
            ids,
        })
    }

    /// The keys that verifiers are told of, in the order in which they came.
    pub(super) fn published(&self) -> Vec<PublishedKey> {
        let schedule = keys::schedule(&self.rows);
        // Keys in files have no such instants: zero, and the end of time.
        let known =
            |instant: UnixSeconds| Some(instant).filter(|at| at.calendar().is_some() && at.0 > 0);
        let keys = self.rows.iter().zip(&self.states).zip(&self.ids);
        let published = keys.filter(|((_, state), _)| **state != KeyState::Ended);
        let described = published.map(|((row, state), id)| PublishedKey {
            id: id.clone(),
            algorithm: row.life.algorithm,
            state: *state,
            created_at: known(row.created_at),
            active_from: known(row.life.active_from),
            published_until: schedule.published_until(&row.life).and_then(known),
        });
        described.collect()
    }

    /// What follows on this; nothing where nothing has changed. Without new rows, what time alone
    /// has changed.
    pub(super) fn succeeded_by(
        &self,
        rows: Option<Vec<StoredKey>>,
        now: UnixSeconds,
    ) -> Result<Option<Self>, IssuerError> {
        let rows = rows.unwrap_or_else(|| self.rows.clone());
        if rows == self.rows && states(&rows, now) == self.states {
            return Ok(None);
        }
        Self::new(rows, now).map(Some)
    }

    /// The position of the last key that is known here.
    pub(super) fn newest(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.life.position)
    }

    /// The `kid` of new tokens.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key.id()
    }

    pub(super) fn jwks(&self) -> &str {
        &self.jwks
    }

    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    pub(super) fn key_set(&self) -> &KeySet {
        &self.key_set
    }

    /// Signs an access token (RFC 9068) with these claims.
    pub(super) fn sign(&self, claims: &Map<String, Value>) -> Result<String, CryptographyError> {
        self.key.issue("at+jwt", claims)
    }
}

fn states(rows: &[StoredKey], now: UnixSeconds) -> Vec<KeyState> {
    let schedule = keys::schedule(rows);
    rows.iter()
        .map(|row| schedule.state(&row.life, now))
        .collect()
}
