//! `POST /authorization/token` (RFC 6749 section 3.2).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::body;
use super::extract::ClientForm;
use crate::identity::PlainSecret;
use crate::issuer::Issuer;
use crate::issuer::access_token::TOKEN_TYPE;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::token_requests::TokenRequest;

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
    ClientForm { headers, form }: ClientForm,
) -> Result<Response, EndpointError> {
    let request = TokenRequest {
        issuer: &issuer,
        headers: &headers,
        form: &form,
    };
    let name = request.required("grant_type")?;
    let offered = issuer.settings.grants.get(name);
    let grant_type = offered.ok_or(EndpointError::UnsupportedGrant)?;
    let granted = request.issue(grant_type).await?;
    issuer.grants.count(grant_type.name());
    Ok(body::ok(&TokenAnswer {
        access_token: &granted.access_token,
        token_type: TOKEN_TYPE,
        expires_in: issuer.settings.access_token_seconds,
        refresh_token: granted.refresh_token.as_ref().map(PlainSecret::reveal),
        scope: granted.scopes.to_string(),
    }))
}
