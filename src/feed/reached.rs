//! How far a subscription has come, and why it cannot go on.

use bytes::Bytes;

use super::wire::Revocations;
use crate::token::LogPosition;

/// The other end does what it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ViolationError {
    #[error("messages of the issuer were lost on the way")]
    Gap,
    #[error("the issuer has not read its database for too long")]
    Behind,
}

/// How much of the log is known, and the cursor to say so.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    pub(super) cursor: Bytes,
    pub(super) position: LogPosition,
}

impl Reached {
    /// Nothing where other frames follow: resumed from the middle, their rows would be missing for
    /// ever.
    pub(super) fn by(frame: &Revocations) -> Option<Self> {
        (!frame.cursor.is_empty()).then(|| Self {
            cursor: frame.cursor.clone(),
            position: LogPosition(frame.position),
        })
    }
}
