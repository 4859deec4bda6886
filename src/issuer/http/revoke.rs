//! `POST /authorization/revoke` (RFC 7009): revokes a token and its grant.
//!
//! An app authenticates as at the token endpoint and may revoke its own tokens. Whoever logged in
//! without an app has no secret: it calls with the `Bearer` token of its login, and may revoke the
//! tokens of its logins. That is how one logs out.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::extract::ClientForm;
use crate::identity::{Form, UserId};
use crate::issuer::Issuer;
use crate::issuer::access_token::app_of_token;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::Revoker;
use crate::token::{Credential, UnverifiedToken};

pub(super) async fn revoke(
    State(issuer): State<Arc<Issuer>>,
    ClientForm { headers, form }: ClientForm,
) -> Result<StatusCode, EndpointError> {
    let revoker = revoker(&issuer, &headers, &form).await?;
    let text = form.get("token").ok_or(EndpointError::Missing("token"))?;
    let snapshot = issuer.guard.snapshot();
    let returned = issuer.grants.returned_token(text, snapshot.trust());
    if let Some(token) = returned.await? {
        issuer.grants.revoke(&token, &revoker).await?;
    }
    // Also for what is unknown, expired or somebody else's (RFC 7009 section 2.2).
    Ok(StatusCode::OK)
}

async fn revoker(
    issuer: &Issuer,
    headers: &HeaderMap,
    form: &Form,
) -> Result<Revoker, EndpointError> {
    let values = headers.get_all(AUTHORIZATION).iter();
    match Credential::read(values.map(HeaderValue::as_bytes)) {
        Credential::Absent | Credential::OtherScheme => {
            let client = issuer.credentials.client(headers, form).await?;
            Ok(Revoker::App(client.app.key))
        }
        Credential::Several => Err(EndpointError::SeveralClientCredentials),
        Credential::Malformed | Credential::TooLong => Err(EndpointError::BadClient),
        Credential::Token(_) if form.get("client_secret").is_some() => {
            Err(EndpointError::SeveralClientCredentials)
        }
        Credential::Token(token) => logged_in(issuer, token).await.map(Revoker::User),
    }
}

/// Whose login a token is of, if it holds.
async fn logged_in(issuer: &Issuer, token: UnverifiedToken<'_>) -> Result<UserId, EndpointError> {
    let snapshot = issuer.guard.snapshot();
    let verified = snapshot.trust().verify(token, issuer.clock.now());
    let token = verified.map_err(|_| EndpointError::BadBearer)?;
    if app_of_token(token.client()).is_some() {
        // An app has a secret to prove itself by; its tokens go to others as well.
        return Err(EndpointError::BadClient);
    }
    let standing = issuer.grants.standing(&token).await?;
    Ok(standing.ok_or(EndpointError::BadBearer)?.user.id)
}
