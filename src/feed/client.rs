//! The gate's end of the feed.

mod follower;

use std::sync::Arc;
use std::time::Duration;

use blake3::Hash;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::about::GateView;
use super::journal;
use super::knowledge::{FeedState, Knowledge, KnownKeys, Origin};
use super::reached::Reached;
use super::settings::FeedSettings;
use super::snapshot_file::{self, Saved, SavedRows, SnapshotFileError};
use super::transport::{FeedError, Files, Transport};
use crate::certificates::Validity;
use crate::clock::{Clock, UnixSeconds};
use crate::revocation::{OnStale, RevocationList};
use crate::token::Algorithm;

use follower::Follower;

/// Of one issuer: a task that subscribes, and what it has learnt. Dropping it ends the task.
pub struct FeedClient {
    settings: FeedSettings,
    files: Files,
    knowledge: Arc<Knowledge>,
    started: Instant,
    /// What the client knows that this one is to replace, until it does.
    replaced: Mutex<Option<Arc<Knowledge>>>,
    in_use: watch::Sender<bool>,
    task: AbortHandle,
}

impl FeedClient {
    /// Subscribes on `runtime` from [`Self::put_in_use`] on, for as long as the result lives: what a
    /// rejected configuration names is never called. What the snapshot file holds is known from the
    /// beginning.
    ///
    /// One that is to replace `earlier`, of the same issuer, knows what that one does from
    /// [`Self::succeed`] on. Until then the other one goes on, and two that hear the issuer at once would
    /// each have keys and revocations that the other lacks.
    ///
    /// `on_keys` is called when other keys than before verify.
    pub fn start(
        issuer: &str,
        algorithms: &[Algorithm],
        settings: FeedSettings,
        earlier: Option<&Self>,
        host: FeedHost,
    ) -> Result<Self, FeedError> {
        let files = Files::read(&settings)?;
        let transport = Transport::new(&settings, &files)?;
        let origin = Origin {
            issuer: issuer.into(),
            algorithms: algorithms.to_vec(),
            clock: host.clock,
            instance: host.instance,
            on_keys: host.on_keys,
        };
        let replaced = earlier.map(|client| Arc::clone(&client.knowledge));
        let knowledge = Arc::new(Knowledge::new(origin, &settings));
        // What an earlier subscription knows is newer than the file, which it writes now and then. The
        // file is for a gate that has just been started.
        if replaced.as_ref().is_none_or(|one| one.age().is_none()) {
            load(&knowledge, &settings);
        }
        let in_use = watch::Sender::new(false);
        let follower = Follower {
            in_use: in_use.subscribe(),
            transport,
            gate: host.gate,
            settings: settings.clone(),
            knowledge: Arc::clone(&knowledge),
        };
        Ok(Self {
            settings,
            files,
            knowledge,
            started: Instant::now(),
            replaced: Mutex::new(replaced),
            in_use,
            task: host.runtime.spawn(follower.run()).abort_handle(),
        })
    }

    /// Takes over what the client knows that this one replaces, and has that one learn nothing more. To
    /// be called just before this one serves: what was revoked until then stays revoked.
    pub fn succeed(&self) {
        let replaced = self.replaced.lock().take();
        if let Some(replaced) = replaced {
            self.knowledge.succeed(&replaced);
        }
    }

    /// From now on it subscribes, and what is heard is kept in the snapshot file, where there is one. A
    /// client that is given up before that, by a reload that fails, leaves the file to the one that goes
    /// on.
    pub fn put_in_use(&self) {
        self.in_use.send_replace(true);
    }

    /// Whether it does what these settings ask for, with the files as they are now.
    pub fn serves(
        &self,
        algorithms: &[Algorithm],
        settings: &FeedSettings,
    ) -> Result<bool, FeedError> {
        Ok(self.settings == *settings
            && self.knowledge.origin.algorithms == algorithms
            && self.files == Files::read(settings)?)
    }

    /// The issuer's keys as they are known.
    pub fn keys(&self) -> KnownKeys {
        self.knowledge.keys()
    }

    /// What the issuer has revoked.
    pub fn revocations(&self) -> &Arc<RevocationList> {
        &self.knowledge.list
    }

    /// The state of the feed.
    pub fn state(&self) -> FeedState {
        self.knowledge.state.borrow().clone()
    }

    /// When the certificate holds that this gate shows, where it has one.
    pub fn certificate_validity(&self) -> Option<Validity> {
        self.files.validity()
    }

    /// Waits until what was heard is on the disk, where there is a file for it.
    pub async fn saved(&self) {
        self.knowledge.all_saved().await;
    }

    /// Waits until enough is known to serve by: until an issuer has told everything, or none has for
    /// so long that what a file holds must do.
    pub async fn ready(&self) {
        let until = async |enough: fn(&FeedState) -> bool| {
            let mut state = self.knowledge.state.subscribe();
            if state.wait_for(enough).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let heard = until(|state| state.heard);
        // From the start of the subscription, so that several issuers are waited for at the same time,
        // though one after the other.
        let deadline = self.started + self.settings.start_wait;
        if tokio::time::timeout_at(deadline, heard).await.is_ok() {
            return;
        }
        let issuer = &*self.knowledge.origin.issuer;
        if self.state().known {
            tracing::warn!(
                token.issuer = issuer,
                "the feed was not available in time; serving with its snapshot file"
            );
            return;
        }
        match self.settings.on_stale {
            // Its tokens would all be refused until something is known: better that the gate is not
            // ready, and that others get its traffic.
            OnStale::Deny => until(|state| state.known).await,
            OnStale::Serve => {
                if let Some(age) = self.knowledge.age() {
                    tracing::error!(
                        token.issuer = issuer,
                        feed.age_seconds = age.as_secs(),
                        "the feed was not available in time; serving with what its snapshot file knows, which is out \
                         of date: what was revoked since may pass"
                    );
                } else {
                    tracing::error!(
                        token.issuer = issuer,
                        "the feed was not available in time; serving without knowing what is revoked"
                    );
                }
            }
        }
    }
}

impl Drop for FeedClient {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a client needs of the process around it.
pub struct FeedHost {
    /// Where its task runs.
    pub runtime: Handle,
    /// For the age of a file, and for sweeping.
    pub clock: Arc<dyn Clock>,
    /// Tells this process from others, to the issuer: random, and the same for all its clients.
    pub instance: Bytes,
    /// Called when other keys than before verify.
    pub on_keys: Box<dyn Fn() + Send + Sync>,
    /// What the issuer is told of this gate, unless the settings say otherwise.
    pub gate: GateView,
}

/// Takes over what the file holds, and counts its age by this gate's clock: at that moment there is
/// no other.
fn load(knowledge: &Knowledge, settings: &FeedSettings) {
    let Some(path) = &settings.snapshot_file else {
        return;
    };
    let issuer = &*knowledge.origin.issuer;
    match snapshot_file::read(path, issuer).and_then(|read| learn(knowledge, read)) {
        Ok((saved, digest)) => {
            let age = knowledge.origin.clock.now().since(UnixSeconds(saved.as_of));
            // A clock that has been set back since would make the file come from the future; it counts
            // as new then, as nothing says how old it is.
            let age = Duration::from_secs(u64::try_from(age).unwrap_or(0));
            tracing::info!(
                token.issuer = issuer,
                feed.snapshot_file = %path.display(),
                feed.age_seconds = age.as_secs(),
                "loaded the last snapshot of the feed from its file"
            );
            // The journal goes on from the very snapshot whose digest it names. After another one its
            // frames would leave a gap that nobody notices.
            knowledge.take_over(&saved, age);
            for frame in journal::frames(path, &digest) {
                knowledge.apply(&frame);
                if let Some(reached) = Reached::by(&frame) {
                    knowledge.reach(&reached);
                    knowledge.taken.pass_over(reached.position);
                }
            }
        }
        Err(SnapshotFileError::Absent) => {}
        // The subscription replaces what cannot be read by a full snapshot, so that the gate starts all
        // the same.
        Err(error) => tracing::error!(
            token.issuer = issuer,
            feed.snapshot_file = %path.display(),
            %error,
            "cannot use the snapshot of the feed; remove the file"
        ),
    }
}

/// Learns the rows of a file. If it cannot be read to its end, what was learnt refuses more and lets
/// nothing through.
fn learn(
    knowledge: &Knowledge,
    (saved, mut rows): (Saved, SavedRows),
) -> Result<(Saved, Hash), SnapshotFileError> {
    while let Some(rows) = rows.next_rows()? {
        knowledge.learn(&rows);
    }
    Ok((saved, rows.digest()))
}
