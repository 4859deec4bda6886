//! Removing what has ended: nothing reads it any more, and it would only grow.

use super::locking::{ENDED, sweeping};
use super::statement::assembled;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;

/// What can be swept: the rows' name, their table and its key, and which of them. Each is found by an index.
type Sweep = (&'static str, &'static str, &'static str, &'static str);

const LOG: Sweep = ("revocations", "revocations", "position", ENDED);

const ALL_BUT_LOG: [Sweep; 7] = [
    ("refresh tokens", "refresh_tokens", "digest", ENDED),
    (
        "refresh tokens that ended with everybody's",
        "refresh_tokens",
        "digest",
        "expires_at > $1 AND position < (SELECT everyone_through FROM revocation_head)",
    ),
    ("app secrets", "app_secrets", "app_key, digest", ENDED),
    ("login places", "login_places", "user_id, place", ENDED),
    ("audit entries", "audit", "position", ENDED),
    ("used challenges", "used_challenges", "digest", ENDED),
    ("reset links", "reset_links", "user_id", ENDED),
];

/// What a sweep has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    pub rows: &'static str,
    pub count: u64,
}

impl Store {
    /// Removes everything that had ended at `now`, in steps of at most `batch` rows: others who
    /// write wait for no more than one step.
    pub async fn sweep(&self, now: UnixSeconds, batch: u32) -> Result<Vec<Swept>, StoreError> {
        let mut swept = self.sweep_all_but_log(now, batch).await?;
        swept.extend(self.sweep_log(now, batch).await?);
        Ok(swept)
    }

    /// Removes the rows of the revocation log that had ended at `now`, as [`Self::sweep`] does.
    pub async fn sweep_log(&self, now: UnixSeconds, batch: u32) -> Result<Vec<Swept>, StoreError> {
        self.sweep_these(&[LOG], now, batch).await
    }

    /// Removes everything else that had ended at `now`, as [`Self::sweep`] does.
    pub async fn sweep_all_but_log(
        &self,
        now: UnixSeconds,
        batch: u32,
    ) -> Result<Vec<Swept>, StoreError> {
        self.sweep_these(&ALL_BUT_LOG, now, batch).await
    }

    async fn sweep_these(
        &self,
        sweeps: &[Sweep],
        now: UnixSeconds,
        batch: u32,
    ) -> Result<Vec<Swept>, StoreError> {
        let mut swept = Vec::new();
        for &(rows, table, key, which) in sweeps {
            let text = sweeping(self.engine, (table, key), which);
            let mut count = 0;
            loop {
                let removed = sqlx::query(assembled(text.clone()))
                    .bind(now.0)
                    .bind(i64::from(batch))
                    .execute(&self.writer)
                    .await?
                    .rows_affected();
                // Ends with an empty step, not with the first that is not full: rows that others hold
                // are skipped, and there may be more behind them.
                count += removed;
                if removed == 0 {
                    break;
                }
            }
            if count > 0 {
                swept.push(Swept { rows, count });
            }
        }
        Ok(swept)
    }
}
