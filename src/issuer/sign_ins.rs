//! Who has logged in, or tried to: remembered as it happens, and written to the store for many at a time, so that
//! a login waits for nothing and nobody makes the store write as often as it guesses.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::sync::RwLock;

use super::throttle;
use crate::clock::{Clock, UnixSeconds};
use crate::identity::{SignIn, SignInEndpoint, SignInKind, SignInMethod, SignInOutcome, UserId};
use crate::store::{Store, StoreError};

/// How often it is written.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// So many kinds of failures are remembered until they are written: whoever fails in the names of more users at
/// once makes the store write no faster.
const MAX_FAILED: usize = 1000;

/// So many more without the address: whoever fills the room above hides in whose name it fails no more.
const MAX_FAILED_ANYWHERE: usize = 1000;

/// So many of either come from one address, so that it takes a crowd to fill the room.
const MAX_FAILED_OF_ADDRESS: usize = 100;

/// The same of all others, for each of which a password was right.
const MAX_OTHERS: usize = 10_000;

/// So many are written in one transaction.
const AT_ONCE: usize = 50;

tokio::task_local! {
    static ENDPOINT: SignInEndpoint;
}

/// What has not been written yet. What is in here when the process is killed is lost.
pub(super) struct SignIns {
    clock: Arc<dyn Clock>,
    noted: Mutex<Noted>,
    /// Held by whoever writes a part, so that nobody reads while something is neither here nor in the store.
    writing: RwLock<()>,
    lost: Counter,
}

#[derive(Default)]
struct Noted {
    kinds: HashMap<(UserId, i64, SignInKind), Kept>,
    failed: usize,
    /// Of how many failures the first came from each address.
    failed_of: HashMap<Box<str>, usize>,
    /// How many were not remembered.
    lost: u64,
}

struct Kept {
    sign_in: SignIn,
    /// The address that the first came from, also where it is not told; empty where it is not known.
    from: Box<str>,
}

/// What is being written. Where it is dropped before, it is remembered again.
struct Part<'a> {
    noted: &'a Mutex<Noted>,
    rows: Vec<(UserId, Kept)>,
}

/// Runs the handling of a request to the endpoint with this path in the table of routes.
pub(super) fn with_endpoint<F: Future>(
    path: Option<&str>,
    handling: F,
) -> impl Future<Output = F::Output> {
    let path = path.unwrap_or_default();
    let endpoint = if path == "/authorization/token" {
        SignInEndpoint::Token
    } else if path.starts_with("/authorization/") {
        SignInEndpoint::Authorize
    } else if path == "/consumer/login" {
        SignInEndpoint::Login
    } else if path.starts_with("/consumer/") {
        SignInEndpoint::Account
    } else {
        SignInEndpoint::Portal
    };
    ENDPOINT.scope(endpoint, handling)
}

/// Runs what finds out whether somebody who is logged in, by whatever page, may change something.
pub(super) fn confirming<F: Future>(proving: F) -> impl Future<Output = F::Output> {
    ENDPOINT.scope(SignInEndpoint::Account, proving)
}

impl SignIns {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            noted: Mutex::default(),
            writing: RwLock::default(),
            lost: Counter::default(),
        }
    }

    pub(super) fn register_metrics(&self, registry: &mut Registry) {
        registry.register(
            "issuer_sign_ins_lost",
            "Attempts to log in that their users are not shown, because there were too many at once",
            self.lost.clone(),
        );
    }

    /// Remembers how an attempt to log in as this user has ended. Where it came from is known of the request.
    pub(super) fn note(&self, user: &UserId, outcome: SignInOutcome, method: SignInMethod) {
        let endpoint = ENDPOINT.try_with(|endpoint| *endpoint);
        let address = throttle::address().map(|address| address.to_string());
        let kind = SignInKind {
            outcome,
            method,
            endpoint: endpoint.unwrap_or(SignInEndpoint::Portal),
            address: address.unwrap_or_default(),
        };
        let sign_in = SignIn::once(kind, self.clock.now());
        self.add(user.clone(), sign_in);
    }

    fn add(&self, user: UserId, sign_in: SignIn) {
        let from = sign_in.kind.address.as_str().into();
        let kept = Kept { sign_in, from };
        if !self.noted.lock().add(user, kept) {
            self.lost.inc();
        }
    }

    /// What is known of a user, the latest first.
    pub(super) async fn of(
        &self,
        user: &UserId,
        store: &Store,
        now: UnixSeconds,
    ) -> Result<Vec<SignIn>, StoreError> {
        let _nobody_writes = self.writing.read().await;
        let mut known = store.sign_ins(user, now).await?;
        for ((whose, ..), Kept { sign_in, .. }) in &self.noted.lock().kinds {
            if whose != user {
                continue;
            }
            match known.iter_mut().find(|other| other.is_like(sign_in)) {
                Some(other) => other.add(sign_in),
                None => known.push(sign_in.clone()),
            }
        }
        known.sort_by(|one, other| {
            let latest_first = other.last_at.cmp(&one.last_at);
            latest_first.then_with(|| one.kind.cmp(&other.kind))
        });
        Ok(known)
    }

    /// Writes what has been remembered. What cannot be written is remembered again.
    pub(super) async fn write(&self, store: &Store) -> Result<(), StoreError> {
        let mut left = self.begin();
        while left > 0 {
            // For one part at a time: whoever reads waits for no more than that.
            let _alone = self.writing.write().await;
            let rows = self.noted.lock().take(AT_ONCE);
            if rows.is_empty() {
                return Ok(());
            }
            left = left.saturating_sub(rows.len());
            // At the end of the process the rest of this may be dropped while the store is asked: better that it
            // counts something twice than not at all.
            let part = Part {
                noted: &self.noted,
                rows,
            };
            store.note_sign_ins(&part.sign_ins()).await?;
            part.forget();
        }
        Ok(())
    }

    /// How much there is to write now; says what was not remembered.
    fn begin(&self) -> usize {
        let (left, lost) = {
            let mut noted = self.noted.lock();
            (noted.kinds.len(), std::mem::take(&mut noted.lost))
        };
        if lost > 0 {
            tracing::warn!(
                count = lost,
                "users are not shown some attempts to log in: there were too many at once"
            );
        }
        left
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.noted.lock().kinds.is_empty()
    }
}

impl Noted {
    /// Takes some of it out, in an order that is the same for all issuers, of which otherwise two could wait for
    /// each other.
    fn take(&mut self, count: usize) -> Vec<(UserId, Kept)> {
        let keys: Vec<_> = self.kinds.keys().take(count).cloned().collect();
        let taken = keys.iter().filter_map(|key| {
            let kept = self.kinds.remove(key)?;
            Some((key.0.clone(), kept))
        });
        let mut taken: Vec<_> = taken.collect();
        for (_, kept) in &taken {
            if is_failed(&kept.sign_in) {
                self.failed -= 1;
                self.forget_address(&kept.from);
            }
        }
        taken.sort_by(|(one, of_one), (other, of_other)| {
            let by_user = one.as_str().cmp(other.as_str());
            by_user.then_with(|| of_one.sign_in.kind.cmp(&of_other.sign_in.kind))
        });
        taken
    }

    fn forget_address(&mut self, from: &str) {
        if let Some(count) = self.failed_of.get_mut(from) {
            *count -= 1;
            if *count == 0 {
                self.failed_of.remove(from);
            }
        }
    }

    /// Remembers it; false where there is no room for it.
    fn add(&mut self, user: UserId, kept: Kept) -> bool {
        let Kept { sign_in, from } = kept;
        let key = (user, sign_in.day(), sign_in.kind.clone());
        if let Some(known) = self.kinds.get_mut(&key) {
            known.sign_in.add(&sign_in);
            return true;
        }
        let is_failed = is_failed(&sign_in);
        if self.has_room(&sign_in, &from) {
            if is_failed {
                self.failed += 1;
                if !from.is_empty() {
                    *self.failed_of.entry(from.clone()).or_default() += 1;
                }
            }
            self.kinds.insert(key, Kept { sign_in, from });
            return true;
        }
        if is_failed && !sign_in.kind.address.is_empty() {
            let kind = SignInKind {
                address: String::new(),
                ..sign_in.kind
            };
            let sign_in = SignIn { kind, ..sign_in };
            return self.add(key.0, Kept { sign_in, from });
        }
        self.lost += 1;
        false
    }

    fn has_room(&self, sign_in: &SignIn, from: &str) -> bool {
        if !is_failed(sign_in) {
            return self.kinds.len() - self.failed < MAX_OTHERS;
        }
        let of_address = self.failed_of.get(from).copied().unwrap_or_default();
        let (most, most_of_address) = if sign_in.kind.address.is_empty() {
            (MAX_FAILED + MAX_FAILED_ANYWHERE, 2 * MAX_FAILED_OF_ADDRESS)
        } else {
            (MAX_FAILED, MAX_FAILED_OF_ADDRESS)
        };
        self.failed < most && of_address < most_of_address
    }
}

impl Part<'_> {
    fn sign_ins(&self) -> Vec<(UserId, SignIn)> {
        let rows = self.rows.iter();
        rows.map(|(user, kept)| (user.clone(), kept.sign_in.clone()))
            .collect()
    }

    /// It is written.
    fn forget(mut self) {
        self.rows.clear();
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let mut noted = self.noted.lock();
        for (user, kept) in self.rows.drain(..) {
            noted.add(user, kept);
        }
    }
}

fn is_failed(sign_in: &SignIn) -> bool {
    sign_in.kind.outcome == SignInOutcome::Failed
}

#[cfg(test)]
mod tests;
