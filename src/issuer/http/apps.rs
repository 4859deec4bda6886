//! `/consumer/app`: the caller's own apps.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::body;
use super::extract::{DirectoryAccess, JsonBody, OptionalJsonBody, PathName};
use super::list::{self, ListQuery};
use crate::issuer::answers::AppAnswer;
use crate::issuer::directory::{AppUpdate, AppsOf, NewApp, NewSecret, WhenUsed};
use crate::issuer::endpoint_error::EndpointError;
use crate::yaml::present;

/// How a secret is replaced.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SecretRotation {
    #[serde(deserialize_with = "present")]
    overlap_seconds: Option<u32>,
}

/// `GET /consumer/app`
pub(super) async fn list(
    access: DirectoryAccess,
    query: ListQuery,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let listing = directory.own_apps(&access.caller.user, &query.page).await?;
    Ok(list::answer(&listing, AppAnswer::of))
}

/// `POST /consumer/app`
pub(super) async fn create(
    access: DirectoryAccess,
    JsonBody(wanted): JsonBody<NewApp>,
) -> Result<Response, EndpointError> {
    let directory = access.after_login()?;
    let made = directory.add_app(&access.caller.user, &wanted).await?;
    let answer = AppAnswer::of(&made.app.app).with_secret(&made.secret);
    Ok(body::created(&answer))
}

/// `GET /consumer/app/{app_key}`
pub(super) async fn read(
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let (found, reach) = directory.app_with_reach(&key, own(&access)).await?;
    let secrets = directory.secrets_of(&found.app).await?;
    let answer = AppAnswer::of(&found.app).with_secrets(&secrets);
    Ok(body::ok(&answer.with_reach(reach)))
}

/// `PUT /consumer/app/{app_key}`
pub(super) async fn update(
    access: DirectoryAccess,
    PathName(key): PathName,
    JsonBody(wanted): JsonBody<AppUpdate>,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let changed = directory.update_app(&key, own(&access), &wanted).await?;
    let answer = AppAnswer::of(&changed.app.app).with_change(&changed);
    Ok(body::ok(&answer))
}

/// `DELETE /consumer/app/{app_key}`
pub(super) async fn delete(
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<StatusCode, EndpointError> {
    access
        .directory()
        .delete_app(&key, own(&access), WhenUsed::GoOn)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /consumer/app/{app_key}/rotate_secret`
pub(super) async fn rotate_secret(
    access: DirectoryAccess,
    PathName(key): PathName,
    OptionalJsonBody(wanted): OptionalJsonBody<SecretRotation>,
) -> Result<Response, EndpointError> {
    let made = wanted.carry_out(&access, &key, own(&access)).await?;
    let answer = AppAnswer::of(&made.app.app).with_secret(&made.secret);
    Ok(body::ok(&answer))
}

fn own(access: &DirectoryAccess) -> AppsOf<'_> {
    AppsOf::User(&access.caller.user)
}

impl SecretRotation {
    /// Replaces the secret of an app; without a word on it, the earlier one lives on for as long as is
    /// configured.
    pub(super) async fn carry_out(
        self,
        access: &DirectoryAccess,
        key: &str,
        of: AppsOf<'_>,
    ) -> Result<NewSecret, EndpointError> {
        let directory = access.after_login()?;
        let usual = access.issuer.settings.secret_overlap_seconds;
        let overlap = self.overlap_seconds.unwrap_or(usual);
        Ok(directory.rotate_secret(key, of, overlap).await?)
    }
}
