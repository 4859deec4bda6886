//! Follows the store's revocation log, so that the gate in this process, and those that subscribe to
//! the feed, refuse what any issuer on the store has revoked.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::{Instant, MissedTickBehavior};

use super::store_health::StoreHealth;
use super::{Issuer, IssuerError, random};
use crate::clock::{Clock, UnixSeconds};
use crate::feed::Hub;
use crate::identity::alphanumeric;
use crate::revocation::{Revocation, RevocationList, SteadyClock};
use crate::store::{LoggedRevocation, Store, StoreError};
use crate::token::LogPosition;

/// How long what another issuer appended may go unseen, should nobody tell. What this one appends
/// is seen at once.
const POLL: Duration = Duration::from_millis(100);

/// Rows that come within this time are read together.
const GATHER: Duration = Duration::from_millis(5);

/// Rows that are read at once.
const PAGE: usize = 5000;

/// The longest that an answer waits for the gate in this process.
const SETTLING: Duration = Duration::from_millis(250);

/// How often what has expired is dropped.
const SWEEP: Duration = Duration::from_mins(1);

/// How often it is looked whether the log is still the same.
const CHECK: Duration = Duration::from_secs(1);

/// What is known of the log in this process, and who hears of it.
pub(super) struct LogFollower {
    store: Store,
    store_health: Arc<StoreHealth>,
    clock: Arc<dyn Clock>,
    /// For what is dropped when its time has come.
    steady_clock: Arc<SteadyClock>,
    list: Arc<RevocationList>,
    hub: Arc<Hub>,
    progress: tokio::sync::Mutex<Progress>,
}

/// What has become of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    /// It is the one from before.
    Same,
    /// It was replaced by another one, or by its own past.
    Another,
}

struct Progress {
    log_id: String,
    position: LogPosition,
}

impl LogFollower {
    /// Reads the whole log of the store that `store_health` is about.
    pub(super) async fn start(
        store_health: Arc<StoreHealth>,
        issuer: &str,
        list: RevocationList,
        steady_clock: Arc<SteadyClock>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, IssuerError> {
        let store = store_health.store().clone();
        // Before the first token is made: a restored backup has lost positions that tokens already name
        // as theirs.
        store.lead_log(clock.now()).await?;
        let log_id = log_id(&store).await?;
        let list = Arc::new(list);
        let hub_clock = Arc::clone(&clock);
        let hub = Hub::new(issuer.to_owned(), &log_id, Arc::clone(&list), hub_clock);
        let follower = Self {
            store,
            store_health,
            clock,
            steady_clock,
            list,
            hub: Arc::new(hub),
            progress: tokio::sync::Mutex::new(Progress {
                log_id,
                position: LogPosition(0),
            }),
        };
        // Before the rows: what is appended meanwhile is read by the next look. Positions of rows
        // that have been swept are never asked for: the head is further on.
        let head = follower.store.log_position().await?;
        follower.catch_up().await?;
        follower.list.advance(head);
        follower.hub.append(&[], head);
        follower.hub.time_from_here();
        let mut progress = follower.progress.lock().await;
        progress.position = progress.position.max(head);
        drop(progress);
        Ok(follower)
    }

    pub(super) fn list(&self) -> &Arc<RevocationList> {
        &self.list
    }

    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Reads what is not known yet.
    async fn catch_up(&self) -> Result<(), StoreError> {
        // Held while rows are read: of two readers the later would tell the feed of earlier rows. Taken
        // before the clock: whoever waits here has not asked the store yet.
        let mut progress = self.progress.lock().await;
        let began = Instant::now();
        read_pages(&self.store, &mut progress.position, |page, position| {
            self.list.extend(page);
            self.hub.append(page, position);
        })
        .await?;
        // What the gate refuses for want of room, the issuer refuses as well.
        self.store.refuse_before(self.list.statistics().floor);
        if let Some(freshness) = self.list.freshness() {
            freshness.confirm(began.elapsed());
        }
        Ok(())
    }

    /// Begins anew where the database is another one than before, or from an earlier day.
    async fn check_log(&self, now: UnixSeconds) -> Result<Log, IssuerError> {
        // Locked before the log is asked: what others read meanwhile would be beyond its head.
        let mut progress = self.progress.lock().await;
        let found = log_id(&self.store).await?;
        let head = self.store.log_position().await?;
        if found == progress.log_id && head >= progress.position {
            return Ok(Log::Same);
        }
        tracing::error!(
            revocations.known = progress.position.0,
            revocations.found = head.0,
            "the revocation log has been replaced: was the database restored from a backup? What it \
             does not have stays revoked until it has expired"
        );
        self.store.lead_log(now).await?;
        // The list stays as it is. What the other log does not have has been revoked all the same, and
        // nobody gave it back.
        self.hub.replace_log(&found);
        progress.log_id = found;
        progress.position = LogPosition(0);
        // `catch_up` takes this lock for itself.
        drop(progress);
        self.catch_up().await?;
        self.hub.time_from_here();
        Ok(Log::Another)
    }

    /// Keeps list and feed as the log is; never ends by itself.
    pub(super) async fn run(&self) {
        tokio::select! {
            () = self.look_again_and_again() => {}
            () = self.list.watch_age(self.hub.issuer()) => {}
            () = self.store.hear_notices() => {}
        }
    }

    async fn look_again_and_again(&self) {
        let mut sweep = tokio::time::interval_at(Instant::now() + SWEEP, SWEEP);
        let mut check = tokio::time::interval(CHECK);
        let mut poll = tokio::time::interval(POLL);
        for ticks in [&mut sweep, &mut check, &mut poll] {
            // After a look that took long, the ticks that were missed would come at once, and all ask a
            // database that has hardly recovered.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut failing = false;
        loop {
            let mut checking = false;
            tokio::select! {
                _ = sweep.tick() => {
                    if let Some(ended) = self.steady_clock.settled() {
                        self.list.sweep(ended);
                    }
                }
                _ = check.tick() => checking = true,
                _ = poll.tick() => {}
                () = self.store.appended() => {}
            }
            // An outage is logged once, however often it is tried again.
            match self.look(checking).await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("the revocation log can be read again");
                }
                Err(error) if !failing => {
                    failing = true;
                    self.store_health.suspect();
                    tracing::error!(%error, "the revocation log cannot be read; trying again");
                }
                Ok(()) | Err(_) => {}
            }
            // Rows that come close together are read by one look and go to the gates in one frame.
            tokio::time::sleep(GATHER).await;
        }
    }

    async fn look(&self, thoroughly: bool) -> Result<(), IssuerError> {
        if thoroughly {
            self.check_log(self.clock.now()).await?;
        }
        Ok(self.catch_up().await?)
    }
}

/// What a request revokes, the gate in this process refuses before the answer is sent.
pub(super) async fn settle(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    let log = &issuer.background.log;
    let before = log.store.appends();
    let response = next.run(request).await;
    if log.store.appends() != before {
        // It is revoked already; whoever follows the log reports what is wrong, and tries again.
        let _ = tokio::time::timeout(SETTLING, log.catch_up()).await;
    }
    response
}

/// Names the log for as long as the database lives.
async fn log_id(store: &Store) -> Result<String, IssuerError> {
    let fresh = alphanumeric(&random::<16>()?);
    Ok(store.log_id(&fresh).await?)
}

/// Reads the rows after `position` page by page. `each` gets a page, which may be empty, and the
/// position of its last row, to which `position` has moved by then.
pub(super) async fn read_pages(
    store: &Store,
    position: &mut LogPosition,
    mut each: impl FnMut(&[Revocation], LogPosition),
) -> Result<(), StoreError> {
    loop {
        let rows = store.revocations_after(*position, PAGE).await?;
        let page: Vec<Revocation> = rows.iter().map(revocation).collect();
        if let Some(last) = page.last() {
            *position = last.position;
        }
        each(&page, *position);
        if page.len() < PAGE {
            return Ok(());
        }
    }
}

fn revocation(row: &LoggedRevocation) -> Revocation {
    Revocation {
        position: row.position,
        mark: row.target.mark(),
        expires_at: row.expires_at,
    }
}

#[cfg(test)]
mod tests;
