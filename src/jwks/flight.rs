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
    underway: bool,
    finished: u64,
    /// Asked for, and not yet by a fetch that began after that.
    pending: Sought,
    /// Asked for before the fetch underway began.
    sought: Sought,
    /// The issuer's answer came after they were asked for: what it did not bring does not exist.
    answered: Sought,
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
    /// Wait for the fetch of this number. They are numbered from 1 in the order of their ends.
    Fetch(u64),
    /// The issuer has answered since the key was first asked for.
    Answered,
    /// Come back after this time: a fetch is due then.
    Due(Duration),
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
        if !log.sought.contains(key) {
            log.pending.add(key, presence);
        }
        if log.underway {
            return Seat::Fetch(log.finished.saturating_add(1));
        }
        // Either it begins now, or the task learns until when to wait.
        self.asked.notify_one();
        if let Some(rest) = rest {
            return Seat::Due(rest);
        }
        log.underway = true;
        log.last_asked = Some(now);
        Seat::Fetch(log.finished.saturating_add(1))
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
        self.log().underway = true;
    }

    /// Resolves after a caller has asked; may also resolve for what is already finished.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    pub(super) fn is_underway(&self) -> bool {
        self.log().underway
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
        if !log.pending.is_empty() && self.rest_of_cooldown(&log, now).is_none() {
            log.last_asked = Some(now);
            log.answered.clear();
        }
        log.sought = std::mem::take(&mut log.pending);
    }

    /// Ends the fetch. What it brought must be visible before.
    pub(super) fn finish(&self, ending: Ending) {
        let mut log = self.log();
        log.underway = false;
        log.finished = log.finished.saturating_add(1);
        let sought = std::mem::take(&mut log.sought);
        match ending {
            Ending::Fetched => log.answered.add_all(sought),
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
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_nanos(1);

    fn key(name: &str) -> KeyHint {
        KeyHint::of(Some(name))
    }

    fn flight() -> (Flight, Instant) {
        (Flight::new(COOLDOWN), Instant::now())
    }

    fn join(flight: &Flight, key: KeyHint, now: Instant) -> Seat {
        flight.join(key, Presence::Missing, now)
    }

    /// A whole fetch, as the task makes it.
    fn fetch(flight: &Flight, now: Instant, ending: Ending) {
        flight.start();
        flight.begin(now);
        flight.finish(ending);
    }

    #[test]
    fn callers_share_the_fetch_that_is_underway() {
        let (flight, now) = flight();
        assert_eq!(join(&flight, key("a"), now), Seat::Fetch(1));
        assert_eq!(join(&flight, key("a"), now), Seat::Fetch(1));
        assert_eq!(join(&flight, key("b"), now + COOLDOWN * 2), Seat::Fetch(1));
        assert!(flight.is_underway());
        flight.begin(now);
        flight.finish(Ending::Fetched);
        assert!(!flight.is_underway());
    }

    #[test]
    fn a_key_is_missing_once_the_issuer_was_asked_after_it_was_named() {
        let (flight, now) = flight();
        assert_eq!(join(&flight, key("a"), now), Seat::Fetch(1));
        flight.begin(now);
        // Named when the request was already on its way: its answer says nothing about this one.
        assert_eq!(join(&flight, key("b"), now), Seat::Fetch(1));
        flight.finish(Ending::Fetched);
        assert!(flight.is_answered(key("a"), now));
        assert_eq!(join(&flight, key("a"), now), Seat::Answered);
        assert!(!flight.is_answered(key("b"), now));
        assert_eq!(
            join(&flight, key("b"), now + MOMENT),
            Seat::Due(COOLDOWN.saturating_sub(MOMENT))
        );
        assert_eq!(flight.due(now), Some(now + COOLDOWN));
        // The fetch that follows by itself answers it.
        let later = now + COOLDOWN;
        fetch(&flight, later, Ending::Fetched);
        assert_eq!(flight.due(later), None);
        assert_eq!(join(&flight, key("b"), later + MOMENT), Seat::Answered);
        assert_eq!(
            join(&flight, key("c"), later + MOMENT),
            Seat::Due(COOLDOWN.saturating_sub(MOMENT))
        );
    }

    #[test]
    fn what_is_missing_is_asked_for_again_after_the_cooldown() {
        let (flight, now) = flight();
        join(&flight, key("a"), now);
        flight.begin(now);
        flight.finish(Ending::Fetched);
        assert_eq!(
            join(&flight, key("a"), now + COOLDOWN.saturating_sub(MOMENT)),
            Seat::Answered
        );
        assert!(!flight.is_answered(key("a"), now + COOLDOWN));
        assert_eq!(join(&flight, key("a"), now + COOLDOWN), Seat::Fetch(2));
    }

    #[test]
    fn a_failed_fetch_answers_nothing() {
        let (flight, now) = flight();
        join(&flight, key("a"), now);
        flight.begin(now);
        flight.finish(Ending::Failed);
        assert!(!flight.is_answered(key("a"), now));
        assert_eq!(join(&flight, key("a"), now), Seat::Due(COOLDOWN));
        assert_eq!(flight.due(now), Some(now + COOLDOWN));
    }

    #[test]
    fn a_scheduled_fetch_answers_what_was_asked_before_it_and_starts_no_cooldown_of_its_own() {
        let (flight, now) = flight();
        fetch(&flight, now, Ending::Fetched);
        assert_eq!(join(&flight, key("a"), now), Seat::Fetch(2));
        flight.begin(now);
        flight.finish(Ending::Fetched);
        assert_eq!(join(&flight, key("b"), now), Seat::Due(COOLDOWN));
        // A refresh within the cooldown.
        fetch(&flight, now + MOMENT, Ending::Fetched);
        assert_eq!(join(&flight, key("b"), now + MOMENT), Seat::Answered);
        assert_eq!(flight.rest(now + MOMENT), COOLDOWN.saturating_sub(MOMENT));
    }

    #[test]
    fn a_scheduled_start_neither_counts_as_a_second_fetch_nor_ends_the_cooldown() {
        let (flight, now) = flight();
        assert_eq!(join(&flight, key("a"), now), Seat::Fetch(1));
        flight.start();
        assert_eq!(join(&flight, key("a"), now), Seat::Fetch(1));
        flight.begin(now);
        flight.finish(Ending::Fetched);
        assert!(!flight.is_underway());
        assert_eq!(
            join(&flight, key("b"), now + COOLDOWN.saturating_sub(MOMENT)),
            Seat::Due(MOMENT)
        );
        assert_eq!(join(&flight, key("b"), now + COOLDOWN), Seat::Fetch(2));
    }

    #[test]
    fn an_instant_before_the_last_start_is_within_the_cooldown() {
        let (flight, now) = flight();
        join(&flight, key("a"), now + COOLDOWN);
        flight.begin(now + COOLDOWN);
        flight.finish(Ending::Fetched);
        assert_eq!(join(&flight, key("b"), now), Seat::Due(COOLDOWN));
    }

    #[test]
    fn the_keys_that_are_looked_for_are_bounded() {
        let (flight, now) = flight();
        for number in 0..MAX_KEYS_SOUGHT * 3 {
            join(&flight, key(&number.to_string()), now);
        }
        assert_eq!(flight.log().pending.missing.len(), MAX_KEYS_SOUGHT);
        flight.begin(now);
        flight.finish(Ending::Fetched);
        for number in 0..MAX_KEYS_SOUGHT * 3 {
            join(&flight, key(&format!("more {number}")), now);
        }
        fetch(&flight, now, Ending::Fetched);
        assert_eq!(flight.log().answered.missing.len(), MAX_KEYS_SOUGHT);
    }

    #[test]
    fn a_key_that_the_set_has_is_answered_however_many_are_made_up() {
        let (flight, now) = flight();
        for ending in [Ending::Failed, Ending::Fetched, Ending::Fetched] {
            for number in 0..MAX_KEYS_SOUGHT * 2 {
                join(&flight, key(&format!("{ending:?} {number}")), now);
            }
            flight.join(key("real"), Presence::Present, now);
            fetch(&flight, now, ending);
        }
        assert!(flight.is_answered(key("real"), now));
    }

    #[tokio::test]
    async fn a_caller_wakes_the_task_and_a_schedule_does_not() {
        let (flight, now) = flight();
        flight.start();
        assert!(flight.asked().now_or_never().is_none());
        flight.begin(now);
        flight.finish(Ending::Fetched);
        join(&flight, key("a"), now);
        assert!(flight.asked().now_or_never().is_some());
        assert!(flight.asked().now_or_never().is_none());
    }
}
