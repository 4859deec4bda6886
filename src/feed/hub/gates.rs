//! The gates that listen, as this end knows them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_lc_rs::rand;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::reports::{Arrival, ReportError, ReportedGate, Reports};
use crate::clock::UnixSeconds;
use crate::feed::wire::GateReport;
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
    /// What it has told of itself last; none where it tells nothing.
    pub report: Option<ReportedGate>,
    /// Whether the position that was asked for has arrived; none where none was.
    pub arrival: Option<Arrival>,
}

impl ConnectedGate {
    /// Whether it knows all that has been revoked, and is heard of.
    pub fn is_up_to_date(&self, now: UnixSeconds) -> bool {
        self.behind == 0 && now.since(self.last_sent_at) <= SILENT_SECONDS
    }
}

/// A position that is asked for, and when it was sent.
#[derive(Clone, Copy)]
pub(super) struct AskedPosition {
    pub(super) position: LogPosition,
    pub(super) sent: Option<Instant>,
}

/// Names a subscription in the reports of its gate. Whoever does not know it cannot report for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::feed) struct SubscriptionId([u8; 16]);

/// All that are connected; as many as there may be subscribers.
#[derive(Default)]
pub(super) struct Gates {
    last: AtomicU64,
    connected: Mutex<Connected>,
}

#[derive(Default)]
struct Connected {
    by_number: BTreeMap<u64, Arc<Gate>>,
    by_subscription: HashMap<SubscriptionId, Arc<Gate>>,
}

/// One of them.
pub(in crate::feed) struct Gate {
    number: u64,
    /// None where there were no random bytes for one: it cannot report then.
    subscription: Option<SubscriptionId>,
    address: Option<SocketAddr>,
    connected_at: UnixSeconds,
    position: AtomicU64,
    last_sent_at: AtomicI64,
    reports: Mutex<Reports>,
}

impl SubscriptionId {
    /// A fresh one; none without random bytes.
    pub(in crate::feed) fn random() -> Option<Self> {
        let mut bytes = [0; 16];
        rand::fill(&mut bytes).ok()?;
        Some(Self(bytes))
    }

    pub(super) fn to_bytes(self) -> Bytes {
        Bytes::copy_from_slice(&self.0)
    }
}

impl Gates {
    pub(super) fn enter(
        &self,
        subscription: Option<SubscriptionId>,
        address: Option<SocketAddr>,
        now: UnixSeconds,
    ) -> Arc<Gate> {
        let gate = Arc::new(Gate {
            number: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            subscription,
            address,
            connected_at: now,
            position: AtomicU64::new(0),
            last_sent_at: AtomicI64::new(now.0),
            reports: Mutex::default(),
        });
        let mut connected = self.connected.lock();
        if let Some(subscription) = subscription {
            let known = &mut connected.by_subscription;
            known.insert(subscription, Arc::clone(&gate));
        }
        connected.by_number.insert(gate.number, Arc::clone(&gate));
        gate
    }

    pub(super) fn leave(&self, gate: &Gate) {
        let mut connected = self.connected.lock();
        connected.by_number.remove(&gate.number);
        if let Some(subscription) = &gate.subscription {
            connected.by_subscription.remove(subscription);
        }
    }

    /// In the order in which they came; `head` is the end of the log.
    pub(super) fn list(
        &self,
        head: LogPosition,
        asked: Option<AskedPosition>,
    ) -> Vec<ConnectedGate> {
        let gates: Vec<_> = self.connected.lock().by_number.values().cloned().collect();
        gates.iter().map(|gate| gate.seen(head, asked)).collect()
    }

    /// Keeps what the gate of a subscription tells.
    pub(super) fn report(&self, report: &GateReport, now: UnixSeconds) -> Result<(), ReportError> {
        let at = Instant::now();
        let gate = self
            .of(&report.subscription)
            .ok_or(ReportError::UnknownSubscription)?;
        gate.reports.lock().take(report, now, at)
    }

    fn of(&self, subscription: &[u8]) -> Option<Arc<Gate>> {
        let subscription = SubscriptionId(subscription.try_into().ok()?);
        let connected = self.connected.lock();
        connected.by_subscription.get(&subscription).cloned()
    }
}

impl Gate {
    /// Notes that it was handed everything up to this position.
    pub(in crate::feed) fn took(&self, position: LogPosition, now: UnixSeconds) {
        self.position.store(position.0, Ordering::Relaxed);
        self.last_sent_at.store(now.0, Ordering::Relaxed);
    }

    fn seen(&self, head: LogPosition, asked: Option<AskedPosition>) -> ConnectedGate {
        let reports = self.reports.lock();
        let position = self.position.load(Ordering::Relaxed);
        ConnectedGate {
            number: self.number,
            address: self.address,
            connected_at: self.connected_at,
            position: LogPosition(position),
            behind: head.0.saturating_sub(position),
            last_sent_at: UnixSeconds(self.last_sent_at.load(Ordering::Relaxed)),
            report: reports.last(),
            arrival: asked.map(|asked| reports.arrival(asked.position, asked.sent)),
        }
    }
}
