//! What is left, at this moment, of what a token was granted.
//!
//! A signature says what was true when it was made. Where the answer must be of now, the store is
//! asked: what was taken back, who is disabled, and which scopes are left.

use super::Issuer;
use super::endpoint_error::EndpointError;
use crate::identity::{AppKey, PlainSecret, ScopeName, ScopeSet, Status, User, UserId};
use crate::store::{AppWithOwner, RefreshToken};
use crate::token::{LogPosition, RevocationTarget, UnverifiedToken, VerifiedToken};

/// A token that a request is about, whosesoever it is.
pub(super) enum FoundToken {
    /// Signed by us and not expired; perhaps taken back.
    Access(Box<VerifiedToken>),
    /// Kept by us and not expired; perhaps used.
    Refresh(RefreshToken),
}

/// For whom a token stands, and with what.
pub(super) struct Standing {
    pub(super) user: User,
    /// None where the user logged in.
    pub(super) app: Option<AppWithOwner>,
    /// Of what was granted, what user and app still have; never empty.
    pub(super) scopes: ScopeSet,
}

impl Issuer {
    /// What a caller presents as a token; nothing where it never was one or has expired. Both kinds
    /// are looked for, so that a wrong hint does no harm (RFC 7009 section 2.1).
    pub(super) async fn find_token(&self, text: &str) -> Result<Option<FoundToken>, EndpointError> {
        let now = self.clock.now();
        if let Ok(token) = UnverifiedToken::parse(text.as_bytes()) {
            let verified = self.guard.snapshot().trust().verify(token, now);
            if let Ok(verified) = verified {
                return Ok(Some(FoundToken::Access(Box::new(verified))));
            }
        }
        let digest = PlainSecret::claimed(text).digest();
        let found = self.store.refresh_token(&digest, now).await?;
        Ok(found.map(FoundToken::Refresh))
    }

    /// Whether an access token was taken back, by what the store has now.
    pub(super) async fn is_taken_back(&self, token: &VerifiedToken) -> Result<bool, EndpointError> {
        let (subjects, given_out) = (RevocationTarget::all_of(token), LogPosition::of(token));
        Ok(self.store.is_revoked(&subjects, given_out).await?)
    }

    /// What an access token stands for; nothing where it was taken back, or its user, its app or
    /// the app's owner may do nothing any more, or no scope is left.
    pub(super) async fn standing(
        &self,
        token: &VerifiedToken,
    ) -> Result<Option<Standing>, EndpointError> {
        if self.is_taken_back(token).await? {
            return Ok(None);
        }
        let user = UserId::known(token.subject());
        let app = Self::app_of_token(token.client()).map(AppKey::known);
        let granted = |scope: &ScopeName| token.has_scope(scope.as_str());
        self.standing_of(&user, app.as_ref(), granted).await
    }

    /// The same of a refresh token.
    pub(super) async fn refresh_standing(
        &self,
        token: &RefreshToken,
    ) -> Result<Option<Standing>, EndpointError> {
        let granted = |scope: &ScopeName| token.scopes.contains(scope.as_str());
        let standing = self
            .standing_of(&token.user, token.app.as_ref(), granted)
            .await?;
        Ok(standing.filter(|standing| {
            let of_app = standing.app.as_ref().map(|found| found.app.revoked_through);
            let revoked_through = standing
                .user
                .revoked_through
                .max(of_app.unwrap_or_default());
            token.position >= revoked_through
        }))
    }

    async fn standing_of(
        &self,
        user: &UserId,
        app: Option<&AppKey>,
        granted: impl Fn(&ScopeName) -> bool,
    ) -> Result<Option<Standing>, EndpointError> {
        let active = |user: &User| user.status == Status::Active;
        let Some(user) = self.store.user(user).await?.filter(active) else {
            return Ok(None);
        };
        let app = match app {
            None => None,
            Some(key) => {
                let found = self.store.app(key, self.clock.now()).await?;
                let found = found
                    .filter(|found| found.app.status == Status::Active && active(&found.owner));
                let Some(found) = found else {
                    return Ok(None);
                };
                Some(found)
            }
        };
        let within_app = app.as_ref().map(AppWithOwner::scopes);
        let left = user.scopes.iter().filter(|scope| {
            let app_has = within_app
                .as_ref()
                .is_none_or(|scopes| scopes.contains(scope.as_str()));
            granted(scope) && app_has
        });
        let scopes: ScopeSet = left.cloned().collect();
        Ok((!scopes.is_empty()).then_some(Standing { user, app, scopes }))
    }
}
