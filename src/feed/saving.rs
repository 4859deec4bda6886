//! Keeps on the disk what a gate knows, so that it knows it after a restart: a snapshot now and then,
//! and in between a journal of what came.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior};

use super::journal::Journal;
use super::knowledge::Knowledge;
use super::snapshot_file;
use super::wire::{ROWS_PER_FRAME, Revocations};

/// How often it is looked whether a snapshot is due.
const LOOK: Duration = Duration::from_millis(500);

/// An unchanged snapshot is written again after this time, with its new age.
const REWRITE: Duration = Duration::from_mins(1);

/// No two snapshots come closer than this.
const MIN_PAUSE: Duration = Duration::from_secs(1);

/// The longest that a journal becomes, in bytes, unless the snapshot is longer.
const JOURNAL_BYTES: u64 = 1 << 20;

/// About what a row takes in a file.
const ROW_BYTES: u64 = 40;

/// How many frames may wait to be written.
const MAX_WAITING: usize = 256;

/// What is known of one issuer, on its way to the disk.
pub(super) struct Saving<'a> {
    path: &'a Path,
    knowledge: &'a Arc<Knowledge>,
    frames: mpsc::Receiver<Revocations>,
    /// Absent where the next step is a snapshot.
    journal: Option<Journal>,
    /// When a snapshot was begun, and how often the keys had changed by then.
    begun: Option<(Instant, u64)>,
    is_failing: bool,
}

impl<'a> Saving<'a> {
    /// From now on rows are collected.
    pub(super) fn new(path: &'a Path, knowledge: &'a Arc<Knowledge>) -> Self {
        let (sender, frames) = mpsc::channel(MAX_WAITING);
        knowledge.keep_journal(sender);
        Self {
            path,
            knowledge,
            frames,
            journal: None,
            begun: None,
            is_failing: false,
        }
    }

    /// Writes from the moment on that `begin` ends: until then the files are somebody else's. Never
    /// ends.
    pub(super) async fn run(mut self, begin: impl Future<Output = ()>) {
        begin.await;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut came = Vec::new();
        loop {
            tokio::select! {
                _ = self.frames.recv_many(&mut came, MAX_WAITING) => {}
                _ = look.tick() => {}
            }
            let count = came.len();
            if self.knowledge.take_missed() {
                // Nothing more goes behind the gap: what is there ends before it, and so does its
                // cursor, until a snapshot holds all.
                self.journal = None;
            }
            if self.knowledge.cursor().is_empty() {
                // Not everything is known yet: a snapshot will hold it.
                came.clear();
                self.knowledge.saved(count);
                continue;
            }
            let saved = if self.is_snapshot_due() {
                // Whatever came counts already, and is in it.
                came.clear();
                Some(self.write_snapshot().await)
            } else {
                self.append(std::mem::take(&mut came)).await
            };
            self.tell(saved);
            self.knowledge.saved(count);
        }
    }

    fn is_snapshot_due(&self) -> bool {
        let Some((begun, key_changes)) = self.begun else {
            return true;
        };
        let entries = self.knowledge.list.statistics().entries as u64;
        // A snapshot or its journal could not be written, or frames were missed. What comes now is on no disk, so
        // that the next snapshot is due soon, but not in a loop where the disk is full.
        let Some(journal) = &self.journal else {
            return begun.elapsed() >= MIN_PAUSE;
        };
        // A larger list is written more rarely.
        let least = MIN_PAUSE + Duration::from_millis(entries / 30);
        let is_heard = self.knowledge.state.borrow().connected;
        let is_old = is_heard && begun.elapsed() >= REWRITE.max(least);
        let is_long = journal.bytes() > JOURNAL_BYTES.max(entries.saturating_mul(ROW_BYTES));
        let has_other_keys = key_changes != self.knowledge.key_changes();
        is_old || begun.elapsed() >= MIN_PAUSE && (is_long || has_other_keys)
    }

    async fn write_snapshot(&mut self) -> io::Result<()> {
        // The one from before goes on from a snapshot that is being replaced.
        self.journal = None;
        self.begun = Some((Instant::now(), self.knowledge.key_changes()));
        let (knowledge, path) = (Arc::clone(self.knowledge), self.path.to_owned());
        let writing = spawn_blocking(move || begin(&knowledge, &path));
        self.journal = Some(writing.await.map_err(io::Error::other)??);
        Ok(())
    }

    /// Nothing where a snapshot is about to be written instead.
    async fn append(&mut self, came: Vec<Revocations>) -> Option<io::Result<()>> {
        let journal = self.journal.take()?;
        Some(self.append_to(journal, came).await)
    }

    async fn append_to(&mut self, mut journal: Journal, came: Vec<Revocations>) -> io::Result<()> {
        let appending = spawn_blocking(move || {
            journal.append(&came)?;
            // What took its place, be it an earlier client's last snapshot, lacks these rows.
            io::Result::Ok(journal.is_in_place().then_some(journal))
        });
        self.journal = appending.await.map_err(io::Error::other)??;
        Ok(())
    }

    /// Counts each failure, and says it once, not at every try.
    fn tell(&mut self, saved: Option<io::Result<()>>) {
        let Some(saved) = saved else {
            return;
        };
        let was_failing = std::mem::replace(&mut self.is_failing, saved.is_err());
        let Err(error) = saved else {
            if was_failing {
                tracing::info!(feed.snapshot_file = %self.path.display(), "the snapshot of the feed is written again");
            }
            return;
        };
        let state = &self.knowledge.state;
        state.send_modify(|state| state.save_failures += 1);
        if !was_failing {
            tracing::error!(
                feed.snapshot_file = %self.path.display(),
                %error,
                "cannot write the snapshot of the feed, so that a restart begins with the one that was \
                 written last, if any, and without what was revoked since: check free disk space and \
                 permissions"
            );
        }
    }
}

/// A snapshot, and a journal that goes on from it. Rows that come in between are in both.
fn begin(knowledge: &Knowledge, path: &Path) -> io::Result<Journal> {
    let saved = knowledge.save();
    let digest = snapshot_file::write(path, &saved, knowledge.list.chunks(ROWS_PER_FRAME))?;
    Journal::begin(path, &digest)
}
