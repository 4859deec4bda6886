//! Keys of a set that cannot be used.

use crate::token::SkippedKey;

/// The most lines that one set is worth: what an issuer publishes must not fill the log.
const MAX_LINES: usize = 8;

/// Logs which keys of a set of `issuer` are left out, and why; of many, the first.
pub fn warn_of_skipped(issuer: &str, skipped: &[SkippedKey]) {
    let (told, rest) = skipped
        .split_at_checked(MAX_LINES)
        .unwrap_or((skipped, &[]));
    for key in told {
        tracing::warn!(
            token.issuer = issuer,
            key.position = key.position,
            key.id = key.key_id,
            reason = %key.reason,
            "a key of the set is not used"
        );
    }
    if !rest.is_empty() {
        tracing::warn!(
            token.issuer = issuer,
            keys = rest.len(),
            "further keys of the set are not used"
        );
    }
}
