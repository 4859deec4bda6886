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

use super::extract::{DirectoryAccess, JsonBody};
use crate::issuer::directory::RevocationRequest;
use crate::issuer::endpoint_error::EndpointError;

/// `POST /backend/revoke`
pub(super) async fn revoke(
    access: DirectoryAccess,
    JsonBody(asked): JsonBody<RevocationRequest>,
) -> Result<StatusCode, EndpointError> {
    access.directory().revoke(asked.what()?).await?;
    Ok(StatusCode::NO_CONTENT)
}
