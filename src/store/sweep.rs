//! Removing what has ended: nothing reads it any more, and it would only grow.

use super::{Store, StoreError};
use crate::clock::UnixSeconds;

/// What can be swept: the rows' name, and the statement that removes at most `$2` of those that had
/// ended at `$1`. Each is found by an index on its end.
const SWEEPS: [(&str, &str); 3] = [
    (
        "refresh tokens",
        "DELETE FROM refresh_tokens WHERE digest IN \
         (SELECT digest FROM refresh_tokens WHERE expires_at <= $1 LIMIT $2)",
    ),
    (
        "revocations",
        "DELETE FROM revocations WHERE position IN \
         (SELECT position FROM revocations WHERE expires_at <= $1 LIMIT $2)",
    ),
    (
        "app secrets",
        "DELETE FROM app_secrets WHERE (app_key, digest) IN \
         (SELECT app_key, digest FROM app_secrets WHERE expires_at <= $1 LIMIT $2)",
    ),
];

/// What a sweep has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// The rows' name.
    pub rows: &'static str,
    /// How many.
    pub count: u64,
}

impl Store {
    /// Removes everything that had ended at `now`, in steps of at most `batch` rows: others who
    /// write wait for no more than one step.
    pub async fn sweep(&self, now: UnixSeconds, batch: u32) -> Result<Vec<Swept>, StoreError> {
        let mut swept = Vec::new();
        for (rows, text) in SWEEPS {
            let mut count = 0;
            loop {
                let removed = sqlx::query(text)
                    .bind(now.0)
                    .bind(i64::from(batch))
                    .execute(&self.writer)
                    .await?
                    .rows_affected();
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
