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
    /// Held by whoever writes, so that nobody reads while something is neither here nor in the store.
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
        let _alone = self.writing.write().await;
        let noted = std::mem::take(&mut *self.noted.lock());
        if noted.lost > 0 {
            tracing::warn!(
                count = noted.lost,
                "users are not shown some attempts to log in: there were too many at once"
            );
        }
        let mut rows: Vec<_> = noted
            .kinds
            .into_iter()
            .map(|((user, ..), sign_in)| (user, sign_in))
            .collect();
        // In one order for all issuers, of which otherwise two could wait for each other.
        rows.sort_by(|(one, of_one), (other, of_other)| {
            let by_user = one.as_str().cmp(other.as_str());
            by_user.then_with(|| of_one.kind.cmp(&of_other.kind))
        });
        let mut written = 0;
        for some in rows.chunks(AT_ONCE) {
            if let Err(error) = store.note_sign_ins(some).await {
                let mut noted = self.noted.lock();
                for (user, sign_in) in rows.into_iter().skip(written) {
                    noted.add(user, sign_in);
                }
                return Err(error);
            }
            written += some.len();
        }
        Ok(())
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.noted.lock().kinds.is_empty()
    }
}

impl Noted {
    fn add(&mut self, user: UserId, sign_in: SignIn) {
        let key = (user, sign_in.day(), sign_in.kind.clone());
        if let Some(known) = self.kinds.get_mut(&key) {
            known.add(&sign_in);
            return;
        }
        let is_failed = sign_in.kind.outcome == SignInOutcome::Failed;
        let has_room = if is_failed {
            self.failed < MAX_FAILED
        } else {
            self.kinds.len() - self.failed < MAX_OTHERS
        };
        if !has_room {
            self.lost += 1;
            return;
        }
        self.failed += usize::from(is_failed);
        self.kinds.insert(key, sign_in);
    }
}

#[cfg(test)]
mod tests;
