//! What a client does all the time: it goes from address to address, and never gives up.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use http::Uri;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::backoff::{Backoff, Jitter};
use crate::feed::about::GateView;
use crate::feed::knowledge::Knowledge;
use crate::feed::printable::printable;
use crate::feed::saving::Saving;
use crate::feed::session::{self, HEALTHY, Session, SessionError};
use crate::feed::settings::FeedSettings;
use crate::feed::transport::Transport;

/// The pauses after failures.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// How long an address has before the next one is tried beside it.
const HEAD_START: Duration = Duration::from_millis(250);

/// How long nothing is said of the age of what a file held, at least.
const AT_START: Duration = Duration::from_secs(3);

/// The longest failure text, in characters.
const MAX_FAILURE_CHARS: usize = 300;

/// The task of a client.
pub(super) struct Follower {
    pub(super) in_use: watch::Receiver<bool>,
    pub(super) transport: Transport,
    pub(super) gate: GateView,
    pub(super) settings: FeedSettings,
    pub(super) knowledge: Arc<Knowledge>,
}

impl Follower {
    pub(super) async fn run(self) {
        let saving = async {
            match &self.settings.snapshot_file {
                Some(path) => {
                    let saving = Saving::new(path, &self.knowledge);
                    saving.run(self.in_use()).await;
                }
                // A branch that ended would end the others: `select!` waits for the first.
                None => std::future::pending().await,
            }
        };
        let subscribing = async {
            self.in_use().await;
            self.subscribe().await;
        };
        let watching = async {
            self.had_time_to_hear().await;
            let list = &self.knowledge.list;
            list.watch_age(&self.knowledge.origin.issuer).await;
        };
        tokio::select! {
            () = subscribing => {}
            () = watching => {}
            () = saving => {}
        }
    }

    /// Waits until the issuer has told everything, or could have: what a file held is old at each start, and no
    /// news where the feed connects in the same second.
    async fn had_time_to_hear(&self) {
        self.in_use().await;
        let mut state = self.knowledge.state.subscribe();
        let heard = state.wait_for(|state| state.heard);
        let patience = self.settings.start_wait.max(AT_START);
        let _ = tokio::time::timeout(patience, heard).await;
    }

    /// Waits until the client is in use.
    async fn in_use(&self) {
        let mut in_use = self.in_use.clone();
        if in_use.wait_for(|&in_use| in_use).await.is_err() {
            // The client is being dropped, and this task ends with it.
            std::future::pending::<()>().await;
        }
    }

    /// From address to address; after each failure a longer pause.
    async fn subscribe(&self) {
        if self.settings.addresses.is_empty() {
            // Refused by the configuration; here it must not spin.
            std::future::pending::<()>().await;
        }
        let gate = Some(&self.gate).filter(|_| self.settings.report);
        let (mut first, mut failures) = (0, Failures::default());
        loop {
            if let Some((number, address, session)) = self.dial(first).await {
                let began = Instant::now();
                let end = session.follow(&self.knowledge, gate).await;
                self.record(address, &end, began.elapsed());
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
                    Some((_, address, Err(end))) => self.record(address, &end, Duration::ZERO),
                    None => return None,
                },
                // The next address gets its turn although this one has not failed: a host that drops
                // packets would cost its whole timeout each time.
                () = tokio::time::sleep(HEAD_START), if !is_last => {}
            }
        }
    }

    /// Says a failure once, not at every try. `life` is how long there was a connection: an issuer that answers,
    /// and then shows that it cannot be followed, has not been connected in between.
    fn record(&self, address: &Uri, end: &SessionError, life: Duration) {
        // Parts of it come from the other side.
        let message = printable(&end.to_string(), MAX_FAILURE_CHARS);
        // The borrow must end before `send_modify` below, which locks the same value.
        let (repeated, was_connected) = {
            let state = self.knowledge.state.borrow();
            let is_same = state.last_failure.as_deref() == Some(&*message);
            (
                is_same && (!state.connected || life < HEALTHY),
                state.connected,
            )
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
            state.connected_since = None;
            state.failures += 1;
            state.last_failure = Some(message);
            state.last_failure_at = Some(self.knowledge.origin.clock.now());
            state.repeats = match (repeated, was_connected) {
                (true, true) => state.repeats.saturating_add(1),
                (true, false) => state.repeats,
                (false, _) => 0,
            };
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
}
