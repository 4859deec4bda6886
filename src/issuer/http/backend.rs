//! `/backend`: users, roles, scopes and apps, for administrators.

pub(super) mod app;
pub(super) mod attention;
pub(super) mod audit;
pub(super) mod gate;
pub(super) mod key;
pub(super) mod policy;
pub(super) mod role;
pub(super) mod scope;
pub(super) mod user;
pub(super) mod who;

use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

use super::body;
use super::extract::{DirectoryAccess, JsonBody};
use crate::identity::Form;
use crate::issuer::directory::{RevocationRequest, WhatToRevoke};
use crate::issuer::endpoint_error::EndpointError;
use crate::problem::quoted;

/// Whom a revocation would concern; nothing where the caller may not know.
#[derive(Serialize)]
struct EffectAnswer {
    users: Option<i64>,
    apps: Option<i64>,
    grants: Option<i64>,
    /// Whether there are more than are counted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_more_grants: bool,
    sessions: Option<i64>,
}

/// `GET /backend/revoke`: nothing is revoked.
pub(super) async fn effect(access: DirectoryAccess, uri: Uri) -> Result<Response, EndpointError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    if let Some(unknown) = query
        .names()
        .find(|name| !RevocationRequest::NAMES.contains(name))
    {
        return Err(EndpointError::UnknownParameter(quoted(unknown)));
    }
    let what = RevocationRequest::of(|name| query.get(name)).what()?;
    let directory = access.directory();
    let reach = if may_count(&access, &what) {
        Some(directory.reach_of_revocation(&what).await?)
    } else {
        directory.check_named(&what).await?;
        None
    };
    Ok(body::ok(&EffectAnswer {
        users: reach.map(|reach| reach.users),
        apps: reach.map(|reach| reach.apps),
        grants: reach.map(|reach| reach.grants),
        has_more_grants: reach.is_some_and(|reach| reach.has_more_grants),
        sessions: reach.map(|reach| reach.sessions),
    }))
}

/// Whether whoever asks may look up what is counted: who only revokes learns nothing of users and apps.
pub(super) fn may_count(access: &DirectoryAccess, what: &WhatToRevoke) -> bool {
    let scope = match what {
        WhatToRevoke::User(_) | WhatToRevoke::Grant(_) => "backend.user",
        WhatToRevoke::App(_) => "backend.app",
        // Of a token there is nothing to count, and everybody is nobody in particular.
        WhatToRevoke::Token(_) | WhatToRevoke::Everyone => return true,
    };
    access.caller.scopes.contains(scope)
}

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
    let directory = access.directory();
    let revocable = directory.revocable(asked.what()?).await?;
    access.admit_revocation_of(&revocable)?;
    let position = directory.revoke(revocable).await?;
    let revoked = RevokedAnswer {
        position: position.0,
    };
    Ok(body::answer(StatusCode::OK, &revoked))
}
