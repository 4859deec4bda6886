//! Sessions: the browsers in which a user is logged in. Digests only.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::charges::Holder;
use super::columns::{as_bigint, position};
use super::connections::Transaction;
use super::locking::{ENDED, lock_listed_users, sweeping};
use super::passkeys::hold_without_passkeys;
use super::patience::again_if_contended;
use super::revoking::{Cause, revoke};
use super::settings::Setting;
use super::statement::assembled;
use super::users::with_id;
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{Assurance, GrantId, Loss, PlainSecret, SecretDigest, Session, User, UserId};
use crate::token::RevocationTarget;

/// How many that have ended make room for a new one.
const SWEPT_AT_ONCE: i64 = 100;

/// In how many browsers a user is logged in at once; the earliest login ends first.
const MAX_SESSIONS: i64 = 20;

/// A session that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// Of what the browser has.
    pub digest: &'a SecretDigest,
    pub user: &'a User,
    /// By what the user has logged in.
    pub assurance: Assurance,
    pub created_at: UnixSeconds,
    pub expires_at: UnixSeconds,
}

impl Store {
    /// What seals the messages from one page to the next, for all issuers on this store: `fresh` where there
    /// was none.
    pub async fn sealing_secret(&self, fresh: &PlainSecret) -> Result<PlainSecret, StoreError> {
        let value = self.value_or(Setting::ToldSecret, fresh.reveal()).await?;
        Ok(PlainSecret::claimed(&value))
    }

    /// Keeps a new session, and forgets those that are over, or one too many. One by the password alone is
    /// refused to a user who has a passkey ([`StoreError::PasskeyAdded`]).
    pub async fn add_session(&self, session: &NewSession<'_>) -> Result<(), StoreError> {
        sqlx::query(assembled(sweeping(
            self.engine,
            "sessions",
            "digest",
            ENDED,
        )))
        .bind(session.created_at.0)
        .bind(SWEPT_AT_ONCE)
        .execute(&self.writer)
        .await?;
        // Whoever renews one has ended the earlier one before.
        again_if_contended(|| self.add_session_once(session)).await
    }

    async fn add_session_once(&self, session: &NewSession<'_>) -> Result<(), StoreError> {
        let user = session.user;
        let mut transaction = self.begin().await?;
        match session.assurance {
            Assurance::Password => hold_without_passkeys(&mut transaction, &user.id).await?,
            Assurance::SecondFactor => {
                lock_listed_users(&mut transaction, vec![user.id.as_str()]).await?;
            }
        }
        let text = "INSERT INTO sessions (digest, user_id, created_at, expires_at, position, \
                    assurance) VALUES ($1, $2, $3, $4, $5, $6)";
        sqlx::query(text)
            .bind(session.digest.to_text())
            .bind(user.id.as_str())
            .bind(session.created_at.0)
            .bind(session.expires_at.0)
            .bind(as_bigint(user.as_of))
            .bind(session.assurance.number())
            .execute(&mut *transaction)
            .await?;
        let surplus = "DELETE FROM sessions WHERE user_id = $1 AND digest NOT IN (SELECT digest FROM sessions \
                       WHERE user_id = $1 ORDER BY created_at DESC, digest LIMIT $2) \
                       RETURNING digest, tried_until";
        let ended = sqlx::query(surplus)
            .bind(user.id.as_str())
            .bind(MAX_SESSIONS)
            .fetch_all(&mut *transaction)
            .await?;
        self.commit_ended(transaction, &user.id, &ended, session.created_at)
            .await
    }

    /// Notes that a token was made within a session that may be accepted until then: a session that ends before
    /// ends it as well. Gives back when the session ends unless it is prolonged; none where it is over already, so
    /// that there must be no token.
    pub async fn note_trial(
        &self,
        digest: &SecretDigest,
        until: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<Option<UnixSeconds>, StoreError> {
        let text = "UPDATE sessions SET tried_until = CASE WHEN tried_until > $2 THEN tried_until ELSE $2 END \
                    WHERE digest = $1 AND expires_at > $3 RETURNING expires_at";
        let noted = sqlx::query(text)
            .bind(digest.to_text())
            .bind(until.0)
            .bind(now.0)
            .fetch_optional(&self.writer)
            .await?;
        let end = noted.map(|row| row.try_get("expires_at").map(UnixSeconds));
        Ok(end.transpose()?)
    }

    /// Has a session end later than it would.
    pub async fn prolong_session(
        &self,
        digest: &SecretDigest,
        expires_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        sqlx::query("UPDATE sessions SET expires_at = $2 WHERE digest = $1 AND expires_at < $2")
            .bind(digest.to_text())
            .bind(expires_at.0)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// A session that has not expired, and whose it is; [`Session::check`] says whether it still counts.
    pub async fn session(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<Option<Session>, StoreError> {
        let text = "SELECT user_id, position, created_at, expires_at, assurance, \
                    (SELECT COUNT(*) FROM passkeys p WHERE p.user_id = sessions.user_id) AS passkeys \
                    FROM sessions WHERE digest = $1 AND expires_at > $2";
        let row = sqlx::query(text)
            .bind(digest.to_text())
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let position = position(&row, "position")?;
        let began_at = UnixSeconds(row.try_get("created_at")?);
        let expires_at = UnixSeconds(row.try_get("expires_at")?);
        let assurance = Assurance::of_number(row.try_get("assurance")?);
        let passkeys = row.try_get("passkeys")?;
        // Read later than the session: what ends it in between is seen.
        let user = with_id(&self.reader, &UserId::known(row.try_get("user_id")?)).await?;
        Ok(user.map(|user| Session {
            user,
            position,
            began_at,
            expires_at,
            assurance,
            passkeys,
        }))
    }

    /// The sessions of a user that have not expired and stand, with their digests; the latest login first.
    pub async fn sessions_of(
        &self,
        user: &User,
        now: UnixSeconds,
    ) -> Result<Vec<(SecretDigest, Session)>, StoreError> {
        let text = "SELECT digest, position, created_at, expires_at, assurance, \
                    (SELECT COUNT(*) FROM passkeys p WHERE p.user_id = sessions.user_id) AS passkeys \
                    FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at DESC, digest LIMIT $3";
        let rows = sqlx::query(text)
            .bind(user.id.as_str())
            .bind(now.0)
            .bind(MAX_SESSIONS)
            .fetch_all(&self.reader)
            .await?;
        let mut sessions = Vec::new();
        for row in &rows {
            let digest = SecretDigest::from_text(row.try_get("digest")?);
            let session = Session {
                user: user.clone(),
                position: position(row, "position")?,
                began_at: UnixSeconds(row.try_get("created_at")?),
                expires_at: UnixSeconds(row.try_get("expires_at")?),
                assurance: Assurance::of_number(row.try_get("assurance")?),
                passkeys: row.try_get("passkeys")?,
            };
            if session.check().is_ok() {
                let digest = digest.ok_or(StoreError::Unreadable("session"))?;
                sessions.push((digest, session));
            }
        }
        Ok(sessions)
    }

    /// Ends a session, and the tokens that were made within it.
    pub async fn end_session(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        again_if_contended(|| self.end_session_once(digest, now)).await
    }

    async fn end_session_once(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let row = sqlx::query("SELECT user_id FROM sessions WHERE digest = $1")
            .bind(digest.to_text())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else {
            return transaction.commit().await;
        };
        let user = UserId::known(row.try_get("user_id")?);
        // Users come before sessions, as where all of them end.
        lock_listed_users(&mut transaction, vec![user.as_str()]).await?;
        let ended =
            sqlx::query("DELETE FROM sessions WHERE digest = $1 RETURNING digest, tried_until")
                .bind(digest.to_text())
                .fetch_all(&mut *transaction)
                .await?;
        self.commit_ended(transaction, &user, &ended, now).await
    }

    /// Commits a transaction that has removed these sessions of a user, and takes back what was made within them
    /// and may still be accepted.
    async fn commit_ended(
        &self,
        mut transaction: Transaction,
        user: &UserId,
        ended: &[AnyRow],
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let mut losses = Vec::new();
        for row in ended {
            let digest = SecretDigest::from_text(row.try_get("digest")?);
            if UnixSeconds(row.try_get("tried_until")?) > now {
                let digest = digest.ok_or(StoreError::Unreadable("session"))?;
                let target = RevocationTarget::from(&GrantId::of_session(&digest));
                losses.push(Loss::AccessTokens(target));
            }
        }
        // Others do not wait for the log for sessions in which nothing was tried out.
        if losses.is_empty() {
            return transaction.commit().await;
        }
        let holder = Holder::user(user);
        let cause = Cause::Holder(&holder, &self.bounds);
        revoke(&mut transaction, &losses, cause, now).await?;
        self.appended.commit(transaction).await
    }

    /// Ends all sessions of a user, as when it is disabled or its password changes.
    pub async fn end_sessions(&self, user: &UserId) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        lock_listed_users(&mut transaction, vec![user.as_str()]).await?;
        sqlx::query("DELETE FROM sessions WHERE user_id = $1")
            .bind(user.as_str())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}
