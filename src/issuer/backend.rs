//! `/backend`: scopes and roles, for administrators.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::{Issuer, body};
use crate::identity::{RoleName, ScopeName};
use crate::store::Created;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ScopeBody {
    name: String,
    description: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RoleBody {
    name: String,
    scopes: Vec<String>,
}

/// `POST /backend/scope`
pub(super) async fn create_scope(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: ScopeBody = body::json(request).await?;
    let name = ScopeName::parse(&wanted.name).map_err(|_| Refusal::BadScope)?;
    if wanted.description.contains(char::is_control) {
        return Err(Refusal::Parameter("description"));
    }
    if issuer.store.add_scope(&name, &wanted.description).await? == Created::NameTaken {
        return Err(Refusal::NameTaken);
    }
    Ok(body::answer(StatusCode::CREATED, &wanted))
}

/// `POST /backend/role`: a new role, or further scopes for one that exists.
pub(super) async fn create_role(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: RoleBody = body::json(request).await?;
    let name = RoleName::parse(&wanted.name).map_err(|_| Refusal::BadScope)?;
    let scopes = wanted.scopes.iter().map(|scope| ScopeName::parse(scope));
    let scopes: Vec<ScopeName> = scopes
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::BadScope)?;
    if !issuer.store.add_role(&name, &scopes).await? {
        return Err(Refusal::BadScope);
    }
    Ok(body::answer(StatusCode::CREATED, &wanted))
}
