//! Tells when the content of files changed: policies, keys, certificates. Events only hint at when
//! to look; what counts is a digest, and a slow poll looks even where no event arrives.

mod fingerprint;
mod mount;
mod places;
mod sensor;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use fingerprint::Fingerprints;
use places::Places;
use sensor::Sensor;

/// Looks at content that does not come to rest; then it is reported as it is.
const MAX_LOOKS: usize = 40;

/// How patient a [`FileWatcher`] is.
#[derive(Debug, Clone, Copy)]
pub struct WatchSettings {
    /// How long content must stay the same before it is reported: a file written in place is
    /// first empty, then half there. A change is reported after one to two of these.
    pub debounce: Duration,
    /// The time after which the files are read even though no event arrived: network file systems
    /// have none, and the number of watches is limited.
    pub poll: Duration,
}

impl Default for WatchSettings {
    /// 150 ms and 30 s.
    fn default() -> Self {
        Self {
            debounce: Duration::from_millis(150),
            poll: Duration::from_secs(30),
        }
    }
}

/// Watches a set of files and directories. Of a directory, the entries `*.yaml` and `*.yml` that
/// are not hidden count. A path that does not exist is content like any other. Dropping it stops.
#[derive(Debug)]
pub struct FileWatcher {
    changes: watch::Receiver<u64>,
    paths: watch::Sender<BTreeSet<PathBuf>>,
    task: AbortHandle,
}

impl FileWatcher {
    /// Takes stock of the paths (reading them on this thread) and watches them on `runtime`.
    ///
    /// Start it **before** the files are loaded: then whatever changes meanwhile is reported.
    pub fn start(
        paths: impl IntoIterator<Item = PathBuf>,
        settings: WatchSettings,
        runtime: &Handle,
    ) -> Self {
        let paths = absolute(paths);
        mount::warn_of_fixed(&paths);
        let hints = Arc::new(Notify::new());
        let mut scanner = Scanner::new(&hints);
        // Before the caller reads the files: what changes in between is a change, and is reported.
        let reported = scanner.scan(&paths);
        let (changes_sender, changes) = watch::channel(0);
        let (paths_sender, paths) = watch::channel(paths);
        let observer = Observer {
            settings,
            hints,
            paths,
            scanner: Some(scanner),
            reported,
            changes: changes_sender,
        };
        Self {
            changes,
            paths: paths_sender,
            task: runtime.spawn(observer.run()).abort_handle(),
        }
    }

    /// The number of changes so far; `changed()` on it waits for the next. A new receiver has seen
    /// none of those since the start.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Watches these paths from now on. A path that was not among those before counts as a change,
    /// because nobody knows whether it was loaded before or after it was first looked at; so the
    /// caller loads once more, finds the same set of paths, and calls this without effect.
    pub fn replace_paths(&self, paths: impl IntoIterator<Item = PathBuf>) {
        let paths = absolute(paths);
        self.paths.send_if_modified(|present| {
            let differ = *present != paths;
            mount::warn_of_fixed(paths.difference(present));
            *present = paths;
            differ
        });
    }
}

impl Drop for FileWatcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A path that cannot be made absolute is empty: it stays, and counts as missing.
fn absolute(paths: impl IntoIterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
    paths
        .into_iter()
        .map(|path| std::path::absolute(&path).unwrap_or(path))
        .collect()
}

/// The background task.
struct Observer {
    settings: WatchSettings,
    hints: Arc<Notify>,
    paths: watch::Receiver<BTreeSet<PathBuf>>,
    /// Absent while it works on another thread, and after it was lost there to a panic.
    scanner: Option<Scanner>,
    reported: Fingerprints,
    changes: watch::Sender<u64>,
}

impl Observer {
    async fn run(mut self) {
        loop {
            tokio::select! {
                () = self.hints.notified() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
                replaced = self.paths.changed() => if replaced.is_err() {
                    return;
                },
            }
            self.settle().await;
        }
    }

    /// Looks until two looks in a row agree; reports what they saw unless it was reported before.
    async fn settle(&mut self) {
        let mut last = None;
        for _ in 0..MAX_LOOKS {
            tokio::time::sleep(self.settings.debounce).await;
            let Some(seen) = self.scan().await else {
                return;
            };
            if !seen.differ_from(&self.reported) {
                // They may still be fewer.
                self.reported = seen;
                return;
            }
            // Seen twice the same: whoever writes several files, or one in pieces, has finished.
            if last.as_ref() == Some(&seen) {
                break;
            }
            last = Some(seen);
        }
        if let Some(seen) = last {
            self.reported = seen;
            self.changes
                .send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Reads on a thread that may block.
    async fn scan(&mut self) -> Option<Fingerprints> {
        // Cloned, because a borrow would hold up whoever sets the paths while files are read.
        let paths = self.paths.borrow_and_update().clone();
        let scanner = self.scanner.take();
        let mut scanner = scanner.unwrap_or_else(|| Scanner::new(&self.hints));
        let look = tokio::task::spawn_blocking(move || {
            let seen = scanner.scan(&paths);
            (scanner, seen)
        });
        match look.await {
            Ok((scanner, seen)) => {
                self.scanner = Some(scanner);
                Some(seen)
            }
            // The scanner is lost with the panic, and the next look makes a new one.
            Err(error) => {
                tracing::error!(error = %error, "the watched files could not be checked");
                None
            }
        }
    }
}

/// Reads the files and keeps the watches where the files are.
struct Scanner {
    sensor: Sensor,
}

impl Scanner {
    fn new(hints: &Arc<Notify>) -> Self {
        Self {
            sensor: Sensor::new(hints.clone()),
        }
    }

    /// The watches come first: what changes after the reading then leaves a hint.
    fn scan(&mut self, paths: &BTreeSet<PathBuf>) -> Fingerprints {
        self.sensor.aim(Places::of(paths));
        Fingerprints::of(paths)
    }
}

#[cfg(test)]
mod tests;
