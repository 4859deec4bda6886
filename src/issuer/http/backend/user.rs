//! `/backend/user`

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::issuer::Issuer;
use crate::issuer::answers::UserAnswer;
use crate::issuer::directory::{NewUser, UserUpdate};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body::{self, Named};
use crate::issuer::http::guard::Caller;
use crate::issuer::http::list::{self, Asked};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    password: String,
}

/// `GET`; `search` takes a part of a name or address.
pub(in crate::issuer::http) async fn list(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let asked = Asked::read(&request, Some("search"))?;
    let directory = issuer.directory(caller.authority());
    let search = asked.filter().unwrap_or_default();
    let listing = directory.users(search, &asked.page).await?;
    Ok(list::answer(&listing, UserAnswer::of))
}

/// `POST`
pub(in crate::issuer::http) async fn create(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: NewUser = body::json(request).await?;
    issuer.fresh(&caller)?;
    let user = issuer
        .directory(caller.authority())
        .add_user(wanted)
        .await?;
    Ok(body::answer(StatusCode::CREATED, &UserAnswer::of(&user)))
}

/// `GET {username}`
pub(in crate::issuer::http) async fn read(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
) -> Result<Response, EndpointError> {
    let user = issuer.directory(caller.authority()).user(&name).await?;
    Ok(body::answer(StatusCode::OK, &UserAnswer::of(&user)))
}

/// `PUT {username}`
pub(in crate::issuer::http) async fn update(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: UserUpdate = body::json(request).await?;
    issuer.fresh(&caller)?;
    let directory = issuer.directory(caller.authority());
    let changed = directory.update_user(&name, &wanted).await?;
    Ok(body::answer(
        StatusCode::OK,
        &UserAnswer::of_change(&changed),
    ))
}

/// `DELETE {username}`
pub(in crate::issuer::http) async fn delete(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
) -> Result<StatusCode, EndpointError> {
    let directory = issuer.directory(caller.authority());
    directory.delete_user(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST {username}/set_password`
pub(in crate::issuer::http) async fn set_password(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(name): Named,
    request: Request,
) -> Result<StatusCode, EndpointError> {
    let wanted: NewPassword = body::json(request).await?;
    issuer.fresh(&caller)?;
    let directory = issuer.directory(caller.authority());
    directory.set_password(&name, wanted.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
