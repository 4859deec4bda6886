//! What an access token stands for at this moment.
//!
//! A signature says what was true when it was made. Where the answer must be of now, the store is
//! asked: what was revoked, who is disabled, and which scopes are left.

use super::Grants;
use crate::identity::{AppWithOwner, Entitlement, Parties, ScopeSet, SecondFactor, User};
use crate::issuer::access_token::TokenClaims;
use crate::issuer::endpoint_error::EndpointError;
use crate::token::{LogPosition, RevocationTarget, VerifiedToken};

/// For whom a token stands, and with what.
pub(in crate::issuer) struct Standing {
    pub(in crate::issuer) user: User,
    /// None where the user logged in.
    pub(in crate::issuer) app: Option<AppWithOwner>,
    /// Of what was granted, what user and app still have; never empty.
    pub(in crate::issuer) scopes: ScopeSet,
}

impl Grants {
    /// Whether an access token was revoked, by what the store has now.
    pub(super) async fn is_revoked(&self, token: &VerifiedToken) -> Result<bool, EndpointError> {
        let (targets, given_out) = (RevocationTarget::all_of(token), LogPosition::of(token));
        Ok(self.store.is_revoked(&targets, given_out).await?)
    }

    /// What an access token stands for; nothing where it was revoked, or its user, its app or the
    /// app's owner may do nothing any more, or no scope is left.
    pub(in crate::issuer) async fn standing(
        &self,
        token: &VerifiedToken,
    ) -> Result<Option<Standing>, EndpointError> {
        // The log knows more than the positions of user and app: tokens, grants and roles.
        if self.is_revoked(token).await? {
            return Ok(None);
        }
        self.standing_of(TokenClaims::of(token).entitlement()).await
    }

    /// Whether the user of an access token, or the owner of its app, must have a passkey and has none.
    pub(in crate::issuer) async fn lacks_passkey(
        &self,
        token: &VerifiedToken,
    ) -> Result<bool, EndpointError> {
        let claims = TokenClaims::of(token);
        let user = self.store.user(&claims.user).await?;
        let app = match &claims.app {
            None => None,
            Some(key) => self.store.app(key, self.clock.now()).await?,
        };
        let mut parties = user.into_iter().chain(app.map(|found| found.owner));
        let lacks = |user: User| {
            let factor = SecondFactor::of(&user, self.settings.required);
            user.is_active() && factor == SecondFactor::ToBeMade
        };
        Ok(parties.any(lacks) && !self.is_revoked(token).await?)
    }

    /// What an entitlement is worth, whatever somebody presents for it.
    pub(super) async fn standing_of(
        &self,
        entitlement: Entitlement<'_>,
    ) -> Result<Option<Standing>, EndpointError> {
        let Some(user) = self.store.user(entitlement.user).await? else {
            return Ok(None);
        };
        let app = match entitlement.app {
            None => None,
            Some(key) => self.store.app(key, self.clock.now()).await?,
        };
        let worth = entitlement.worth(Parties {
            user: Some(&user),
            app: app.as_ref().map(AppWithOwner::parties),
            required: self.settings.required,
        });
        Ok(worth.ok().map(|scopes| Standing { user, app, scopes }))
    }
}
