//! Refresh tokens: begun with a grant, rotated at each use, ended by a replay.

use super::endpoint_error::EndpointError;
use super::signing::Bearer;
use super::{Issuer, random};
use crate::identity::{
    AudienceError, Audiences, Means, NoScopeError, PlainSecret, RequestedScopes, Rights,
    RightsRequest, ScopeSet, Status, User, grant, grant_id,
};
use crate::store::{AppWithOwner, RefreshToken, Rotation, Successor};

/// What somebody asks for.
pub(super) struct RequestedRights {
    pub(super) scopes: RequestedScopes,
    pub(super) audiences: Audiences,
}

/// What a grant gives.
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<PlainSecret>,
    pub(super) scopes: ScopeSet,
}

impl RequestedRights {
    /// All that there is.
    pub(super) const ALL: Self = Self {
        scopes: RequestedScopes::All,
        audiences: Audiences::All,
    };
}

impl Issuer {
    /// What goes together of `granted`.
    pub(super) fn rights(
        &self,
        granted: ScopeSet,
        asked: RightsRequest<'_>,
    ) -> Result<Rights, NoScopeError> {
        let offered: Vec<&str> = self.settings.audiences().collect();
        Rights::separate(granted, asked, &self.settings.url, &offered)
    }

    /// Tokens for a new grant.
    pub(super) async fn begin_grant(
        &self,
        user: &User,
        app: Option<&AppWithOwner>,
        rights: &Rights,
        refreshable: bool,
    ) -> Result<Granted, EndpointError> {
        let scopes = rights.scopes().clone();
        let mut bearer = Bearer {
            user,
            app,
            grant: None,
            // Without an app it is a login, by name and password.
            authenticated_at: app.is_none().then(|| self.clock.now()),
            as_of: user.as_of,
        };
        if !refreshable {
            return Ok(Granted {
                access_token: self.access_token(&bearer, rights)?,
                refresh_token: None,
                scopes,
            });
        }
        let now = self.clock.now();
        let secret = PlainSecret::from_random(random()?);
        let token = RefreshToken {
            family: grant_id(now, random()?),
            user: user.id.clone(),
            app: app.map(|found| found.app.key.clone()),
            scopes: scopes.clone(),
            audiences: rights.audiences().clone(),
            expires_at: now.plus(i64::from(self.settings.refresh_token.lifetime_seconds)),
            position: user.as_of,
        };
        self.store
            .add_refresh_token(&secret.digest(), &token, now)
            .await
            .map_err(|error| EndpointError::of_gone(error, unknown(user, app)))?;
        bearer.grant = Some(&token.family);
        Ok(Granted {
            access_token: self.access_token(&bearer, rights)?,
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
        requested: &RequestedRights,
    ) -> Result<Granted, EndpointError> {
        let now = self.clock.now();
        let presented = PlainSecret::claimed(presented);
        let digest = presented.digest();
        let token = self.store.refresh_token(&digest, now).await?;
        let token = token.ok_or(EndpointError::BadRefreshToken)?;
        // Somebody else's token: refused, and its family is left in peace.
        if token.app.as_ref() != client.map(|client| &client.app.key) {
            return Err(EndpointError::BadRefreshToken);
        }
        let owner = client.map(|client| &client.owner);
        let user = match owner.filter(|owner| owner.id == token.user) {
            // Read a moment ago, with the app.
            Some(owner) => Some(owner.clone()),
            None => self.store.user(&token.user).await?,
        };
        let user = user
            .filter(|user| user.status == Status::Active)
            .ok_or(EndpointError::BadRefreshToken)?;
        let as_of = client.map_or(user.as_of, |client| client.owner.as_of.min(user.as_of));
        let revoked_through = client.map_or(user.revoked_through, |client| {
            client.app.revoked_through.max(user.revoked_through)
        });
        if token.position < revoked_through {
            return Err(EndpointError::BadRefreshToken);
        }
        let audiences = token.audiences.narrowed_to(&requested.audiences)?;
        if audiences.among(self.settings.audiences()).is_empty() {
            // The issuer no longer makes tokens for them.
            return Err(AudienceError.into());
        }
        if let RequestedScopes::Some(scopes) = &requested.scopes
            && !scopes.is_subset_of(&token.scopes)
        {
            return Err(EndpointError::ScopeBeyondGrant);
        }
        let app_scopes = client.map(AppWithOwner::scopes);
        let original = RequestedScopes::Some(token.scopes.clone());
        let scopes = grant(&original, app_scopes.as_ref(), &user.scopes)
            .and_then(|scopes| grant(&requested.scopes, None, &scopes))?;
        // Grants of an earlier release may have what is separate now.
        let asked = RightsRequest {
            scopes: &requested.scopes,
            audiences: &audiences,
            means: client.map_or(Means::Login, |_| Means::App),
        };
        let rights = self.rights(scopes, asked)?;
        // Not a random one: whoever retries within the window gets this one again.
        let secret = self.successor_key.successor_of(&presented);
        let renewed = RefreshToken {
            position: as_of,
            ..token.clone()
        };
        let successor = Successor {
            digest: &secret.digest(),
            token: &renewed,
        };
        let window = self.settings.refresh_token.retry_window_seconds;
        let rotation = self
            .store
            .rotate_refresh_token(&digest, &successor, window, now)
            .await?;
        match rotation {
            Rotation::Rotated | Rotation::Retried => {}
            Rotation::Replayed => {
                self.metrics.refresh_replayed();
                tracing::warn!(
                    user.id = self.log_name(&token.user),
                    "a refresh token was used twice; its grant has ended"
                );
                return Err(EndpointError::BadRefreshToken);
            }
            Rotation::Unknown => return Err(EndpointError::BadRefreshToken),
        }
        let bearer = Bearer {
            user: &user,
            app: client,
            grant: Some(&token.family),
            // A refresh token is no password.
            authenticated_at: None,
            as_of,
        };
        Ok(Granted {
            access_token: self.access_token(&bearer, &rights)?,
            refresh_token: Some(secret),
            scopes: rights.scopes().clone(),
        })
    }
}

/// What somebody is told whose user there is not.
fn unknown(user: &User, app: Option<&AppWithOwner>) -> EndpointError {
    match app {
        None => EndpointError::BadLogin,
        // Its apps go with a user.
        Some(app) if app.owner.id == user.id => EndpointError::BadClient,
        Some(_) => EndpointError::BadPasswordGrant,
    }
}
