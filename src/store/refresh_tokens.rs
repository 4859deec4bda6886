//! Refresh tokens: digests only, each used once. Those of one grant end together; their column
//! `family` has its id.

use std::collections::HashMap;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row};

use super::batches::Together;
use super::charges::{Bounds, Holder};
use super::columns::as_bigint;
use super::connections::{Connections, Transaction};
use super::revoking::{Cause, revoke};
use super::settings::Setting;
use super::statement::{assembled, chunks, placeholder_rows};
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, Grant, GrantId, Loss, PlainSecret, SecretDigest};
use crate::token::RevocationTarget;

/// How far the clock of one issuer may be behind that of another on the same store, for which a
/// token seems to be used later than now.
const CLOCK_SKEW_SECONDS: i64 = 1;

/// A refresh token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// What it extends. Its position is that of this very token.
    pub grant: Grant,
    pub expires_at: UnixSeconds,
}

/// What became of an attempt to use a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It was unused and is used now: by this caller and no other.
    Rotated,
    /// It was used a moment ago and its successor never was, as when an answer is lost or several
    /// callers use it at once: the successor is the same.
    Retried,
    /// It had been used before, or led to another successor: its grant has ended.
    Replayed,
    /// It is unknown or has ended.
    Unknown,
}

/// The token that follows on one that is used.
#[derive(Debug)]
pub struct Successor<'a> {
    pub digest: &'a SecretDigest,
    pub token: &'a RefreshToken,
}

#[derive(Debug)]
pub(super) struct NewToken {
    pub(super) digest: String,
    token: RefreshToken,
    now: UnixSeconds,
}

/// An attempt to use a token.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) digest: String,
    pub(super) successor: NewToken,
    retry_window_seconds: u32,
    pub(super) now: UnixSeconds,
}

/// Finds tokens by their digests.
#[derive(Debug)]
pub(super) struct TokenLookup {
    pub(super) pool: Connections,
}

impl Store {
    /// The secret by which the issuers on this store derive successors of refresh tokens, which is
    /// `fresh` where there was none.
    pub async fn successor_secret(&self, fresh: &PlainSecret) -> Result<PlainSecret, StoreError> {
        let secret = self
            .value_or(Setting::SuccessorSecret, fresh.reveal())
            .await?;
        Ok(PlainSecret::claimed(&secret))
    }

    /// A token that has not ended, used or not.
    pub async fn refresh_token(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<Option<RefreshToken>, StoreError> {
        let found = self.token_lookups.ask(digest.to_text()).await?;
        Ok(found.filter(|token| token.expires_at > now))
    }

    /// When a token was given out that has neither ended nor been used.
    pub async fn unused_refresh_token_since(
        &self,
        digest: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<Option<UnixSeconds>, StoreError> {
        let text = "SELECT created_at FROM refresh_tokens \
                    WHERE digest = $1 AND expires_at > $2 AND used_at = 0";
        let row = sqlx::query(text)
            .bind(digest.to_text())
            .bind(now.0)
            .fetch_optional(&self.reader)
            .await?;
        let created_at = row.map(|row| row.try_get("created_at")).transpose()?;
        Ok(created_at.map(UnixSeconds))
    }

    /// Uses a token and keeps its successor, or ends the grant of one that had been used (RFC 9700
    /// section 4.14.2). One that was used less than `retry_window_seconds` ago may be used again
    /// while its successor is unused, and leads to the same: nobody gets a token that another one
    /// replaces, so of a thief and the owner the later one is always noticed. A clock that goes back
    /// lengthens the window by no more than [`CLOCK_SKEW_SECONDS`].
    pub async fn rotate_refresh_token(
        &self,
        digest: &SecretDigest,
        successor: &Successor<'_>,
        retry_window_seconds: u32,
        now: UnixSeconds,
    ) -> Result<Rotation, StoreError> {
        let attempt = Use {
            digest: digest.to_text(),
            successor: NewToken::new(successor.digest, successor.token, now),
            retry_window_seconds,
            now,
        };
        self.token_rotations.ask(attempt).await
    }
}

impl NewToken {
    /// How many placeholders [`NewToken::bind`] fills.
    pub(super) const COLUMNS: usize = 11;

    pub(super) fn new(digest: &SecretDigest, token: &RefreshToken, now: UnixSeconds) -> Self {
        Self {
            digest: digest.to_text(),
            token: token.clone(),
            now,
        }
    }

    /// The app of its grant; empty where the user logged in.
    pub(super) fn app(&self) -> &str {
        self.token.grant.app.as_ref().map_or("", AppKey::as_str)
    }

    pub(super) fn grant(&self) -> &GrantId {
        &self.token.grant.id
    }

    pub(super) fn user(&self) -> &str {
        self.token.grant.user.as_str()
    }

    /// Its columns, in the order of the table.
    pub(super) fn bind<'q>(
        &'q self,
        query: Query<'q, Any, AnyArguments>,
    ) -> Query<'q, Any, AnyArguments> {
        // Several rows are written by one statement, so that the order is kept in one place.
        let grant = &self.token.grant;
        query
            .bind(&*self.digest)
            .bind(grant.id.as_str())
            .bind(grant.user.as_str())
            .bind(self.app())
            .bind(grant.scopes.to_string())
            .bind(self.now.0)
            .bind(self.token.expires_at.0)
            .bind(0_i64)
            .bind("")
            .bind(as_bigint(grant.position))
            .bind(grant.audiences.to_text())
    }
}

impl Use {
    /// Whether a token that was used at `used_at` may be used again. A retry does not prolong the
    /// window, and the clock that went back ends it.
    fn is_recent(&self, used_at: UnixSeconds) -> bool {
        let age = self.now.since(used_at);
        (-CLOCK_SKEW_SECONDS..i64::from(self.retry_window_seconds)).contains(&age)
            && self.retry_window_seconds > 0
    }
}

impl Together for TokenLookup {
    type Question = String;
    type Answer = Option<RefreshToken>;

    async fn answer(
        &self,
        digests: &[String],
    ) -> Result<Vec<Result<Option<RefreshToken>, StoreError>>, StoreError> {
        let mut found = HashMap::new();
        // Many callers' questions in one statement: at high load the number of round trips is the
        // limit, and not the rows.
        for some in chunks(digests) {
            let text = format!(
                "SELECT digest, family, user_id, app_key, scopes, expires_at, position, audiences \
                 FROM refresh_tokens WHERE digest IN {}",
                placeholder_rows(1, some.len())
            );
            let mut select = sqlx::query(assembled(text));
            for digest in some {
                select = select.bind(&**digest);
            }
            for row in select.fetch_all(&self.pool).await? {
                found.insert(row.try_get::<String, _>("digest")?, row);
            }
        }
        let answer = |digest: &String| found.get(digest).map(read).transpose();
        Ok(digests.iter().map(answer).collect())
    }
}

fn read(row: &AnyRow) -> Result<RefreshToken, StoreError> {
    Ok(RefreshToken {
        grant: super::grants::read(row)?,
        expires_at: UnixSeconds(row.try_get("expires_at")?),
    })
}

/// Uses a token that may have been used before; the whole rule, one token at a time.
pub(super) async fn rotate(
    transaction: &mut Transaction,
    attempt: &Use,
    bounds: &Bounds,
) -> Result<Rotation, StoreError> {
    // Locks the row: of several callers at once, each sees what the one before has done.
    let text = "UPDATE refresh_tokens SET used_at = used_at \
                WHERE digest = $1 AND expires_at > $2 RETURNING family, used_at, successor";
    let row = sqlx::query(text)
        .bind(&*attempt.digest)
        .bind(attempt.now.0)
        .fetch_optional(&mut **transaction)
        .await?;
    let Some(row) = row else {
        return Ok(Rotation::Unknown);
    };
    let (used_at, earlier): (i64, &str) = (row.try_get("used_at")?, row.try_get("successor")?);
    if used_at == 0 {
        let text = "UPDATE refresh_tokens SET used_at = $2, successor = $3 WHERE digest = $1";
        sqlx::query(text)
            .bind(&*attempt.digest)
            .bind(attempt.now.0)
            .bind(&*attempt.successor.digest)
            .execute(&mut **transaction)
            .await?;
        insert(transaction, &[&attempt.successor]).await?;
        return Ok(Rotation::Rotated);
    }
    let same = earlier == attempt.successor.digest;
    // All three: another successor is not the same call again, an old use is no lost answer, and once
    // the successor was used its owner has it.
    if same && attempt.is_recent(UnixSeconds(used_at)) && is_unused(transaction, earlier).await? {
        return Ok(Rotation::Retried);
    }
    // The access tokens of the grant end as well: one of the two callers is a thief.
    let grant = RevocationTarget::Grant(row.try_get("family")?);
    let holder = Holder::of(&attempt.successor.token.grant);
    let cause = Cause::Holder(&holder, bounds);
    revoke(transaction, &[Loss::All(grant)], cause, attempt.now).await?;
    Ok(Rotation::Replayed)
}

pub(super) async fn insert(
    transaction: &mut Transaction,
    tokens: &[&NewToken],
) -> Result<(), StoreError> {
    let text = format!(
        "INSERT INTO refresh_tokens (digest, family, user_id, app_key, scopes, created_at, \
         expires_at, used_at, successor, position, audiences) VALUES {}",
        placeholder_rows(tokens.len(), NewToken::COLUMNS)
    );
    let mut insert = sqlx::query(assembled(text));
    for token in tokens {
        insert = token.bind(insert);
    }
    insert.execute(&mut **transaction).await?;
    Ok(())
}

/// Whether there is this token and nobody has used it.
async fn is_unused(transaction: &mut Transaction, digest: &str) -> Result<bool, StoreError> {
    let text = "SELECT digest FROM refresh_tokens WHERE digest = $1 AND used_at = 0";
    let row = sqlx::query(text)
        .bind(digest)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(row.is_some())
}
