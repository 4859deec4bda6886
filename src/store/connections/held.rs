//! A connection in use: what is under way on it, and what becomes of it when its user goes.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::TryStreamExt;
use sqlx::any::{Any, AnyQueryResult, AnyRow};
use sqlx::{Connection, Either, Execute, Executor};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use super::{Line, Shared};
use crate::store::StoreError;
use crate::store::location::Engine;
use crate::store::outage::OutageError;
use crate::store::patience::{PING, UNLIMITED};

/// A connection in use.
pub(in crate::store) struct Held {
    pub(super) shared: Arc<Shared>,
    /// Absent once it is known to be of no use.
    pub(super) line: Option<Line>,
    pub(super) permit: Option<OwnedSemaphorePermit>,
    pub(super) limit: Duration,
    pub(super) bound: Option<Bound>,
    pub(super) state: State,
}

/// Until when statements of a transaction may begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound {
    end: Instant,
    length: Duration,
}

/// How far its user has come, and so what becomes of a connection that is dropped now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is under way: the next may have it.
    Free,
    /// The last statement was refused: the next asks it first whether it lives.
    Doubtful,
    /// A statement has begun and not ended: what comes of it must be read first.
    Answering,
    /// A transaction has begun: it must be taken back first.
    InTransaction,
}

/// A transaction; dropped, it never was.
pub(in crate::store) struct Transaction(pub(super) Held);

/// Whether an error (SQLSTATE) says that its connection is of no use any more: the server ends it (class
/// 57, operator intervention, but for statements that were cancelled), or only reads (25006).
fn is_of_no_use(code: Option<&str>) -> bool {
    code.is_some_and(|code| code == "25006" || code.starts_with("57P"))
}

impl Held {
    pub(in crate::store) fn engine(&self) -> Engine {
        self.shared.target.engine
    }

    /// Lets the statements take as long as they need.
    pub(in crate::store) fn lift_limit(&mut self) {
        self.limit = UNLIMITED;
    }

    /// All that a statement gives, within the limit.
    pub(super) async fn collect<'q, E>(
        &mut self,
        query: E,
    ) -> Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error>
    where
        E: 'q + Execute<'q, Any>,
    {
        let Some(line) = &mut self.line else {
            return Err(sqlx::Error::PoolClosed);
        };
        // Before the statement: one that has begun has the limit of its own, and nothing is in doubt.
        if let Some(bound) = self.bound.filter(|bound| bound.end <= Instant::now()) {
            return Err(OutageError::Long(bound.length).into());
        }
        // What the state says while the statement is under way is what `drop` goes by, if the caller
        // goes meanwhile.
        let before = self.state;
        if before != State::InTransaction {
            self.state = State::Answering;
        }
        // Here the caller may go: then `drop` finds the state as it is now.
        let collected = timeout(self.limit, line.connection.fetch_many(query).try_collect()).await;
        self.state = before;
        let Ok(collected) = collected else {
            // A late answer would be taken for that of the next statement. And what has silenced this
            // connection has silenced the others.
            self.line = None;
            drop(self.shared.drain());
            return Err(self.shared.target.server.silent(self.limit).into());
        };
        match &collected {
            Ok(_) => {}
            // It ends, or is that of a server that only can be read since a failover: another one may
            // reach the one that took over.
            Err(sqlx::Error::Database(error)) if is_of_no_use(error.code().as_deref()) => {
                self.line = None;
            }
            // The transaction ends with a rollback or its connection, so that nothing is in doubt.
            Err(sqlx::Error::Database(_)) if before == State::InTransaction => {}
            Err(sqlx::Error::Database(_)) => self.state = State::Doubtful,
            Err(_) => self.line = None,
        }
        collected
    }

    /// Ends the transaction; where that fails, the connection ends, and with it the transaction.
    async fn end(&mut self, statement: &'static str) -> Result<(), StoreError> {
        // It is about to be over: to give it up now would take longer.
        self.bound = None;
        let ended = self.collect(sqlx::raw_sql(statement)).await;
        if ended.is_err() {
            self.line = None;
        }
        self.state = State::Free;
        ended?;
        Ok(())
    }
}

impl Transaction {
    /// Refuses statements that begin later than `length` from now.
    pub(in crate::store) fn bound(&mut self, length: Duration) {
        self.0.bound = Some(Bound {
            end: Instant::now() + length,
            length,
        });
    }

    pub(in crate::store) async fn commit(mut self) -> Result<(), StoreError> {
        self.0.end("COMMIT").await
    }

    pub(in crate::store) async fn rollback(mut self) -> Result<(), StoreError> {
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
        let (Some(mut line), Some(permit)) = (self.line.take(), self.permit.take()) else {
            return;
        };
        let shared = Arc::clone(&self.shared);
        let state = self.state;
        match state {
            State::Free => return shared.rest(line, Some(Instant::now())),
            State::Doubtful => return shared.rest(line, None),
            State::Answering | State::InTransaction => {}
        }
        // Its user has gone in the middle. Without a runtime the connection simply ends.
        // `drop` cannot wait, and what is under way has to be read or taken back before another may use
        // the connection.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let settling = async {
                if state == State::InTransaction {
                    line.connection.execute(sqlx::raw_sql("ROLLBACK")).await?;
                    return Ok(());
                }
                line.connection.ping().await
            };
            if let Ok(Ok(())) = timeout(PING, settling).await {
                shared.rest(line, Some(Instant::now()));
            }
            // Kept until here: a connection that is settling counts, or there would be more of them
            // than the limit says.
            drop(permit);
        });
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Held(..)")
    }
}
