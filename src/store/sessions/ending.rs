//! How sessions end, and what was made within them.
//!
//! They are found by their lineage, which stays the same when another session takes the place of one: whoever
//! ends a session ends what it has become, also where somebody else has renewed it meanwhile.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::LINEAGE;
use crate::clock::UnixSeconds;
use crate::identity::{GrantId, Loss, SecretDigest, UserId};
use crate::store::charges::Holder;
use crate::store::connections::Transaction;
use crate::store::locking::skipping_locked;
use crate::store::patience::again_if_contended;
use crate::store::revoking::{Cause, revoke};
use crate::store::statement::assembled;
use crate::store::{Store, StoreError};
use crate::token::RevocationTarget;

/// One lineage. The digest is that of a session that an issuer before schema 22 has begun, and of every first
/// one.
const OF_LINEAGE: &str = "(lineage = $1 OR digest = $1)";

impl Store {
    /// Ends the session of this lineage, and the tokens that were made within it. Gives back whose it was; none
    /// where it was over.
    pub async fn end_session(
        &self,
        lineage: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<Option<UserId>, StoreError> {
        again_if_contended(|| self.end_session_once(lineage, None, now)).await
    }

    /// The same if the session has been as it is since `unchanged_since`: whoever comes with an earlier secret
    /// of the lineage, later than that, has a copy, or somebody else has.
    pub async fn end_copied_session(
        &self,
        lineage: &SecretDigest,
        unchanged_since: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<Option<UserId>, StoreError> {
        let text = format!(
            "SELECT digest FROM sessions WHERE {OF_LINEAGE} AND created_at <= $2 AND expires_at > $3"
        );
        // Most cookies that open nothing are of sessions that are over: nobody waits for the writer for them.
        let found = sqlx::query(assembled(text))
            .bind(lineage.to_text())
            .bind(unchanged_since.0)
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        if found.is_none() {
            return Ok(None);
        }
        again_if_contended(|| self.end_session_once(lineage, Some(unchanged_since), now)).await
    }

    async fn end_session_once(
        &self,
        lineage: &SecretDigest,
        unchanged_since: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Result<Option<UserId>, StoreError> {
        let mut transaction = self.begin().await?;
        // What was made within a session has no refresh tokens, so that nothing is locked after this but the log.
        let text = format!(
            "DELETE FROM sessions WHERE {OF_LINEAGE} AND created_at <= $2 \
             RETURNING digest, user_id, tried_until"
        );
        let ended = sqlx::query(assembled(text))
            .bind(lineage.to_text())
            .bind(unchanged_since.map_or(i64::MAX, |since| since.0))
            .fetch_all(&mut *transaction)
            .await?;
        let Some(first) = ended.first() else {
            transaction.commit().await?;
            return Ok(None);
        };
        let user = UserId::known(first.try_get("user_id")?);
        let losses = losses(&ended, now)?;
        self.commit_losses(transaction, &user, &losses, now).await?;
        Ok(Some(user))
    }

    /// Commits a transaction that has ended sessions of a user, with what ends with them.
    pub(super) async fn commit_losses(
        &self,
        mut transaction: Transaction,
        user: &UserId,
        losses: &[Loss],
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        // Others do not wait for the log for sessions in which nothing was tried out.
        if losses.is_empty() {
            return transaction.commit().await;
        }
        let holder = Holder::user(user);
        let cause = Cause::Holder(&holder, &self.bounds);
        revoke(&mut transaction, losses, cause, now).await?;
        self.appended.commit(transaction).await
    }

    /// Ends all sessions of a user but the one of this lineage. What is under way in one of them is waited for.
    pub async fn end_other_sessions(
        &self,
        user: &UserId,
        own: Option<&SecretDigest>,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let own = own.map(SecretDigest::to_text).unwrap_or_default();
        let text = format!(
            "SELECT {LINEAGE} AS lineage FROM sessions WHERE user_id = $1 AND {LINEAGE} <> $2"
        );
        let rows = sqlx::query(assembled(text))
            .bind(user.as_str())
            .bind(own.as_str())
            .fetch_all(&self.writer)
            .await?;
        // One by one, so that nobody waits for one of them with another in hand.
        for row in &rows {
            let lineage = SecretDigest::from_text(row.try_get("lineage")?);
            let lineage = lineage.ok_or(StoreError::Unreadable("session"))?;
            self.end_session(&lineage, now).await?;
        }
        Ok(())
    }

    /// Ends the sessions of a user who has been disabled. One in which a change is under way stays, and opens
    /// nothing.
    pub async fn end_sessions(&self, user: &UserId) -> Result<(), StoreError> {
        let text = format!(
            "DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions WHERE user_id = $1{})",
            skipping_locked(self.engine)
        );
        sqlx::query(assembled(text))
            .bind(user.as_str())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// What was made within these sessions and may still be accepted.
pub(super) fn losses(ended: &[AnyRow], now: UnixSeconds) -> Result<Vec<Loss>, StoreError> {
    let mut losses = Vec::new();
    for row in ended {
        let digest = SecretDigest::from_text(row.try_get("digest")?);
        let digest = digest.ok_or(StoreError::Unreadable("session"))?;
        let tried_until = UnixSeconds(row.try_get("tried_until")?);
        losses.extend(tried(&digest, tried_until, now));
    }
    Ok(losses)
}

/// What was made within a session and may still be accepted.
pub(super) fn tried(
    digest: &SecretDigest,
    tried_until: UnixSeconds,
    now: UnixSeconds,
) -> Option<Loss> {
    let target = RevocationTarget::from(&GrantId::of_session(digest));
    (tried_until > now).then_some(Loss::AccessTokens(target))
}
