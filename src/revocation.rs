//! Revocations at a gate: which of the tokens that hold were revoked.
//!
//! A check asks [`RevocationList::is_revoked`] about every token, cached proof or not. It never
//! waits, and costs the same with a million entries as with one: a look-up for each thing that can
//! take the token back, five or six as a rule.

mod age_watch;
mod floored;
mod freshness;
mod steady_clock;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use crate::clock::UnixSeconds;
use crate::token::{LogPosition, Mark, Revocable};

use floored::Floored;
pub use freshness::{Freshness, OnStale};
pub use steady_clock::SteadyClock;

/// A power of two, so that the first bits of a mark choose the shard. A change copies one shard:
/// with a million entries some 250 of them.
const SHARD_BITS: u32 = 12;

/// From this share of the bound on the log says so.
const NEARLY_FULL_PERCENT: usize = 80;

/// One row of an issuer's revocation log, as gates have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// Where it stands in the log. It concerns tokens from before.
    pub position: LogPosition,
    /// Whose tokens; none for everyone's.
    pub mark: Option<Mark>,
    /// When the last token has ended that it can refuse.
    pub expires_at: UnixSeconds,
}

/// What one issuer has revoked. Read by checks, written by whoever follows the issuer's log.
pub struct RevocationList {
    /// Tokens from before the floor are refused, whosesoever they are.
    rows: Floored<Rows>,
    /// How much of the log is in here.
    position: AtomicU64,
    max_entries: usize,
    /// Whether the log says that it is nearly full.
    nearly_full_told: AtomicBool,
    /// Held by whoever writes; never by a reader.
    writing: Mutex<()>,
    /// Absent where the log is in the same process.
    freshness: Option<Freshness>,
}

/// All entries. Changed by one thread at a time.
struct Rows {
    shards: Box<[ArcSwapOption<Shard>]>,
    entries: AtomicUsize,
}

/// Entries whose marks begin alike, sorted by mark.
struct Shard(Box<[Entry]>);

#[derive(Debug, Clone, Copy)]
struct Entry {
    mark: Mark,
    position: LogPosition,
    expires_at: UnixSeconds,
}

/// The size of a list and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevocationStatistics {
    /// Subjects that are listed now.
    pub entries: usize,
    /// The most that it holds.
    pub max_entries: usize,
    /// The memory that they take, in bytes.
    pub bytes: usize,
    /// How much of the log it knows.
    pub position: LogPosition,
    /// Tokens from before this position are refused.
    pub floor: LogPosition,
}

impl RevocationList {
    /// A list that holds nothing yet, and at most `max_entries` subjects.
    pub fn new(max_entries: usize) -> Self {
        Self {
            rows: Floored::new(Rows::new()),
            position: AtomicU64::new(0),
            max_entries: max_entries.max(1),
            nearly_full_told: AtomicBool::new(false),
            writing: Mutex::new(()),
            freshness: None,
        }
    }

    /// The same for a log that is elsewhere, and of which news may fail to come.
    #[must_use]
    pub fn from_afar(self, freshness: Freshness) -> Self {
        Self {
            freshness: Some(freshness),
            ..self
        }
    }

    /// How old its knowledge is, where the log is elsewhere.
    pub fn freshness(&self) -> Option<&Freshness> {
        self.freshness.as_ref()
    }

    /// Whether it is too old to let any token through.
    pub fn is_too_old(&self) -> bool {
        let strict = |freshness: &&Freshness| freshness.on_stale() == OnStale::Deny;
        let freshness = self.freshness.as_ref().filter(strict);
        freshness.is_some_and(Freshness::is_stale)
    }

    /// Whether a token that holds has been revoked. Never waits.
    pub fn is_revoked(&self, token: &Revocable) -> bool {
        let position = token.position();
        self.rows.refuses(position.0, |rows| rows.lists(token))
    }

    /// Adds rows of the log, in any order, some perhaps for the second time.
    pub fn extend(&self, revocations: &[Revocation]) {
        // Writers copy a shard, change the copy and store it. Two at once would lose the rows of one.
        // Readers never take this lock.
        let _writing = self.lock();
        // The floor before the rows: a check in between refuses more than it must, and never less.
        for revocation in revocations {
            if revocation.mark.is_none() {
                self.rows.raise(revocation.position.0);
            }
        }
        self.rows.rows().add(revocations);
        let last = revocations.iter().map(|revocation| revocation.position);
        // After the rows: whoever sees this position may take everything up to it for known.
        self.advance(last.max().unwrap_or_default());
        self.bound();
    }

    /// The log is known up to here: what it holds later is not in the list.
    pub fn advance(&self, position: LogPosition) {
        self.position.fetch_max(position.0, Ordering::AcqRel);
    }

    /// Drops what can no longer refuse anything.
    pub fn sweep(&self, now: UnixSeconds) {
        let _writing = self.lock();
        self.rows.rows().retain(|entry| entry.expires_at > now);
    }

    /// The size and how far it has come.
    pub fn statistics(&self) -> RevocationStatistics {
        let rows = self.rows.rows();
        let entries = rows.entries.load(Ordering::Relaxed);
        RevocationStatistics {
            entries,
            max_entries: self.max_entries,
            bytes: entries * size_of::<Entry>() + rows.shards.len() * size_of::<usize>(),
            position: LogPosition(self.position.load(Ordering::Acquire)),
            floor: LogPosition(self.rows.floor()),
        }
    }

    /// All rows that it holds, with those for everyone as one, in the order of their marks. They come in
    /// pieces of about `size` rows: a copy of all of them could take more memory than there is.
    pub fn chunks(&self, size: usize) -> impl Iterator<Item = Vec<Revocation>> + '_ {
        let mut shards = self.rows.rows().shards.iter();
        let mut floor_follows = true;
        std::iter::from_fn(move || {
            let mut chunk = Vec::new();
            while chunk.len() < size {
                if let Some(shard) = shards.next() {
                    let shard = shard.load_full();
                    chunk.extend(
                        shard
                            .iter()
                            .flat_map(|shard| shard.0.iter().map(Entry::row)),
                    );
                } else {
                    // After the rows, some of which it may stand for by now.
                    if std::mem::take(&mut floor_follows) {
                        chunk.extend(self.floor_row());
                    }
                    break;
                }
            }
            (!chunk.is_empty()).then_some(chunk)
        })
    }

    fn floor_row(&self) -> Option<Revocation> {
        let floor = self.rows.floor();
        (floor > 0).then_some(Revocation {
            position: LogPosition(floor),
            mark: None,
            expires_at: UnixSeconds(i64::MAX),
        })
    }

    /// Keeps the bound without letting anything through: the older half becomes one rule, that
    /// tokens from before its last row are refused. Their callers have to get new ones.
    fn bound(&self) {
        let rows = self.rows.rows();
        let entries = rows.entries.load(Ordering::Acquire);
        if entries <= self.max_entries {
            let is_nearly_full = entries * 100 >= self.max_entries * NEARLY_FULL_PERCENT;
            // Each row comes here, and those who follow a quiet log several times a second.
            let was_told = self.nearly_full_told.swap(is_nearly_full, Ordering::AcqRel);
            if is_nearly_full && !was_told {
                tracing::warn!(
                    revocations.entries = entries,
                    revocations.max = self.max_entries,
                    "the list of revocations is nearly full: when it is, older tokens are refused \
                     whosesoever they are; raise `max_revocations`"
                );
            }
            return;
        }
        let mut positions = rows.positions();
        // The median without sorting: there may be a million, and rows of the log wait meanwhile.
        let middle = positions.len() / 2;
        let (_, median, _) = positions.select_nth_unstable(middle);
        let floor = *median;
        // The floor rises before the rows go, or a revoked token would pass in between. `models/` tries
        // every interleaving of the two with a check.
        self.rows.raise_and_drop(floor.0, |rows| {
            rows.retain(|entry| entry.position > floor);
        });
        tracing::error!(
            revocations.max = self.max_entries,
            revocations.floor = floor.0,
            "the list of revocations is full: tokens from before the floor are refused, \
             whosesoever they are; raise `max_revocations`"
        );
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.writing.lock()
    }
}

impl Rows {
    fn new() -> Self {
        let shards = (0..1_usize << SHARD_BITS).map(|_| ArcSwapOption::empty());
        Self {
            shards: shards.collect(),
            entries: AtomicUsize::new(0),
        }
    }

    fn lists(&self, token: &Revocable) -> bool {
        let revokes = |mark| self.find(mark).is_some_and(|at| token.position() < at);
        // The usual list is empty, and then a check costs one load and no search.
        self.entries.load(Ordering::Acquire) > 0 && token.marks().any(revokes)
    }

    fn find(&self, mark: Mark) -> Option<LogPosition> {
        let shard = self.shard(mark)?.load();
        let entries = &shard.as_ref()?.0;
        let found = entries.binary_search_by_key(&mark, |entry| entry.mark);
        Some(entries.get(found.ok()?)?.position)
    }

    fn shard(&self, mark: Mark) -> Option<&ArcSwapOption<Shard>> {
        let index = usize::try_from(mark.0 >> (u128::BITS - SHARD_BITS)).ok()?;
        self.shards.get(index)
    }

    /// One copy for each shard that changes, however many rows it gets.
    fn add(&self, revocations: &[Revocation]) {
        let mut entries = Vec::with_capacity(revocations.len());
        for revocation in revocations {
            if let Some(mark) = revocation.mark {
                entries.push(Entry {
                    mark,
                    position: revocation.position,
                    expires_at: revocation.expires_at,
                });
            }
        }
        entries.sort_unstable_by_key(|entry| entry.mark);
        let begin = |entry: &Entry| entry.mark.0 >> (u128::BITS - SHARD_BITS);
        // Sorted by their marks, the rows of one shard are neighbours, because a mark begins with the
        // number of its shard.
        for group in entries.chunk_by(|one, other| begin(one) == begin(other)) {
            let Some(shard) = group.first().and_then(|entry| self.shard(entry.mark)) else {
                continue;
            };
            let earlier = shard.load_full();
            let earlier = earlier.as_ref().map_or(&[][..], |shard| &shard.0);
            let merged = merge(earlier, group);
            let added = merged.len() - earlier.len();
            // Counted first: a reader that sees none looks no further.
            self.entries.fetch_add(added, Ordering::AcqRel);
            shard.store(Some(Arc::new(Shard(merged))));
        }
    }

    fn retain(&self, keep: impl Fn(&Entry) -> bool) {
        for shard in &self.shards {
            let Some(earlier) = shard.load_full() else {
                continue;
            };
            let kept: Box<[Entry]> = earlier
                .0
                .iter()
                .filter(|entry| keep(entry))
                .copied()
                .collect();
            let dropped = earlier.0.len() - kept.len();
            if dropped > 0 {
                shard.store((!kept.is_empty()).then(|| Arc::new(Shard(kept))));
                // Afterwards: while the count is too high readers look and find nothing; were it too
                // low, they would not look.
                self.entries.fetch_sub(dropped, Ordering::AcqRel);
            }
        }
    }

    fn positions(&self) -> Vec<LogPosition> {
        let mut positions = Vec::with_capacity(self.entries.load(Ordering::Acquire));
        for shard in self.shards.iter().filter_map(ArcSwapOption::load_full) {
            positions.extend(shard.0.iter().map(|entry| entry.position));
        }
        positions
    }
}

impl Entry {
    fn row(&self) -> Revocation {
        Revocation {
            position: self.position,
            mark: Some(self.mark),
            expires_at: self.expires_at,
        }
    }
}

impl std::fmt::Debug for RevocationList {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.statistics().fmt(formatter)
    }
}

/// Both sorted by mark; of entries for one subject the later one stays, for as long as either.
fn merge(earlier: &[Entry], added: &[Entry]) -> Box<[Entry]> {
    let mut merged = [earlier, added].concat();
    merged.sort_by_key(|entry| entry.mark);
    merged.dedup_by(|later, kept| {
        let same = later.mark == kept.mark;
        if same {
            kept.position = kept.position.max(later.position);
            kept.expires_at = kept.expires_at.max(later.expires_at);
        }
        same
    });
    merged.into_boxed_slice()
}

#[cfg(test)]
mod tests;
