//! A key that a token asks for and its issuer is not known to have.

use std::sync::Arc;

use super::fingerprint::{Fields, Fingerprint};
use super::issuer_rules::IssuerRules;

/// Which key, of which issuer. New keys of the issuer may turn a refusal of its token around.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingKey {
    issuer: Arc<IssuerRules>,
    hint: KeyHint,
}

/// Stands for a `kid`, or for its absence. A digest, so that what callers write is kept nowhere; and one
/// in which nobody can find two names that collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHint(Fingerprint);

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
        let mut fields = Fields::new();
        // No field is not an empty one.
        if let Some(key_id) = key_id {
            fields.add(key_id.as_bytes());
        }
        Self(fields.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_hint_is_the_same_each_time_and_another_for_each_name() {
        let names = [
            None,
            Some(""),
            Some("key-1"),
            Some("key-2"),
            Some("key-1\0"),
        ];
        let hints: HashSet<KeyHint> = names.into_iter().map(KeyHint::of).collect();
        assert_eq!(hints.len(), names.len());
        for name in names {
            assert!(hints.contains(&KeyHint::of(name)));
        }
    }

    #[test]
    fn a_hint_shows_nothing_of_the_name() {
        let shown = format!("{:?}", KeyHint::of(Some("key-1")));
        assert_eq!(shown, "KeyHint(Fingerprint(..))");
    }
}
