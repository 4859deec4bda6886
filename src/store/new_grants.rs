//! The first tokens of grants: of apps many at once, of logins one by one.

use super::grant_bounds::end_oldest;
use super::passkeys::hold_without_passkeys;
use super::patience::again_if_contended;
use super::refresh_tokens::{NewToken, RefreshToken, insert};
use super::{Store, StoreError};
use crate::clock::UnixSeconds;
use crate::identity::{SecretDigest, UserId};

impl Store {
    /// Adds the first token of a grant. That of a login, which rests on the password alone, is refused to a
    /// user who has a passkey ([`StoreError::PasskeyAdded`]).
    pub async fn add_refresh_token(
        &self,
        digest: &SecretDigest,
        token: &RefreshToken,
        now: UnixSeconds,
    ) -> Result<(), StoreError> {
        let added = NewToken::new(digest, token, now);
        match &token.grant.app {
            Some(_) => self.token_writes.ask(added).await,
            // Alone: a password costs far more than a transaction, and a batch would lock its users for
            // longer.
            None => again_if_contended(|| self.add_login(&token.grant.user, &added)).await,
        }
    }

    async fn add_login(&self, user: &UserId, added: &NewToken) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        hold_without_passkeys(&mut transaction, user).await?;
        // Before the insert, as in a batch.
        end_oldest(&mut transaction, &[added], self.bounds.max_grants()).await?;
        insert(&mut transaction, &[added]).await?;
        transaction.commit().await
    }
}
