//! Rows of passkeys, recovery codes and used challenges.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sqlx::any::AnyRow;
use sqlx::{Any, Executor, Row};

use super::connections::Transaction;
use super::locking::{Holding, Selected, lock_users};
use super::statement::assembled;
use super::{Change, Created, Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{
    Assurance, Backup, CredentialId, NewPasskey, PasskeyKey, PasskeyName, PasskeyState, PasskeyUse,
    SecretDigest, UserId,
};

const SELECT: &str = "SELECT credential_id, user_id, name, public_key, sign_count, backup, created_at, \
                      last_used_at FROM passkeys";

const COUNT_PASSKEYS: &str = "SELECT COUNT(*) AS found FROM passkeys WHERE user_id = $1";

const USE_CHALLENGE: &str = "INSERT INTO used_challenges (digest, expires_at) VALUES ($1, $2) \
                             ON CONFLICT (digest) DO NOTHING";

/// How many passkeys of a user are read at most.
const MAX_READ: i64 = 100;

/// A passkey and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    pub id: CredentialId,
    pub user: UserId,
    pub name: PasskeyName,
    pub state: PasskeyState,
    pub created_at: UnixSeconds,
    /// None until it is used after it was made.
    pub last_used_at: Option<UnixSeconds>,
}

/// A challenge that a passkey has answered, and until when another answer would be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredChallenge {
    pub digest: SecretDigest,
    pub expires_at: UnixSeconds,
}

/// What became of the use of a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PasskeyNoted {
    Yes,
    /// The challenge was answered before.
    Replayed,
    /// The passkey has been removed, or used, since it was read.
    Changed,
}

impl Store {
    /// The passkeys of a user, the oldest first.
    pub async fn passkeys(&self, user: &UserId) -> Result<Vec<StoredPasskey>, StoreError> {
        let text =
            format!("{SELECT} WHERE user_id = $1 ORDER BY created_at, credential_id LIMIT $2");
        let rows = sqlx::query(assembled(text))
            .bind(user.as_str())
            .bind(MAX_READ)
            .fetch_all(&self.reader)
            .await?;
        rows.iter().map(read).collect()
    }

    /// The passkey with this id.
    pub async fn passkey(&self, id: &CredentialId) -> Result<Option<StoredPasskey>, StoreError> {
        let text = format!("{SELECT} WHERE credential_id = $1");
        let row = sqlx::query(assembled(text))
            .bind(id.to_text())
            .fetch_optional(&self.reader)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// How many passkeys a user has.
    pub async fn count_passkeys(&self, user: &UserId) -> Result<i64, StoreError> {
        count(&self.reader, COUNT_PASSKEYS, user).await
    }

    /// How many active users have a scope of administrators and no passkey.
    pub async fn count_administrators_without_passkeys(&self) -> Result<i64, StoreError> {
        let text = "SELECT COUNT(*) AS found FROM users u WHERE u.status = 'active' \
                    AND u.id IN (SELECT r.user_id FROM role_scopes s JOIN user_roles r ON r.role = s.role \
                    WHERE substr(s.scope, 1, 8) = 'backend.') \
                    AND NOT EXISTS (SELECT p.user_id FROM passkeys p WHERE p.user_id = u.id)";
        let row = sqlx::query(text).fetch_one(&self.reader).await?;
        Ok(row.try_get("found")?)
    }

    /// How many recovery codes a user has left.
    pub async fn count_recovery_codes(&self, user: &UserId) -> Result<i64, StoreError> {
        let text = "SELECT COUNT(*) AS found FROM recovery_codes WHERE user_id = $1";
        count(&self.reader, text, user).await
    }

    /// Notes that a passkey has answered a challenge, unless that was answered before, by whichever
    /// passkey and at whichever issuer on this store.
    pub async fn note_passkey_use(
        &self,
        passkey: &StoredPasskey,
        used: PasskeyUse,
        challenge: &AnsweredChallenge,
        now: UnixSeconds,
    ) -> Result<PasskeyNoted, StoreError> {
        let mut transaction = self.begin().await?;
        let noted = sqlx::query(USE_CHALLENGE)
            .bind(challenge.digest.to_text())
            .bind(challenge.expires_at.0)
            .execute(&mut *transaction)
            .await?;
        if noted.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(PasskeyNoted::Replayed);
        }
        // Of two uses at once with the same count, one comes from a copy.
        let text = "UPDATE passkeys SET sign_count = $3, backup = $4, last_used_at = $5 \
                    WHERE credential_id = $1 AND user_id = $2 \
                    AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))";
        let changed = sqlx::query(text)
            .bind(passkey.id.to_text())
            .bind(passkey.user.as_str())
            .bind(i64::from(used.sign_count))
            .bind(used.backup.number())
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
        if changed.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(PasskeyNoted::Changed);
        }
        transaction.commit().await?;
        Ok(PasskeyNoted::Yes)
    }
}

impl Change {
    /// Notes that a challenge is answered; false where it was before.
    pub async fn use_challenge(
        &mut self,
        challenge: &AnsweredChallenge,
    ) -> Result<bool, StoreError> {
        let texts = [challenge.digest.to_text()];
        let numbers = [challenge.expires_at.0];
        Ok(self.execute(USE_CHALLENGE, &texts, &numbers).await? == 1)
    }

    pub async fn count_passkeys(&mut self, user: &UserId) -> Result<i64, StoreError> {
        count(&mut *self.transaction, COUNT_PASSKEYS, user).await
    }

    /// Gives a user a passkey, whose id nobody else's may have.
    pub async fn add_passkey(
        &mut self,
        user: &UserId,
        name: &PasskeyName,
        made: &NewPasskey,
    ) -> Result<Created, StoreError> {
        let text = "INSERT INTO passkeys (credential_id, user_id, name, public_key, sign_count, backup, \
                    created_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0) \
                    ON CONFLICT (credential_id) DO NOTHING";
        let texts = [
            made.id.to_text(),
            user.as_str().to_owned(),
            name.as_str().to_owned(),
            URL_SAFE_NO_PAD.encode(made.key.as_bytes()),
        ];
        let (count, backup) = (i64::from(made.sign_count), made.backup.number());
        let now = self.now.0;
        let added = self.execute(text, &texts, &[count, backup, now]).await?;
        Ok(if added == 1 {
            Created::Yes
        } else {
            Created::NameTaken
        })
    }

    /// Ends what a user got by its password alone: sessions, the tokens of logins without an app, and all
    /// access tokens, in place of which apps get others.
    pub async fn end_logins_by_password(&mut self, user: &UserId) -> Result<(), StoreError> {
        // Before its refresh tokens: one that is used right now is waited for.
        let itself = Selected::by("$1", user.as_str());
        lock_users(&mut self.transaction, &itself, Holding::ToChange).await?;
        let texts = [user.as_str().to_owned()];
        let sessions = "DELETE FROM sessions WHERE user_id = $1 AND assurance = $2";
        let assurance = Assurance::Password.number();
        self.execute(sessions, &texts, &[assurance]).await?;
        let tokens = "DELETE FROM refresh_tokens WHERE user_id = $1 AND app_key = ''";
        self.execute(tokens, &texts, &[]).await?;
        self.revoke_access_tokens(user.into());
        Ok(())
    }

    /// Takes a passkey from a user; false where it has none with this id.
    pub async fn remove_passkey(
        &mut self,
        user: &UserId,
        id: &CredentialId,
    ) -> Result<bool, StoreError> {
        let text = "DELETE FROM passkeys WHERE user_id = $1 AND credential_id = $2";
        let texts = [user.as_str().to_owned(), id.to_text()];
        Ok(self.execute(text, &texts, &[]).await? == 1)
    }

    /// Takes all passkeys and recovery codes from a user; how many passkeys that were.
    pub async fn remove_passkeys(&mut self, user: &UserId) -> Result<u64, StoreError> {
        self.replace_recovery_codes(user, &[]).await?;
        let texts = [user.as_str().to_owned()];
        let text = "DELETE FROM passkeys WHERE user_id = $1";
        Ok(self.execute(text, &texts, &[]).await?)
    }

    /// Gives a user these recovery codes and no others.
    pub async fn replace_recovery_codes(
        &mut self,
        user: &UserId,
        codes: &[SecretDigest],
    ) -> Result<(), StoreError> {
        let texts = [user.as_str().to_owned()];
        let text = "DELETE FROM recovery_codes WHERE user_id = $1";
        self.execute(text, &texts, &[]).await?;
        for code in codes {
            let text = "INSERT INTO recovery_codes (digest, user_id) VALUES ($1, $2)";
            let texts = [code.to_text(), user.as_str().to_owned()];
            self.execute(text, &texts, &[]).await?;
        }
        Ok(())
    }

    /// Uses up a recovery code; false where the user does not have it, or no longer.
    pub async fn use_recovery_code(
        &mut self,
        user: &UserId,
        code: &SecretDigest,
    ) -> Result<bool, StoreError> {
        let text = "DELETE FROM recovery_codes WHERE digest = $1 AND user_id = $2";
        let texts = [code.to_text(), user.as_str().to_owned()];
        Ok(self.execute(text, &texts, &[]).await? == 1)
    }
}

/// Locks a user who gets something by its password alone, and fails if it has a passkey. The first passkey
/// ends what was got this way, and locks the user as well: either it waits for what is written here, and
/// ends it, or it is seen here.
pub(super) async fn hold_without_passkeys(
    transaction: &mut Transaction,
    user: &UserId,
) -> Result<(), StoreError> {
    let itself = Selected::by("$1", user.as_str());
    lock_users(transaction, &itself, Holding::ToChange).await?;
    match count(&mut **transaction, COUNT_PASSKEYS, user).await? {
        0 => Ok(()),
        _ => Err(StoreError::PasskeyAdded),
    }
}

async fn count(
    database: impl Executor<'_, Database = Any>,
    text: &'static str,
    user: &UserId,
) -> Result<i64, StoreError> {
    let row = sqlx::query(text)
        .bind(user.as_str().to_owned())
        .fetch_one(database)
        .await?;
    Ok(row.try_get("found")?)
}

fn read(row: &AnyRow) -> Result<StoredPasskey, StoreError> {
    let unreadable = || StoreError::Unreadable("passkey");
    let id = CredentialId::from_text(row.try_get("credential_id")?);
    let name = PasskeyName::parse(row.try_get("name")?);
    let key = URL_SAFE_NO_PAD.decode(row.try_get::<&str, _>("public_key")?);
    let key = PasskeyKey::parse(&key.map_err(|_| unreadable())?);
    let sign_count = u32::try_from(row.try_get::<i64, _>("sign_count")?);
    let backup = Backup::of_number(row.try_get("backup")?);
    let used = UnixSeconds(row.try_get("last_used_at")?);
    Ok(StoredPasskey {
        id: id.ok_or_else(unreadable)?,
        user: UserId::known(row.try_get("user_id")?),
        name: name.map_err(|_| unreadable())?,
        state: PasskeyState {
            key: key.map_err(|_| unreadable())?,
            sign_count: sign_count.map_err(|_| unreadable())?,
            backup: backup.ok_or_else(unreadable)?,
        },
        created_at: UnixSeconds(row.try_get("created_at")?),
        last_used_at: Some(used).filter(|used| used.0 > 0),
    })
}
