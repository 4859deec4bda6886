//! How far a subscriber is, in bytes that only servers read.

use bytes::Bytes;

use crate::revocation::Revocation;
use crate::token::LogPosition;

/// Where a subscriber stopped, as only servers read it.
pub(super) struct Cursor {
    pub(super) log: LogId,
    pub(super) position: LogPosition,
    /// The last row up to there, and its digest: a database that was restored may have another one
    /// at that position.
    pub(super) witness: Option<(LogPosition, [u8; 16])>,
}

/// Tells a log from another: that of a database made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogId([u8; 16]);

impl LogId {
    pub(super) fn of(text: &str) -> Self {
        Self(first_half(&blake3::hash(text.as_bytes())))
    }
}

impl Cursor {
    pub(super) fn write(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(48);
        bytes.extend_from_slice(&self.log.0);
        bytes.extend_from_slice(&self.position.0.to_be_bytes());
        if let Some((position, digest)) = self.witness {
            bytes.extend_from_slice(&position.0.to_be_bytes());
            bytes.extend_from_slice(&digest);
        }
        bytes.into()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (log, rest) = bytes.split_first_chunk()?;
        let (position, rest) = rest.split_first_chunk()?;
        let witness = match rest.split_first_chunk() {
            Some((at, digest)) => {
                let at = LogPosition(u64::from_be_bytes(*at));
                Some((at, digest.try_into().ok()?))
            }
            // A cursor without rows. Anything else is of another release: it is not guessed at, and the
            // gate gets a snapshot.
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self {
            log: LogId(*log),
            position: LogPosition(u64::from_be_bytes(*position)),
            witness,
        })
    }
}

pub(super) fn digest(row: &Revocation) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    // Everything that a gate keeps of the row: a database that was restored may have another row at
    // this position, and a gate that resumed there would lack it.
    hasher.update(&row.position.0.to_be_bytes());
    hasher.update(&row.expires_at.0.to_be_bytes());
    hasher.update(&row.mark.map_or(0, |mark| mark.0).to_be_bytes());
    first_half(&hasher.finalize())
}

fn first_half(hash: &blake3::Hash) -> [u8; 16] {
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}
