//! The operating system's file events, as hints that it is time to look. Nothing here can fail for
//! good: without events, the poll still looks.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::places::Places;

/// Watches directories and passes on the events that concern the [`Places`] aimed at.
pub(super) struct Sensor {
    /// Absent where the system gives none: its instances are limited.
    watcher: Option<RecommendedWatcher>,
    places: Arc<Mutex<Places>>,
    armed: BTreeMap<PathBuf, Identity>,
    trouble: Trouble,
}

/// Which directory it is, whatever its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// Whether the operator was told that events are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Untold,
    Told,
}

impl Sensor {
    /// A sensor aimed at nothing yet.
    pub(super) fn new(hints: Arc<Notify>) -> Self {
        let places = Arc::new(Mutex::new(Places::default()));
        let aimed = places.clone();
        let handler = move |event: notify::Result<Event>| {
            // An error may stand for events that were lost, so that it is a reason to look.
            let hint = event.map_or(true, |event| matters(&event, &aimed.lock()));
            if hint {
                hints.notify_one();
            }
        };
        let mut sensor = Self {
            watcher: None,
            places,
            armed: BTreeMap::new(),
            trouble: Trouble::Untold,
        };
        match RecommendedWatcher::new(handler, Config::default()) {
            Ok(watcher) => sensor.watcher = Some(watcher),
            // Not an error of the start: changes are found by looking again and again, only later.
            Err(error) => sensor.tell(&error.to_string()),
        }
        sensor
    }

    /// Watches these places instead of those before.
    pub(super) fn aim(&mut self, places: Places) {
        let folders = places.folders.clone();
        // Before the folders are armed: an event of the first one must find what it is about.
        *self.places.lock() = places;
        let gone: Vec<_> = self
            .armed
            .keys()
            .filter(|f| !folders.contains(*f))
            .cloned()
            .collect();
        for folder in gone {
            self.disarm(&folder);
        }
        for folder in folders {
            self.arm(folder);
        }
    }

    /// Watches a directory. Each time anew, although it is watched already: the system drops the
    /// watch when the directory is removed, and does not say so reliably. To add one that is there
    /// changes nothing.
    fn arm(&mut self, folder: PathBuf) {
        let Ok(metadata) = fs::metadata(&folder) else {
            self.disarm(&folder);
            return;
        };
        // A folder that was replaced has the name of the one that is watched, and the kernel watches
        // the old one.
        let identity = Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
        };
        if self
            .armed
            .get(&folder)
            .is_some_and(|armed| *armed != identity)
        {
            self.disarm(&folder);
        }
        match self.guarded(|watcher| watcher.watch(&folder, RecursiveMode::NonRecursive)) {
            Some(Ok(())) => {
                self.armed.insert(folder, identity);
            }
            Some(Err(error)) => self.tell(&format!("{}: {error}", folder.display())),
            None => {}
        }
    }

    /// Fails where the system has dropped the watch already, which is as good.
    fn disarm(&mut self, folder: &Path) {
        if self.armed.remove(folder).is_some() {
            self.guarded(|watcher| watcher.unwatch(folder));
        }
    }

    /// `notify` panics in calls, and again when dropped, once its thread has died or could not be
    /// started; then the watcher is leaked rather than dropped.
    fn guarded<T>(&mut self, call: impl FnOnce(&mut RecommendedWatcher) -> T) -> Option<T> {
        let mut watcher = self.watcher.take()?;
        let Ok(result) = catch_unwind(AssertUnwindSafe(|| call(&mut watcher))) else {
            std::mem::forget(watcher);
            self.tell("the watching thread has died");
            return None;
        };
        self.watcher = Some(watcher);
        Some(result)
    }

    /// Once: the poll retries each time.
    fn tell(&mut self, error: &str) {
        if self.trouble == Trouble::Untold {
            self.trouble = Trouble::Told;
            tracing::warn!(
                watch.error = error,
                "file events are missing; changes are found by the slower poll"
            );
        }
    }
}

impl Drop for Sensor {
    fn drop(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(watcher)));
            if dropped.is_err() {
                tracing::debug!("the watching thread had died");
            }
        }
    }
}

/// Access events are ours as well: who reads because of them reads for ever.
pub(super) fn matters(event: &Event, places: &Places) -> bool {
    if event.need_rescan() {
        return true;
    }
    !event.kind.is_access() && event.paths.iter().any(|path| places.concern(path))
}
