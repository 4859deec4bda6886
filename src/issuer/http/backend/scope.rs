//! `/backend/scope`

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::identity::Form;
use crate::issuer::Issuer;
use crate::issuer::answers::ScopeAnswer;
use crate::issuer::directory::{NewScope, ScopeUpdate, WhenUsed};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body::{self, Named};
use crate::issuer::http::guard::Caller;
use crate::issuer::http::list::{self, Asked};

const FORCE: &str = "force";

/// `GET`
pub(in crate::issuer::http) async fn list(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let asked = Asked::read(&request, None)?;
    let directory = issuer.directory(caller.authority());
    let listing = directory.scopes(&asked.page).await?;
    Ok(list::answer(&listing, ScopeAnswer::of))
}

/// `POST`
pub(in crate::issuer::http) async fn create(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: NewScope = body::json(request).await?;
    let directory = issuer.directory(caller.authority());
    let made = directory.add_scope(&wanted).await?;
    Ok(body::answer(StatusCode::CREATED, &ScopeAnswer::of(&made)))
}

/// `GET {name}`
pub(in crate::issuer::http) async fn read(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
) -> Result<Response, EndpointError> {
    let found = issuer.directory(caller.authority()).scope(&name).await?;
    Ok(body::answer(StatusCode::OK, &ScopeAnswer::of(&found)))
}

/// `PUT {name}`
pub(in crate::issuer::http) async fn update(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: ScopeUpdate = body::json(request).await?;
    let directory = issuer.directory(caller.authority());
    let updated = directory.update_scope(&name, &wanted).await?;
    Ok(body::answer(StatusCode::OK, &ScopeAnswer::of(&updated)))
}

/// `DELETE {name}`; with `force=true` also from roles and apps that have it.
pub(in crate::issuer::http) async fn delete(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
    request: Request,
) -> Result<StatusCode, EndpointError> {
    let when_used = when_used(&request)?;
    let directory = issuer.directory(caller.authority());
    directory.delete_scope(&name, when_used).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn when_used(request: &Request) -> Result<WhenUsed, EndpointError> {
    let query = Form::parse(request.uri().query().unwrap_or_default().as_bytes())?;
    if query.names().any(|name| name != FORCE) {
        return Err(EndpointError::UnknownParameter);
    }
    match query.get(FORCE) {
        None | Some("false") => Ok(WhenUsed::Refuse),
        Some("true") => Ok(WhenUsed::Remove),
        Some(_) => Err(EndpointError::Parameter(FORCE)),
    }
}
