//! What became of the fetches so far: for readiness, `/status` and metrics.

use std::collections::BTreeMap;

use crate::clock::UnixSeconds;

/// The state of one remote key set. Its first success makes it ready; failures later do not undo
/// that, because the last good set stays in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteKeyState {
    /// When keys were last fetched and accepted.
    pub last_success: Option<UnixSeconds>,
    /// The last fetch that failed, even if others have succeeded since.
    pub last_failure: Option<FetchFailure>,
    /// Failures since the last success; 0 after one.
    pub consecutive_failures: u64,
    /// Usable keys in the set that serves.
    pub keys: usize,
    /// Finished fetches by outcome.
    pub fetches: FetchCounts,
}

/// A fetch that brought no keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFailure {
    /// When it ended.
    pub at: UnixSeconds,
    pub outcome: FetchOutcome,
    /// Why: printable ASCII of bounded length, without bodies, keys or the URL's query.
    pub message: String,
}

/// How a fetch ended: a closed set, for labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FetchOutcome {
    /// Keys that differ from those before.
    Changed,
    /// The same keys as before.
    Unchanged,
    /// No address, no connection, no trust in the certificate, or a broken answer.
    Unreachable,
    /// The time for the whole fetch ran out.
    TimedOut,
    /// A 3xx: never followed.
    Redirected,
    /// Another status than 200.
    BadStatus,
    /// A body over the cap.
    TooLarge,
    /// A body without a usable key set.
    Unusable,
}

impl FetchOutcome {
    /// All of them, so that a metric can start each at zero.
    pub const ALL: [Self; 8] = [
        Self::Changed,
        Self::Unchanged,
        Self::Unreachable,
        Self::TimedOut,
        Self::Redirected,
        Self::BadStatus,
        Self::TooLarge,
        Self::Unusable,
    ];

    /// A short `snake_case` name for metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Redirected => "redirected",
            Self::BadStatus => "bad_status",
            Self::TooLarge => "too_large",
            Self::Unusable => "unusable",
        }
    }
}

/// Finished fetches by outcome, since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchCounts(BTreeMap<FetchOutcome, u64>);

impl FetchCounts {
    /// Fetches that ended so.
    pub fn of(&self, outcome: FetchOutcome) -> u64 {
        self.0.get(&outcome).copied().unwrap_or_default()
    }

    /// All finished fetches.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    fn count(&mut self, outcome: FetchOutcome) {
        let count = self.0.entry(outcome).or_default();
        *count = count.saturating_add(1);
    }
}

impl RemoteKeyState {
    /// Notes that `keys` keys were accepted.
    pub(super) fn succeeded(&mut self, at: UnixSeconds, outcome: FetchOutcome, keys: usize) {
        self.last_success = Some(at);
        self.consecutive_failures = 0;
        self.keys = keys;
        self.fetches.count(outcome);
    }

    /// Notes a failure; the keys before it stay.
    pub(super) fn failed(&mut self, failure: FetchFailure) {
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.fetches.count(failure.outcome);
        self.last_failure = Some(failure);
    }
}
