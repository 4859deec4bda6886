//! Authorization codes: digests only, each redeemed once; whoever brings one again is told apart.

use sqlx::Row;

use super::columns::as_bigint;
use super::grant_bounds::end_oldest;
use super::locking::{ENDED, lock_listed_users, skipping_locked, sweeping};
use super::refresh_tokens::NewToken;
use super::statement::assembled;
use super::{Store, StoreError, Successor, refresh_tokens};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, CodeChallenge, Grant, RedirectUri, SecretDigest};

/// How long after its end a code is remembered, so that its return ends the grant: as long as an
/// access token may hold.
pub(super) const REMEMBERED_SECONDS: i64 = 86_400;

/// How many that ended long ago make room for a new one.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// So many codes of a user are kept: whoever consents as fast as it can must not fill the store. Of an older one it
/// is no longer known that it has been used.
const CODES_OF_A_USER: i64 = 256;

/// An authorization code as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// What the user consented to; its app alone may redeem the code.
    pub grant: Grant,
    /// The redirect URI that must be repeated; none where none was sent.
    pub redirect_uri: Option<RedirectUri>,
    /// Where the browser was sent with it, which the app must still have when it redeems it.
    pub sent_to: RedirectUri,
    /// What the verifier must fit.
    pub challenge: CodeChallenge,
    /// When it can no longer be redeemed.
    pub expires_at: UnixSeconds,
}

/// Whether a code has been redeemed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeState {
    /// Not yet; it may have ended nevertheless.
    Unused,
    Used,
}

/// What became of an attempt to redeem a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redemption {
    /// By this caller and no other.
    Redeemed,
    /// Somebody was faster: one of the two has stolen it.
    Replayed,
    /// It is unknown or has ended unused.
    Unknown,
}

impl Store {
    /// Keeps a new code, and forgets those that ended long ago. Fails with [`StoreError::Gone`] where user or
    /// app have gone, or the session in which the user has consented.
    pub async fn add_authorization_code(
        &self,
        digest: &SecretDigest,
        code: &AuthorizationCode,
        session: &SecretDigest,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        // Here and not by the sweeper alone, a few at a time: whoever makes codes without end pays for
        // removing them.
        sqlx::query(assembled(sweeping(
            self.engine,
            "authorization_codes",
            "digest",
            ENDED,
        )))
        // Kept for a while beyond their end: a code that comes a second time ends its grant (RFC 6749
        // section 4.1.2), and for that it has to be known.
        .bind(now.plus(-REMEMBERED_SECONDS).0)
        .bind(FORGOTTEN_AT_ONCE)
        .execute(&self.writer)
        .await?;
        let older = format!(
            "DELETE FROM authorization_codes WHERE digest IN (SELECT digest FROM authorization_codes \
             WHERE user_id = $1 ORDER BY created_at DESC, digest LIMIT $2 OFFSET $3{})",
            skipping_locked(self.engine)
        );
        sqlx::query(assembled(older))
            .bind(code.grant.user.as_str())
            .bind(FORGOTTEN_AT_ONCE)
            .bind(CODES_OF_A_USER - 1)
            .execute(&self.writer)
            .await?;
        let text = "INSERT INTO authorization_codes (digest, family, user_id, app_key, \
                    redirect_uri, code_challenge, scopes, created_at, expires_at, used_at, \
                    position, sent_to, audiences) \
                    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, $11, $12 \
                    WHERE EXISTS (SELECT 1 FROM sessions WHERE digest = $13 AND user_id = $3 \
                    AND expires_at > $8)";
        let added = sqlx::query(text)
            .bind(digest.to_text())
            .bind(code.grant.id.as_str())
            .bind(code.grant.user.as_str())
            .bind(code.grant.app.as_ref().map_or("", AppKey::as_str))
            .bind(code.redirect_uri.as_ref().map_or("", RedirectUri::as_str))
            .bind(code.challenge.to_text())
            .bind(code.grant.scopes.to_string())
            .bind(now.0)
            .bind(code.expires_at.0)
            .bind(as_bigint(code.grant.position))
            .bind(code.sent_to.as_str())
            .bind(code.grant.audiences.to_text())
            .bind(session.to_text())
            .execute(&self.writer)
            .await?;
        match added.rows_affected() {
            0 => Err(StoreError::Gone),
            _ => Ok(()),
        }
    }

    /// A code; whether it has ended is known to [`Store::redeem_authorization_code`].
    pub async fn authorization_code(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<(AuthorizationCode, CodeState)>, StoreError> {
        let text = "SELECT family, user_id, app_key, redirect_uri, code_challenge, scopes, \
                    expires_at, used_at, position, sent_to, audiences \
                    FROM authorization_codes WHERE digest = $1";
        let row = sqlx::query(text)
            .bind(digest.to_text())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let redirect_uri: &str = row.try_get("redirect_uri")?;
        let redirect_uri = (!redirect_uri.is_empty()).then(|| RedirectUri::parse(redirect_uri));
        let (Ok(sent_to), Ok(redirect_uri)) = (
            RedirectUri::parse(row.try_get("sent_to")?),
            redirect_uri.transpose(),
        ) else {
            // From before such addresses were refused: it leads nowhere any more.
            return Ok(None);
        };
        let state = match row.try_get("used_at")? {
            0_i64 => CodeState::Unused,
            _ => CodeState::Used,
        };
        let code = AuthorizationCode {
            grant: super::grants::read(&row)?,
            redirect_uri,
            sent_to,
            challenge: CodeChallenge::parse(row.try_get("code_challenge")?)
                .ok_or(StoreError::Unreadable("code challenge"))?,
            expires_at: UnixSeconds(row.try_get("expires_at")?),
        };
        Ok(Some((code, state)))
    }

    /// Redeems a code, once, and keeps the refresh token that it leads to, if any: both or neither,
    /// so that whoever finds the code redeemed also finds the token to be ended.
    pub async fn redeem_authorization_code(
        &self,
        digest: &SecretDigest,
        refresh: Option<&Successor<'_>>,
        now: UnixSeconds,
    ) -> Result<Redemption, StoreError> {
        let mut transaction = self.begin().await?;
        if let Some(refresh) = refresh {
            // The user before the code: `end_oldest` locks the user, and a revocation locks the user
            // before the tokens of the code.
            lock_listed_users(&mut transaction, vec![refresh.token.grant.user.as_str()]).await?;
        }
        // One statement: of several callers at once, one finds the code unused.
        let text = "UPDATE authorization_codes SET used_at = $2 \
                    WHERE digest = $1 AND used_at = 0 AND expires_at > $2";
        let redeemed = sqlx::query(text)
            .bind(digest.to_text())
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
        if redeemed.rows_affected() == 1 {
            if let Some(refresh) = refresh {
                let token = NewToken::new(refresh.digest, refresh.token, now);
                end_oldest(&mut transaction, &[&token], self.bounds.max_grants()).await?;
                refresh_tokens::insert(&mut transaction, &[&token]).await?;
            }
            transaction.commit().await?;
            return Ok(Redemption::Redeemed);
        }
        // In the same transaction as the failed attempt: used by somebody else ends a grant, and
        // unknown must not.
        let text = "SELECT used_at FROM authorization_codes WHERE digest = $1 AND used_at > 0";
        let used = sqlx::query(text)
            .bind(digest.to_text())
            .fetch_optional(&mut *transaction)
            .await?;
        Ok(match used {
            Some(_) => Redemption::Replayed,
            None => Redemption::Unknown,
        })
    }
}
