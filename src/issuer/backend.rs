//! `/backend`: users, roles, scopes and apps, for administrators.

pub(super) mod app;
pub(super) mod role;
pub(super) mod scope;
pub(super) mod user;

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;

use super::directory::WhatToRevoke;
use super::endpoint_error::EndpointError;
use super::guard::Caller;
use super::{Issuer, body};

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
