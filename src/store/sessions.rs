//! Sessions: the browsers in which a user is logged in. Digests only.

use sqlx::Row;

mod ending;

use super::columns::{as_bigint, position};
use super::location::Engine;
use super::locking::{ENDED, lock_listed_users, skipping_locked, sweeping};
use super::passkeys::hold_without_passkeys;
use super::patience::again_if_contended;
use super::settings::Setting;
use super::statement::assembled;
use super::users::with_id;
use super::{Change, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{Assurance, Loss, PlainSecret, SecretDigest, Session, User, UserId};

use ending::{losses, tried};

/// How many that have ended make room for a new one.
const SWEPT_AT_ONCE: i64 = 100;

/// In how many browsers a user is logged in at once; the earliest login ends first.
const MAX_SESSIONS: i64 = 20;

/// The lineage of a session, also of one that an issuer before schema 22 has begun.
const LINEAGE: &str = "CASE WHEN lineage = '' THEN digest ELSE lineage END";

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
        let text = "INSERT INTO sessions (digest, lineage, user_id, created_at, expires_at, position, \
                    assurance) VALUES ($1, $1, $2, $3, $4, $5, $6)";
        sqlx::query(text)
            .bind(session.digest.to_text())
            .bind(user.id.as_str())
            .bind(session.created_at.0)
            .bind(session.expires_at.0)
            .bind(as_bigint(user.as_of))
            .bind(session.assurance.number())
            .execute(&mut *transaction)
            .await?;
        // Sessions come before users: here those that somebody holds are left for the next time.
        let surplus = format!(
            "DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions WHERE user_id = $1 \
             AND digest NOT IN (SELECT digest FROM sessions WHERE user_id = $1 \
             ORDER BY created_at DESC, digest LIMIT $2){}) RETURNING digest, tried_until",
            skipping_locked(self.engine)
        );
        let ended = sqlx::query(assembled(surplus))
            .bind(user.id.as_str())
            .bind(MAX_SESSIONS)
            .fetch_all(&mut *transaction)
            .await?;
        let losses = losses(&ended, session.created_at)?;
        self.commit_losses(transaction, &user.id, &losses, session.created_at)
            .await
    }

    /// Puts another session of the same user and lineage in the place of one that has not ended; false where that
    /// is gone.
    pub async fn renew_session(
        &self,
        earlier: &SecretDigest,
        lineage: &SecretDigest,
        later: &NewSession<'_>,
    ) -> Result<bool, StoreError> {
        again_if_contended(|| self.renew_session_once(earlier, lineage, later)).await
    }

    async fn renew_session_once(
        &self,
        earlier: &SecretDigest,
        lineage: &SecretDigest,
        later: &NewSession<'_>,
    ) -> Result<bool, StoreError> {
        let (user, now) = (&later.user.id, later.created_at);
        let mut transaction = self.begin().await?;
        // One statement: whatever ends sessions ends the earlier one before it, or the later one after it. By
        // the password alone it opens nothing to a user who has a passkey by then, and ends as that is added.
        let text = "UPDATE sessions SET digest = $3, created_at = $4, expires_at = $5, position = $6, \
                    assurance = $7, lineage = $8 WHERE digest = $1 AND user_id = $2 AND expires_at > $4 \
                    RETURNING tried_until";
        let renewed = sqlx::query(text)
            .bind(earlier.to_text())
            .bind(user.as_str())
            .bind(later.digest.to_text())
            .bind(now.0)
            .bind(later.expires_at.0)
            .bind(as_bigint(later.user.as_of))
            .bind(later.assurance.number())
            .bind(lineage.to_text())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = renewed else {
            transaction.rollback().await?;
            return Ok(false);
        };
        let tried_until = UnixSeconds(row.try_get("tried_until")?);
        sqlx::query("UPDATE sessions SET tried_until = 0 WHERE digest = $1 AND tried_until > 0")
            .bind(later.digest.to_text())
            .execute(&mut *transaction)
            .await?;
        let losses: Vec<Loss> = tried(earlier, tried_until, now).into_iter().collect();
        self.commit_losses(transaction, user, &losses, now).await?;
        Ok(true)
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
        let text = "SELECT user_id, position, created_at, expires_at, assurance \
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
        // Read later than the session: what ends it in between is seen.
        let user = with_id(&self.reader, &UserId::known(row.try_get("user_id")?)).await?;
        Ok(user.map(|user| Session {
            user,
            position,
            began_at,
            expires_at,
            assurance,
        }))
    }

    /// The sessions of a user that have not expired and stand, with their lineages; the latest login first.
    pub async fn sessions_of(
        &self,
        user: &User,
        now: UnixSeconds,
    ) -> Result<Vec<(SecretDigest, Session)>, StoreError> {
        let text = format!(
            "SELECT {LINEAGE} AS lineage, position, created_at, expires_at, assurance \
             FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY created_at DESC, digest LIMIT $3"
        );
        let rows = sqlx::query(assembled(text))
            .bind(user.id.as_str())
            .bind(now.0)
            .bind(MAX_SESSIONS)
            .fetch_all(&self.reader)
            .await?;
        let mut sessions = Vec::new();
        for row in &rows {
            let lineage = SecretDigest::from_text(row.try_get("lineage")?);
            let session = Session {
                user: user.clone(),
                position: position(row, "position")?,
                began_at: UnixSeconds(row.try_get("created_at")?),
                expires_at: UnixSeconds(row.try_get("expires_at")?),
                assurance: Assurance::of_number(row.try_get("assurance")?),
            };
            if session.check().is_ok() {
                let lineage = lineage.ok_or(StoreError::Unreadable("session"))?;
                sessions.push((lineage, session));
            }
        }
        Ok(sessions)
    }
}

impl Change {
    /// Whether a session is there that has not expired, and keeps it so until the change ends: whoever ends it
    /// meanwhile waits for that. Before any user is locked.
    pub async fn hold_session(&mut self, digest: &SecretDigest) -> Result<bool, StoreError> {
        let lock = match self.transaction.engine() {
            // One writer has locked the whole database.
            Engine::Sqlite => "",
            Engine::Postgres => " FOR UPDATE",
        };
        let text =
            format!("SELECT digest FROM sessions WHERE digest = $1 AND expires_at > $2{lock}");
        let found = sqlx::query(assembled(text))
            .bind(digest.to_text())
            .bind(self.now.0)
            .fetch_optional(&mut *self.transaction)
            .await?;
        Ok(found.is_some())
    }

    /// Has a session, which is held, rest on a second factor from now on.
    pub async fn raise_session(&mut self, digest: &SecretDigest) -> Result<(), StoreError> {
        let texts = [digest.to_text()];
        let raised = Assurance::SecondFactor.number();
        let text = "UPDATE sessions SET assurance = $2 WHERE digest = $1";
        self.execute(text, &texts, &[raised]).await?;
        Ok(())
    }
}
