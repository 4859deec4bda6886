//! Whose change comes next. Changes are carried out one after another in any case; those that wait do so here,
//! and not with a connection in hand that reads and tokens need.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::StoreError;
use super::patience::CHANGE_TURN;
use crate::identity::UserId;

/// So many changes of this process are under way in the database. What another process has locked is
/// waited for there.
const AT_ONCE: usize = 1;

/// So many of one user are under way or in line for that; its others wait behind them, and behind nobody else
/// does anybody wait for long.
const OF_USER: usize = 2;

/// So many of one user wait for a place in line. Further ones are refused at once.
const WAITING_OF_USER: usize = 64;

/// Whose change it is.
#[derive(Debug, Clone, Copy)]
pub enum ChangeOf<'u> {
    /// The machine's.
    Nobody,
    User(&'u UserId),
    /// Of a user who has just proven its password and gives itself another: whoever makes changes without
    /// end by a token of this user, which may be stolen, is not in its way.
    Password(&'u UserId),
}

/// Each user who has something in line, apart for its password, and its places.
type Users = HashMap<(UserId, bool), Arc<Semaphore>>;

/// The changes that are under way or wait.
#[derive(Clone)]
pub(super) struct ChangeTurns {
    line: Arc<Semaphore>,
    users: Arc<Mutex<Users>>,
}

/// Lasts as long as a change.
pub(super) struct ChangeTurn {
    _turn: OwnedSemaphorePermit,
    _place: Option<Place>,
}

/// A place in line of one user, or the wait for one.
struct Place {
    users: Arc<Mutex<Users>>,
    user: (UserId, bool),
    places: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl ChangeTurns {
    pub(super) fn new() -> Self {
        Self {
            line: Arc::new(Semaphore::new(AT_ONCE)),
            users: Arc::default(),
        }
    }

    /// A turn, after those who have come before.
    pub(super) async fn take(&self, whose: ChangeOf<'_>) -> Result<ChangeTurn, StoreError> {
        let turn = timeout(CHANGE_TURN, self.wait(whose)).await;
        turn.map_err(|_| StoreError::ManyChanges(CHANGE_TURN))?
    }

    async fn wait(&self, whose: ChangeOf<'_>) -> Result<ChangeTurn, StoreError> {
        let place = match whose {
            ChangeOf::Nobody => None,
            ChangeOf::User(user) => Some(self.place((user.clone(), false)).await?),
            ChangeOf::Password(user) => Some(self.place((user.clone(), true)).await?),
        };
        let turn = Arc::clone(&self.line).acquire_owned().await;
        Ok(ChangeTurn {
            _turn: turn.map_err(|_| closed())?,
            _place: place,
        })
    }

    async fn place(&self, user: (UserId, bool)) -> Result<Place, StoreError> {
        let places = Arc::clone(
            self.users
                .lock()
                .entry(user.clone())
                .or_insert_with(|| Arc::new(Semaphore::new(OF_USER))),
        );
        // Before the wait, which may be given up.
        let mut place = Place {
            users: Arc::clone(&self.users),
            user,
            places: Some(Arc::clone(&places)),
            permit: None,
        };
        // Each that waits or is in line has two: its own, and that of its place or of its permit.
        if Arc::strong_count(&places) > 2 * (OF_USER + WAITING_OF_USER) {
            return Err(StoreError::ManyChanges(CHANGE_TURN));
        }
        place.permit = Some(places.acquire_owned().await.map_err(|_| closed())?);
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut users = self.users.lock();
        // Under the lock, under which others look for it: the last one forgets the user.
        self.permit = None;
        self.places = None;
        if users
            .get(&self.user)
            .is_some_and(|places| Arc::strong_count(places) == 1)
        {
            users.remove(&self.user);
        }
    }
}

fn closed() -> StoreError {
    StoreError::Database(sqlx::Error::PoolClosed)
}

impl fmt::Debug for ChangeTurns {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChangeTurns(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex as Lock;

    use super::*;

    #[tokio::test]
    async fn of_many_changes_of_one_user_two_are_in_line() {
        let turns = ChangeTurns::new();
        let (eve, alice) = (UserId::known("eve"), UserId::known("alice"));
        let first = turns.take(ChangeOf::User(&eve)).await.unwrap();
        let order: Arc<Lock<Vec<UserId>>> = Arc::default();
        let change = |user: &UserId| {
            let (turns, user, order) = (turns.clone(), user.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let _turn = turns.take(ChangeOf::User(&user)).await.unwrap();
                order.lock().push(user);
                tokio::task::yield_now().await;
            })
        };
        // On one thread, each comes as far as it can before the next begins.
        let mut changes: Vec<_> = (0..50).map(|_| change(&eve)).collect();
        tokio::task::yield_now().await;
        changes.push(change(&alice));
        tokio::task::yield_now().await;
        drop(first);
        for one in changes {
            one.await.unwrap();
        }
        let place = order.lock().iter().position(|user| *user == alice);
        assert_eq!((place, order.lock().len()), (Some(1), 51));
        assert!(turns.users.lock().is_empty(), "nobody is remembered");
    }

    #[tokio::test]
    async fn who_gives_up_is_forgotten() {
        let turns = ChangeTurns::new();
        let eve = UserId::known("eve");
        let is_free = async |user: ChangeOf<'_>| {
            let turn = timeout(Duration::from_millis(10), turns.wait(user)).await;
            turn.is_ok()
        };
        let held = turns.take(ChangeOf::Nobody).await.unwrap();
        assert!(!is_free(ChangeOf::User(&eve)).await && !is_free(ChangeOf::Nobody).await);
        assert!(turns.users.lock().is_empty());
        drop(held);
        assert!(is_free(ChangeOf::User(&eve)).await && is_free(ChangeOf::Nobody).await);
    }

    /// Whoever has a token of a user, and not its password, does not keep it from another password.
    #[tokio::test]
    async fn a_new_password_waits_for_no_other_change_of_its_user() {
        let turns = ChangeTurns::new();
        let eve = UserId::known("eve");
        let held = turns.take(ChangeOf::User(&eve)).await.unwrap();
        let waiting: Vec<_> = (0..500)
            .map(|_| {
                let (turns, eve) = (turns.clone(), eve.clone());
                tokio::spawn(async move { turns.take(ChangeOf::User(&eve)).await.is_ok() })
            })
            .collect();
        tokio::task::yield_now().await;
        let own = {
            let (turns, eve) = (turns.clone(), eve.clone());
            tokio::spawn(async move { turns.take(ChangeOf::Password(&eve)).await.is_ok() })
        };
        tokio::task::yield_now().await;
        drop(held);
        assert!(own.await.unwrap());
        let mut taken = 0;
        for one in waiting {
            taken += usize::from(one.await.unwrap());
        }
        assert!(
            (OF_USER..=OF_USER + WAITING_OF_USER).contains(&taken),
            "{taken}"
        );
        assert!(turns.users.lock().is_empty(), "nobody is remembered");
    }
}
