//! The gates that listen, as this end knows them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::UnixSeconds;
use crate::token::LogPosition;

/// Who takes nothing for so long lags behind: there is a heartbeat twice a second.
const SILENT_SECONDS: i64 = 5;

/// A gate that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedGate {
    /// Tells its subscription from all others of this process; a later one has a higher number.
    pub number: u64,
    /// The other end of its connection: the gate, or what stands in front of it.
    pub address: Option<SocketAddr>,
    pub connected_at: UnixSeconds,
    /// Up to where the log was handed to its connection.
    pub position: LogPosition,
    /// How many positions of the log are beyond that.
    pub behind: u64,
    /// When it last took something, which is twice a second where all is well.
    pub last_sent_at: UnixSeconds,
}

impl ConnectedGate {
    /// Whether it knows all that has been revoked, and is heard of.
    pub fn is_up_to_date(&self, now: UnixSeconds) -> bool {
        self.behind == 0 && now.since(self.last_sent_at) <= SILENT_SECONDS
    }
}

/// All that are connected; as many as there may be subscribers.
#[derive(Default)]
pub(super) struct Gates {
    last: AtomicU64,
    connected: Mutex<BTreeMap<u64, Arc<Gate>>>,
}

/// One of them.
pub(in crate::feed) struct Gate {
    number: u64,
    address: Option<SocketAddr>,
    connected_at: UnixSeconds,
    position: AtomicU64,
    last_sent_at: AtomicI64,
}

impl Gates {
    pub(super) fn enter(&self, address: Option<SocketAddr>, now: UnixSeconds) -> Arc<Gate> {
        let gate = Arc::new(Gate {
            number: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            address,
            connected_at: now,
            position: AtomicU64::new(0),
            last_sent_at: AtomicI64::new(now.0),
        });
        self.connected.lock().insert(gate.number, Arc::clone(&gate));
        gate
    }

    pub(super) fn leave(&self, gate: &Gate) {
        self.connected.lock().remove(&gate.number);
    }

    /// In the order in which they came; `head` is the end of the log.
    pub(super) fn list(&self, head: LogPosition) -> Vec<ConnectedGate> {
        let connected = self.connected.lock();
        connected.values().map(|gate| gate.seen(head)).collect()
    }
}

impl Gate {
    /// Notes that it was handed everything up to this position.
    pub(in crate::feed) fn took(&self, position: LogPosition, now: UnixSeconds) {
        self.position.store(position.0, Ordering::Relaxed);
        self.last_sent_at.store(now.0, Ordering::Relaxed);
    }

    fn seen(&self, head: LogPosition) -> ConnectedGate {
        let position = self.position.load(Ordering::Relaxed);
        ConnectedGate {
            number: self.number,
            address: self.address,
            connected_at: self.connected_at,
            position: LogPosition(position),
            behind: head.0.saturating_sub(position),
            last_sent_at: UnixSeconds(self.last_sent_at.load(Ordering::Relaxed)),
        }
    }
}
