//! `/consumer/login`: a token for a user's own credentials, and from a refresh token of a login.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::body;
use super::extract::JsonBody;
use crate::identity::{Audiences, PlainSecret, RequestedScopes};
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::{Extension, Granted, LOGIN, LOGIN_REFRESH, Presenter, RequestedRights};
use crate::yaml::present;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginRequest {
    username: String,
    password: String,
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshRequest {
    refresh_token: String,
}

#[derive(Serialize)]
struct LoginAnswer<'a> {
    token: &'a str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
}

/// `POST`
pub(super) async fn login(
    State(issuer): State<Arc<Issuer>>,
    JsonBody(wanted): JsonBody<LoginRequest>,
) -> Result<Response, EndpointError> {
    let scopes = wanted.scopes.map(|scopes| scopes.join(" "));
    let requested = RequestedRights {
        scopes: RequestedScopes::parse(scopes.as_deref())?,
        audiences: Audiences::All,
    };
    let proven = issuer
        .credentials
        .user_with_password_alone(&wanted.username, wanted.password);
    let user = proven.await?;
    // Whichever grant types there are: `PUT` extends it.
    let extension = Extension::ByRefreshToken;
    let begun = issuer.grants.begin(&user, None, &requested, extension);
    let granted = begun.await?;
    issuer.grants.count(LOGIN);
    Ok(answer(&issuer, &granted))
}

/// `PUT`
pub(super) async fn refresh(
    State(issuer): State<Arc<Issuer>>,
    JsonBody(presented): JsonBody<RefreshRequest>,
) -> Result<Response, EndpointError> {
    let token = &presented.refresh_token;
    let extended = issuer
        .grants
        .refresh(token, Presenter::Anybody, &RequestedRights::ALL);
    let granted = extended.await?;
    issuer.grants.count(LOGIN_REFRESH);
    Ok(answer(&issuer, &granted))
}

fn answer(issuer: &Issuer, granted: &Granted) -> Response {
    body::ok(&LoginAnswer {
        token: &granted.access_token,
        expires_in: issuer.settings.access_token_seconds,
        refresh_token: granted.refresh_token.as_ref().map(PlainSecret::reveal),
        scope: granted.scopes.to_string(),
    })
}
