//! How long the store waits, and how often it tries: one policy for all that talks to the database.
//!
//! What waits inside of something else gives up first, so that the reason comes from where it is
//! known: a lock before its statement, a statement before the database counts as silent, and that
//! before those who wait for a turn, or for a batch, are sent away.

use std::time::Duration;

use super::StoreError;
use super::location::Engine;
use crate::backoff::Backoff;

/// The longest that making a connection may take.
pub(super) const CONNECT: Duration = Duration::from_secs(2);

/// The longest that PostgreSQL, or `SQLite`, waits for what others have locked.
pub(super) const POSTGRES_LOCK: Duration = Duration::from_secs(3);
pub(super) const SQLITE_LOCK: Duration = Duration::from_secs(5);

/// The longest that PostgreSQL works on one statement.
pub(super) const POSTGRES_STATEMENT: Duration = Duration::from_millis(3500);

/// For when this process or the network has died: nobody waits for long for what such a transaction
/// has locked.
pub(super) const POSTGRES_IDLE_TRANSACTION: Duration = Duration::from_secs(5);
pub(super) const POSTGRES_UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// The longest that this process waits for one statement.
const POSTGRES_ANSWER: Duration = Duration::from_secs(4);
const SQLITE_ANSWER: Duration = Duration::from_secs(10);

/// The longest that a caller waits for its turn where all connections are in use.
pub(super) const TURN: Duration = Duration::from_secs(5);

/// The longest that a change waits for those before it.
pub(super) const CHANGE_TURN: Duration = Duration::from_secs(5);

/// How long a change may go on before it begins its last statement: the others wait for it.
pub(super) const CHANGE: Duration = Duration::from_secs(5);

/// The longest that a batch may take: a database that has fallen silent must not hold its callers.
pub(super) const BATCH: Duration = Duration::from_secs(10);

/// The limit of what only the machine's owner starts: migrations, and copies.
pub(super) const UNLIMITED: Duration = Duration::from_hours(24);

/// A connection that has rested for longer is asked whether it lives. One that was used a moment
/// ago is not: that costs as much as what it is wanted for.
pub(super) const UNTESTED_REST: Duration = Duration::from_secs(1);

/// The longest that it may think about that, or about taking back a transaction.
pub(super) const PING: Duration = Duration::from_secs(1);

/// A connection is replaced before it is older, so that what a server keeps for it does not grow for
/// ever, and new servers behind one address get their share. See [`AGE_JITTER`].
pub(super) const MAX_AGE: Duration = Duration::from_mins(30);

/// The part of its age by which a connection may be replaced earlier: those that were made together
/// do not end together.
pub(super) const AGE_JITTER: f64 = 0.3;

/// The time between two tries while no connection can be made: as short after an hour as at first,
/// because everybody is refused meanwhile.
pub(super) const RECONNECT: Backoff =
    Backoff::new(Duration::from_millis(250), Duration::from_millis(250));

/// The time between two tries where no notices can be heard: the log is polled meanwhile.
pub(super) const LISTEN_AGAIN: Backoff =
    Backoff::new(Duration::from_secs(1), Duration::from_secs(1));

/// After which silence a connection that listens is asked whether it lives.
pub(super) const LISTEN_SILENCE: Duration = Duration::from_secs(10);

/// How often a transaction is tried that others are in the way of.
const ATTEMPTS: usize = 3;

const _: () = {
    assert!(POSTGRES_LOCK.as_millis() < POSTGRES_STATEMENT.as_millis());
    assert!(POSTGRES_STATEMENT.as_millis() < POSTGRES_ANSWER.as_millis());
    assert!(POSTGRES_ANSWER.as_millis() < TURN.as_millis());
    assert!(SQLITE_LOCK.as_millis() < SQLITE_ANSWER.as_millis());
    assert!(TURN.as_millis() < BATCH.as_millis());
};

/// The longest that one statement may take. `SQLite` waits for other processes meanwhile.
pub(super) fn answer(engine: Engine) -> Duration {
    match engine {
        Engine::Sqlite => SQLITE_ANSWER,
        Engine::Postgres => POSTGRES_ANSWER,
    }
}

/// Runs a transaction again while others are in its way: the database has ended it and done nothing.
/// Only for what is its caller's whole work. A [`Change`](super::Change) has reads and decisions in
/// it that would have to be made anew, so that its caller is told to try again.
pub(super) async fn again_if_contended<T, F>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut further = 1..ATTEMPTS;
    loop {
        match attempt().await {
            // At once and without a pause: the other transaction has its locks already, and this one
            // waits for them in the database.
            Err(StoreError::Contended(_)) if further.next().is_some() => {}
            outcome => return outcome,
        }
    }
}
