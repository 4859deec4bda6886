//! Follows the store's revocation log, so that the gate in this process refuses what any issuer on
//! the store has taken back.

use std::sync::Arc;
use std::time::Duration;

use super::Issuer;
use crate::revocation::{Revocation, RevocationList};
use crate::store::{LoggedRevocation, Store, StoreError};
use crate::token::LogPosition;

/// How long what another issuer appended may go unseen. What this one appends is seen at once.
const POLL: Duration = Duration::from_millis(100);

/// Rows that are read at once.
const PAGE: usize = 5000;

/// How often what has expired is dropped.
const SWEEP: Duration = Duration::from_mins(1);

impl Issuer {
    /// What has been taken back, for a gate in this process.
    pub fn revocations(&self) -> &Arc<RevocationList> {
        &self.revocations
    }

    /// Keeps the list as the log is; never ends by itself.
    pub async fn follow_log(&self) {
        let mut sweep = tokio::time::interval(SWEEP);
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failing = false;
        loop {
            tokio::select! {
                _ = sweep.tick() => self.revocations.sweep(self.clock.now()),
                _ = poll.tick() => {}
                () = self.store.appended() => {}
            }
            match catch_up(&self.store, &self.revocations).await {
                Ok(()) if failing => {
                    failing = false;
                    tracing::info!("the revocation log is followed again");
                }
                Err(error) if !failing => {
                    failing = true;
                    tracing::error!(%error, "the revocation log cannot be read; trying again");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
}

/// Reads what the list does not have.
pub(super) async fn catch_up(store: &Store, list: &RevocationList) -> Result<(), StoreError> {
    loop {
        let after = list.statistics().position;
        let rows = store.revocations_after(after, PAGE).await?;
        let revocations: Vec<Revocation> = rows.iter().map(revocation).collect();
        list.extend(&revocations);
        if rows.len() < PAGE {
            return Ok(());
        }
    }
}

fn revocation(row: &LoggedRevocation) -> Revocation {
    Revocation {
        position: row.position,
        mark: row.subject.mark(),
        expires_at: row.expires_at,
    }
}

/// Positions of rows that have been swept are never asked for: the head is further on.
pub(super) async fn new_list(
    store: &Store,
    max_entries: usize,
) -> Result<Arc<RevocationList>, StoreError> {
    let list = Arc::new(RevocationList::new(max_entries));
    // Before the rows: what is appended meanwhile is read by the next look.
    let head: LogPosition = store.log_position().await?;
    catch_up(store, &list).await?;
    list.advance(head);
    Ok(list)
}
