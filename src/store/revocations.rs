//! The revocation log: what was taken back, in the one order in which everybody sees it.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};
use tokio::sync::Notify;

use super::charges::{Bounds, Holder};
use super::columns::{as_bigint, position};
use super::connections::Transaction;
use super::locking::{Holding, Selected, lock_apps, lock_users};
use super::patience::again_if_contended;
use super::refresh_tokens::end_grant;
use super::settings::{self, Setting};
use super::statement::assembled;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::AppKey;
use crate::token::{LogPosition, RevocationTarget};

/// What is added to the life of the longest token, so that a row outlives it by any leeway that a
/// gate may allow and any second that a clock may be off.
const MARGIN_SECONDS: i64 = 600;

/// How many positions are passed in a second when a log is led: more than it gets rows.
const POSITIONS_A_SECOND: i64 = 1_000_000;

/// Tells that the log has grown.
#[derive(Debug, Default)]
pub(super) struct Growth {
    told: Notify,
    /// By how many transactions of this process.
    own: AtomicU64,
    /// The last row that this release does not understand.
    not_understood: AtomicU64,
}

impl Growth {
    /// Somebody has appended.
    pub(super) fn tell(&self) {
        self.told.notify_one();
    }

    /// This process has.
    pub(super) fn tell_own(&self) {
        self.own.fetch_add(1, Ordering::AcqRel);
        self.tell();
    }
}

/// Why something is taken back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause<'a> {
    /// Somebody who may take back whatever there is, or a change of the directory.
    Authority,
    /// What one who holds tokens does with its own, as often as it likes.
    Holder(&'a Holder, &'a Bounds),
}

/// A row of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRevocation {
    /// Where it stands: rows appear in this order and none later than a greater one.
    pub position: LogPosition,
    /// Whose tokens from before are refused.
    pub subject: RevocationTarget,
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

    /// Bounds how many rows of the log one user, and one app, may have caused that are kept at the same
    /// time. Beyond it one row for all of its access tokens stands for further ones.
    pub fn bound_revocations(&self, per_user: u32, per_app: u32) {
        self.bounds.set(per_user, per_app);
    }

    /// Takes back what was given out to `subject`, refresh tokens included. Of a user or an app
    /// itself nothing changes: it may get new ones.
    pub async fn revoke(
        &self,
        subject: &RevocationTarget,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        self.revoke_because(subject, Cause::Authority, now).await
    }

    /// The same, because of what `holder` did.
    pub async fn revoke_of(
        &self,
        subject: &RevocationTarget,
        holder: &Holder,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        let cause = Cause::Holder(holder, &self.bounds);
        self.revoke_because(subject, cause, now).await
    }

    async fn revoke_because(
        &self,
        subject: &RevocationTarget,
        cause: Cause<'_>,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        again_if_contended(|| self.revoke_once(subject, cause, now)).await
    }

    async fn revoke_once(
        &self,
        subject: &RevocationTarget,
        cause: Cause<'_>,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        let mut transaction = self.begin().await?;
        let position = revoke(&mut transaction, subject, cause, now).await?;
        self.commit_appended(transaction).await?;
        Ok(position)
    }

    /// Commits a transaction that has appended, and tells whoever follows the log.
    pub(super) async fn commit_appended(
        &self,
        mut transaction: Transaction,
    ) -> Result<(), StoreError> {
        self.give_notice(&mut transaction).await?;
        transaction.commit().await?;
        self.appended.tell_own();
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

    /// What a newer release has taken back may be anybody's: it counts as everyone's.
    fn read_row(&self, row: &AnyRow) -> Result<LoggedRevocation, StoreError> {
        let position = position(row, "position")?;
        let kind: &str = row.try_get("kind")?;
        let subject = RevocationTarget::parse(kind, row.try_get("subject")?).unwrap_or_else(|| {
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
            subject,
            expires_at: UnixSeconds(row.try_get("expires_at")?),
        })
    }

    /// Whether what was given out then may be concerned by a row that this release does not
    /// understand and has come across.
    pub(super) fn may_concern(&self, given_out: LogPosition) -> bool {
        given_out.0 < self.appended.not_understood.load(Ordering::Acquire)
    }

    /// Whether the log has one of `subjects` beyond `position`: asked where its present state
    /// counts, and not what a list in memory has of it.
    pub async fn is_revoked(
        &self,
        subjects: &[RevocationTarget],
        given_out: LogPosition,
    ) -> Result<bool, StoreError> {
        if self.may_concern(given_out) {
            return Ok(true);
        }
        is_revoked(&self.reader, subjects, given_out).await
    }
}

/// See [`Store::is_revoked`].
pub(super) async fn is_revoked(
    database: impl Executor<'_, Database = Any>,
    subjects: &[RevocationTarget],
    given_out: LogPosition,
) -> Result<bool, StoreError> {
    // What concerns everyone has no name.
    let numbers: Vec<String> = (2..)
        .take(subjects.len())
        .map(|number| format!(", ${number}"))
        .collect();
    let text = format!(
        "SELECT kind, subject FROM revocations WHERE position > $1 AND subject IN (''{})",
        numbers.concat()
    );
    let mut select = sqlx::query(assembled(text)).bind(as_bigint(given_out));
    for subject in subjects {
        select = select.bind(subject.name().to_owned());
    }
    for row in select.fetch_all(database).await? {
        let found = subject(&row)?;
        if found == RevocationTarget::Everyone || subjects.contains(&found) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Appends to the log and ends what the rows of `subject` hold. To be called last in a transaction:
/// from here to its end nobody else appends.
pub(super) async fn revoke(
    transaction: &mut Transaction,
    subject: &RevocationTarget,
    cause: Cause<'_>,
    now: UnixSeconds,
) -> Result<LogPosition, StoreError> {
    // The rows come before the log, in every transaction: two that lock them the other way round
    // would wait for each other.
    lock_revoked(transaction, subject).await?;
    let through = match subject {
        RevocationTarget::Token(_)
        | RevocationTarget::Owner(_)
        | RevocationTarget::Role(_)
        | RevocationTarget::Everyone => None,
        RevocationTarget::Grant(id) => {
            end_grant(transaction, id).await?;
            None
        }
        // What is given out at this moment has a position from before, and ends by it.
        RevocationTarget::App(_) => Some("UPDATE apps SET revoked_through = $2 WHERE app_key = $1"),
        RevocationTarget::User(_) => Some("UPDATE users SET revoked_through = $2 WHERE id = $1"),
    };
    let position = append(transaction, subject, cause, now).await?;
    if let Some(text) = through {
        set_revoked_through(transaction, text, subject, position).await?;
    }
    if *subject == RevocationTarget::Everyone {
        // One row, however many users there are: what they had is judged by its position.
        sqlx::query("UPDATE revocation_head SET everyone_through = $1")
            .bind(as_bigint(position))
            .execute(&mut **transaction)
            .await?;
    }
    Ok(position)
}

/// Not by an update: a second one of the same row has PostgreSQL look at what the row refers to,
/// and lock it, after the log.
async fn lock_revoked(
    transaction: &mut Transaction,
    subject: &RevocationTarget,
) -> Result<(), StoreError> {
    let name = subject.name();
    let query = match subject {
        RevocationTarget::Token(_)
        | RevocationTarget::Owner(_)
        | RevocationTarget::Role(_)
        | RevocationTarget::Everyone => {
            return Ok(());
        }
        RevocationTarget::App(_) => {
            return lock_apps(transaction, &Selected::by("$1", name), Holding::ToChange).await;
        }
        RevocationTarget::Grant(_) => "SELECT user_id FROM refresh_tokens WHERE family = $1",
        RevocationTarget::User(_) => "$1",
    };
    lock_users(transaction, &Selected::by(query, name), Holding::ToChange).await
}

async fn set_revoked_through(
    transaction: &mut Transaction,
    text: &'static str,
    subject: &RevocationTarget,
    position: LogPosition,
) -> Result<(), StoreError> {
    sqlx::query(text)
        .bind(subject.name())
        .bind(as_bigint(position))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Appends a row, or what stands for it where whoever causes it has caused too many. Gives back the
/// position of the last.
async fn append(
    transaction: &mut Transaction,
    subject: &RevocationTarget,
    cause: Cause<'_>,
    now: UnixSeconds,
) -> Result<LogPosition, StoreError> {
    let Cause::Holder(holder, bounds) = cause else {
        return append_row(transaction, subject, None, now).await;
    };
    let wide = bounds.instead_of(transaction, subject, holder).await?;
    if wide.is_empty() {
        return append_row(transaction, subject, Some(holder), now).await;
    }
    let mut last = LogPosition::default();
    for subject in &wide {
        last = append_row(transaction, subject, None, now).await?;
    }
    Ok(last)
}

async fn append_row(
    transaction: &mut Transaction,
    subject: &RevocationTarget,
    charged: Option<&Holder>,
    now: UnixSeconds,
) -> Result<LogPosition, StoreError> {
    let expiry = expiry(transaction, now).await?;
    let head = "UPDATE revocation_head SET position = position + 1 RETURNING position";
    let row = sqlx::query(head).fetch_one(&mut **transaction).await?;
    let appended = position(&row, "position")?;
    let expiry = supersede(transaction, subject).await?.max(expiry);
    let app = charged.and_then(|holder| holder.app.as_ref());
    let text = "INSERT INTO revocations \
                (position, kind, subject, created_at, expires_at, user_id, app_key) \
                VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(text)
        .bind(as_bigint(appended))
        .bind(subject.kind())
        .bind(subject.name().to_owned())
        .bind(now.0)
        .bind(expiry.0)
        .bind(charged.map_or("", |holder| holder.user.as_str()).to_owned())
        .bind(app.map_or("", AppKey::as_str).to_owned())
        .execute(&mut **transaction)
        .await?;
    Ok(appended)
}

/// Removes earlier rows about the same subject: the one that follows says more. Gives back when the last
/// of them would have expired.
async fn supersede(
    transaction: &mut Transaction,
    subject: &RevocationTarget,
) -> Result<UnixSeconds, StoreError> {
    let text = "DELETE FROM revocations WHERE subject = $1 AND kind = $2 RETURNING expires_at";
    let rows = sqlx::query(text)
        .bind(subject.name().to_owned())
        .bind(subject.kind())
        .fetch_all(&mut **transaction)
        .await?;
    let mut last = UnixSeconds(i64::MIN);
    for row in rows {
        last = last.max(UnixSeconds(row.try_get("expires_at")?));
    }
    Ok(last)
}

/// When the last token has ended that was given out until now.
async fn expiry(
    transaction: &mut Transaction,
    now: UnixSeconds,
) -> Result<UnixSeconds, StoreError> {
    let life = longest_token_seconds(transaction).await?;
    Ok(now.plus(life).plus(MARGIN_SECONDS))
}

async fn longest_token_seconds(transaction: &mut Transaction) -> Result<i64, StoreError> {
    let Some(seconds) = settings::read(&mut **transaction, Setting::LongestToken).await? else {
        // Nobody has issued a token on this store.
        return Ok(0);
    };
    let seconds = seconds.parse();
    seconds.map_err(|_| StoreError::Unreadable("life of tokens"))
}

fn subject(row: &AnyRow) -> Result<RevocationTarget, StoreError> {
    let found = RevocationTarget::parse(row.try_get("kind")?, row.try_get("subject")?);
    found.ok_or(StoreError::Unreadable("revocation"))
}
