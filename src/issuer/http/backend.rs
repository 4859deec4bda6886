//! `/backend`: users, roles, scopes and apps, for administrators.

pub(super) mod app;
pub(super) mod role;
pub(super) mod scope;
pub(super) mod user;

use axum::http::StatusCode;

use super::extract::{DirectoryAccess, JsonBody};
use crate::issuer::directory::WhatToRevoke;
use crate::issuer::endpoint_error::EndpointError;

/// `POST /backend/revoke`
pub(super) async fn revoke(
    access: DirectoryAccess,
    JsonBody(what): JsonBody<WhatToRevoke>,
) -> Result<StatusCode, EndpointError> {
    access.directory().revoke(what).await?;
    Ok(StatusCode::NO_CONTENT)
}
