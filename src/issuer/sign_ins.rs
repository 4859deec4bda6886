//! Who has logged in, or tried to: remembered as it happens, and written to the store for many at a time, so that
//! a login waits for nothing and nobody makes the store write as often as it guesses.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
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

/// The same of all others, for each of which a password was right.
const MAX_OTHERS: usize = 10_000;

/// So many are written in one transaction.
const AT_ONCE: usize = 50;

tokio::task_local! {
    static ENDPOINT: SignInEndpoint;
}

/// What has not been written yet. What is in here when the process ends is lost.
pub(super) struct SignIns {
    clock: Arc<dyn Clock>,
    noted: Mutex<Noted>,
    /// Held by whoever writes a part, so that nobody reads while something is neither here nor in the store.
    writing: RwLock<()>,
}

#[derive(Default)]
struct Noted {
    kinds: HashMap<(UserId, i64, SignInKind), SignIn>,
    failed: usize,
    /// How many were not remembered.
    lost: u64,
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

impl SignIns {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            noted: Mutex::default(),
            writing: RwLock::default(),
        }
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
        self.noted.lock().add(user.clone(), sign_in);
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
        for ((whose, ..), sign_in) in &self.noted.lock().kinds {
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
            if let Err(error) = store.note_sign_ins(&rows).await {
                let mut noted = self.noted.lock();
                for (user, sign_in) in rows {
                    noted.add(user, sign_in);
                }
                return Err(error);
            }
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
    fn take(&mut self, count: usize) -> Vec<(UserId, SignIn)> {
        let keys: Vec<_> = self.kinds.keys().take(count).cloned().collect();
        let taken = keys.iter().filter_map(|key| {
            let sign_in = self.kinds.remove(key)?;
            Some((key.0.clone(), sign_in))
        });
        let mut taken: Vec<_> = taken.collect();
        let failed = taken.iter().filter(|(_, sign_in)| is_failed(sign_in));
        self.failed -= failed.count();
        taken.sort_by(|(one, of_one), (other, of_other)| {
            let by_user = one.as_str().cmp(other.as_str());
            by_user.then_with(|| of_one.kind.cmp(&of_other.kind))
        });
        taken
    }

    fn add(&mut self, user: UserId, sign_in: SignIn) {
        let key = (user, sign_in.day(), sign_in.kind.clone());
        if let Some(known) = self.kinds.get_mut(&key) {
            known.add(&sign_in);
            return;
        }
        let is_failed = is_failed(&sign_in);
        let is_from_anywhere = sign_in.kind.address.is_empty();
        let has_room = match (is_failed, is_from_anywhere) {
            (true, false) => self.failed < MAX_FAILED,
            (true, true) => self.failed < MAX_FAILED + MAX_FAILED_ANYWHERE,
            (false, _) => self.kinds.len() - self.failed < MAX_OTHERS,
        };
        if has_room {
            self.failed += usize::from(is_failed);
            self.kinds.insert(key, sign_in);
        } else if is_failed && !is_from_anywhere {
            let kind = SignInKind {
                address: String::new(),
                ..sign_in.kind
            };
            self.add(key.0, SignIn { kind, ..sign_in });
        } else {
            self.lost += 1;
        }
    }
}

fn is_failed(sign_in: &SignIn) -> bool {
    sign_in.kind.outcome == SignInOutcome::Failed
}

#[cfg(test)]
mod tests;
