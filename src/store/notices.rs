//! How processes on one PostgreSQL tell each other that the revocation log has grown: a wake-up and
//! nothing more. Databases that only speak its protocol may lack it; the log is then polled.

use sqlx::Executor;
use sqlx::postgres::PgListener;
use tokio::time::timeout;

use super::connections::{Connections, Transaction};
use super::location::Engine;
use super::patience::{self, LISTEN_AGAIN, LISTEN_SILENCE};
use super::{Store, StoreError, StoreLocation};
use crate::backoff::Jitter;

const CHANNEL: &str = "portcullis_revocations";

const NOTICE: &str = "NOTIFY portcullis_revocations";

/// Whether the database has `NOTIFY`: in a transaction, an unknown statement would spoil it.
pub(super) async fn offered(pool: &Connections) -> bool {
    let tried = pool.execute(NOTICE).await;
    if let Err(error) = &tried {
        tracing::info!(%error, "the database has no NOTIFY: the revocation log is polled");
    }
    tried.is_ok()
}

/// Tells the others once the transaction ends.
pub(super) async fn give_notice(transaction: &mut Transaction) -> Result<(), StoreError> {
    sqlx::query(NOTICE).execute(&mut **transaction).await?;
    Ok(())
}

impl Store {
    /// Passes on what other processes tell to [`Store::appended`]; never ends by itself.
    pub async fn hear_notices(&self) {
        let Some(StoreLocation::Postgres(url)) = &self.notices else {
            return std::future::pending().await;
        };
        loop {
            if let Err(error) = self.listen(url.reveal()).await {
                tracing::debug!(%error, "no notices of the revocation log; it is polled");
            }
            tokio::time::sleep(LISTEN_AGAIN.delay(0, Jitter::draw())).await;
        }
    }

    async fn listen(&self, url: &str) -> Result<(), sqlx::Error> {
        let listening = async {
            let mut listener = PgListener::connect(url).await?;
            listener.listen(CHANNEL).await?;
            Ok(listener)
        };
        let listening = timeout(patience::answer(Engine::Postgres), listening).await;
        let mut listener = listening.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        loop {
            // What was told before is not heard.
            self.appended.tell();
            match timeout(LISTEN_SILENCE, listener.try_recv()).await {
                Ok(Ok(Some(_))) => {}
                // Ends with the connection, so that what is missed is looked for.
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(error),
                // It may have died without a word.
                Err(_) => {
                    let asked = timeout(
                        patience::answer(Engine::Postgres),
                        listener.execute("SELECT 1"),
                    )
                    .await;
                    asked.map_err(|_| sqlx::Error::PoolTimedOut)??;
                }
            }
        }
    }
}
