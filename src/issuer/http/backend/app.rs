//! `/backend/app`

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::issuer::Issuer;
use crate::issuer::answers::AppAnswer;
use crate::issuer::directory::{AppUpdate, AppsOf};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::apps::Rotation;
use crate::issuer::http::body::{self, Named};
use crate::issuer::http::guard::Caller;
use crate::issuer::http::list::{self, Asked};

/// `GET`; `owner` takes a username.
pub(in crate::issuer::http) async fn list(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let asked = Asked::read(&request, Some("owner"))?;
    let directory = issuer.directory(caller.authority());
    let listing = directory.apps(asked.filter(), &asked.page).await?;
    Ok(list::answer(&listing, AppAnswer::of_owned))
}

/// `GET {app_key}`
pub(in crate::issuer::http) async fn read(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(key): Named,
) -> Result<Response, EndpointError> {
    let directory = issuer.directory(caller.authority());
    let found = directory.app(&key, AppsOf::Everybody).await?;
    Ok(body::answer(StatusCode::OK, &AppAnswer::of_owned(&found)))
}

/// `PUT {app_key}`
pub(in crate::issuer::http) async fn update(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(key): Named,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: AppUpdate = body::json(request).await?;
    let directory = issuer.directory(caller.authority());
    let changed = directory
        .update_app(&key, AppsOf::Everybody, &wanted)
        .await?;
    let answer = AppAnswer::of_owned(&changed.app).with_change(&changed);
    Ok(body::answer(StatusCode::OK, &answer))
}

/// `DELETE {app_key}`
pub(in crate::issuer::http) async fn delete(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(key): Named,
) -> Result<StatusCode, EndpointError> {
    let directory = issuer.directory(caller.authority());
    directory.delete_app(&key, AppsOf::Everybody).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST {app_key}/rotate_secret`
pub(in crate::issuer::http) async fn rotate_secret(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(key): Named,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: Rotation = body::json_if_any(request).await?;
    issuer.fresh(&caller)?;
    let overlap = wanted
        .overlap_seconds
        .unwrap_or(issuer.settings.secret_overlap_seconds);
    let directory = issuer.directory(caller.authority());
    let made = directory
        .rotate_secret(&key, AppsOf::Everybody, overlap)
        .await?;
    let answer = AppAnswer::of_owned(&made.app).with_secret(&made.secret);
    Ok(body::answer(StatusCode::OK, &answer))
}
