//! What a gate knows of one issuer through the feed: its keys, and what it has revoked.

mod succession;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::reached::{Reached, ViolationError};
use super::settings::FeedSettings;
use super::snapshot_file::Saved;
use super::taken::TakenLog;
use super::wire::{self, Heartbeat, Keys, Revocations, Understood};
use crate::clock::{Clock, UnixSeconds};
use crate::jwks::warn_of_skipped;
use crate::revocation::{Freshness, Revocation, RevocationList, SteadyClock};
use crate::token::{Algorithm, KeySet, LogPosition};

/// How often what has expired is dropped, by the issuer's time.
const SWEEP_SECONDS: i64 = 60;

/// The state of a feed, for `/status` and metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedState {
    /// Whether the issuer is heard at this moment.
    pub connected: bool,
    /// Whether everything was known once, not long ago.
    pub known: bool,
    /// Whether an issuer has told everything since the start.
    pub heard: bool,
    /// The issuer that is heard, or was last.
    pub address: Option<String>,
    /// Connections that were made.
    pub connections: u64,
    /// Connections that broke or could not be made.
    pub failures: u64,
    /// Why the last one did.
    pub last_failure: Option<String>,
    /// When that was.
    pub last_failure_at: Option<UnixSeconds>,
    /// Since when the issuer is heard, if it is at this moment.
    pub connected_since: Option<UnixSeconds>,
    /// How many connections in a row have broken soon, for the same reason as the one before: there are no two lines
    /// for each.
    pub repeats: u64,
    /// Subscriptions that went on from the cursor.
    pub resumed: u64,
    /// How often what came could not be written to the snapshot file or its journal.
    pub save_failures: u64,
    /// Rows that a newer issuer wrote and that were read as everyone's.
    pub not_understood: u64,
}

/// What the issuer publishes, and what of it can be used here.
#[derive(Debug, Clone, Default)]
pub struct KnownKeys {
    written: Keys,
    usable: Option<KeySet>,
}

impl KnownKeys {
    /// The keys that verify.
    pub fn usable(&self) -> Option<&KeySet> {
        self.usable.as_ref()
    }
}

/// Whose feed it is, and what of it is taken.
pub(super) struct Origin {
    pub(super) issuer: Box<str>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) clock: Arc<dyn Clock>,
    /// Tells this process from others, to the issuer.
    pub(super) instance: Bytes,
    /// Called when other keys than before verify.
    pub(super) on_keys: Box<dyn Fn() + Send + Sync>,
}

/// Keys, revocations, and how far they go.
pub(super) struct Knowledge {
    pub(super) origin: Origin,
    pub(super) list: Arc<RevocationList>,
    pub(super) state: watch::Sender<FeedState>,
    /// For reports: since when it is refused by what.
    pub(super) taken: TakenLog,
    /// How old what an issuer knows may be.
    most_behind: Duration,
    /// What is swept does not come back.
    sweeping_clock: SteadyClock,
    /// Locked after `progress`, never before it.
    keys: Mutex<KnownKeys>,
    /// Held during each change, so that there is none after the last.
    progress: Mutex<Progress>,
    /// Counts changes of keys.
    key_changes: AtomicU64,
    /// Where rows go that are to outlive the process.
    journal: OnceLock<mpsc::Sender<Revocations>>,
    /// How many frames are on their way there.
    unsaved: watch::Sender<usize>,
    /// Some did not go there.
    has_missed: AtomicBool,
}

#[derive(Debug)]
struct Progress {
    cursor: Bytes,
    position: LogPosition,
    /// When everything was last known, by the issuer's clock.
    as_of: UnixSeconds,
    swept_at: UnixSeconds,
    /// Another client has taken the place of this one.
    is_closed: bool,
}

impl Knowledge {
    /// Nothing is known yet.
    pub(super) fn new(origin: Origin, settings: &FeedSettings) -> Self {
        let freshness = Freshness::new(settings.max_staleness, settings.on_stale);
        let list = RevocationList::new(settings.max_revocations).from_afar(freshness);
        Self {
            sweeping_clock: SteadyClock::new(Arc::clone(&origin.clock)),
            origin,
            list: Arc::new(list),
            state: watch::Sender::default(),
            taken: TakenLog::default(),
            most_behind: settings.most_behind(),
            keys: Mutex::default(),
            progress: Mutex::new(Progress {
                cursor: Bytes::new(),
                position: LogPosition(0),
                as_of: UnixSeconds(0),
                swept_at: UnixSeconds(0),
                is_closed: false,
            }),
            key_changes: AtomicU64::new(0),
            journal: OnceLock::new(),
            unsaved: watch::Sender::default(),
            has_missed: AtomicBool::new(false),
        }
    }

    /// Refuses what these rows revoke, which are not all that there are.
    pub(super) fn learn(&self, rows: &[wire::Revocation]) {
        let (rows, _) = self.understand(rows);
        self.list.extend(&rows);
    }

    /// Knows what was known `age` ago, now that all rows of that time have been learnt.
    pub(super) fn take_over(&self, saved: &Saved, age: Duration) {
        self.list.advance(LogPosition(saved.position));
        self.taken.pass_over(LogPosition(saved.position));
        {
            let mut progress = self.progress.lock();
            progress.cursor = saved.cursor.clone();
            progress.position = LogPosition(saved.position);
            progress.as_of = UnixSeconds(saved.as_of);
        }
        self.confirm(age);
        self.adopt(saved.keys.clone().unwrap_or_default());
    }

    /// All of it but the rows, for a file. To be taken before the rows: those that come after the cursor
    /// do no harm, those that lack would.
    pub(super) fn save(&self) -> Saved {
        self.saved_at(&self.progress.lock())
    }

    fn saved_at(&self, progress: &Progress) -> Saved {
        Saved {
            issuer: self.origin.issuer.to_string(),
            cursor: progress.cursor.clone(),
            position: progress.position.0,
            as_of: progress.as_of.0,
            keys: Some(self.keys.lock().written.clone()),
        }
    }

    pub(super) fn keys(&self) -> KnownKeys {
        self.keys.lock().clone()
    }

    pub(super) fn cursor(&self) -> Bytes {
        self.progress.lock().cursor.clone()
    }

    pub(super) fn key_changes(&self) -> u64 {
        self.key_changes.load(Ordering::Acquire)
    }

    /// Sends rows there, after they count.
    pub(super) fn keep_journal(&self, journal: mpsc::Sender<Revocations>) {
        // A second call would be a defect; the first journal stays.
        let _ = self.journal.set(journal);
    }

    /// So many frames have come to their end there.
    pub(super) fn saved(&self, frames: usize) {
        self.unsaved
            .send_modify(|count| *count = count.saturating_sub(frames));
    }

    /// Waits until nothing is on its way there.
    pub(super) async fn all_saved(&self) {
        // The sender lives as long as this.
        let _ = self.unsaved.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Whether rows did not find room there since the last call.
    pub(super) fn take_missed(&self) -> bool {
        self.has_missed.swap(false, Ordering::AcqRel)
    }

    pub(super) fn age(&self) -> Option<Duration> {
        self.list.freshness().and_then(Freshness::age)
    }

    fn is_stale(&self) -> bool {
        self.list.freshness().is_some_and(Freshness::is_stale)
    }

    /// Takes these keys for all that there are. None of them usable: none verifies, because those
    /// from before may have been withdrawn.
    pub(super) fn adopt(&self, written: Keys) {
        let progress = self.progress.lock();
        let is_changed = !progress.is_closed && self.replace_keys(written);
        // Before the callback, which asks for the keys and would wait for them for ever.
        drop(progress);
        if is_changed {
            self.key_changes.fetch_add(1, Ordering::AcqRel);
            (self.origin.on_keys)();
        }
    }

    /// Whether they are others than before.
    fn replace_keys(&self, written: Keys) -> bool {
        let mut keys = self.keys.lock();
        // A connection that resumes sends all keys again. To publish them would have every snapshot and
        // proof looked at anew for nothing.
        if keys.written == written {
            return false;
        }
        let read = KeySet::from_jwks(written.jwks.as_bytes(), &self.origin.algorithms);
        let usable = match read {
            Ok((usable, skipped)) => {
                warn_of_skipped(&self.origin.issuer, &skipped);
                Some(usable)
            }
            Err(error) => {
                tracing::error!(
                    token.issuer = &*self.origin.issuer,
                    issuer.algorithms = ?written.algorithms,
                    %error,
                    "no key of the feed can be used: tokens of the issuer are refused; compare \
                     `algorithms` with what the issuer signs with"
                );
                None
            }
        };
        // Kept even where none is usable: keys from before may have been withdrawn, and their tokens must
        // not go on passing.
        *keys = KnownKeys { written, usable };
        true
    }

    /// Refuses what these rows revoke from now on, and has them written to the journal.
    pub(super) fn apply(&self, frame: &Revocations) {
        let (rows, unclear) = self.understand(&frame.revocations);
        if unclear > 0 {
            self.state
                .send_modify(|state| state.not_understood += unclear);
        }
        let journal = self.journal.get().filter(|_| !rows.is_empty());
        let progress = self.progress.lock();
        if progress.is_closed {
            return;
        }
        // Before the rows count: a process that ends waits for what it refuses to be on the disk.
        if journal.is_some() {
            self.unsaved.send_modify(|count| *count += 1);
        }
        self.list.extend(&rows);
        drop(progress);
        // Never waits: a disk that hangs must not hold up revocations. What is missing is written with
        // the next snapshot.
        if journal.is_some_and(|journal| journal.try_send(frame.clone()).is_err()) {
            self.saved(1);
            self.has_missed.store(true, Ordering::Release);
        }
    }

    /// The log is known up to here, and no further: another log may have taken its place.
    pub(super) fn reach(&self, reached: &Reached) {
        let mut progress = self.progress.lock();
        if !progress.is_closed {
            self.list.advance(reached.position);
            progress.cursor = reached.cursor.clone();
            progress.position = reached.position;
        }
    }

    /// Whether an issuer that says this of itself knows at least as much. Measured by the clock of this
    /// gate that nobody sets, because the clocks of two issuers differ.
    pub(super) fn is_not_newer_than(&self, heartbeat: Heartbeat) -> bool {
        let behind = Duration::from_millis(heartbeat.behind_ms);
        self.age().is_none_or(|age| behind <= age)
    }

    /// Everything has come up to now, or to as long ago as the issuer's own knowledge is old.
    pub(super) fn confirm_by(&self, heartbeat: Heartbeat) {
        let behind = Duration::from_millis(heartbeat.behind_ms);
        let seconds = i64::try_from(behind.as_secs()).unwrap_or(i64::MAX);
        let mut progress = self.progress.lock();
        if !progress.is_closed {
            progress.as_of = UnixSeconds(heartbeat.issuer_time).plus(seconds.saturating_neg());
            self.confirm(behind);
        }
    }

    /// Unless the issuer knows too little itself to be listened to.
    pub(super) fn tolerate(&self, heartbeat: Heartbeat) -> Result<(), ViolationError> {
        if Duration::from_millis(heartbeat.behind_ms) > self.most_behind {
            return Err(ViolationError::Behind);
        }
        Ok(())
    }

    /// An issuer has told everything that it knows.
    pub(super) fn hear(&self, heartbeat: Heartbeat) {
        self.state.send_if_modified(|state| {
            let first = !state.heard;
            state.heard = true;
            first
        });
        let now = UnixSeconds(heartbeat.issuer_time);
        let mut progress = self.progress.lock();
        let is_due = now.since(progress.swept_at).saturating_abs() >= SWEEP_SECONDS;
        if is_due && !progress.is_closed {
            progress.swept_at = now;
            drop(progress);
            // By the slower of the two clocks: a token ends here by this gate's own.
            self.list.sweep(now.min(self.sweeping_clock.now()));
        }
    }

    fn confirm(&self, age: Duration) {
        if let Some(freshness) = self.list.freshness() {
            freshness.confirm(age);
        }
        if !self.is_stale() {
            self.state.send_if_modified(|state| {
                let first = !state.known;
                state.known = true;
                first
            });
        }
    }

    /// The rows, and how many of them were read as everyone's because they were not understood.
    fn understand(&self, rows: &[wire::Revocation]) -> (Vec<Revocation>, u64) {
        let mut unclear = 0;
        let mut last = LogPosition(0);
        let rows = rows.iter().map(|row| match row.understand() {
            Understood::Wholly(row) => row,
            Understood::AsEveryone(row) => {
                unclear += 1;
                last = last.max(row.position);
                row
            }
        });
        let rows = rows.collect();
        // One line for a frame: a newer issuer may send thousands of such rows, and the last refuses all
        // that the others do.
        if unclear > 0 {
            tracing::error!(
                token.issuer = &*self.origin.issuer,
                revocation.position = last.0,
                revocations = unclear,
                "the issuer has revoked something that this release does not understand: all tokens \
                 from before are refused; update this gate"
            );
        }
        (rows, unclear)
    }
}
