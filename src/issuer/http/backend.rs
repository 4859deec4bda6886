//! `/backend`: users, roles, scopes and apps, for administrators.

pub(super) mod app;
pub(super) mod role;
pub(super) mod scope;
pub(super) mod user;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::body;
use super::guard::Caller;
use crate::issuer::Issuer;
use crate::issuer::directory::WhatToRevoke;
use crate::issuer::endpoint_error::EndpointError;

/// `POST /backend/revoke`
pub(super) async fn revoke(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<StatusCode, EndpointError> {
    let what: WhatToRevoke = body::json(request).await?;
    issuer.directory(caller.authority()).revoke(what).await?;
    Ok(StatusCode::NO_CONTENT)
}
