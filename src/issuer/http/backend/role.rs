//! `/backend/role`

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::issuer::Issuer;
use crate::issuer::answers::RoleAnswer;
use crate::issuer::directory::{NewRole, RoleUpdate};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body::{self, Named};
use crate::issuer::http::guard::Caller;
use crate::issuer::http::list::{self, Asked};

/// `GET`
pub(in crate::issuer::http) async fn list(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let asked = Asked::read(&request, None)?;
    let directory = issuer.directory(caller.authority());
    let listing = directory.roles(&asked.page).await?;
    Ok(list::answer(&listing, RoleAnswer::of))
}

/// `POST`
pub(in crate::issuer::http) async fn create(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: NewRole = body::json(request).await?;
    let directory = issuer.directory(caller.authority());
    let made = directory.add_role(&wanted).await?;
    Ok(body::answer(StatusCode::CREATED, &RoleAnswer::of(&made)))
}

/// `GET {name}`
pub(in crate::issuer::http) async fn read(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
) -> Result<Response, EndpointError> {
    let found = issuer.directory(caller.authority()).role(&name).await?;
    Ok(body::answer(StatusCode::OK, &RoleAnswer::of(&found)))
}

/// `PUT {name}`
pub(in crate::issuer::http) async fn update(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: RoleUpdate = body::json(request).await?;
    issuer.fresh(&caller)?;
    let directory = issuer.directory(caller.authority());
    let updated = directory.update_role(&name, &wanted).await?;
    Ok(body::answer(
        StatusCode::OK,
        &RoleAnswer::of_change(&updated),
    ))
}

/// `DELETE {name}`
pub(in crate::issuer::http) async fn delete(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
) -> Result<StatusCode, EndpointError> {
    let directory = issuer.directory(caller.authority());
    directory.delete_role(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT {name}/default`: whoever registers gets this role from now on.
pub(in crate::issuer::http) async fn choose_default(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
) -> Result<Response, EndpointError> {
    issuer.fresh(&caller)?;
    let directory = issuer.directory(caller.authority());
    let chosen = directory.set_default_role(&name).await?;
    Ok(body::answer(StatusCode::OK, &RoleAnswer::of(&chosen)))
}
