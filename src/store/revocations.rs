//! The revocation log as it is read: what was revoked, in the one order in which everybody sees it.
//! `revoking` writes it.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};
use tokio::sync::Notify;

use super::columns::{as_bigint, position};
use super::connections::Transaction;
use super::notices::give_notice;
use super::settings::{self, Setting};
use super::statement::assembled;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::token::{LogPosition, RevocationTarget};

/// How many positions are passed in a second when a log is led: more than it gets rows.
const POSITIONS_A_SECOND: i64 = 1_000_000;

/// Tells that the log has grown.
#[derive(Debug)]
pub(super) struct Growth {
    told: Notify,
    /// By how many transactions of this process.
    own: AtomicU64,
    /// The last row that this release does not understand.
    not_understood: AtomicU64,
    /// What was given out before is refused, because the list of a gate beside could not hold all rows.
    floor: AtomicU64,
    notices: Notices,
}

/// Whether other processes are told when something is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notices {
    Given,
    /// The database cannot: they poll.
    Impossible,
}

impl Growth {
    pub(super) fn new(notices: Notices) -> Self {
        Self {
            told: Notify::new(),
            own: AtomicU64::default(),
            not_understood: AtomicU64::default(),
            floor: AtomicU64::default(),
            notices,
        }
    }

    pub(super) fn tell(&self) {
        self.told.notify_one();
    }

    /// Commits a transaction that has appended, and tells whoever follows the log.
    pub(super) async fn commit(&self, mut transaction: Transaction) -> Result<(), StoreError> {
        if self.notices == Notices::Given {
            give_notice(&mut transaction).await?;
        }
        transaction.commit().await?;
        // After the commit: whoever is told looks at once, and must find the rows.
        self.own.fetch_add(1, Ordering::AcqRel);
        self.tell();
        Ok(())
    }
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRevocation {
    /// Its place in the log: rows appear in this order, and none later than a greater one.
    pub position: LogPosition,
    /// Whose tokens from before are refused.
    pub target: RevocationTarget,
    /// When the last of these tokens has ended.
    pub expires_at: UnixSeconds,
}

impl Store {
    /// Says how long access tokens live from now on. Rows of the log live as long as the longest
    /// that was ever said, because tokens from before a change of the configuration live on.
    pub async fn announce_token_life(&self, seconds: u32) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let text = seconds.to_string();
        settings::keep(&mut *transaction, Setting::LongestToken, &text).await?;
        let longest = longest_token_seconds(&mut transaction).await?;
        if longest < i64::from(seconds) {
            settings::replace(&mut *transaction, Setting::LongestToken, &text).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Waits until the log has grown, perhaps before the call. What other processes append is told
    /// where the engine can, and while [`Store::hear_notices`] runs. For one who waits, not for several.
    pub fn appended(&self) -> impl Future<Output = ()> + '_ {
        self.appended.told.notified()
    }

    /// How often this process has appended to the log.
    pub fn appends(&self) -> u64 {
        self.appended.own.load(Ordering::Acquire)
    }

    /// The name of the log, which is `fresh` where it had none.
    pub async fn log_id(&self, fresh: &str) -> Result<String, StoreError> {
        self.value_or(Setting::LogId, fresh).await
    }

    /// Leads the log to positions that none has been at, by the time: a database that was restored
    /// from a backup would otherwise use positions again, and tokens from after the backup would
    /// seem to be newer than what it then revokes.
    pub async fn lead_log(&self, now: UnixSeconds) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let text = "UPDATE revocation_head SET position = $1 WHERE position < $1";
        sqlx::query(text)
            .bind(now.0.saturating_mul(POSITIONS_A_SECOND))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The position of the log's last row, swept or not.
    pub async fn log_position(&self) -> Result<LogPosition, StoreError> {
        let row = sqlx::query("SELECT position FROM revocation_head")
            .fetch_one(&self.reader)
            .await?;
        position(&row, "position")
    }

    /// The first `limit` rows beyond `after`, in order.
    pub async fn revocations_after(
        &self,
        after: LogPosition,
        limit: usize,
    ) -> Result<Vec<LoggedRevocation>, StoreError> {
        let text = "SELECT position, kind, subject, expires_at FROM revocations \
                    WHERE position > $1 ORDER BY position LIMIT $2";
        let rows = sqlx::query(text)
            .bind(as_bigint(after))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(|row| self.read_row(row)).collect()
    }

    /// What a newer release has revoked may be anybody's: it counts as everyone's.
    fn read_row(&self, row: &AnyRow) -> Result<LoggedRevocation, StoreError> {
        let position = position(row, "position")?;
        let kind: &str = row.try_get("kind")?;
        let target = RevocationTarget::parse(kind, row.try_get("subject")?).unwrap_or_else(|| {
            tracing::error!(
                revocation.position = position.0,
                revocation.kind = kind,
                "the revocation log has an entry that this release does not understand: all tokens \
                 from before are refused; update this issuer"
            );
            let seen = &self.appended.not_understood;
            seen.fetch_max(position.0, Ordering::AcqRel);
            RevocationTarget::Everyone
        });
        Ok(LoggedRevocation {
            position,
            target,
            expires_at: UnixSeconds(row.try_get("expires_at")?),
        })
    }

    /// Has tokens from before `floor` refused here, as the gate in this process does whose list is full.
    pub fn refuse_before(&self, floor: LogPosition) {
        self.appended.floor.fetch_max(floor.0, Ordering::AcqRel);
    }

    /// Whether what was given out then may be concerned by a row that this release does not
    /// understand and has come across, or that a full list has given up.
    pub(super) fn may_concern(&self, given_out: LogPosition) -> bool {
        let not_understood = self.appended.not_understood.load(Ordering::Acquire);
        given_out.0 < not_understood.max(self.appended.floor.load(Ordering::Acquire))
    }

    /// Whether the log has one of `targets` beyond `given_out`: asked where its present state
    /// counts, and not what a list in memory has of it.
    pub async fn is_revoked(
        &self,
        targets: &[RevocationTarget],
        given_out: LogPosition,
    ) -> Result<bool, StoreError> {
        if self.may_concern(given_out) {
            return Ok(true);
        }
        is_revoked(&self.reader, targets, given_out).await
    }
}

/// See [`Store::is_revoked`].
pub(super) async fn is_revoked(
    database: impl Executor<'_, Database = Any>,
    targets: &[RevocationTarget],
    given_out: LogPosition,
) -> Result<bool, StoreError> {
    // What concerns everyone has no name.
    let numbers: Vec<String> = (2..)
        .take(targets.len())
        .map(|number| format!(", ${number}"))
        .collect();
    let text = format!(
        "SELECT kind, subject FROM revocations WHERE position > $1 AND subject IN (''{})",
        numbers.concat()
    );
    let mut select = sqlx::query(assembled(text)).bind(as_bigint(given_out));
    for target in targets {
        select = select.bind(target.name().to_owned());
    }
    for row in select.fetch_all(database).await? {
        let found = target(&row)?;
        if found == RevocationTarget::Everyone || targets.contains(&found) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the log has a row of this target.
pub(super) async fn is_listed(
    transaction: &mut Transaction,
    target: &RevocationTarget,
) -> Result<bool, StoreError> {
    let text = "SELECT position FROM revocations WHERE subject = $1 AND kind = $2 LIMIT 1";
    let found = sqlx::query(text)
        .bind(target.name().to_owned())
        .bind(target.kind())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(found.is_some())
}

pub(super) async fn longest_token_seconds(
    transaction: &mut Transaction,
) -> Result<i64, StoreError> {
    let Some(seconds) = settings::read(&mut **transaction, Setting::LongestToken).await? else {
        // Nobody has issued a token on this store.
        return Ok(0);
    };
    let seconds = seconds.parse();
    seconds.map_err(|_| StoreError::Unreadable("life of tokens"))
}

fn target(row: &AnyRow) -> Result<RevocationTarget, StoreError> {
    let found = RevocationTarget::parse(row.try_get("kind")?, row.try_get("subject")?);
    found.ok_or(StoreError::Unreadable("revocation"))
}
