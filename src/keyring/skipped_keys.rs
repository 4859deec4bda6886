//! Keys of a set that cannot be used.

use crate::token::SkippedKey;

pub(super) fn warn_of_skipped(issuer: &str, skipped: &[SkippedKey]) {
    for key in skipped {
        tracing::warn!(
            token.issuer = issuer,
            key.position = key.position,
            key.id = key.key_id,
            reason = %key.reason,
            "a key of the set is not used"
        );
    }
}
