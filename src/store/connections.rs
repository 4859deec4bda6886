//! Connections to the database: at most so many, each used by one at a time, and no use without a
//! time limit.
//!
//! A connection may fall silent without an end, as when a router forgets it. Whoever has waited for
//! the limit drops it, with all those that rest beside it, and the next one connects anew. While no
//! connection can be made, everybody is refused at once, until a background task has made one.
//! The driver's own pool waits for a connection that it takes back, however long that is silent.

mod executor;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::stream::TryStreamExt;
use parking_lot::Mutex;
use sqlx::any::{Any, AnyConnectOptions, AnyQueryResult, AnyRow};
use sqlx::{AnyConnection, ConnectOptions, Connection, Either, Execute, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::StoreError;
use super::location::Engine;
use super::outage::{Outage, Server};
use crate::backoff::{Backoff, Jitter};

/// The longest that making a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// The longest that a caller waits for its turn where all connections are in use.
const TURN: Duration = Duration::from_secs(5);

/// A connection that has rested for longer is asked whether it lives. One that was used a moment
/// ago is not: that costs as much as what it is wanted for.
const UNTESTED_REST: Duration = Duration::from_secs(1);

/// The longest that it may think about that, or about taking back a transaction.
const PING: Duration = Duration::from_secs(1);

/// The time between two tries while no connection can be made: as short after an hour as at first,
/// because everybody is refused meanwhile.
const RETRIES: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_millis(250));

/// The limit of what only the machine's owner starts: migrations, and copies.
const UNLIMITED: Duration = Duration::from_hours(24);

impl Engine {
    /// The longest that one statement may take. `SQLite` waits for other processes meanwhile, which
    /// `busy_timeout` bounds.
    fn limit(self) -> Duration {
        match self {
            Self::Sqlite => Duration::from_secs(10),
            Self::Postgres => Duration::from_secs(4),
        }
    }
}

/// Connections to one database.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

/// To what connections are made, and what each of them runs first.
pub(super) struct Target {
    pub(super) options: AnyConnectOptions,
    pub(super) engine: Engine,
    pub(super) server: Server,
    /// What all databases understand.
    pub(super) settings: Option<&'static str>,
    /// What may be refused.
    pub(super) wishes: &'static [&'static str],
}

struct Shared {
    target: Target,
    size: u32,
    permits: Arc<Semaphore>,
    resting: Mutex<Vec<Resting>>,
    /// Why no connection can be made, while none can.
    outage: watch::Sender<Option<Outage>>,
}

struct Resting {
    connection: AnyConnection,
    /// Absent where it must be asked whether it lives.
    since: Option<Instant>,
}

/// A connection in use.
pub(super) struct Held {
    shared: Arc<Shared>,
    /// Absent once it is known to be of no use.
    connection: Option<AnyConnection>,
    permit: Option<OwnedSemaphorePermit>,
    limit: Duration,
    /// A statement has begun and not ended.
    is_busy: bool,
    in_transaction: bool,
    is_suspect: bool,
}

/// A transaction; dropped, it never was.
pub(super) struct Transaction(Held);

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

    /// Begins to write.
    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        let mut held = self.take().await?;
        let begin = match held.engine() {
            // Takes the lock at once: a lock that is taken later could have to be given up.
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        };
        held.in_transaction = true;
        held.execute(sqlx::raw_sql(begin)).await?;
        Ok(Transaction(held))
    }

    /// Ends all connections, those in use after their last statement.
    pub(super) async fn close(&self) {
        let Shared { permits, size, .. } = &*self.0;
        let _ = timeout(self.0.target.engine.limit(), permits.acquire_many(*size)).await;
        permits.close();
        for resting in self.0.drain() {
            let _ = timeout(PING, resting.connection.close()).await;
        }
    }

    async fn take(&self) -> Result<Held, sqlx::Error> {
        let shared = &self.0;
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
            .map_err(|_| Outage::Busy(TURN))?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = match shared.living().await {
            Some(connection) => connection,
            None => shared.connect_or_tell().await?,
        };
        Ok(Held {
            shared: Arc::clone(shared),
            connection: Some(connection),
            permit: Some(permit),
            limit: shared.target.engine.limit(),
            is_busy: false,
            in_transaction: false,
            is_suspect: false,
        })
    }
}

impl Shared {
    /// One that rests and lives.
    async fn living(&self) -> Option<AnyConnection> {
        loop {
            let Resting {
                mut connection,
                since,
            } = self.resting().pop()?;
            if since.is_some_and(|since| since.elapsed() < UNTESTED_REST) {
                return Some(connection);
            }
            match timeout(PING, connection.ping()).await {
                Ok(Ok(())) => return Some(connection),
                Ok(Err(_)) => {}
                // What has silenced it has silenced the others.
                Err(_) => drop(self.drain()),
            }
        }
    }

    async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let Target {
            options,
            settings,
            wishes,
            server,
            ..
        } = &self.target;
        let connecting = async {
            let mut connection = options.connect().await?;
            if let Some(settings) = settings {
                connection.execute(sqlx::raw_sql(*settings)).await?;
            }
            for wish in *wishes {
                if let Err(error) = connection.execute(sqlx::raw_sql(*wish)).await {
                    tracing::debug!(%error, "the database does not know a setting");
                }
            }
            Ok(connection)
        };
        match timeout(CONNECT, connecting).await {
            Ok(Err(sqlx::Error::Io(error))) => Err(server.unreachable(&error).into()),
            Ok(connected) => connected,
            Err(_) => Err(server.silent(CONNECT).into()),
        }
    }

    /// Connects, or has everybody refused until that is possible again.
    async fn connect_or_tell(self: &Arc<Self>) -> Result<AnyConnection, sqlx::Error> {
        let connected = self.connect().await;
        if let Err(error) = &connected
            && let Some(outage) = Outage::of(error)
        {
            drop(self.drain());
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
            tokio::time::sleep(RETRIES.delay(0, Jitter::draw())).await;
            let Some(shared) = shared.upgrade() else {
                return;
            };
            if shared.permits.is_closed() {
                return;
            }
            match shared.connect().await {
                Ok(connection) => {
                    shared.rest(connection, Some(Instant::now()));
                    shared.outage.send_replace(None);
                    return;
                }
                Err(error) => {
                    let outage = Outage::of(&error).cloned();
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

    fn rest(&self, connection: AnyConnection, since: Option<Instant>) {
        if !self.permits.is_closed() {
            self.resting().push(Resting { connection, since });
        }
    }

    fn resting(&self) -> parking_lot::MutexGuard<'_, Vec<Resting>> {
        self.resting.lock()
    }

    fn drain(&self) -> Vec<Resting> {
        std::mem::take(&mut *self.resting())
    }
}

/// Whether an error (SQLSTATE) says that its connection is of no use any more: the server ends it (class
/// 57, operator intervention, but for statements that were cancelled), or only reads (25006).
fn is_of_no_use(code: Option<&str>) -> bool {
    code.is_some_and(|code| code == "25006" || code.starts_with("57P"))
}

impl Held {
    pub(super) fn engine(&self) -> Engine {
        self.shared.target.engine
    }

    /// Lets the statements take as long as they need.
    pub(super) fn lift_limit(&mut self) {
        self.limit = UNLIMITED;
    }

    /// All that a statement gives, within the limit.
    async fn collect<'q, E>(
        &mut self,
        query: E,
    ) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error>
    where
        E: 'q + Execute<'q, Any>,
    {
        let Some(connection) = &mut self.connection else {
            return Err(sqlx::Error::PoolClosed);
        };
        self.is_busy = true;
        let collected = timeout(self.limit, connection.fetch_many(query).try_collect()).await;
        self.is_busy = false;
        let Ok(collected) = collected else {
            self.connection = None;
            drop(self.shared.drain());
            return Err(self.shared.target.server.silent(self.limit).into());
        };
        match &collected {
            Ok(_) => {}
            // It ends, or is that of a server that only can be read since a failover: another one may
            // reach the one that took over.
            Err(sqlx::Error::Database(error)) if is_of_no_use(error.code().as_deref()) => {
                self.connection = None;
            }
            Err(sqlx::Error::Database(_)) => self.is_suspect = true,
            Err(_) => self.connection = None,
        }
        collected
    }

    /// Ends the transaction; where that fails, the connection ends, and with it the transaction.
    async fn end(&mut self, statement: &'static str) -> Result<(), StoreError> {
        let ended = self.collect(sqlx::raw_sql(statement)).await;
        if ended.is_err() {
            self.connection = None;
        }
        self.in_transaction = false;
        ended?;
        Ok(())
    }
}

impl Transaction {
    /// Makes it hold.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.0.end("COMMIT").await
    }

    /// Takes it back.
    pub(super) async fn rollback(mut self) -> Result<(), StoreError> {
        self.0.end("ROLLBACK").await
    }
}

impl Deref for Transaction {
    type Target = Held;

    fn deref(&self) -> &Held {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Held {
        &mut self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(mut connection), Some(permit)) = (self.connection.take(), self.permit.take())
        else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        if !self.is_busy && !self.in_transaction {
            let since = (!self.is_suspect).then(Instant::now);
            return shared.rest(connection, since);
        }
        // Its user has gone in the middle. Without a runtime the connection simply ends.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let in_transaction = self.in_transaction;
        runtime.spawn(async move {
            let settling = async {
                if in_transaction {
                    connection.execute(sqlx::raw_sql("ROLLBACK")).await?;
                    return Ok(());
                }
                connection.ping().await
            };
            if let Ok(Ok(())) = timeout(PING, settling).await {
                shared.rest(connection, Some(Instant::now()));
            }
            drop(permit);
        });
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connections(..)")
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Held(..)")
    }
}
