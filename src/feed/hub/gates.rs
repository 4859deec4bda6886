//! The gates that listen, and those that did, as this end knows them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::rand;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::gone::GoneGates;
use super::reports::{Arrival, ReportError, ReportedGate, Reports};
use super::sent::SentTimes;
use crate::clock::UnixSeconds;
use crate::feed::wire::GateReport;
use crate::token::LogPosition;

/// Who takes nothing for so long lags behind: there is a heartbeat twice a second. What was sent so long ago and is
/// not applied is late, too.
const LATE: Duration = Duration::from_secs(5);

/// A gate whose last report is older hangs, or cannot be heard: it reports every ten seconds, and waits five for an
/// answer.
const SILENT_SECONDS: i64 = 15;

/// A gate, as this end knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGate {
    /// Tells its subscription from all others of this process; a later one has a higher number.
    pub number: u64,
    /// The other end of its connection: the gate, or what stands in front of it.
    pub address: Option<SocketAddr>,
    pub connected_at: UnixSeconds,
    /// Since when it is not connected any more; none while it is.
    pub gone_at: Option<UnixSeconds>,
    pub state: GateState,
    /// Up to where it refuses by the log, as it has told itself; where it tells nothing, up to where the log was
    /// handed to its connection.
    pub position: LogPosition,
    /// How many positions of the log are beyond that.
    pub behind: u64,
    /// Up to where the log was handed to its connection.
    pub sent_position: LogPosition,
    /// When it last took something, which is twice a second where all is well.
    pub last_sent_at: UnixSeconds,
    /// What it has told of itself last; none where it tells nothing.
    pub report: Option<ReportedGate>,
    /// Whether the position that was asked for has arrived; none where none was.
    pub arrival: Option<Arrival>,
}

/// How a gate is, by what it has told of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateState {
    /// It refuses by all that was revoked some seconds ago.
    UpToDate,
    /// It tells nothing, and takes what it is sent.
    Untold,
    /// It does not refuse, or does not take, what was sent some seconds ago.
    Behind,
    /// It takes what it is sent, and has not reported for longer than it should.
    Silent,
    /// It was connected, and is not.
    Gone,
}

impl GateState {
    /// Whether a person should look after it.
    pub fn is_bad(self) -> bool {
        match self {
            Self::UpToDate | Self::Untold => false,
            Self::Behind | Self::Silent | Self::Gone => true,
        }
    }
}

/// From where gates are looked at.
pub(super) struct View<'s> {
    /// The end of the log.
    pub(super) head: LogPosition,
    pub(super) sent: &'s SentTimes,
    pub(super) now: UnixSeconds,
    pub(super) asked: Option<AskedPosition>,
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

/// Who has come, as the request of its subscription says.
pub(in crate::feed) struct Arriving {
    pub(in crate::feed) subscription: Option<SubscriptionId>,
    pub(in crate::feed) address: Option<SocketAddr>,
    /// None for a gate of an older release.
    pub(in crate::feed) instance: Option<InstanceId>,
}

/// Names the process of a gate, over all its subscriptions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::feed) struct InstanceId([u8; 16]);

/// All that are connected, as many as there may be subscribers, and the latest that are not any more.
#[derive(Default)]
pub(super) struct Gates {
    last: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_number: BTreeMap<u64, Arc<Gate>>,
    by_subscription: HashMap<SubscriptionId, Arc<Gate>>,
    gone: GoneGates,
}

/// One of them.
pub(in crate::feed) struct Gate {
    number: u64,
    /// None where there were no random bytes for one: it cannot report then.
    subscription: Option<SubscriptionId>,
    address: Option<SocketAddr>,
    pub(super) instance: Option<InstanceId>,
    connected_at: UnixSeconds,
    entered: Instant,
    position: AtomicU64,
    last_sent_at: AtomicI64,
    reports: Mutex<Reports>,
    /// Whether its positions are those of a log that was replaced since.
    is_of_other_log: AtomicBool,
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

impl InstanceId {
    /// None where it is absent, or not of ours.
    pub(in crate::feed) fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl Gates {
    pub(super) fn enter(&self, arriving: &Arriving, now: UnixSeconds) -> Arc<Gate> {
        let gate = Arc::new(Gate {
            number: self.last.fetch_add(1, Ordering::Relaxed) + 1,
            subscription: arriving.subscription,
            address: arriving.address,
            instance: arriving.instance,
            connected_at: now,
            entered: Instant::now(),
            position: AtomicU64::new(0),
            last_sent_at: AtomicI64::new(now.0),
            reports: Mutex::default(),
            is_of_other_log: AtomicBool::new(false),
        });
        let mut known = self.known.lock();
        known.gone.returned(&gate);
        if let Some(subscription) = gate.subscription {
            let by_subscription = &mut known.by_subscription;
            by_subscription.insert(subscription, Arc::clone(&gate));
        }
        known.by_number.insert(gate.number, Arc::clone(&gate));
        gate
    }

    pub(super) fn leave(&self, gate: &Gate, now: UnixSeconds) {
        let mut known = self.known.lock();
        if let Some(subscription) = &gate.subscription {
            known.by_subscription.remove(subscription);
        }
        let Some(gate) = known.by_number.remove(&gate.number) else {
            return;
        };
        // A connection that was lost on the way may end after its gate has come again.
        let same = |other: &Arc<Gate>| gate.instance.is_some() && other.instance == gate.instance;
        if !known.by_number.values().any(same) {
            known.gone.add(gate, now);
        }
    }

    /// What all have told of positions is about a log that was replaced.
    pub(super) fn forget_positions(&self) {
        let known = self.known.lock();
        let gone = known.gone.all().map(|(gate, _)| gate);
        for gate in known.by_number.values().chain(gone) {
            gate.is_of_other_log.store(true, Ordering::Relaxed);
        }
    }

    /// In the order in which they came, those that are gone among them.
    pub(super) fn list(&self, view: &View<'_>) -> Vec<ListedGate> {
        let mut known = self.known.lock();
        known.gone.drop_old(view.now);
        let connected = known.by_number.values().cloned();
        let connected = connected.map(|gate| (gate, None));
        let gone = known.gone.all();
        let gone = gone.map(|(gate, at)| (Arc::clone(gate), Some(at)));
        let mut gates: Vec<_> = connected.chain(gone).collect();
        drop(known);
        gates.sort_by_key(|(gate, _)| gate.number);
        let seen = |(gate, gone_at): (Arc<Gate>, _)| gate.seen(view, gone_at);
        gates.into_iter().map(seen).collect()
    }

    /// Keeps what the gate of a subscription tells.
    pub(super) fn report(&self, report: &GateReport, now: UnixSeconds) -> Result<(), ReportError> {
        let at = Instant::now();
        let gate = self
            .of(&report.subscription)
            .ok_or(ReportError::UnknownSubscription)?;
        let is_first = {
            let mut reports = gate.reports.lock();
            let is_first = reports.last().is_none();
            reports.take(report, now, at)?;
            is_first
        };
        if is_first {
            self.known.lock().gone.introduced(&gate);
        }
        Ok(())
    }

    fn of(&self, subscription: &[u8]) -> Option<Arc<Gate>> {
        let subscription = SubscriptionId(subscription.try_into().ok()?);
        let known = self.known.lock();
        known.by_subscription.get(&subscription).cloned()
    }
}

impl Gate {
    /// Notes that it was handed everything up to this position.
    pub(in crate::feed) fn took(&self, position: LogPosition, now: UnixSeconds) {
        self.position.store(position.0, Ordering::Relaxed);
        self.last_sent_at.store(now.0, Ordering::Relaxed);
    }

    /// What it has told of itself last.
    pub(super) fn last_report(&self) -> Option<ReportedGate> {
        self.reports.lock().last()
    }

    fn seen(&self, view: &View<'_>, gone_at: Option<UnixSeconds>) -> ListedGate {
        let reports = self.reports.lock();
        let sent_position = LogPosition(self.position.load(Ordering::Relaxed));
        let last_sent_at = UnixSeconds(self.last_sent_at.load(Ordering::Relaxed));
        let report = reports.last();
        let is_of_other_log = self.is_of_other_log.load(Ordering::Relaxed);
        let told = report.as_ref().map(|report| report.position);
        let position = if is_of_other_log {
            LogPosition::default()
        } else {
            told.unwrap_or(sent_position)
        };
        let is_late = self.is_late(position, view);
        let state = match &report {
            _ if gone_at.is_some() => GateState::Gone,
            Some(report) if view.now.since(report.reported_at) > SILENT_SECONDS => {
                GateState::Silent
            }
            Some(_) if is_late => GateState::Behind,
            Some(_) => GateState::UpToDate,
            None if is_late || is_longer(view.now.since(last_sent_at), LATE) => GateState::Behind,
            None => GateState::Untold,
        };
        ListedGate {
            number: self.number,
            address: self.address,
            connected_at: self.connected_at,
            gone_at,
            state,
            position,
            behind: view.head.0.saturating_sub(position.0),
            sent_position,
            last_sent_at,
            report,
            arrival: view.asked.map(|asked| {
                if is_of_other_log {
                    Arrival::NotYet
                } else {
                    reports.arrival(asked.position, asked.sent)
                }
            }),
        }
    }

    /// Whether it lacks what it could have had for some seconds.
    fn is_late(&self, position: LogPosition, view: &View<'_>) -> bool {
        let next = LogPosition(position.0.saturating_add(1));
        let sent = view.sent.of(next);
        let since = sent.map_or(self.entered, |sent| sent.max(self.entered));
        position < view.head && since.elapsed() > LATE
    }
}

fn is_longer(seconds: i64, time: Duration) -> bool {
    u64::try_from(seconds).is_ok_and(|seconds| seconds > time.as_secs())
}
