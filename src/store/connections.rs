//! Connections to the database: at most so many, each used by one at a time, and no use without a
//! time limit.
//!
//! A connection may fall silent without an end, as when a router forgets it. Whoever has waited for
//! the limit drops it, with all those that rest beside it, and the next one connects anew. While no
//! connection can be made, everybody is refused at once, until a background task has made one.
//! The driver's own pool waits for a connection that it takes back, however long that is silent.

mod executor;
mod held;

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection, Executor, RawSql};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::StoreError;
use super::location::Engine;
use super::outage::{OpenedFile, OutageError, Server};
use super::patience::{self, AGE_JITTER, CONNECT, PING, RECONNECT, TURN, UNTESTED_REST};
use super::statement::assembled;
use crate::backoff::Jitter;

use held::State;
pub(super) use held::{Held, Transaction};

/// Connections to one database.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

/// To what connections are made, and what each of them runs first.
pub(super) struct Target {
    pub(super) options: AnyConnectOptions,
    pub(super) engine: Engine,
    pub(super) server: Server,
    /// Where the database is a file: the one that was opened.
    pub(super) file: Option<OpenedFile>,
    /// What all databases understand.
    pub(super) settings: Option<String>,
    /// What may be refused.
    pub(super) wishes: Vec<String>,
    /// How old a connection may become.
    pub(super) max_age: Duration,
}

struct Shared {
    target: Target,
    size: u32,
    permits: Arc<Semaphore>,
    resting: Mutex<Vec<Resting>>,
    /// Why no connection can be made, while none can.
    outage: watch::Sender<Option<OutageError>>,
}

/// A connection, and until when it may be used.
struct Line {
    connection: AnyConnection,
    ends: Instant,
}

struct Resting {
    line: Line,
    /// Absent where it must be asked whether it lives.
    since: Option<Instant>,
}

impl Connections {
    /// The database as messages name it.
    pub(super) fn server(&self) -> &Server {
        &self.0.target.server
    }

    /// At most `size` connections, of which none is made yet.
    pub(super) fn new(target: Target, size: u32) -> Self {
        let permits = usize::try_from(size).unwrap_or(1);
        Self(Arc::new(Shared {
            target,
            size,
            permits: Arc::new(Semaphore::new(permits)),
            resting: Mutex::default(),
            outage: watch::Sender::new(None),
        }))
    }

    /// A connection, for more than one statement.
    pub(super) async fn acquire(&self) -> Result<Held, StoreError> {
        Ok(self.take().await?)
    }

    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut held = self.take().await?;
        let begin = match held.engine() {
            // Takes the lock at once: a lock that is taken later could have to be given up.
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        // Before the statement: whoever is dropped while it is under way may have begun it.
        held.state = State::InTransaction;
        held.execute(sqlx::raw_sql(begin)).await?;
        Ok(Transaction(held))
    }

    /// Ends all connections, those in use after their last statement.
    pub(super) async fn close(&self) {
        let Shared { permits, size, .. } = &*self.0;
        let _ = timeout(
            patience::answer(self.0.target.engine),
            // All permits in one hand: no statement is under way any more.
            permits.acquire_many(*size),
        )
        .await;
        // Whoever waits for a connection fails at once, and none is made any more.
        permits.close();
        for resting in self.0.drain() {
            let _ = timeout(PING, resting.line.connection.close()).await;
        }
    }

    async fn take(&self) -> Result<Held, sqlx::Error> {
        let shared = &self.0;
        // Subscribed after the look: one that begins in between is seen all the same, because
        // `wait_for` looks at the present value first.
        let known = shared.outage.borrow().clone();
        if let Some(outage) = known {
            return Err(outage.into());
        }
        let mut outage = shared.outage.subscribe();
        tokio::select! {
            held = self.take_in_turn() => held,
            found = outage.wait_for(Option::is_some) => match found.as_deref() {
                Ok(Some(outage)) => Err(outage.clone().into()),
                Ok(None) | Err(_) => Err(sqlx::Error::PoolClosed),
            },
        }
    }

    async fn take_in_turn(&self) -> Result<Held, sqlx::Error> {
        let shared = &self.0;
        let permit = timeout(TURN, Arc::clone(&shared.permits).acquire_owned()).await;
        let permit = permit
            .map_err(|_| OutageError::Busy(TURN))?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        // Each time: whoever administers the store from another process counts on being seen here.
        if let Some(file) = &shared.target.file {
            file.check()?;
        }
        // With a permit in hand: without, more could look for a connection at once than there may be
        // connections.
        let line = match shared.living().await {
            Some(line) => line,
            None => shared.connect_or_tell().await?,
        };
        Ok(Held {
            shared: Arc::clone(shared),
            line: Some(line),
            permit: Some(permit),
            limit: patience::answer(shared.target.engine),
            bound: None,
            state: State::Free,
        })
    }
}

impl Shared {
    /// One that rests, lives and is not too old.
    async fn living(&self) -> Option<Line> {
        loop {
            let Resting { mut line, since } = self.resting.lock().pop()?;
            if line.ends <= Instant::now() {
                // Whoever wants a connection does not wait for the end of another.
                tokio::spawn(timeout(PING, line.connection.close()));
                continue;
            }
            if since.is_some_and(|since| since.elapsed() < UNTESTED_REST) {
                return Some(line);
            }
            // A failing statement would tell as well, but then nobody knows whether it was carried out.
            match timeout(PING, line.connection.ping()).await {
                Ok(Ok(())) => return Some(line),
                Ok(Err(_)) => {}
                // What has silenced it has silenced the others.
                Err(_) => drop(self.drain()),
            }
        }
    }

    async fn connect(&self) -> Result<Line, sqlx::Error> {
        let Target {
            options,
            settings,
            wishes,
            server,
            max_age,
            ..
        } = &self.target;
        let connecting = async {
            let mut connection = options.connect().await?;
            if let Some(settings) = settings {
                connection.execute(raw(settings)).await?;
            }
            for wish in wishes {
                if let Err(error) = connection.execute(raw(wish)).await {
                    tracing::debug!(%error, "the database does not know a setting");
                }
            }
            // Connections that were made together, as at the start, must not all be made anew in one
            // moment.
            let age = Jitter::draw().shorten(*max_age, AGE_JITTER);
            let ends = Instant::now() + age;
            Ok(Line { connection, ends })
        };
        match timeout(CONNECT, connecting).await {
            Ok(Err(sqlx::Error::Io(error))) => Err(server.unreachable(&error).into()),
            Ok(connected) => connected,
            Err(_) => Err(server.silent(CONNECT).into()),
        }
    }

    /// Connects, or has everybody refused until that is possible again.
    async fn connect_or_tell(self: &Arc<Self>) -> Result<Line, sqlx::Error> {
        let connected = self.connect().await;
        if let Err(error) = &connected
            && let Some(outage) = OutageError::of(error)
        {
            // They were made to a server that has gone, and would each fail in turn.
            drop(self.drain());
            // Of many callers that fail at once, one starts the task that tries again.
            let first = self.outage.send_if_modified(|known| {
                let first = known.is_none();
                *known = Some(outage.clone());
                first
            });
            if first {
                tokio::spawn(Self::probe(Arc::downgrade(self)));
            }
        }
        connected
    }

    /// Tries until a connection can be made.
    async fn probe(shared: Weak<Self>) {
        loop {
            tokio::time::sleep(RECONNECT.delay(0, Jitter::draw())).await;
            let Some(shared) = shared.upgrade() else {
                return;
            };
            if shared.permits.is_closed() {
                return;
            }
            match shared.connect().await {
                Ok(line) => {
                    shared.rest(line, Some(Instant::now()));
                    // After the connection is back: whoever sees the end of the outage finds one.
                    shared.outage.send_replace(None);
                    return;
                }
                Err(error) => {
                    let outage = OutageError::of(&error).cloned();
                    let answers = outage.is_none();
                    shared.outage.send_replace(outage);
                    // It refuses for a reason of its own, which each caller is to see.
                    if answers {
                        return;
                    }
                }
            }
        }
    }

    fn rest(&self, line: Line, since: Option<Instant>) {
        if !self.permits.is_closed() {
            self.resting.lock().push(Resting { line, since });
        }
    }

    fn drain(&self) -> Vec<Resting> {
        std::mem::take(&mut *self.resting.lock())
    }
}

/// A statement of `open`, without parameters.
fn raw(text: &str) -> RawSql {
    sqlx::raw_sql(assembled(text.to_owned()))
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connections(..)")
    }
}

#[cfg(test)]
mod tests;
