//! `/backend`: users, roles, scopes and apps, for administrators.

pub(super) mod app;
pub(super) mod attention;
pub(super) mod audit;
pub(super) mod gate;
pub(super) mod key;
pub(super) mod role;
pub(super) mod scope;
pub(super) mod user;

use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::body;
use super::extract::{DirectoryAccess, JsonBody};
use crate::issuer::directory::RevocationRequest;
use crate::issuer::endpoint_error::EndpointError;

/// What has been revoked, as gates hear of it.
#[derive(Serialize)]
struct RevokedAnswer {
    /// Gates that know the log up to here refuse the tokens.
    position: u64,
}

/// `POST /backend/revoke`
pub(super) async fn revoke(
    access: DirectoryAccess,
    JsonBody(asked): JsonBody<RevocationRequest>,
) -> Result<Response, EndpointError> {
    access.admit_revocation()?;
    let position = access.directory().revoke(asked.what()?).await?;
    let revoked = RevokedAnswer {
        position: position.0,
    };
    Ok(body::answer(StatusCode::OK, &revoked))
}
