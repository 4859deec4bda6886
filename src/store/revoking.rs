//! Revoking: the one path by which the revocation log is written, and what ends with its rows.

use sqlx::Row;

use super::charges::{Bounds, Holder};
use super::columns::{as_bigint, position};
use super::connections::Transaction;
use super::locking::{Holding, Selected, lock_apps, lock_users};
use super::patience::again_if_contended;
use super::revocations::longest_token_seconds;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, Loss};
use crate::token::{LogPosition, RevocationTarget};

/// What is added to the life of the longest token, so that a row outlives it by any leeway that a
/// gate may allow and any second that a clock may be off.
const MARGIN_SECONDS: i64 = 600;

/// Why something is revoked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause<'a> {
    /// Somebody who may revoke whatever there is, or a change of the directory.
    Authority,
    /// Somebody who may do so to others, and has room left for it.
    Administrator(&'a Holder),
    /// What one who holds tokens does with its own, as often as it likes.
    Holder(&'a Holder, &'a Bounds),
}

impl Store {
    /// Bounds how many rows of the log one user, and one app, may have caused that are kept at the same
    /// time. Beyond it one row for all of its access tokens stands for further ones.
    pub fn bound_revocations(&self, per_user: u32, per_app: u32) {
        self.bounds.set(per_user, per_app);
    }

    /// Takes back what was given out to `target`, refresh tokens included. Of a user or an app
    /// itself nothing changes: it may get new ones.
    pub async fn revoke(
        &self,
        target: &RevocationTarget,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        self.revoke_because(target, Cause::Authority, now).await
    }

    /// The same, because of what `holder` did.
    pub async fn revoke_of(
        &self,
        target: &RevocationTarget,
        holder: &Holder,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        let cause = Cause::Holder(holder, &self.bounds);
        self.revoke_because(target, cause, now).await
    }

    async fn revoke_because(
        &self,
        target: &RevocationTarget,
        cause: Cause<'_>,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        again_if_contended(|| self.revoke_once(target, cause, now)).await
    }

    async fn revoke_once(
        &self,
        target: &RevocationTarget,
        cause: Cause<'_>,
        now: UnixSeconds,
    ) -> Result<LogPosition, StoreError> {
        let mut transaction = self.begin().await?;
        let loss = Loss::All(target.clone());
        let position = revoke(&mut transaction, &[loss], cause, now).await?;
        self.appended.commit(transaction).await?;
        Ok(position)
    }
}

/// Appends to the log and ends what the rows of the targets hold: the one way into the log. To be called
/// last in a transaction: from here to its end nobody else appends. Gives back the last position.
pub(super) async fn revoke(
    transaction: &mut Transaction,
    losses: &[Loss],
    cause: Cause<'_>,
    now: UnixSeconds,
) -> Result<LogPosition, StoreError> {
    // Users, refresh tokens and apps come before the log, in every transaction: two that lock them
    // the other way round would wait for each other.
    for loss in losses {
        lock_its_users(transaction, loss.target()).await?;
    }
    for loss in losses {
        end_reset_links(transaction, loss).await?;
    }
    for loss in losses {
        if let RevocationTarget::Grant(id) = loss.target() {
            end_grant(transaction, id).await?;
        }
    }
    for loss in losses {
        lock_its_apps(transaction, loss).await?;
    }
    let mut last = LogPosition::default();
    for loss in losses {
        last = append(transaction, loss.target(), cause, now).await?;
        end_earlier(transaction, loss, last).await?;
    }
    Ok(last)
}

/// What ends all that a user has ends its link for a forgotten password as well. Before the log: whoever uses
/// a link appends to it.
async fn end_reset_links(transaction: &mut Transaction, loss: &Loss) -> Result<(), StoreError> {
    let query = match loss {
        Loss::All(RevocationTarget::User(id)) => {
            sqlx::query("DELETE FROM reset_links WHERE user_id = $1").bind(id.clone())
        }
        Loss::All(RevocationTarget::Everyone) => sqlx::query("DELETE FROM reset_links"),
        Loss::All(_) | Loss::AccessTokens(_) => return Ok(()),
    };
    query.execute(&mut **transaction).await?;
    Ok(())
}

/// Removes all tokens of a grant. A token that somebody is using right now is waited for, and its
/// successor, which the first statement does not see, falls to the next.
async fn end_grant(transaction: &mut Transaction, grant: &str) -> Result<(), StoreError> {
    loop {
        let removed = sqlx::query("DELETE FROM refresh_tokens WHERE family = $1")
            .bind(grant)
            .execute(&mut **transaction)
            .await?;
        if removed.rows_affected() == 0 {
            return Ok(());
        }
    }
}

/// Not by an update: a second one of the same row has PostgreSQL look at what the row refers to,
/// and lock it, after the log.
async fn lock_its_users(
    transaction: &mut Transaction,
    target: &RevocationTarget,
) -> Result<(), StoreError> {
    let query = match target {
        RevocationTarget::Grant(_) => "SELECT user_id FROM refresh_tokens WHERE family = $1",
        RevocationTarget::User(_) => "$1",
        RevocationTarget::Token(_)
        | RevocationTarget::App(_)
        | RevocationTarget::Owner(_)
        | RevocationTarget::Role(_)
        | RevocationTarget::Everyone => return Ok(()),
    };
    let users = Selected::by(query, target.name());
    lock_users(transaction, &users, Holding::ToChange).await
}

async fn lock_its_apps(transaction: &mut Transaction, loss: &Loss) -> Result<(), StoreError> {
    let query = match loss {
        Loss::All(RevocationTarget::App(_)) => "$1",
        Loss::All(RevocationTarget::Owner(_)) => "SELECT app_key FROM apps WHERE owner_id = $1",
        Loss::All(_) | Loss::AccessTokens(_) => return Ok(()),
    };
    let apps = Selected::by(query, loss.target().name());
    lock_apps(transaction, &apps, Holding::ToChange).await
}

/// Ends what has an earlier position, besides access tokens, which the row itself ends. What is given
/// out at this moment has a position from before, and ends by it.
async fn end_earlier(
    transaction: &mut Transaction,
    loss: &Loss,
    position: LogPosition,
) -> Result<(), StoreError> {
    let Loss::All(target) = loss else {
        return Ok(());
    };
    let text = match target {
        RevocationTarget::User(_) => "UPDATE users SET revoked_through = $2 WHERE id = $1",
        RevocationTarget::App(_) => "UPDATE apps SET revoked_through = $2 WHERE app_key = $1",
        RevocationTarget::Owner(_) => "UPDATE apps SET revoked_through = $2 WHERE owner_id = $1",
        RevocationTarget::Everyone => {
            // One row, however many users there are: what they had is judged by its position.
            sqlx::query("UPDATE revocation_head SET everyone_through = $1")
                .bind(as_bigint(position))
                .execute(&mut **transaction)
                .await?;
            return Ok(());
        }
        RevocationTarget::Token(_) | RevocationTarget::Grant(_) | RevocationTarget::Role(_) => {
            return Ok(());
        }
    };
    sqlx::query(text)
        .bind(target.name().to_owned())
        .bind(as_bigint(position))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Appends a row, or what stands for it where whoever causes it has caused too many. Gives back the
/// position of the last.
async fn append(
    transaction: &mut Transaction,
    target: &RevocationTarget,
    cause: Cause<'_>,
    now: UnixSeconds,
) -> Result<LogPosition, StoreError> {
    let (holder, bounds) = match cause {
        Cause::Authority => return append_row(transaction, target, None, now).await,
        Cause::Administrator(holder) => {
            return append_row(transaction, target, Some(holder), now).await;
        }
        Cause::Holder(holder, bounds) => (holder, bounds),
    };
    // A user or app that fills its share of the log has everything of its own ended by one row: the log
    // stays bounded, and what it meant to revoke is revoked.
    let wide = bounds.instead_of(transaction, target, holder).await?;
    if wide.is_empty() {
        return append_row(transaction, target, Some(holder), now).await;
    }
    let mut last = LogPosition::default();
    for target in &wide {
        last = append_row(transaction, target, None, now).await?;
    }
    Ok(last)
}

async fn append_row(
    transaction: &mut Transaction,
    target: &RevocationTarget,
    charged: Option<&Holder>,
    now: UnixSeconds,
) -> Result<LogPosition, StoreError> {
    let expiry = expiry(transaction, now).await?;
    // This locks the head until the commit, so that rows become visible in the order of their
    // positions. A follower that has read one would otherwise skip an earlier one that is committed
    // later.
    let head = "UPDATE revocation_head SET position = position + 1 RETURNING position";
    let row = sqlx::query(head).fetch_one(&mut **transaction).await?;
    let appended = position(&row, "position")?;
    // Of the two the later one: the clock may have gone back, or tokens live shorter than before, and
    // the row stands for those that the earlier one refused.
    let expiry = supersede(transaction, target).await?.max(expiry);
    let app = charged.and_then(|holder| holder.app.as_ref());
    let text = "INSERT INTO revocations \
                (position, kind, subject, created_at, expires_at, user_id, app_key) \
                VALUES ($1, $2, $3, $4, $5, $6, $7)";
    sqlx::query(text)
        .bind(as_bigint(appended))
        .bind(target.kind())
        .bind(target.name().to_owned())
        .bind(now.0)
        .bind(expiry.0)
        .bind(charged.map_or("", |holder| holder.user.as_str()).to_owned())
        .bind(app.map_or("", AppKey::as_str).to_owned())
        .execute(&mut **transaction)
        .await?;
    Ok(appended)
}

/// Removes earlier rows about the same target: the one that follows says more. Gives back when the last
/// of them would have expired.
async fn supersede(
    transaction: &mut Transaction,
    target: &RevocationTarget,
) -> Result<UnixSeconds, StoreError> {
    let text = "DELETE FROM revocations WHERE subject = $1 AND kind = $2 RETURNING expires_at";
    let rows = sqlx::query(text)
        .bind(target.name().to_owned())
        .bind(target.kind())
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
