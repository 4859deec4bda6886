//! Which fetch a caller with an unknown key may share or start, and what is known already: one fetch
//! at a time, one per cooldown for callers, and one answer for each key.

use std::collections::HashSet;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::token::KeyHint;

/// The most keys that are looked for at a time, among those that the set has and among those that it
/// lacks. Beyond, callers are told to try again: whoever names thousands of keys is not an issuer's
/// client.
const MAX_KEYS_SOUGHT: usize = 1024;

/// The one fetch that may be underway, when callers last started one, and the keys that they asked
/// for.
#[derive(Debug)]
pub(super) struct Flight {
    cooldown: Duration,
    log: Mutex<Log>,
    asked: Notify,
}

#[derive(Debug, Default)]
struct Log {
    last_asked: Option<Instant>,
    stage: Stage,
    finished: u64,
    /// The number of the last fetch that brought keys; 0 before the first.
    last_fetched: u64,
    /// Asked for, and not yet by a fetch that began after that.
    pending: Sought,
    /// Asked for before the fetch underway began.
    sought: Sought,
    /// The issuer's answer came after they were asked for: what it did not bring does not exist.
    answered: Sought,
}

/// How far the one fetch is that may be underway.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    None,
    /// It will begin as soon as the task turns to it: it answers all that is asked until then.
    Starting,
    /// The request is on its way: what is asked now, its answer need not know of.
    Begun,
}

/// Whether the set at hand has a key of the name that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It has one, which did not make the signature: another may have taken its place.
    Present,
    Missing,
}

/// Keys that were asked for. Those that the set has count on their own: whoever makes names up leaves
/// them their room.
#[derive(Debug, Default)]
struct Sought {
    present: HashSet<KeyHint>,
    missing: HashSet<KeyHint>,
}

impl Sought {
    fn contains(&self, key: KeyHint) -> bool {
        self.present.contains(&key) || self.missing.contains(&key)
    }

    fn is_empty(&self) -> bool {
        self.present.is_empty() && self.missing.is_empty()
    }

    fn clear(&mut self) {
        self.present.clear();
        self.missing.clear();
    }

    fn add(&mut self, key: KeyHint, presence: Presence) {
        let keys = match presence {
            Presence::Present => &mut self.present,
            Presence::Missing => &mut self.missing,
        };
        if keys.len() < MAX_KEYS_SOUGHT {
            keys.insert(key);
        }
    }

    fn add_all(&mut self, others: Self) {
        for key in others.present {
            self.add(key, Presence::Present);
        }
        for key in others.missing {
            self.add(key, Presence::Missing);
        }
    }
}

/// What a caller with an unknown key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// Wait for this fetch.
    Fetch(Awaited),
    /// The issuer has answered since the key was first asked for.
    Answered,
    /// Come back after this time: a fetch is due then.
    Due(Duration),
}

/// What a caller waits for. Fetches are numbered from 1 in the order of their ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Awaited {
    /// The fetch that ends next.
    pub(super) number: u64,
    /// The first that begins after the caller's key was named: if it or a later one brings keys, the
    /// question is answered.
    answered_by: u64,
}

/// How a fetch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Fetched,
    Failed,
}

impl Flight {
    pub(super) fn new(cooldown: Duration) -> Self {
        Self {
            cooldown,
            log: Mutex::default(),
            asked: Notify::new(),
        }
    }

    /// Asks for a key: joins the fetch underway, starts one, or has one follow after the cooldown.
    pub(super) fn join(&self, key: KeyHint, presence: Presence, now: Instant) -> Seat {
        let mut log = self.log();
        let rest = self.rest_of_cooldown(&log, now);
        if rest.is_none() {
            // A key that was missing then may have been made since.
            log.answered.clear();
        } else if log.answered.contains(key) {
            return Seat::Answered;
        }
        // The fetch underway was sent after somebody had asked for this key, so that its answer is
        // about it.
        let is_sought = log.sought.contains(key);
        if !is_sought {
            log.pending.add(key, presence);
        }
        // A fetch that is under way counts only once it ends, so that its number is the next one
        // whether it has begun or is about to.
        let next = log.finished.saturating_add(1);
        let awaiting = |answered_by| {
            Seat::Fetch(Awaited {
                number: next,
                answered_by,
            })
        };
        match log.stage {
            Stage::None => {}
            // That fetch was sent before anybody wanted this key, and may bring a set from before the
            // key existed. Only the one after it can answer.
            Stage::Begun if !is_sought => return awaiting(next.saturating_add(1)),
            Stage::Starting | Stage::Begun => return awaiting(next),
        }
        // Either it begins now, or the task learns until when to wait.
        self.asked.notify_one();
        if let Some(rest) = rest {
            return Seat::Due(rest);
        }
        // Set here and not by the task when it wakes: callers that come in between must find this fetch
        // and not start another.
        log.stage = Stage::Starting;
        log.last_asked = Some(now);
        awaiting(next)
    }

    /// Whether what a caller waited for has answered its question, however long it took.
    pub(super) fn has_answered(&self, awaited: Awaited) -> bool {
        self.log().last_fetched >= awaited.answered_by
    }

    /// Whether what this key was asked for is answered; nothing is started.
    pub(super) fn is_answered(&self, key: KeyHint, now: Instant) -> bool {
        let log = self.log();
        self.rest_of_cooldown(&log, now).is_some() && log.answered.contains(key)
    }

    /// How long the cooldown still lasts.
    pub(super) fn rest(&self, now: Instant) -> Duration {
        let rest = self.rest_of_cooldown(&self.log(), now);
        rest.unwrap_or_default()
    }

    /// Starts a fetch because its time has come, unless a caller has just started one. It is not
    /// counted: a key that is new just after it need not wait for the cooldown.
    pub(super) fn start(&self) {
        self.log().stage = Stage::Starting;
    }

    /// Resolves after a caller has asked; may also resolve for what is already finished.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(super) fn is_underway(&self) -> bool {
        self.log().stage != Stage::None
    }

    /// When keys that were asked for have to be fetched, if there are any.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        let log = self.log();
        let rest = self.rest_of_cooldown(&log, now).unwrap_or_default();
        (!log.pending.is_empty()).then(|| now + rest)
    }

    /// Right before the request is sent: what comes back answers all that was asked until here.
    pub(super) fn begin(&self, now: Instant) {
        let mut log = self.log();
        // A scheduled fetch that callers waited for counts as theirs: they could otherwise cause one
        // more in every cooldown.
        if !log.pending.is_empty() && self.rest_of_cooldown(&log, now).is_none() {
            log.last_asked = Some(now);
            log.answered.clear();
        }
        log.stage = Stage::Begun;
        // From here on a new question waits for the next fetch. What is sought by this one is fixed
        // when it is sent.
        log.sought = std::mem::take(&mut log.pending);
    }

    /// Ends the fetch. What it brought must be visible before.
    pub(super) fn finish(&self, ending: Ending) {
        let mut log = self.log();
        log.stage = Stage::None;
        log.finished = log.finished.saturating_add(1);
        let sought = std::mem::take(&mut log.sought);
        match ending {
            Ending::Fetched => {
                // By number, because the keys that were answered are forgotten when the cooldown ends,
                // perhaps before everybody who waited has looked.
                log.last_fetched = log.finished;
                log.answered.add_all(sought);
            }
            // Nobody knows yet whether they exist.
            Ending::Failed => log.pending.add_all(sought),
        }
    }

    fn rest_of_cooldown(&self, log: &Log, now: Instant) -> Option<Duration> {
        let since = now.saturating_duration_since(log.last_asked?);
        let rest = self.cooldown.checked_sub(since)?;
        (!rest.is_zero()).then_some(rest)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }
}

#[cfg(test)]
mod tests;
