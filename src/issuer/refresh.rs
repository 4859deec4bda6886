//! Refresh tokens: begun with a grant, rotated at each use, ended by a replay.

use super::refusal::Refusal;
use super::{Issuer, random};
use crate::identity::{
    AppKey, PlainSecret, RequestedScopes, ScopeSet, Status, User, alphanumeric, grant,
};
use crate::store::{AppWithOwner, RefreshToken, Rotation, Successor};

/// What a grant gives.
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<PlainSecret>,
    pub(super) scopes: ScopeSet,
}

impl Issuer {
    /// Tokens for a new grant.
    pub(super) async fn begin_grant(
        &self,
        user: &User,
        app: Option<&AppKey>,
        scopes: ScopeSet,
        refreshable: bool,
    ) -> Result<Granted, Refusal> {
        let access_token = self.access_token(user, app.map(AppKey::as_str), &scopes)?;
        if !refreshable {
            return Ok(Granted {
                access_token,
                refresh_token: None,
                scopes,
            });
        }
        let now = self.clock.now();
        let secret = PlainSecret::from_random(random()?);
        let token = RefreshToken {
            family: alphanumeric(&random::<16>()?),
            user: user.id.clone(),
            app: app.cloned(),
            scopes: scopes.clone(),
            expires_at: now.plus(i64::from(self.settings.refresh_token.lifetime_seconds)),
        };
        self.store
            .add_refresh_token(&secret.digest(), &token, now)
            .await?;
        Ok(Granted {
            access_token,
            refresh_token: Some(secret),
            scopes,
        })
    }

    /// Extends a grant (RFC 6749 section 6). The token belongs to `client`, or to a login where
    /// there is none. The successor keeps what was granted at first; this access token gets what is
    /// asked for and what app and user still have.
    pub(super) async fn refresh(
        &self,
        presented: &str,
        client: Option<&AppWithOwner>,
        requested: &RequestedScopes,
    ) -> Result<Granted, Refusal> {
        let now = self.clock.now();
        let digest = PlainSecret::claimed(presented).digest();
        let token = self.store.refresh_token(&digest, now).await?;
        let token = token.ok_or(Refusal::BadRefreshToken)?;
        // Somebody else's token: refused, and its family is left in peace.
        if token.app.as_ref() != client.map(|client| &client.app.key) {
            return Err(Refusal::BadRefreshToken);
        }
        let owner = client.map(|client| &client.owner);
        let user = match owner.filter(|owner| owner.id == token.user) {
            // Read a moment ago, with the app.
            Some(owner) => Some(owner.clone()),
            None => self.store.user(&token.user).await?,
        };
        let user = user
            .filter(|user| user.status == Status::Active)
            .ok_or(Refusal::BadRefreshToken)?;
        if let RequestedScopes::Some(scopes) = requested
            && !scopes.is_subset_of(&token.scopes)
        {
            return Err(Refusal::BadScope);
        }
        let app_scopes = client.map(|client| &client.app.scopes);
        let original = RequestedScopes::Some(token.scopes.clone());
        let scopes = grant(&original, app_scopes, &user.scopes)
            .and_then(|scopes| grant(requested, None, &scopes))
            .map_err(|_| Refusal::NothingGranted)?;
        let secret = PlainSecret::from_random(random()?);
        let successor = Successor {
            digest: &secret.digest(),
            token: &token,
        };
        let window = self.settings.refresh_token.retry_window_seconds;
        let rotation = self
            .store
            .rotate_refresh_token(&digest, &successor, window, now)
            .await?;
        match rotation {
            Rotation::Rotated | Rotation::Retried => {}
            Rotation::Replayed => {
                tracing::warn!(
                    user.id = token.user.as_str(),
                    "a refresh token was used twice; its grant has ended"
                );
                return Err(Refusal::BadRefreshToken);
            }
            Rotation::Unknown => return Err(Refusal::BadRefreshToken),
        }
        let client = token.app.as_ref().map(AppKey::as_str);
        Ok(Granted {
            access_token: self.access_token(&user, client, &scopes)?,
            refresh_token: Some(secret),
            scopes,
        })
    }
}
