//! Remote key sets (JWKS, RFC 7517 section 5): loaded at start, refreshed behind the requests, and
//! kept when a refresh fails. This module moves bytes; what they mean, the sink knows.

mod address;
mod cache_file;
mod connect;
mod discovery;
mod failure_log;
mod fetch;
mod flight;
mod proxy;
mod schedule;
mod settings;
mod skipped_keys;
mod source;
mod state;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::ReentrantMutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::backoff::Jitter;
use crate::clock::Clock;
use crate::token::{KeyHint, KeySetError};
use failure_log::FailureLog;
use fetch::{FailedFetch, FetchError, Fetched, Fetcher, News, bounded};
use flight::{Ending, Flight, Presence, Seat};
use schedule::Schedule;
use source::Serving;

pub use address::{JwksAddress, JwksAddressError, PlainText};
pub use cache_file::{CacheFile, CacheFileError, written_beside};
pub use discovery::{Discovery, MetadataError};
pub use proxy::{Proxy, ProxyError};
pub use settings::{KeyLocation, RemoteKeySettings};
pub use skipped_keys::warn_of_skipped;
pub use source::{RemoteKeySource, RemoteKeysError};
pub use state::{FetchCounts, FetchFailure, FetchOutcome, RemoteKeyState};

/// The most callers that wait for one refresh; more are sent away at once.
const MAX_WAITERS: usize = 1024;

/// One remote key set and the background task that keeps it fresh. Dropping it stops the task.
#[derive(Debug)]
pub struct RemoteKeys {
    flight: Arc<Flight>,
    outlet: Arc<Outlet>,
    state: watch::Receiver<RemoteKeyState>,
    waiters: Semaphore,
    in_use: watch::Sender<bool>,
    task: AbortHandle,
}

/// What the sink made of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Usable keys in the set.
    pub keys: usize,
    /// Whether it differs from the set before.
    pub change: Change,
}

/// Whether a fetch brought other keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Other keys than before.
    Changed,
    /// The very same keys.
    Unchanged,
}

/// What a caller who looks for a key gets for waiting. Whatever it is, the caller looks its key up
/// once more: a set may have been published between its first look and its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshAnswer {
    /// A fetch that began after the question succeeded; the sink has published what it brought.
    Refreshed,
    /// One succeeded a short while ago, after the same question.
    Answered,
    /// There is no answer yet; one may be there after this time.
    Due(Duration),
}

/// How soon to ask again while a fetch is underway.
const SOON: Duration = Duration::from_secs(1);

impl RemoteKeys {
    /// Starts to fetch on `runtime`, at once and then for as long as the result lives; see
    /// [`Self::prepare`].
    pub fn start(
        source: &RemoteKeySource,
        sink: impl Fn(&[u8]) -> Result<Loaded, KeySetError> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Self {
        let prepared = Self::prepare(source, sink, clock, runtime);
        prepared.put_in_use();
        prepared
    }

    /// Fetches on `runtime` from [`Self::put_in_use`] on, for as long as the result lives.
    ///
    /// `sink` reads each body, publishes its keys and says how many are usable; no usable key is
    /// an error. Its error text shows up in logs, so it must not quote the body at length. It runs
    /// on `runtime` and must not block for long.
    pub fn prepare(
        source: &RemoteKeySource,
        sink: impl Fn(&[u8]) -> Result<Loaded, KeySetError> + Send + Sync + 'static,
        clock: Arc<dyn Clock>,
        runtime: &Handle,
    ) -> Self {
        let flight = Arc::new(Flight::new(source.schedule.cooldown()));
        let outlet = Arc::new(Outlet::default());
        // A `watch` and no queue: a waiter wants to know how far the fetches are, and one that comes
        // late must not miss the end of the fetch that it waits for.
        let (sender, state) = watch::channel(RemoteKeyState::default());
        let refresher = Refresher {
            issuer: source.issuer.clone(),
            uri: source.location.display(),
            fetcher: Fetcher::new(source),
            schedule: source.schedule,
            sink,
            clock,
            flight: flight.clone(),
            outlet: outlet.clone(),
            state: sender,
            failures: FailureLog::default(),
            serving: source.serving,
        };
        let in_use = watch::Sender::new(false);
        let mut begin = in_use.subscribe();
        let task = async move {
            // Without a sender it is being dropped, and this task ends with it.
            if begin.wait_for(|&in_use| in_use).await.is_ok() {
                refresher.run().await;
            }
        };
        Self {
            flight,
            outlet,
            state,
            waiters: Semaphore::new(MAX_WAITERS),
            in_use,
            task: runtime.spawn(task).abort_handle(),
        }
    }

    /// From now on it fetches. What is given up before that, by a reload that fails, has asked nobody.
    pub fn put_in_use(&self) {
        self.in_use.send_replace(true);
    }

    /// Whether the issuer has answered about this key within the present cooldown.
    pub fn has_answered(&self, key: KeyHint) -> bool {
        self.flight.is_answered(key, Instant::now())
    }

    /// Waits, at most `wait`, for a set fetched because of a key that the present one lacks.
    ///
    /// Callers share one fetch, and start at most one per cooldown, counted from its start; if they
    /// come earlier, one follows by itself when the cooldown ends. A caller that goes away does not
    /// end the fetch.
    pub async fn look_for(&self, key: KeyHint, wait: Duration) -> RefreshAnswer {
        self.ask(key, Presence::Missing, wait).await
    }

    /// The same for a key that the present set has, but which did not make the signature. It is
    /// answered however many others are looked for.
    pub async fn look_again_for(&self, key: KeyHint, wait: Duration) -> RefreshAnswer {
        self.ask(key, Presence::Present, wait).await
    }

    async fn ask(&self, key: KeyHint, presence: Presence, wait: Duration) -> RefreshAnswer {
        // Whoever waits holds a check with its message: their number is bounded, and the others come
        // back.
        let Ok(_seat) = self.waiters.try_acquire() else {
            return RefreshAnswer::Due(SOON);
        };
        let awaited = match self.flight.join(key, presence, Instant::now()) {
            Seat::Fetch(awaited) => awaited,
            Seat::Answered => return RefreshAnswer::Answered,
            Seat::Due(after) => return RefreshAnswer::Due(after),
        };
        let mut state = self.state.clone();
        let finished = state.wait_for(|state| state.fetches.total() >= awaited.number);
        if tokio::time::timeout(wait, finished).await.is_err() {
            return RefreshAnswer::Due(SOON);
        }
        // Not by the keys that are answered: where the fetch took longer than the cooldown, another
        // question may have cleared them, and this caller would have a second fetch made.
        if self.flight.has_answered(awaited) {
            RefreshAnswer::Refreshed
        } else {
            // It failed, or had begun before the question.
            RefreshAnswer::Due(self.flight.rest(Instant::now()).max(SOON))
        }
    }

    /// Waits for the first load; for ever, should there never be one. False once stopped.
    pub async fn loaded(&self) -> bool {
        let mut state = self.state.clone();
        let loaded = state.wait_for(|state| state.last_success.is_some());
        loaded.await.is_ok()
    }

    pub fn state(&self) -> RemoteKeyState {
        self.state.borrow().clone()
    }

    /// The state as it changes, for metrics; closed once stopped.
    pub fn subscribe(&self) -> watch::Receiver<RemoteKeyState> {
        self.state.clone()
    }

    /// Ends the task. Once this returns, the sink does not run, unless it has called this itself, and will
    /// never run again, so that a late answer cannot overwrite the keys of whatever took this key set's
    /// place.
    pub fn stop(&self) {
        // In this order: `abort` does not wait for a sink that runs on another thread, and closing
        // does.
        self.outlet.close();
        self.task.abort();
    }
}

impl Drop for RemoteKeys {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Lets bodies through to the sink, one at a time, until it is closed.
///
/// Reentrant: what the sink holds for a moment may turn out to be the last that held the key set, which
/// is then dropped, and so closed, within the sink.
#[derive(Debug, Default)]
struct Outlet(ReentrantMutex<Cell<Flow>>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    Stopped,
}

impl Outlet {
    /// Runs `act` unless closed; whoever closes waits for its end.
    fn pass<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        let flow = self.0.lock();
        (flow.get() == Flow::Open).then(act)
    }

    fn close(&self) {
        self.0.lock().set(Flow::Stopped);
    }
}

/// The background task.
struct Refresher<S> {
    issuer: String,
    uri: String,
    fetcher: Fetcher,
    schedule: Schedule,
    sink: S,
    clock: Arc<dyn Clock>,
    flight: Arc<Flight>,
    outlet: Arc<Outlet>,
    state: watch::Sender<RemoteKeyState>,
    failures: FailureLog,
    serving: Serving,
}

impl<S: Fn(&[u8]) -> Result<Loaded, KeySetError>> Refresher<S> {
    async fn run(mut self) {
        let mut due = Instant::now();
        loop {
            let asked_for = self.flight.due(Instant::now());
            // Whichever is earlier: the next refresh, or the end of the cooldown for a key that was
            // asked for within it.
            let wake = asked_for.map_or(due, |asked_for| asked_for.min(due));
            tokio::select! {
                () = tokio::time::sleep_until(wake) => self.flight.start(),
                () = self.flight.asked() => {}
            }
            if self.flight.is_underway() {
                self.flight.begin(Instant::now());
                let delay = self.refresh().await;
                due = Instant::now() + delay;
            }
        }
    }

    /// Fetches, publishes and records; the time until the next fetch.
    async fn refresh(&mut self) -> Duration {
        let jitter = Jitter::draw();
        let result = match self.fetcher.fetch().await {
            Ok(Fetched {
                address,
                news,
                max_age,
            }) => match self.take(news) {
                Ok(loaded) => Ok((loaded, max_age)),
                Err(error) => Err(FailedFetch { error, address }),
            },
            Err(failed) => Err(failed),
        };
        // Between publishing and telling: who waits for the end then finds the keys and the answer,
        // and who asks from here on asks anew.
        self.flight.finish(match result {
            Ok(_) => Ending::Fetched,
            Err(_) => Ending::Failed,
        });
        match result {
            Ok((loaded, max_age)) => {
                self.record_success(loaded);
                self.schedule.after_success(max_age, jitter)
            }
            Err(failed) => {
                self.record_failure(failed);
                let state = self.state.borrow();
                let failures = state.consecutive_failures;
                match state.last_success {
                    None => self.schedule.while_unloaded(failures, jitter),
                    Some(_) => self.schedule.while_stale(failures, jitter),
                }
            }
        }
    }

    fn take(&mut self, news: News) -> Result<Loaded, FetchError> {
        match news {
            News::Body(body, validator) => {
                let loaded = self.publish(&body)?;
                // Only of a set that is in use: with the validator of another one the server would
                // answer 304 from then on, and the keys would never come.
                self.fetcher.accept(validator);
                Ok(loaded)
            }
            News::NotModified => Ok(Loaded {
                keys: self.state.borrow().keys,
                change: Change::Unchanged,
            }),
        }
    }

    fn publish(&self, body: &[u8]) -> Result<Loaded, FetchError> {
        // A parser that panics on hostile keys must not end the refreshing for good.
        let read = || catch_unwind(AssertUnwindSafe(|| (self.sink)(body)));
        let Some(read) = self.outlet.pass(read) else {
            return Err(FetchError::NoLongerWanted);
        };
        match read {
            Ok(Ok(loaded)) => Ok(loaded),
            Ok(Err(error)) => Err(FetchError::Unusable(error)),
            Err(_) => Err(FetchError::ReaderPanicked),
        }
    }

    fn record_success(&mut self, loaded: Loaded) {
        self.failures.clear();
        self.serving = Serving::EarlierKeys;
        let outcome = match loaded.change {
            Change::Changed => FetchOutcome::Changed,
            Change::Unchanged => FetchOutcome::Unchanged,
        };
        let before = self.state.borrow().consecutive_failures;
        // A refresh that brings the same keys is routine: one line per issuer and interval would hide
        // those that matter.
        if before > 0 || loaded.change == Change::Changed {
            tracing::info!(
                token.issuer = self.issuer,
                jwks.uri = self.uri,
                jwks.keys = loaded.keys,
                jwks.outcome = outcome.label(),
                jwks.failures_before = before,
                "keys loaded"
            );
        }
        let now = self.clock.now();
        // Last, because this wakes those who wait for the fetch: they find everything else done.
        self.state
            .send_modify(|state| state.succeeded(now, outcome, loaded.keys));
    }

    fn record_failure(&mut self, failed: FailedFetch) {
        let uri = failed.address.display();
        let message = failed.error.message();
        let failure = FetchFailure {
            at: self.clock.now(),
            outcome: failed.error.outcome(),
            // The configuration names the metadata alone: it does not say where the keys are.
            message: if uri == self.uri {
                message
            } else {
                bounded(&format!("{uri}: {message}"))
            },
        };
        // While earlier keys serve, the first failure of a kind says all there is to say. Without keys
        // callers get errors, and whoever looks for the cause has to find it in recent lines.
        if self.failures.admits(failed, self.serving, Instant::now()) {
            let told = match self.serving {
                Serving::EarlierKeys => {
                    "the issuer's keys could not be refreshed; those loaded before stay in use"
                }
                Serving::NoKeys => {
                    "the issuer's keys could not be loaded; until they are, its tokens get 503"
                }
            };
            tracing::warn!(
                token.issuer = self.issuer,
                jwks.uri = uri,
                jwks.outcome = failure.outcome.label(),
                jwks.error = failure.message,
                "{told}"
            );
        }
        self.state.send_modify(|state| state.failed(failure));
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[test]
    fn nothing_passes_a_closed_outlet() {
        let outlet = Outlet::default();
        assert_eq!(outlet.pass(|| 1), Some(1));
        outlet.close();
        assert_eq!(outlet.pass(|| 2), None);
    }

    #[test]
    fn what_passes_an_outlet_may_close_it() {
        let outlet = Outlet::default();
        assert_eq!(outlet.pass(|| outlet.close()), Some(()));
        assert_eq!(outlet.pass(|| 1), None);
    }

    #[test]
    fn whoever_closes_the_outlet_waits_for_what_is_passing() {
        let (outlet, passed) = (Outlet::default(), Mutex::new(false));
        let (entered, enter) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                outlet.pass(|| {
                    entered.send(()).unwrap();
                    // Gives a closing that does not wait the time to be caught.
                    (0..100).for_each(|_| std::thread::yield_now());
                    *passed.lock() = true;
                })
            });
            enter.recv().unwrap();
            outlet.close();
            assert!(*passed.lock());
        });
    }
}
