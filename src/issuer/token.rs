//! `POST /authorization/token` (RFC 6749 section 3.2).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::refresh::Granted;
use super::refusal::Refusal;
use super::{Issuer, body};
use crate::identity::{Form, PlainSecret, RequestedScopes, grant};
use crate::store::AppWithOwner;

/// RFC 6750.
pub(super) const TOKEN_TYPE: &str = "bearer";

/// RFC 6749 section 5.1.
#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
}

pub(super) async fn token(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, Refusal> {
    if request.uri().query().is_some() {
        return Err(Refusal::ParametersInUrl);
    }
    let headers = request.headers().clone();
    let form = body::form(request).await?;
    let grant_type = form
        .get("grant_type")
        .ok_or(Refusal::Missing("grant_type"))?;
    let offered = issuer.settings.grants;
    let granted = match grant_type {
        "client_credentials" if offered.client_credentials => {
            let client = issuer.client(&headers, &form).await?;
            issuer.by_client_credentials(&client, &form).await?
        }
        "refresh_token" if offered.refresh_token => {
            let client = issuer.client(&headers, &form).await?;
            issuer.by_refresh_token(&client, &form).await?
        }
        _ => return Err(Refusal::UnsupportedGrant),
    };
    let answer = TokenAnswer {
        access_token: &granted.access_token,
        token_type: TOKEN_TYPE,
        expires_in: issuer.settings.access_token_seconds,
        refresh_token: granted.refresh_token.as_ref().map(PlainSecret::reveal),
        scope: granted.scopes.to_string(),
    };
    Ok(body::answer(StatusCode::OK, &answer))
}

impl Issuer {
    /// RFC 6749 section 4.4; the token acts for the app's owner.
    async fn by_client_credentials(
        &self,
        client: &AppWithOwner,
        form: &Form,
    ) -> Result<Granted, Refusal> {
        let requested = requested(form)?;
        let scopes = grant(&requested, Some(&client.app.scopes), &client.owner.scopes)
            .map_err(|_| Refusal::NothingGranted)?;
        let refreshable = self.settings.grants.refresh_token
            && self.settings.refresh_token.with_client_credentials;
        self.begin_grant(&client.owner, Some(&client.app.key), scopes, refreshable)
            .await
    }

    /// RFC 6749 section 6: the app's own token, and no more scopes than it had.
    async fn by_refresh_token(
        &self,
        client: &AppWithOwner,
        form: &Form,
    ) -> Result<Granted, Refusal> {
        let token = form
            .get("refresh_token")
            .ok_or(Refusal::Missing("refresh_token"))?;
        let requested = requested(form)?;
        self.refresh(token, Some(client), &requested).await
    }
}

fn requested(form: &Form) -> Result<RequestedScopes, Refusal> {
    RequestedScopes::parse(form.get("scope")).map_err(|_| Refusal::BadScope)
}
