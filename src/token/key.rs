//! One verification key and the one algorithm that it serves.

use std::fmt;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc;

use super::algorithm::Algorithm;
use super::fingerprint::{Fields, Fingerprint};

/// A key and the one algorithm that it serves.
#[derive(Clone)]
pub(super) struct Key {
    name: KeyName,
    algorithm: Algorithm,
    material: DecodingKey,
    /// Of the key itself, in whatever form it has.
    digest: Fingerprint,
    fingerprint: Fingerprint,
}

/// Which `kid` finds a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyName {
    Id(Box<str>),
    /// None: it serves only tokens without.
    Unnamed,
    /// Every one.
    Any,
}

impl Key {
    /// `digest` is that of the key itself, in whatever form it has.
    pub(super) fn new(
        name: KeyName,
        algorithm: Algorithm,
        material: DecodingKey,
        digest: Fingerprint,
    ) -> Self {
        Self {
            fingerprint: fingerprint(&name, algorithm, &digest),
            name,
            algorithm,
            material,
            digest,
        }
    }

    /// A key without a name serves tokens that name any from now on.
    pub(super) fn answer_to_any(&mut self) {
        if self.name == KeyName::Unnamed {
            self.name = KeyName::Any;
            self.fingerprint = fingerprint(&self.name, self.algorithm, &self.digest);
        }
    }

    /// A secret that was found sound.
    pub(super) fn of_secret(name: KeyName, algorithm: Algorithm, secret: &[u8]) -> Self {
        let mut fields = Fields::new();
        fields.add(secret);
        let material = DecodingKey::from_secret(secret);
        Self::new(name, algorithm, material, fields.finish())
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Of key, name and algorithm.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its `kid`, if it has one that a log can show.
    pub(super) fn readable_id(&self) -> Option<&str> {
        match &self.name {
            KeyName::Id(id) if !id.contains(char::is_control) => Some(id),
            KeyName::Id(_) | KeyName::Unnamed | KeyName::Any => None,
        }
    }

    /// Whether a token that means the one could as well mean the other.
    pub(super) fn is_called_like(&self, other: &Self) -> bool {
        self.name != KeyName::Unnamed
            && self.name == other.name
            && self.algorithm == other.algorithm
    }

    /// Its own `kid`; none of a key that is found by any.
    pub(super) fn id(&self) -> Option<&str> {
        match &self.name {
            KeyName::Id(id) => Some(id),
            KeyName::Unnamed | KeyName::Any => None,
        }
    }

    pub(super) fn answers_to(&self, key_id: &str) -> bool {
        match &self.name {
            KeyName::Id(id) => **id == *key_id,
            KeyName::Unnamed => false,
            KeyName::Any => true,
        }
    }

    /// Asks the aws-lc provider itself: `jsonwebtoken::crypto::verify` would look for a provider of
    /// the process and panic if another dependency switched on a second one.
    pub(super) fn verifies(&self, message: &[u8], signature: &Vec<u8>) -> bool {
        (aws_lc::DEFAULT_PROVIDER.verifier_factory)(
            &self.algorithm.implementation(),
            &self.material,
        )
        .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
    }
}

fn fingerprint(name: &KeyName, algorithm: Algorithm, digest: &Fingerprint) -> Fingerprint {
    let mut fields = Fields::new();
    fields.add(algorithm.name().as_bytes());
    fields.add(digest.bytes());
    match name {
        KeyName::Unnamed => fields.number(0),
        KeyName::Any => fields.number(1),
        KeyName::Id(id) => {
            fields.number(2);
            fields.add(id.as_bytes());
        }
    }
    fields.finish()
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Key")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
