//! Whose change comes next. Changes are carried out one after another in any case; those that wait do so here,
//! and not with a connection in hand that reads and tokens need.
//!
//! There are three lines, and of the first two only whoever is at the front waits for the turn itself: ordinary
//! changes, those of users who take back what they have given, and those of administrators. So a crowd of users is
//! in the way of its own kind alone.

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
    /// Of a user who takes back what it has given out or has used itself.
    TakingBack(&'u UserId),
    /// Of a user who administers others.
    Administrator(&'u UserId),
    /// Of a user who has just proven its password and gives itself another: whoever makes changes without
    /// end by a token of this user, which may be stolen, is not in its way.
    Password(&'u UserId),
}

/// What users have places for, each apart from the others: what somebody does without end with a token that it
/// has stolen keeps the user from nothing of another kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Ordinary,
    TakingBack,
    Password,
}

/// Each user who has something in line, and its places.
type Users = HashMap<(UserId, Kind), Arc<Semaphore>>;

/// The changes that are under way or wait.
#[derive(Clone)]
pub(super) struct ChangeTurns {
    /// In front of the turn: one of these comes as far as that at a time.
    ordinary: Arc<Semaphore>,
    taking_back: Arc<Semaphore>,
    /// The turn itself.
    line: Arc<Semaphore>,
    users: Arc<Mutex<Users>>,
}

/// Lasts as long as a change.
pub(super) struct ChangeTurn {
    _turn: OwnedSemaphorePermit,
    /// The front of its line, if it has one in front of the turn.
    _front: Option<OwnedSemaphorePermit>,
    _place: Option<Place>,
}

/// A place in line of one user, or the wait for one.
struct Place {
    users: Arc<Mutex<Users>>,
    user: (UserId, Kind),
    places: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl ChangeTurns {
    pub(super) fn new() -> Self {
        Self {
            ordinary: Arc::new(Semaphore::new(AT_ONCE)),
            taking_back: Arc::new(Semaphore::new(AT_ONCE)),
            line: Arc::new(Semaphore::new(AT_ONCE)),
            users: Arc::default(),
        }
    }

    /// A turn, after those of its line who have come before, and at most one of each other line.
    pub(super) async fn take(&self, whose: ChangeOf<'_>) -> Result<ChangeTurn, StoreError> {
        let turn = timeout(CHANGE_TURN, self.wait(whose)).await;
        turn.map_err(|_| StoreError::ManyChanges(CHANGE_TURN))?
    }

    async fn wait(&self, whose: ChangeOf<'_>) -> Result<ChangeTurn, StoreError> {
        let (user, line) = match whose {
            ChangeOf::Nobody => (None, Some(&self.ordinary)),
            ChangeOf::User(user) => (Some((user, Kind::Ordinary)), Some(&self.ordinary)),
            ChangeOf::TakingBack(user) => (Some((user, Kind::TakingBack)), Some(&self.taking_back)),
            ChangeOf::Password(user) => (Some((user, Kind::Password)), Some(&self.taking_back)),
            ChangeOf::Administrator(user) => (Some((user, Kind::Ordinary)), None),
        };
        let place = match user {
            Some((user, kind)) => Some(self.place((user.clone(), kind)).await?),
            None => None,
        };
        let front = match line {
            Some(line) => {
                let front = Arc::clone(line).acquire_owned().await;
                Some(front.map_err(|_| closed())?)
            }
            None => None,
        };
        let turn = Arc::clone(&self.line).acquire_owned().await;
        Ok(ChangeTurn {
            _turn: turn.map_err(|_| closed())?,
            _front: front,
            _place: place,
        })
    }

    async fn place(&self, user: (UserId, Kind)) -> Result<Place, StoreError> {
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

    /// Many users together fill neither the line of administrators nor that of those who take something back.
    #[tokio::test]
    async fn a_crowd_is_in_the_way_of_its_own_kind_alone() {
        let turns = ChangeTurns::new();
        let held = turns.take(ChangeOf::Nobody).await.unwrap();
        let order: Arc<Lock<Vec<String>>> = Arc::default();
        let wait = |name: String| {
            let (turns, order) = (turns.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                let user = UserId::known(&name);
                let whose = if name.starts_with("user") {
                    ChangeOf::User(&user)
                } else if name.starts_with("loser") {
                    ChangeOf::TakingBack(&user)
                } else {
                    ChangeOf::Administrator(&user)
                };
                let _turn = turns.take(whose).await.unwrap();
                order.lock().push(name);
                tokio::task::yield_now().await;
            })
        };
        let mut all: Vec<_> = (0..300)
            .map(|number| wait(format!("user {number}")))
            .collect();
        all.extend((0..300).map(|number| wait(format!("loser {number}"))));
        tokio::task::yield_now().await;
        all.push(wait("administrator".to_owned()));
        tokio::task::yield_now().await;
        drop(held);
        for one in all {
            one.await.unwrap();
        }
        let order = order.lock();
        let place = |name: &str| order.iter().position(|other| other == name).unwrap();
        assert_eq!(order.len(), 601);
        // Behind the front of each other line.
        assert!(place("administrator") <= 2, "{:?}", &order[..5]);
        assert!(
            place("loser 0") <= 2 && place("loser 1") <= 4,
            "{:?}",
            &order[..5]
        );
        assert!(turns.users.lock().is_empty(), "nobody is remembered");
    }
}
