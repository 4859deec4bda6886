//! Token introspection (RFC 7662).
//!
//! An app may ask about its own tokens; one that has the scope `backend.introspect`, such as a resource
//! server, about all access tokens. A refresh token is described to its own app alone, so that no
//! resource server mistakes an active one for an access token.

use serde::Serialize;
use serde_json::Value;

use super::Grants;
use crate::identity::{AppWithOwner, PlainSecret};
use crate::issuer::access_token::{LOGIN_CLIENT, TOKEN_TYPE, app_of_token};
use crate::issuer::endpoint_error::EndpointError;
use crate::store::RefreshToken;
use crate::token::{Trust, UnverifiedToken, VerifiedToken};

/// Lets an app ask about access tokens that are not its own.
const SCOPE: &str = "backend.introspect";

/// An active token (RFC 7662 section 2.2).
#[derive(Serialize)]
pub(in crate::issuer) struct Description {
    active: bool,
    scope: String,
    client_id: String,
    username: String,
    token_type: &'static str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    sub: String,
    aud: Value,
    iss: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// What the text is, by the strictest reading: a token that any rule refuses is not active.
enum ActiveToken {
    /// Signed by this issuer and not expired; perhaps revoked.
    Access(Box<VerifiedToken>),
    /// In the store and not expired; perhaps used.
    Refresh(RefreshToken),
}

impl Grants {
    /// Describes a token to `app`; `None` where it is not active, or the app may not ask about it.
    pub(in crate::issuer) async fn introspect(
        &self,
        text: &str,
        app: &AppWithOwner,
        trust: &Trust,
    ) -> Result<Option<Description>, EndpointError> {
        match self.active_token(text, trust).await? {
            Some(ActiveToken::Access(token)) => self.describe_access(app, &token).await,
            Some(ActiveToken::Refresh(token)) => self.describe_refresh(app, &token, text).await,
            None => Ok(None),
        }
    }

    /// Both kinds are looked for, so that a wrong hint does no harm (RFC 7662 section 2.1).
    async fn active_token(
        &self,
        text: &str,
        trust: &Trust,
    ) -> Result<Option<ActiveToken>, EndpointError> {
        let now = self.clock.now();
        if let Ok(token) = UnverifiedToken::parse(text.as_bytes())
            && let Ok(verified) = trust.verify(token, now)
        {
            return Ok(Some(ActiveToken::Access(Box::new(verified))));
        }
        let digest = PlainSecret::claimed(text).digest();
        let found = self.store.refresh_token(&digest, now).await?;
        Ok(found.map(ActiveToken::Refresh))
    }

    async fn describe_access(
        &self,
        app: &AppWithOwner,
        token: &VerifiedToken,
    ) -> Result<Option<Description>, EndpointError> {
        let own = app_of_token(token.client()) == Some(app.app.key.as_str());
        let may_ask = own || self.settings.usable_by(app).contains(SCOPE);
        // The leeway is for verifiers with another clock. This clock wrote `exp`.
        // RFC 7662 section 2.2 says no more than `active: false` to whoever may not ask, or it could
        // try tokens and learn whose they are.
        if !may_ask || token.expires_at() <= self.clock.now() {
            return Ok(None);
        }
        let standing = self.standing(token).await?;
        Ok(standing.map(|standing| Description {
            active: true,
            scope: standing.scopes.to_string(),
            client_id: token.client().unwrap_or(LOGIN_CLIENT).to_owned(),
            username: standing.user.username.as_str().to_owned(),
            token_type: TOKEN_TYPE,
            exp: token.expires_at().0,
            iat: token.issued_at().map(|issued| issued.0),
            sub: token.subject().to_owned(),
            aud: token.claim("aud").cloned().unwrap_or_default(),
            iss: token.issuer().to_owned(),
            jti: token.id().map(str::to_owned),
        }))
    }

    async fn describe_refresh(
        &self,
        app: &AppWithOwner,
        token: &RefreshToken,
        text: &str,
    ) -> Result<Option<Description>, EndpointError> {
        // Even with the scope: a refresh token is a matter between this issuer and one app, and no
        // resource server has any business with it.
        if token.grant.app.as_ref() != Some(&app.app.key) {
            return Ok(None);
        }
        let (digest, now) = (PlainSecret::claimed(text).digest(), self.clock.now());
        let issued_at = self.store.unused_refresh_token_since(&digest, now).await?;
        let Some(issued_at) = issued_at else {
            return Ok(None);
        };
        let standing = self.standing_of(token.grant.entitlement()).await?;
        Ok(standing.map(|standing| Description {
            active: true,
            scope: standing.scopes.to_string(),
            client_id: app.app.key.as_str().to_owned(),
            username: standing.user.username.as_str().to_owned(),
            token_type: "refresh_token",
            exp: token.expires_at.0,
            iat: Some(issued_at.0),
            sub: standing.user.id.as_str().to_owned(),
            // Only this issuer accepts a refresh token.
            aud: self.settings.url.as_str().into(),
            iss: self.settings.url.clone(),
            jti: None,
        }))
    }
}
