//! `/backend/app`

use axum::http::StatusCode;
use axum::response::Response;

use crate::issuer::answers::AppAnswer;
use crate::issuer::directory::{AppUpdate, AppsOf, WhenUsed};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::apps::SecretRotation;
use crate::issuer::http::body;
use crate::issuer::http::extract::{DirectoryAccess, JsonBody, OptionalJsonBody, PathName};
use crate::issuer::http::list::{self, ListQuery, OfApps};

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery<OfApps>,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let listing = directory.apps(&query.apps(), &query.page).await?;
    Ok(list::answer(&listing, AppAnswer::of_owned))
}

/// `GET {app_key}`
pub(in crate::issuer::http) async fn read(
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let (found, reach) = directory.app_with_reach(&key, AppsOf::Everybody).await?;
    let secrets = directory.secrets_of(&found.app).await?;
    let answer = AppAnswer::of_owned(&found).with_secrets(&secrets);
    Ok(body::ok(&answer.with_reach(reach)))
}

/// `PUT {app_key}`
pub(in crate::issuer::http) async fn update(
    access: DirectoryAccess,
    PathName(key): PathName,
    JsonBody(wanted): JsonBody<AppUpdate>,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let changed = directory
        .update_app(&key, AppsOf::Everybody, &wanted)
        .await?;
    let answer = AppAnswer::of_owned(&changed.app).with_change(&changed);
    Ok(body::ok(&answer))
}

/// `DELETE {app_key}`
pub(in crate::issuer::http) async fn delete(
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<StatusCode, EndpointError> {
    let directory = access.directory();
    directory
        .delete_app(&key, AppsOf::Everybody, WhenUsed::GoOn)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST {app_key}/rotate_secret`
pub(in crate::issuer::http) async fn rotate_secret(
    access: DirectoryAccess,
    PathName(key): PathName,
    OptionalJsonBody(wanted): OptionalJsonBody<SecretRotation>,
) -> Result<Response, EndpointError> {
    let made = wanted.carry_out(&access, &key, AppsOf::Everybody).await?;
    let answer = AppAnswer::of_owned(&made.app).with_secret(&made.secret);
    Ok(body::ok(&answer))
}
