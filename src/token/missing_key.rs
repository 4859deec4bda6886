//! A key that a token asks for and its issuer is not known to have.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use super::issuer_rules::IssuerRules;

/// Which key, of which issuer. New keys of the issuer may turn a refusal of its token around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingKey {
    issuer: Arc<IssuerRules>,
    hint: KeyHint,
}

/// Keyed at random: nobody outside can choose names that collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

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
        Self(HASHER.hash_one(key_id))
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    #[test]
    fn a_hint_is_the_same_each_time_and_cannot_be_worked_out_outside() {
        for name in [None, Some(""), Some("key-1")] {
            assert_eq!(KeyHint::of(name), KeyHint::of(name));
            let mut known_hasher = DefaultHasher::new();
            name.hash(&mut known_hasher);
            assert_ne!(KeyHint::of(name), KeyHint(known_hasher.finish()));
        }
        assert_ne!(KeyHint::of(None), KeyHint::of(Some("")));
    }
}
