//! A key that a token asks for and its issuer is not known to have.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::issuer_rules::IssuerRules;

/// Which key, of which issuer. New keys of the issuer may turn a refusal of its token around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingKey {
    issuer: Arc<IssuerRules>,
    hint: KeyHint,
}

/// Stands for a `kid`, or for its absence. A digest, so that what callers write is kept nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHint(u64);

impl MissingKey {
    pub(super) fn new(issuer: Arc<IssuerRules>, key_id: Option<&str>) -> Self {
        Self {
            issuer,
            hint: KeyHint::of(key_id),
        }
    }

    /// The issuer itself and not its position, which another configuration may have given away.
    pub fn issuer(&self) -> &IssuerRules {
        &self.issuer
    }

    pub fn hint(&self) -> KeyHint {
        self.hint
    }
}

impl KeyHint {
    pub fn of(key_id: Option<&str>) -> Self {
        let mut hasher = DefaultHasher::new();
        key_id.hash(&mut hasher);
        Self(hasher.finish())
    }
}
