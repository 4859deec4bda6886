//! What the hub of a feed knows of its log at one moment.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::sync::broadcast;
use tokio::time::Instant;

use super::cursor::{Cursor, LogId, digest};
use super::sent::SentTimes;
use super::{FRAMES_BEHIND, SNAPSHOT_TAIL_ROWS, Snapshot};
use crate::feed::wire::{self, Frame, Keys, Kind, ROWS_PER_FRAME, Revocations};
use crate::revocation::Revocation;
use crate::token::LogPosition;

pub(super) struct State {
    pub(super) log: LogId,
    pub(super) recent: VecDeque<Revocation>,
    /// Of the rows beyond this position, `recent` has all.
    pub(super) complete_after: LogPosition,
    pub(super) head: LogPosition,
    /// When gates were sent what.
    pub(super) sent: SentTimes,
    /// When the log was last read.
    pub(super) read_at: Instant,
    pub(super) keys: Keys,
    pub(super) frames: broadcast::Sender<Update>,
    /// The last that was encoded for a cursor: gates that were disconnected together have the same one.
    pub(super) tail: Option<Tail>,
}

/// A frame for all subscribers, and up to where a gate knows the log that has taken it.
#[derive(Debug, Clone)]
pub(in crate::feed) struct Update {
    pub(in crate::feed) frame: Bytes,
    pub(in crate::feed) position: LogPosition,
}

/// The rows between two positions, encoded.
pub(super) struct Tail {
    after: LogPosition,
    head: LogPosition,
    frames: Vec<Bytes>,
}

impl State {
    /// Nothing is known of the log yet.
    pub(super) fn new(log: LogId) -> Self {
        Self {
            log,
            recent: VecDeque::new(),
            complete_after: LogPosition(0),
            head: LogPosition(0),
            sent: SentTimes::default(),
            read_at: Instant::now(),
            keys: Keys::default(),
            frames: broadcast::Sender::new(FRAMES_BEHIND),
            tail: None,
        }
    }

    pub(super) fn keys_frame(&self) -> Bytes {
        Frame::encoded(Kind::Keys(self.keys.clone()))
    }

    /// A frame that takes nobody further.
    pub(super) fn update(&self, frame: Bytes) -> Update {
        Update {
            frame,
            position: self.head,
        }
    }

    /// Whether a gate with this cursor has all earlier rows, and the hub still has all later ones.
    pub(super) fn has_seen(&self, cursor: &Cursor) -> bool {
        let known = cursor.log == self.log
            && self.complete_after <= cursor.position
            && cursor.position <= self.head;
        let last = self.last_up_to(cursor.position);
        let seen = last.map(|row| (row.position, digest(row)));
        known && seen.is_some() && seen == cursor.witness
    }

    /// Frames of everything beyond `after`.
    pub(super) fn tail(&mut self, after: LogPosition) -> Vec<Bytes> {
        if let Some(tail) = &self.tail
            && (tail.after, tail.head) == (after, self.head)
        {
            return tail.frames.clone();
        }
        let frames = encode(&self.beyond(after), self.head, &self.cursor());
        self.tail = Some(Tail {
            after,
            head: self.head,
            frames: frames.clone(),
        });
        frames
    }

    fn last_up_to(&self, position: LogPosition) -> Option<&Revocation> {
        let end = self.recent.partition_point(|row| row.position <= position);
        self.recent.get(end.checked_sub(1)?)
    }

    fn beyond(&self, position: LogPosition) -> Vec<Revocation> {
        let begin = self.recent.partition_point(|row| row.position <= position);
        self.recent.iter().skip(begin).copied().collect()
    }

    pub(super) fn continues(&self, snapshot: &Snapshot) -> bool {
        let begin = self
            .recent
            .partition_point(|row| row.position <= snapshot.position);
        snapshot.log == self.log
            && self.complete_after <= snapshot.position
            && self.recent.len() - begin <= SNAPSHOT_TAIL_ROWS
    }

    pub(super) fn cursor(&self) -> Bytes {
        let cursor = Cursor {
            log: self.log,
            position: self.head,
            witness: self.recent.back().map(|row| (row.position, digest(row))),
        };
        cursor.write()
    }
}

/// Frames of `rows`; the last one has the position and the cursor.
pub(super) fn encode(rows: &[Revocation], head: LogPosition, cursor: &Bytes) -> Vec<Bytes> {
    let full = rows.len() / ROWS_PER_FRAME * ROWS_PER_FRAME;
    let (full, rest) = rows.split_at_checked(full).unwrap_or((rows, &[]));
    let mut frames: Vec<Bytes> = full.chunks(ROWS_PER_FRAME).map(incomplete).collect();
    frames.push(Frame::encoded(Kind::Revocations(Revocations {
        revocations: rest.iter().map(wire::Revocation::from).collect(),
        position: head.0,
        cursor: cursor.clone(),
    })));
    frames
}

/// A frame that others follow: the gate waits for the last one before it counts as up to date.
pub(super) fn incomplete(rows: &[Revocation]) -> Bytes {
    Frame::encoded(Kind::Revocations(Revocations {
        revocations: rows.iter().map(wire::Revocation::from).collect(),
        position: 0,
        cursor: Bytes::new(),
    }))
}
