//! `POST /authorization/revoke` (RFC 7009): a token is given back, and its grant ends.
//!
//! An app authenticates as at the token endpoint and may give back its own tokens. Whoever logged in
//! without an app has no secret: it calls with the `Bearer` token of its login, and may give back the
//! tokens of its logins. That is how one logs out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::endpoint_error::EndpointError;
use super::grants::{Revoker, app_of_token};
use super::{Issuer, body};
use crate::identity::{Form, UserId};
use crate::token::{Credential, UnverifiedToken};

pub(super) async fn revoke(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<StatusCode, EndpointError> {
    if request.uri().query().is_some() {
        return Err(EndpointError::ParametersInUrl);
    }
    let headers = request.headers().clone();
    let form = body::form(request).await?;
    let revoker = issuer.revoker(&headers, &form).await?;
    let text = form.get("token").ok_or(EndpointError::Missing("token"))?;
    let snapshot = issuer.guard.snapshot();
    let returned = issuer.grants.returned_token(text, snapshot.trust());
    if let Some(token) = returned.await? {
        issuer.grants.revoke(&token, &revoker).await?;
    }
    // Also for what is unknown, expired or somebody else's (RFC 7009 section 2.2).
    Ok(StatusCode::OK)
}

impl Issuer {
    async fn revoker(&self, headers: &HeaderMap, form: &Form) -> Result<Revoker, EndpointError> {
        let values = headers.get_all(AUTHORIZATION).iter();
        match Credential::read(values.map(HeaderValue::as_bytes)) {
            Credential::Absent => {
                let client = self.client(headers, form).await?;
                Ok(Revoker::App(client.app.key))
            }
            Credential::Several => Err(EndpointError::SeveralClientCredentials),
            Credential::Malformed | Credential::TooLong => Err(EndpointError::BadClient),
            Credential::Token(_) if form.get("client_secret").is_some() => {
                Err(EndpointError::SeveralClientCredentials)
            }
            Credential::Token(token) => self.logged_in(token).await.map(Revoker::User),
        }
    }

    /// Whose login a token is of, if it holds.
    async fn logged_in(&self, token: UnverifiedToken<'_>) -> Result<UserId, EndpointError> {
        let snapshot = self.guard.snapshot();
        let verified = snapshot.trust().verify(token, self.clock.now());
        let token = verified.map_err(|_| EndpointError::BadBearer)?;
        if app_of_token(token.client()).is_some() {
            // An app has a secret to prove itself by; its tokens go to others as well.
            return Err(EndpointError::BadClient);
        }
        let standing = self.grants.standing(&token).await?;
        Ok(standing.ok_or(EndpointError::BadBearer)?.user.id)
    }
}
