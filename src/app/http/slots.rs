//! The slots of a listener: which connections are open, and which one goes for another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::activity::{Activity, ConnectionState};
use super::metrics::ConnectionCounters;
use crate::app::client_address::counted;
use crate::connection_limits::ConnectionLimits;

/// How often the log says at most that slots are short.
const REMIND: Duration = Duration::from_mins(1);

/// Tells whether an address may have any number of slots.
pub(super) type Unlimited = Box<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The open connections of a listener.
pub(super) struct Slots {
    name: &'static str,
    counters: ConnectionCounters,
    limits: ConnectionLimits,
    unlimited: Unlimited,
    changed: Arc<Notify>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    entries: HashMap<u64, Entry>,
    counts: HashMap<IpAddr, usize>,
    told: Option<Instant>,
}

struct Entry {
    address: IpAddr,
    activity: Arc<Activity>,
}

/// The place of one connection, until it is dropped.
pub(super) struct Slot {
    id: u64,
    slots: Arc<Slots>,
    pub(super) activity: Arc<Activity>,
}

/// Whether a connection goes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Eviction {
    /// It is on its way, or whoever has just come may have to.
    Underway,
    /// All are being answered.
    Impossible,
}

impl Slots {
    pub(super) fn new(
        name: &'static str,
        limits: ConnectionLimits,
        counters: ConnectionCounters,
        unlimited: Unlimited,
    ) -> Arc<Self> {
        Arc::new(Self {
            name,
            counters,
            limits,
            unlimited,
            changed: Arc::default(),
            table: Mutex::default(),
        })
    }

    /// A slot for a connection from `peer`, for which another connection may have to go.
    pub(super) async fn enter(self: &Arc<Self>, peer: IpAddr) -> Slot {
        let address = counted(peer);
        let limit = if (self.unlimited)(peer.to_canonical()) {
            usize::MAX
        } else {
            self.limits.per_address
        };
        loop {
            if let Some(slot) = self.try_enter(address, limit) {
                return slot;
            }
            self.changed.notified().await;
        }
    }

    fn try_enter(self: &Arc<Self>, address: IpAddr, limit: usize) -> Option<Slot> {
        let mut table = self.lock();
        if table.counts.get(&address).copied().unwrap_or_default() >= limit {
            let here = |entry: &Entry| entry.address == address;
            // What is being answered does not count against an address: it ends by itself.
            if self.evict(&mut table, here) == Eviction::Underway {
                return None;
            }
        }
        if table.entries.len() >= self.limits.connections {
            // The slot is free when that connection has ended, and not before: until then this one
            // waits, or there would be more than the bound.
            self.evict(&mut table, |_| true);
            return None;
        }
        let activity = Arc::new(Activity::new(self.limits, Arc::clone(&self.changed)));
        let id = table.next;
        table.next += 1;
        *table.counts.entry(address).or_default() += 1;
        let entry = Entry {
            address,
            activity: Arc::clone(&activity),
        };
        table.entries.insert(id, entry);
        Some(Slot {
            id,
            slots: Arc::clone(self),
            activity,
        })
    }

    /// Asks all connections to end, and waits until they have.
    pub(super) async fn end(&self) {
        for entry in self.lock().entries.values() {
            entry.activity.stop();
        }
        while !self.lock().entries.is_empty() {
            self.changed.notified().await;
        }
    }

    /// Has the connection go that has waited for its client for longest, of those that `may`. Where
    /// all are being answered, the oldest of them goes after its answer.
    fn evict(&self, table: &mut Table, may: impl Fn(&Entry) -> bool) -> Eviction {
        let mut waiting = Vec::new();
        let mut answering = Vec::new();
        let (mut new, mut closing) = (false, false);
        for entry in table.entries.values().filter(|entry| may(entry)) {
            match entry.activity.standing() {
                // One makes room already. Of a burst of new connections each would otherwise end
                // another.
                ConnectionState::Leaving => return Eviction::Underway,
                ConnectionState::New => new = true,
                ConnectionState::Closing => closing = true,
                ConnectionState::Answering { accepted } => answering.push((accepted, entry)),
                ConnectionState::Waiting { since } => waiting.push((since, entry)),
            }
        }
        let Some((since, entry)) = waiting.into_iter().min_by_key(|(since, _)| *since) else {
            if new {
                return Eviction::Underway;
            }
            let oldest = answering.into_iter().min_by_key(|(accepted, _)| *accepted);
            // No answer is cut off. The connection that has lived longest closes after its answer, and
            // one such is enough.
            if let Some((_, entry)) = oldest.filter(|_| !closing) {
                entry.activity.close();
            }
            return Eviction::Impossible;
        };
        entry.activity.evict();
        // Whoever opens connections in a loop must not fill the log as well.
        if table.told.is_none_or(|told| told.elapsed() >= REMIND) {
            let waited = since.elapsed().as_millis();
            tracing::warn!(
                http.listener = self.name,
                http.connections = table.entries.len(),
                client.address = %entry.address,
                client.waited_for_ms = u64::try_from(waited).unwrap_or(u64::MAX),
                "the connection limit is reached; closing the connection that has waited \
                 longest for its client"
            );
            table.told = Some(Instant::now());
        }
        Eviction::Underway
    }

    /// The state of each open connection.
    #[cfg(test)]
    pub(super) fn standings(&self) -> Vec<ConnectionState> {
        let table = self.lock();
        let entries = table.entries.values();
        entries.map(|entry| entry.activity.standing()).collect()
    }

    /// How many connections were closed to make room.
    #[cfg(test)]
    pub(super) fn evictions(&self) -> u64 {
        self.counters.evicted.get()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }
}

impl Slot {
    /// Counts that the connection ends to make room.
    pub(super) fn count_eviction(&self) {
        self.slots.counters.evicted.inc();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = self.slots.lock();
        if let Some(entry) = table.entries.remove(&self.id)
            && let Some(count) = table.counts.get_mut(&entry.address)
        {
            *count -= 1;
            if *count == 0 {
                table.counts.remove(&entry.address);
            }
        }
        drop(table);
        // After the lock is free: whoever wakes up takes it at once.
        self.slots.changed.notify_one();
    }
}
