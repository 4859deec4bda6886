//! The issuer's end of the feed: encodes each change once, for whoever subscribes.

mod cursor;
mod gates;
mod gone;
mod reports;
mod sent;
mod state;
mod statistics;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::broadcast;
use tokio::task::JoinError;
use tokio::time::Instant;

use super::wire::{
    Frame, GateReport, Heartbeat, Hello, Keys, Kind, PROTOCOL_VERSION, ROWS_PER_FRAME,
};
use crate::clock::Clock;
use crate::revocation::{Revocation, RevocationList};
use crate::token::LogPosition;

use cursor::{Cursor, LogId};
use gates::{AskedPosition, Gates, View};
use sent::SentTimes;
use state::{State, Update, encode, incomplete};
use statistics::Counts;

pub(super) use gates::{Arriving, Gate, InstanceId, SubscriptionId};
pub use gates::{GateState, ListedGate};
pub(super) use reports::ReportError;
pub use reports::{Arrival, ReportedGate};
pub use statistics::HubStatistics;

/// How often gates get a heartbeat.
pub const HEARTBEAT: Duration = Duration::from_millis(500);

/// How many rows are kept, so that gates that were disconnected can resume from their cursor.
const RECENT_ROWS: usize = 20_000;

/// How many rows may follow a snapshot before a new one is encoded.
const SNAPSHOT_TAIL_ROWS: usize = 4000;

/// How many frames a subscriber may lag behind before it is disconnected.
const FRAMES_BEHIND: usize = 1024;

/// Keeps keys and revocations in encoded form, and broadcasts changes to the subscribers.
pub struct Hub {
    issuer: String,
    list: Arc<RevocationList>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Locked while a snapshot is encoded: subscribers that arrive meanwhile wait for it.
    snapshot: tokio::sync::Mutex<Option<Arc<Snapshot>>>,
    pub(super) counts: Counts,
    gates: Gates,
}

/// All revocations at one position, encoded.
struct Snapshot {
    log: LogId,
    position: LogPosition,
    frames: Vec<Bytes>,
}

/// Why there is no snapshot: the task that encodes it has ended without one.
#[derive(Debug, thiserror::Error)]
#[error("the revocations could not be encoded: {0}")]
pub(super) struct SnapshotError(#[from] JoinError);

/// What a new subscriber gets.
pub(super) struct Subscription {
    /// To be sent first: greeting, keys, the missing rows, and a heartbeat.
    pub(super) first: Vec<Bytes>,
    /// Up to where they go.
    pub(super) position: LogPosition,
    /// The frames that follow; closed when the log is replaced.
    pub(super) frames: broadcast::Receiver<Update>,
}

impl Hub {
    /// A hub without any rows of the log yet.
    pub fn new(
        issuer: String,
        log_id: &str,
        list: Arc<RevocationList>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            issuer,
            list,
            clock,
            state: Mutex::new(State::new(LogId::of(log_id))),
            snapshot: tokio::sync::Mutex::default(),
            counts: Counts::default(),
            gates: Gates::default(),
        }
    }

    /// The gates that are connected to this process, and those that were some hours ago, in the order in which they
    /// came.
    pub fn gates(&self) -> Vec<ListedGate> {
        self.seen_gates(None)
    }

    /// The same, with whether this position of the log has arrived at each.
    pub fn gates_with(&self, position: LogPosition) -> Vec<ListedGate> {
        self.seen_gates(Some(position))
    }

    fn seen_gates(&self, asked: Option<LogPosition>) -> Vec<ListedGate> {
        // A copy, so that revocations do not wait until all gates are listed.
        let (head, sent) = {
            let state = self.lock();
            (state.head, state.sent.clone())
        };
        let asked = asked.map(|position| AskedPosition {
            position,
            sent: sent.of(position),
        });
        let view = View {
            head,
            sent: &sent,
            now: self.clock.now(),
            asked,
        };
        self.gates.list(&view)
    }

    /// A gate has come.
    pub(super) fn enter(&self, arriving: &Arriving) -> Arc<Gate> {
        self.gates.enter(arriving, self.clock.now())
    }

    /// A gate tells of itself.
    pub(super) fn report(&self, report: &GateReport) -> Result<(), ReportError> {
        let taken = self.gates.report(report, self.clock.now());
        let count = match taken {
            Ok(()) => &self.counts.reports,
            Err(_) => &self.counts.reports_refused,
        };
        count.fetch_add(1, Ordering::Relaxed);
        taken
    }

    /// A gate has taken everything up to this position.
    pub(super) fn note(&self, gate: &Gate, position: LogPosition) {
        gate.took(position, self.clock.now());
    }

    /// A gate has gone.
    pub(super) fn leave(&self, gate: &Gate) {
        self.gates.leave(gate, self.clock.now());
    }

    /// Appends the next rows of the log, after the list has them. `head` is the position up to which the
    /// log is known then.
    pub fn append(&self, rows: &[Revocation], head: LogPosition) {
        let mut state = self.lock();
        state.read_at = Instant::now();
        if rows.is_empty() && head <= state.head {
            return;
        }
        let before = state.head;
        // The head may be beyond the last row: rows at the end of the log have been swept.
        state.head = head.max(state.head);
        let (head, now) = (state.head, state.read_at);
        state.sent.note(head, now);
        for row in rows {
            state.recent.push_back(*row);
            if state.recent.len() > RECENT_ROWS
                && let Some(dropped) = state.recent.pop_front()
            {
                // In the same step as the row is dropped: a cursor from before it must get a snapshot.
                state.complete_after = dropped.position;
            }
        }
        let cursor = state.cursor();
        let mut frames = encode(rows, state.head, &cursor).into_iter().peekable();
        while let Some(frame) = frames.next() {
            self.counts.batches.fetch_add(1, Ordering::Relaxed);
            // A gate counts as there once it has the last one.
            let is_last = frames.peek().is_none();
            let position = if is_last { state.head } else { before };
            // An error only says that no gate is connected.
            let _ = state.frames.send(Update { frame, position });
        }
    }

    /// What was appended so far is older than this process, or than its log: nobody is to be timed by it.
    pub fn time_from_here(&self) {
        let mut state = self.lock();
        let head = state.head;
        state.sent.begin_after(head);
    }

    /// Replaces the log by another one: every gate starts over with a snapshot.
    pub fn replace_log(&self, log_id: &str) {
        let mut state = self.lock();
        state.log = LogId::of(log_id);
        state.recent.clear();
        state.tail = None;
        state.complete_after = LogPosition(0);
        state.head = LogPosition(0);
        state.sent = SentTimes::default();
        // Dropping the old sender closes its receivers, so that no gate mixes rows of two logs.
        state.frames = broadcast::Sender::new(FRAMES_BEHIND);
        drop(state);
        self.gates.forget_positions();
    }

    /// The issuer's keys as they are now; sent where they have changed.
    pub fn set_keys(&self, jwks: &str, algorithms: &[&str]) {
        let mut state = self.lock();
        // Asked for at each tick: gates would otherwise parse the same keys every few seconds.
        if state.keys.jwks == jwks && state.keys.algorithms == algorithms {
            return;
        }
        state.keys = Keys {
            jwks: jwks.to_owned(),
            algorithms: algorithms.iter().map(|&name| name.to_owned()).collect(),
        };
        let _ = state.frames.send(state.update(state.keys_frame()));
    }

    /// Sends a heartbeat to all subscribers.
    pub fn beat(&self) {
        let state = self.lock();
        let _ = state.frames.send(state.update(self.heartbeat(&state)));
    }

    pub fn statistics(&self) -> HubStatistics {
        self.counts.statistics(self.lock().head)
    }

    /// Whose feed it is.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Starts a subscription from `cursor`, or with a snapshot.
    pub(super) async fn subscribe(
        &self,
        cursor: &[u8],
        id: Option<SubscriptionId>,
    ) -> Result<Subscription, SnapshotError> {
        if let Some(resumed) = self.resume(cursor, id) {
            self.counts.resumed.fetch_add(1, Ordering::Relaxed);
            return Ok(resumed);
        }
        loop {
            // The log may be replaced, or grow by more than is kept, while a snapshot is encoded: it is
            // of no use then.
            let snapshot = self.snapshot(encode_all).await?;
            if let Some(subscription) = self.follow(&snapshot, id) {
                self.counts.snapshots_sent.fetch_add(1, Ordering::Relaxed);
                return Ok(subscription);
            }
        }
    }

    fn resume(&self, cursor: &[u8], id: Option<SubscriptionId>) -> Option<Subscription> {
        let cursor = Cursor::read(cursor)?;
        let mut state = self.lock();
        if !state.has_seen(&cursor) {
            return None;
        }
        let mut first = vec![self.hello(true, id), state.keys_frame()];
        first.extend(state.tail(cursor.position));
        first.push(self.heartbeat(&state));
        // Under the lock that `append` takes: a row is either in `first` or in `frames`, never in both or
        // in neither.
        Some(Subscription {
            first,
            position: state.head,
            frames: state.frames.subscribe(),
        })
    }

    /// Starts a subscription from `snapshot` and the rows since; `None` where those are too many.
    fn follow(&self, snapshot: &Snapshot, id: Option<SubscriptionId>) -> Option<Subscription> {
        let mut state = self.lock();
        if !state.continues(snapshot) {
            return None;
        }
        // Keys are sent before the rows, and a gate uses them only when it has caught up with the log:
        // otherwise a revoked token of a new key could pass.
        let mut first = vec![self.hello(false, id), state.keys_frame()];
        first.extend(snapshot.frames.iter().cloned());
        first.extend(state.tail(snapshot.position));
        first.push(self.heartbeat(&state));
        Some(Subscription {
            first,
            position: state.head,
            frames: state.frames.subscribe(),
        })
    }

    /// The last snapshot if it is recent enough, or a new one, shared by all that wait for it.
    async fn snapshot(
        &self,
        encode: impl FnOnce(&RevocationList) -> Vec<Bytes> + Send + 'static,
    ) -> Result<Arc<Snapshot>, SnapshotError> {
        // Held during the encoding, so that many gates that connect at once cause one encoding. Always
        // locked before the state, never after it: the reverse order could deadlock with this one.
        let mut kept = self.snapshot.lock().await;
        if let Some(snapshot) = kept.as_ref()
            && self.lock().continues(snapshot)
        {
            return Ok(Arc::clone(snapshot));
        }
        // The position is read before the list: the list has all rows up to there, because they are put
        // into it first, and perhaps further ones, which come once more.
        let (log, position) = {
            let state = self.lock();
            (state.log, state.head)
        };
        let list = Arc::clone(&self.list);
        // What could not be encoded is not kept: a gate that got it would count as current without the rows.
        let frames = tokio::task::spawn_blocking(move || encode(&list)).await?;
        self.counts
            .snapshots_encoded
            .fetch_add(1, Ordering::Relaxed);
        let snapshot = Arc::new(Snapshot {
            log,
            position,
            frames,
        });
        *kept = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    fn hello(&self, resumed: bool, id: Option<SubscriptionId>) -> Bytes {
        Frame::encoded(Kind::Hello(Hello {
            protocol_version: PROTOCOL_VERSION,
            issuer: self.issuer.clone(),
            resumed,
            heartbeat_ms: u32::try_from(HEARTBEAT.as_millis()).unwrap_or(u32::MAX),
            subscription: id.map(SubscriptionId::to_bytes).unwrap_or_default(),
        }))
    }

    fn heartbeat(&self, state: &State) -> Bytes {
        let behind = state.read_at.elapsed().as_millis();
        Frame::encoded(Kind::Heartbeat(Heartbeat {
            position: state.head.0,
            issuer_time: self.clock.now().0,
            behind_ms: u64::try_from(behind).unwrap_or(u64::MAX),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

fn encode_all(list: &RevocationList) -> Vec<Bytes> {
    let chunks = list.chunks(ROWS_PER_FRAME);
    chunks.map(|chunk| incomplete(&chunk)).collect()
}

#[cfg(test)]
mod tests;
