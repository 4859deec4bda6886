//! `/consumer/app`: the caller's own apps.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::body;
use super::body::Named;
use super::guard::Caller;
use super::list::{self, Asked};
use crate::issuer::Issuer;
use crate::issuer::answers::AppAnswer;
use crate::issuer::directory::{AppUpdate, AppsOf, NewApp};
use crate::issuer::endpoint_error::EndpointError;
use crate::yaml::present;

/// What owners change: that an app is disabled is for administrators to say, and to end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct OwnAppUpdate {
    #[serde(deserialize_with = "present")]
    name: Option<String>,
    #[serde(deserialize_with = "present")]
    redirect_uris: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    add_scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    remove_scopes: Option<Vec<String>>,
    #[serde(deserialize_with = "present")]
    follows_owner: Option<bool>,
}

/// How a secret is replaced.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rotation {
    #[serde(deserialize_with = "present")]
    pub(super) overlap_seconds: Option<u32>,
}

/// `GET /consumer/app`
pub(super) async fn list(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let asked = Asked::read(&request, None)?;
    let directory = issuer.directory(caller.authority());
    let listing = directory.own_apps(&caller.user, &asked.page).await?;
    Ok(list::answer(&listing, AppAnswer::of))
}

/// `POST /consumer/app`
pub(super) async fn create(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: NewApp = body::json(request).await?;
    issuer.fresh(&caller)?;
    let directory = issuer.directory(caller.authority());
    let made = directory.add_app(&caller.user, &wanted).await?;
    let answer = AppAnswer::of(&made.app.app).with_secret(&made.secret);
    Ok(body::answer(StatusCode::CREATED, &answer))
}

/// `GET /consumer/app/{app_key}`
pub(super) async fn read(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(key): Named,
) -> Result<Response, EndpointError> {
    let directory = issuer.directory(caller.authority());
    let found = directory.app(&key, AppsOf::User(&caller.user)).await?;
    Ok(body::answer(StatusCode::OK, &AppAnswer::of(&found.app)))
}

/// `PUT /consumer/app/{app_key}`
pub(super) async fn update(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(key): Named,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: OwnAppUpdate = body::json(request).await?;
    let wanted = AppUpdate {
        name: wanted.name,
        redirect_uris: wanted.redirect_uris,
        scopes: wanted.scopes,
        add_scopes: wanted.add_scopes,
        remove_scopes: wanted.remove_scopes,
        follows_owner: wanted.follows_owner,
        status: None,
    };
    let directory = issuer.directory(caller.authority());
    let changed = directory.update_app(&key, AppsOf::User(&caller.user), &wanted);
    let changed = changed.await?;
    let answer = AppAnswer::of(&changed.app.app).with_change(&changed);
    Ok(body::answer(StatusCode::OK, &answer))
}

/// `DELETE /consumer/app/{app_key}`
pub(super) async fn delete(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(key): Named,
) -> Result<StatusCode, EndpointError> {
    let directory = issuer.directory(caller.authority());
    directory
        .delete_app(&key, AppsOf::User(&caller.user))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /consumer/app/{app_key}/rotate_secret`
pub(super) async fn rotate_secret(
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
        .rotate_secret(&key, AppsOf::User(&caller.user), overlap)
        .await?;
    let answer = AppAnswer::of(&made.app.app).with_secret(&made.secret);
    Ok(body::answer(StatusCode::OK, &answer))
}
