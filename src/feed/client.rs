//! The gate's end of the feed: goes from address to address, and never gives up.

use std::sync::Arc;
use std::time::Duration;

use blake3::Hash;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::Uri;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::journal;
use super::knowledge::{FeedState, Knowledge, KnownKeys, Origin};
use super::saving::Saving;
use super::session::{self, Session, SessionError};
use super::settings::FeedSettings;
use super::snapshot_file::{self, Saved, SavedRows, SnapshotFileError};
use super::transport::{FeedError, Files, Transport};
use crate::backoff::{Backoff, Jitter};
use crate::certificates::Validity;
use crate::clock::{Clock, UnixSeconds};
use crate::revocation::{OnStale, RevocationList};
use crate::token::Algorithm;

/// The pauses after failures.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// How long an address has before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// A connection that has lived for so long was not a failure.
const HEALTHY: Duration = Duration::from_secs(10);

/// The longest failure text, in characters.
const MAX_FAILURE_CHARS: usize = 300;

/// Of one issuer: a task that subscribes, and what it has learnt. Dropping it ends the task.
pub struct FeedClient {
    settings: FeedSettings,
    files: Files,
    knowledge: Arc<Knowledge>,
    started: Instant,
    /// Told when it is in use.
    in_use: Arc<Notify>,
    task: AbortHandle,
}

impl FeedClient {
    /// Subscribes on `runtime`, at once and then for as long as the result lives. What `earlier`
    /// knew of the same issuer is known from the beginning; else what the snapshot file holds. Nothing
    /// is written there before [`Self::put_in_use`].
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
            on_keys: host.on_keys,
        };
        let earlier = earlier.map(|client| &*client.knowledge);
        // What an earlier subscription knew is newer than the file, which it wrote now and then. The
        // file is for a gate that has just been started.
        let knowledge = Arc::new(Knowledge::new(origin, &settings, earlier));
        if knowledge.age().is_none() {
            load(&knowledge, &settings);
        }
        let in_use = Arc::new(Notify::new());
        let follower = Follower {
            in_use: Arc::clone(&in_use),
            transport,
            settings: settings.clone(),
            knowledge: Arc::clone(&knowledge),
        };
        Ok(Self {
            settings,
            files,
            knowledge,
            started: Instant::now(),
            in_use,
            task: host.runtime.spawn(follower.run()).abort_handle(),
        })
    }

    /// From now on what is heard is kept in the snapshot file, where there is one. A client that is
    /// given up before that, by a reload that fails, leaves the file to the one that goes on.
    pub fn put_in_use(&self) {
        self.in_use.notify_one();
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
            OnStale::Serve => tracing::error!(
                token.issuer = issuer,
                "the feed was not available in time; serving without knowing what is revoked"
            ),
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
    /// Called when other keys than before verify.
    pub on_keys: Box<dyn Fn() + Send + Sync>,
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

struct Follower {
    in_use: Arc<Notify>,
    transport: Transport,
    settings: FeedSettings,
    knowledge: Arc<Knowledge>,
}

impl Follower {
    async fn run(self) {
        let saving = async {
            match &self.settings.snapshot_file {
                Some(path) => {
                    let saving = Saving::new(path, &self.knowledge);
                    saving.run(self.in_use.notified()).await;
                }
                // A branch that ended would end the others: `select!` waits for the first.
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.subscribe() => {}
            () = self.knowledge.list.watch_age(&self.knowledge.origin.issuer) => {}
            () = saving => {}
        }
    }

    /// From address to address; after each failure a longer pause.
    async fn subscribe(&self) {
        if self.settings.addresses.is_empty() {
            // Refused by the configuration; here it must not spin.
            std::future::pending::<()>().await;
        }
        let (mut first, mut failures) = (0, Failures::default());
        loop {
            if let Some((number, address, session)) = self.dial(first).await {
                let began = Instant::now();
                let end = session.follow(&self.knowledge).await;
                self.record(address, &end);
                // Forgiven only after it has lived for a while: an issuer that greets and closes would
                // otherwise be dialled without a pause.
                failures.after(began.elapsed());
                first = number.saturating_add(1);
            }
            let pause = PAUSES.delay(failures.next(), Jitter::draw());
            tokio::time::sleep(pause).await;
        }
    }

    /// Subscribes at the first address that greets, counted from `first` on and around. One that
    /// hesitates does not hold up the next; those that were slower are left (RFC 8305 does so with
    /// connections).
    async fn dial(&self, first: usize) -> Option<(usize, &Uri, Session)> {
        let addresses = &self.settings.addresses;
        let numbered = addresses.iter().enumerate().cycle();
        let mut next = numbered
            .skip(first.checked_rem(addresses.len()).unwrap_or(0))
            .take(addresses.len())
            .peekable();
        let mut trying = FuturesUnordered::new();
        loop {
            if let Some((number, address)) = next.next() {
                trying.push(async move {
                    let opened = session::open(&self.transport, address, &self.knowledge).await;
                    (number, address, opened)
                });
            }
            let is_last = next.peek().is_none();
            tokio::select! {
                tried = trying.next() => match tried {
                    Some((number, address, Ok(session))) => return Some((number, address, session)),
                    Some((_, address, Err(end))) => self.record(address, &end),
                    None => return None,
                },
                // The next address gets its turn although this one has not failed: a host that drops
                // packets would cost its whole timeout each time.
                () = tokio::time::sleep(HEAD_START), if !is_last => {}
            }
        }
    }

    /// Says a failure once, not at every try.
    fn record(&self, address: &Uri, end: &SessionError) {
        let message = plain(&end.to_string());
        // The borrow must end before `send_modify` below, which locks the same value.
        let repeated = {
            let state = self.knowledge.state.borrow();
            !state.connected && state.last_failure.as_deref() == Some(&*message)
        };
        if !repeated {
            let told = if self.knowledge.age().is_some() {
                "the feed is not connected; what is known of it stays in use"
            } else {
                "the feed is not connected, and nothing has come from it yet: \
                 the issuer's tokens are refused until it is"
            };
            tracing::warn!(
                token.issuer = &*self.knowledge.origin.issuer,
                feed.address = %address,
                feed.error = message,
                "{told}"
            );
        }
        self.knowledge.state.send_modify(|state| {
            state.connected = false;
            state.failures += 1;
            state.last_failure = Some(message);
        });
    }
}

/// How often it has failed in a row.
#[derive(Debug, Default)]
struct Failures(u64);

impl Failures {
    /// A connection has lived for so long. One that greets and closes at once has failed like one that
    /// does not answer.
    fn after(&mut self, life: Duration) {
        if life >= HEALTHY {
            self.0 = 0;
        }
    }

    /// Counts one more, and gives back how many came before it.
    fn next(&mut self) -> u64 {
        let earlier = self.0;
        self.0 = earlier.saturating_add(1);
        earlier
    }
}

/// Parts of it come from the other side.
fn plain(text: &str) -> String {
    let printable = |character: char| match character {
        ' '..='~' => character,
        _ => '?',
    };
    text.chars()
        .map(printable)
        .take(MAX_FAILURE_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_greets_and_closes_is_asked_more_rarely_until_it_stays() {
        let mut failures = Failures::default();
        for earlier in 0..20 {
            failures.after(Duration::from_millis(50));
            assert_eq!(failures.next(), earlier);
        }
        failures.after(HEALTHY);
        assert_eq!(failures.next(), 0);
    }

    #[test]
    fn failures_are_printable_and_short() {
        let text = plain(&format!("\u{1b}[31m\n{}", "x".repeat(1000)));
        assert!(text.starts_with("?[31m?xxx") && text.len() == MAX_FAILURE_CHARS);
    }
}
