//! `POST /authorization/introspect` (RFC 7662): what a token is worth now.
//!
//! An app may ask about its own tokens; one that has the scope `backend.introspect`, such as a resource
//! server, about everybody's access tokens. A refresh token is told to its own app alone, so that no
//! resource server takes one for an access token because it is active.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

use super::endpoint_error::EndpointError;
use super::signing::LOGIN_CLIENT;
use super::standing::{FoundToken, Standing};
use super::token::TOKEN_TYPE;
use super::{Issuer, body};
use crate::identity::PlainSecret;
use crate::store::{AppWithOwner, RefreshToken};
use crate::token::VerifiedToken;

/// Lets an app ask about access tokens that are not its own.
const SCOPE: &str = "backend.introspect";

/// RFC 7662 section 2.2.
#[derive(Serialize)]
struct ActiveAnswer<'a> {
    active: bool,
    scope: String,
    client_id: &'a str,
    username: &'a str,
    token_type: &'static str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    sub: &'a str,
    aud: Value,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<&'a str>,
}

pub(super) async fn introspect(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    if request.uri().query().is_some() {
        return Err(EndpointError::ParametersInUrl);
    }
    let headers = request.headers().clone();
    let form = body::form(request).await?;
    let client = issuer.client(&headers, &form).await?;
    let text = form.get("token").ok_or(EndpointError::Missing("token"))?;
    let described = match issuer.find_token(text).await? {
        Some(FoundToken::Access(token)) => issuer.describe_access(&client, &token).await?,
        Some(FoundToken::Refresh(token)) => issuer.describe_refresh(&client, &token, text).await?,
        None => None,
    };
    // Why it is not active is nobody's business (RFC 7662 section 2.2).
    Ok(described.unwrap_or_else(|| body::answer(StatusCode::OK, &json!({"active": false}))))
}

impl Issuer {
    async fn describe_access(
        &self,
        client: &AppWithOwner,
        token: &VerifiedToken,
    ) -> Result<Option<Response>, EndpointError> {
        let own = Self::app_of_token(token.client()) == Some(client.app.key.as_str());
        let may_ask = own || client.scopes().contains(SCOPE);
        // The leeway of clocks is for whoever verifies by himself.
        if !may_ask || token.expires_at() <= self.clock.now() {
            return Ok(None);
        }
        let Some(standing) = self.standing(token).await? else {
            return Ok(None);
        };
        let answer = ActiveAnswer {
            active: true,
            scope: standing.scopes.to_string(),
            client_id: token.client().unwrap_or(LOGIN_CLIENT),
            username: standing.user.username.as_str(),
            token_type: TOKEN_TYPE,
            exp: token.expires_at().0,
            iat: token.issued_at().map(|issued| issued.0),
            sub: token.subject(),
            aud: token.claim("aud").cloned().unwrap_or_default(),
            iss: token.issuer(),
            jti: token.id(),
        };
        Ok(Some(body::answer(StatusCode::OK, &answer)))
    }

    async fn describe_refresh(
        &self,
        client: &AppWithOwner,
        token: &RefreshToken,
        text: &str,
    ) -> Result<Option<Response>, EndpointError> {
        if token.app.as_ref() != Some(&client.app.key) {
            return Ok(None);
        }
        let (digest, now) = (PlainSecret::claimed(text).digest(), self.clock.now());
        let issued_at = self.store.unused_refresh_token_since(&digest, now).await?;
        let (Some(issued_at), Some(standing)) = (issued_at, self.refresh_standing(token).await?)
        else {
            return Ok(None);
        };
        let Standing { user, scopes, .. } = &standing;
        let answer = ActiveAnswer {
            active: true,
            scope: scopes.to_string(),
            client_id: client.app.key.as_str(),
            username: user.username.as_str(),
            token_type: "refresh_token",
            exp: token.expires_at.0,
            iat: Some(issued_at.0),
            sub: user.id.as_str(),
            // It is for us and nobody else.
            aud: self.settings.url.as_str().into(),
            iss: &self.settings.url,
            jti: None,
        };
        Ok(Some(body::answer(StatusCode::OK, &answer)))
    }
}
