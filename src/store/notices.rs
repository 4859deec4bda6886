//! How processes on one PostgreSQL tell each other that the revocation log has grown: a wake-up and
//! nothing more. Databases that only speak its protocol may lack it; the log is then polled.

use std::time::Duration;

use sqlx::postgres::PgListener;
use sqlx::{Any, AnyPool, Executor, Transaction};

use super::{Store, StoreError, StoreLocation};

const CHANNEL: &str = "portcullis_revocations";

const NOTICE: &str = "NOTIFY portcullis_revocations";

/// How long until the next try, where nothing can be heard.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether the database has `NOTIFY`: in a transaction, an unknown statement would spoil it.
pub(super) async fn offered(pool: &AnyPool) -> bool {
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
        transaction: &mut Transaction<'static, Any>,
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
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen(&self, url: &str) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect(url).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // What was told before is not heard.
            self.appended.tell();
            // Ends with the connection, so that what is missed is looked for.
            if listener.try_recv().await?.is_none() {
                return Ok(());
            }
        }
    }
}
