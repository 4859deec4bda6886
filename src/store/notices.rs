//! How processes on one PostgreSQL tell each other that the revocation log has grown: a wake-up and
//! nothing more. Databases that only speak its protocol may lack it; the log is then polled.

use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::PgListener;
use tokio::time::timeout;

use super::connections::{Connections, Transaction};
use super::{Store, StoreError, StoreLocation};
use crate::backoff::{Backoff, Jitter};

const CHANNEL: &str = "portcullis_revocations";

const NOTICE: &str = "NOTIFY portcullis_revocations";

/// The time between two tries, where nothing can be heard.
const RETRIES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));

/// After which silence the connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(10);

/// The longest that it may take to answer, or to begin.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether the database has `NOTIFY`: in a transaction, an unknown statement would spoil it.
pub(super) async fn offered(pool: &Connections) -> bool {
    let tried = pool.execute(NOTICE).await;
    if let Err(error) = &tried {
        tracing::info!(%error, "the database has no NOTIFY: the revocation log is polled");
    }
    tried.is_ok()
}

impl Store {
    /// Tells the others once the transaction ends.
    pub(super) async fn give_notice(
        &self,
        transaction: &mut Transaction,
    ) -> Result<(), StoreError> {
        if self.notices.is_some() {
            sqlx::query(NOTICE).execute(&mut **transaction).await?;
        }
        Ok(())
    }

    /// Passes on what other processes tell to [`Store::appended`]; never ends by itself.
    pub async fn hear_notices(&self) {
        let Some(StoreLocation::Postgres(url)) = &self.notices else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = self.listen(url.reveal()).await {
                tracing::debug!(%error, "no notices of the revocation log; it is polled");
            }
            tokio::time::sleep(RETRIES.delay(0, Jitter::draw())).await;
        }
    }

    async fn listen(&self, url: &str) -> Result<(), sqlx::Error> {
        let listening = async {
            let mut listener = PgListener::connect(url).await?;
            listener.listen(CHANNEL).await?;
            Ok(listener)
        };
        let listening = timeout(PATIENCE, listening).await;
        let mut listener = listening.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        loop {
            // What was told before is not heard.
            self.appended.tell();
            match timeout(SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(_))) => {}
                // Ends with the connection, so that what is missed is looked for.
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                // It may have died without a word.
                Err(_) => {
                    let asked = timeout(PATIENCE, listener.execute("SELECT 1")).await;
                    asked.map_err(|_| sqlx::Error::PoolTimedOut)??;
                }
            }
        }
    }
}
