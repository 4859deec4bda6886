//! The other issuers on the store. Each tells them, again and again, with which settings it runs, and compares:
//! issuers on one store are one issuer, and a request must not be judged by whichever of them it comes to.

mod announcement;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{IssuerSettings, random};
use crate::clock::{Clock, UnixSeconds};
use crate::identity::alphanumeric;
use crate::store::{InstanceRow, Store, StoreError};
use crate::token::CryptographyError;

pub use announcement::Disagreement;

use announcement::{Announcement, URL_SETTING};

/// How long an issuer may be silent until it counts as gone. It writes four times as often.
const SILENT_AFTER_SECONDS: i64 = 120;

/// When what it wrote is removed, if it has not done so itself.
const FORGOTTEN_AFTER_SECONDS: i64 = 86_400;

/// One issuer among those on its store.
pub(super) struct Peers {
    store: Store,
    /// Of this start alone.
    id: String,
    own: Announcement,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// What was last seen of the others.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// How many others run.
    pub(super) others: usize,
    /// In what they differ from this one.
    pub(super) disagreements: BTreeSet<Disagreement>,
}

/// When an issuer was last known to run on a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastRun {
    Now,
    At(UnixSeconds),
    /// Those that ran have said that they end, or ended a day ago or more.
    Unknown,
}

impl Peers {
    pub(super) fn new(
        store: Store,
        settings: &IssuerSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, CryptographyError> {
        Ok(Self {
            id: alphanumeric(&random::<16>()?),
            own: Announcement::of(settings, clock.now()),
            store,
            clock,
            seen: Mutex::default(),
        })
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    /// Writes that this issuer runs, and looks for the others.
    pub(super) async fn meet(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store
            .announce_instance(&InstanceRow {
                id: self.id.clone(),
                text: self.own.seen_at(now).to_text(),
            })
            .await?;
        let mut others = Vec::new();
        for row in self.store.instances().await? {
            let Some(other) = Announcement::read(&row.text).filter(|_| row.id != self.id) else {
                continue;
            };
            let age = now.since(other.last_seen());
            if age > FORGOTTEN_AFTER_SECONDS {
                self.store.forget_instance(&row.id).await?;
            } else if age <= SILENT_AFTER_SECONDS {
                others.push(other);
            }
        }
        self.compare(&others);
        Ok(())
    }

    /// Tells of each difference once.
    fn compare(&self, others: &[Announcement]) {
        let found = self.own.disagreements(others);
        let mut seen = self.seen.lock();
        seen.others = others.len();
        for new in found.difference(&seen.disagreements) {
            tell(new);
        }
        if found.is_empty() && !seen.disagreements.is_empty() {
            tracing::info!("the issuers on this store run with the same settings again");
        }
        seen.disagreements = found;
    }

    /// Says that this issuer runs no more.
    pub(super) async fn leave(&self) -> Result<(), StoreError> {
        self.store.forget_instance(&self.id).await
    }
}

fn tell(new: &Disagreement) {
    let Disagreement {
        setting,
        own,
        other,
        host,
    } = new;
    // No error of the start: while issuers are replaced one by one, the old and the new differ for a moment,
    // and what one of them wrote before it died must not keep the others from starting.
    if setting == URL_SETTING {
        tracing::error!(
            setting,
            own,
            other,
            other.host = host,
            "another issuer on this store has another `issuer.url`: each refuses the tokens of the other, and gates \
             trust one of them; give them the same, or stores of their own"
        );
    } else {
        tracing::warn!(
            setting,
            own,
            other,
            other.host = host,
            "another issuer on this store runs with another value of this setting: which one holds depends on where a \
             request arrives; make them equal"
        );
    }
}

/// When an issuer was last known to run on the store.
pub async fn last_run(store: &Store, now: UnixSeconds) -> Result<LastRun, StoreError> {
    let rows = store.instances().await?;
    let seen = rows.iter().filter_map(|row| Announcement::read(&row.text));
    Ok(match seen.map(|one| one.last_seen()).max() {
        None => LastRun::Unknown,
        Some(last) if now.since(last) <= SILENT_AFTER_SECONDS => LastRun::Now,
        Some(last) => LastRun::At(last),
    })
}

#[cfg(test)]
mod tests;
