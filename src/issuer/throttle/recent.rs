//! What happened lately: who was let in from where, and what failed last.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};

use super::bounded::forget_earliest_quarter;
use super::elapsed::Elapsed;

/// How long an address is remembered from which somebody was let in.
pub(in crate::issuer) const REMEMBERED_SECONDS: u64 = 30 * 86_400;

/// What happens again within this time after it was noted is not noted again.
const NOTED_SECONDS: u64 = 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer) enum Noted {
    /// For the first time, or for the first time in an hour.
    Now,
    /// It is not long ago.
    Before,
}

/// Accounts with the addresses from which they were let in.
pub(super) struct LetIn {
    at: Mutex<HashMap<u64, u64>>,
    max_entries: usize,
}

/// The secret with which each account or app last failed from each address, as a keyed hash.
pub(super) struct LastFailures {
    secrets: Mutex<HashMap<u64, u64>>,
    max_entries: usize,
}

impl LetIn {
    pub(super) fn new(max_entries: usize) -> Self {
        Self {
            at: Mutex::default(),
            max_entries,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.at.lock()
    }

    pub(super) fn lately(&self, key: u64, elapsed: &Elapsed) -> bool {
        let noted = self.lock().get(&key).copied();
        noted.is_some_and(|at| elapsed.seconds().saturating_sub(at) < REMEMBERED_SECONDS)
    }

    pub(super) fn note(&self, key: u64, elapsed: &Elapsed) -> Noted {
        let now = elapsed.seconds();
        let age = |at: u64| now.saturating_sub(at);
        let mut entries = self.lock();
        // A busy client logs in many times an hour: each would be a write to the store.
        if entries.get(&key).is_some_and(|at| age(*at) < NOTED_SECONDS) {
            return Noted::Before;
        }
        if entries.len() >= self.max_entries {
            // What has ended goes first; only where all are in use does a live one have to go.
            entries.retain(|_, at| age(*at) < REMEMBERED_SECONDS);
        }
        if entries.len() >= self.max_entries {
            forget_earliest_quarter(&mut entries);
        }
        entries.insert(key, now);
        Noted::Now
    }
}

impl LastFailures {
    pub(super) fn new(max_entries: usize) -> Self {
        Self {
            secrets: Mutex::default(),
            max_entries,
        }
    }

    /// Whether this very secret failed the last time; the second time it is, the third it is not.
    pub(super) fn is_repetition(&self, key: u64, secret: u64) -> bool {
        let mut secrets = self.secrets.lock();
        // Removed by the second try: a third one with the same secret is a guess, and counts.
        if secrets.remove(&key) == Some(secret) {
            return true;
        }
        if secrets.len() >= self.max_entries {
            // At worst a double try counts twice.
            secrets.clear();
        }
        secrets.insert(key, secret);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{ManualClock, UnixSeconds};

    #[test]
    fn who_was_let_in_is_remembered_for_a_month_and_so_many_at_most() {
        let clock = Arc::new(ManualClock::new(UnixSeconds(1_000_000)));
        let elapsed = Elapsed::since_now(Arc::clone(&clock) as _);
        let let_in = LetIn::new(64);
        assert!(!let_in.lately(0, &elapsed));
        let_in.note(0, &elapsed);
        assert!(let_in.lately(0, &elapsed));
        clock.advance(29 * 86_400);
        elapsed.update();
        assert!(let_in.lately(0, &elapsed));
        let_in.note(0, &elapsed);
        clock.advance(2 * 86_400);
        elapsed.update();
        assert!(let_in.lately(0, &elapsed), "noted again");
        for key in 1..1000 {
            let_in.note(key, &elapsed);
            assert!(let_in.lock().len() <= 64);
            assert!(let_in.lately(key, &elapsed));
        }
        assert!(!let_in.lately(0, &elapsed), "the oldest");
        clock.advance(30 * 86_400);
        elapsed.update();
        assert!(!let_in.lately(999, &elapsed));
    }

    #[test]
    fn the_same_wrong_secret_twice_in_a_row_is_one_failure() {
        let failures = LastFailures::new(64);
        let rows = [(1, 7, false), (1, 7, true), (1, 7, false), (1, 8, false)];
        let more = [(2, 8, false), (1, 8, true), (1, 7, false), (1, 8, false)];
        for (key, secret, repetition) in rows.into_iter().chain(more) {
            assert_eq!(failures.is_repetition(key, secret), repetition);
        }
        for key in 10..1000 {
            assert!(!failures.is_repetition(key, 1));
            assert!(failures.secrets.lock().len() <= 64);
        }
    }
}
