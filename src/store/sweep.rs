//! Removing what has ended: nothing reads it any more, and it would only grow.

use super::locking::{ENDED, sweeping};
use super::statement::assembled;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;

/// What can be swept.
#[derive(Debug, Clone, Copy)]
struct Sweep {
    /// How the rows are called.
    rows: &'static str,
    table: &'static str,
    key: &'static str,
    /// Which of them; each is found by an index.
    due: &'static str,
}

const LOG: Sweep = Sweep::of_ended("revocations", "revocations", "position");

const ALL_BUT_LOG: [Sweep; 9] = [
    Sweep::of_ended("refresh tokens", "refresh_tokens", "digest"),
    Sweep {
        rows: "refresh tokens that ended with everybody's",
        table: "refresh_tokens",
        key: "digest",
        due: "expires_at > $1 AND position < (SELECT everyone_through FROM revocation_head)",
    },
    Sweep {
        rows: "authorization codes",
        table: "authorization_codes",
        key: "digest",
        // `authorization_codes::REMEMBERED_SECONDS` after their end.
        due: "expires_at <= $1 - 86400",
    },
    Sweep::of_ended("app secrets", "app_secrets", "app_key, digest"),
    Sweep::of_ended("login places", "login_places", "user_id, place"),
    Sweep::of_ended("audit entries", "audit", "position"),
    Sweep::of_ended(
        "sign-ins",
        "sign_ins",
        "user_id, day, outcome, method, endpoint, address",
    ),
    Sweep::of_ended("used challenges", "used_challenges", "digest"),
    Sweep::of_ended("reset links", "reset_links", "user_id"),
];

impl Sweep {
    const fn of_ended(rows: &'static str, table: &'static str, key: &'static str) -> Self {
        Self {
            rows,
            table,
            key,
            due: ENDED,
        }
    }
}

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
        for sweep in sweeps {
            let text = sweeping(self.engine, sweep.table, sweep.key, sweep.due);
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
                let rows = sweep.rows;
                swept.push(Swept { rows, count });
            }
        }
        Ok(swept)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sqlx::Row;

    use super::*;
    use crate::store::StoreLocation;
    use crate::store::authorization_codes::REMEMBERED_SECONDS;

    /// Removed where the next one is added.
    const ELSEWHERE: [&str; 1] = ["sessions"];

    #[tokio::test]
    async fn whatever_ends_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let place = StoreLocation::parse("sqlite:sweep.db", folder.path()).unwrap();
        let store = Store::open(&place).await.unwrap();
        let text = "SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c \
                    WHERE m.type = 'table' AND c.name = 'expires_at'";
        let rows = sqlx::query(text).fetch_all(&store.reader).await.unwrap();
        let ending: BTreeSet<String> = rows.iter().map(|row| row.get("name")).collect();
        let swept = ALL_BUT_LOG.iter().chain([&LOG]).map(|sweep| sweep.table);
        let swept: BTreeSet<String> = swept.chain(ELSEWHERE).map(str::to_owned).collect();
        assert_eq!(ending, swept);
        let due = format!("expires_at <= $1 - {REMEMBERED_SECONDS}");
        assert!(ALL_BUT_LOG.iter().any(|sweep| sweep.due == due));
    }
}
