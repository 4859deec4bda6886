//! Writes the keys of an issuer into its file, beside what publishes them: a disk that hangs keeps
//! nobody waiting.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::jwks::CacheFile;

/// Writes one key set at a time; of those that come meanwhile, the last.
pub(super) struct Saving {
    issuer: Box<str>,
    cache: CacheFile,
    runtime: Handle,
    work: Mutex<Work>,
}

#[derive(Default)]
enum Work {
    #[default]
    Idle,
    /// A thread writes, and takes what is next here afterwards.
    Writing { next: Option<Vec<u8>> },
}

impl Saving {
    pub(super) fn new(issuer: &str, cache: CacheFile, runtime: &Handle) -> Self {
        Self {
            issuer: issuer.into(),
            cache,
            runtime: runtime.clone(),
            work: Mutex::default(),
        }
    }

    /// Has this key set written, and returns at once.
    pub(super) fn begin(self: &Arc<Self>, jwks: &[u8]) {
        let mut work = self.work.lock();
        match &mut *work {
            Work::Writing { next } => *next = Some(jwks.to_vec()),
            Work::Idle => {
                *work = Work::Writing {
                    next: Some(jwks.to_vec()),
                };
                let saving = Arc::clone(self);
                self.runtime.spawn_blocking(move || saving.write());
            }
        }
    }

    fn write(&self) {
        while let Some(jwks) = self.next() {
            if let Err(error) = self.cache.write(&jwks) {
                tracing::warn!(
                    token.issuer = &*self.issuer,
                    file = %self.cache.path().display(),
                    %error,
                    "`jwks_cache_file` could not be written; the next start has to wait for the issuer"
                );
            }
        }
    }

    /// What is to be written now; with nothing left, the next one begins anew.
    fn next(&self) -> Option<Vec<u8>> {
        let mut work = self.work.lock();
        let next = match &mut *work {
            Work::Writing { next } => next.take(),
            Work::Idle => None,
        };
        if next.is_none() {
            *work = Work::Idle;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Far more than any step takes; it only turns a hang into a failure.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn nobody_waits_for_the_disk_and_the_last_keys_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CacheFile::new(folder.path().join("keys"), "a", "b".to_owned());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        // As if the disk hung.
        let (release, hang) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || hang.recv());
        let saving = Arc::new(Saving::new("a", cache.clone(), runtime.handle()));
        for jwks in ["one", "two", "three"] {
            saving.begin(jwks.as_bytes());
        }
        assert_eq!(cache.read().unwrap(), None);
        release.send(()).unwrap();
        let written = async {
            while cache.read().unwrap().as_deref() != Some(b"three".as_slice()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, written).await.unwrap();
        saving.begin(b"four");
        let written = async {
            while cache.read().unwrap().as_deref() != Some(b"four".as_slice()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, written).await.unwrap();
        runtime.shutdown_background();
    }
}
