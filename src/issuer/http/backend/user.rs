//! `/backend/user`

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::issuer::answers::{SignInAnswer, UserAnswer};
use crate::issuer::directory::{NewUser, UserUpdate, WhenUsed};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::{DirectoryAccess, JsonBody, PathName};
use crate::issuer::http::list::{self, ListQuery};
use crate::store::UserFilter;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::issuer::http) struct NewPassword {
    password: String,
}

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery<UserFilter>,
) -> Result<Response, EndpointError> {
    let listing = access.directory().users(&query.filter, &query.page).await?;
    Ok(list::answer(&listing, UserAnswer::of))
}

/// `POST`
pub(in crate::issuer::http) async fn create(
    access: DirectoryAccess,
    JsonBody(wanted): JsonBody<NewUser>,
) -> Result<Response, EndpointError> {
    let user = access.after_login()?.add_user(wanted).await?;
    Ok(body::created(&UserAnswer::of(&user)))
}

/// `GET {username}`
pub(in crate::issuer::http) async fn read(
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let (user, reach) = directory.user_with_reach(&name).await?;
    let answer = UserAnswer::of(&user).with_reach(reach);
    Ok(body::ok(&answer))
}

/// `GET {username}/sign_ins`
pub(in crate::issuer::http) async fn sign_ins(
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, EndpointError> {
    let user = access.directory().user(&name).await?;
    let items = access.issuer.credentials.sign_ins_of(&user.id).await?;
    Ok(list::answer_all(&items, SignInAnswer::of))
}

/// `PUT {username}`
pub(in crate::issuer::http) async fn update(
    access: DirectoryAccess,
    PathName(name): PathName,
    JsonBody(wanted): JsonBody<UserUpdate>,
) -> Result<Response, EndpointError> {
    let changed = access.after_login()?.update_user(&name, &wanted).await?;
    Ok(body::ok(&UserAnswer::of_change(&changed)))
}

/// `DELETE {username}`
pub(in crate::issuer::http) async fn delete(
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<StatusCode, EndpointError> {
    access
        .directory()
        .delete_user(&name, WhenUsed::GoOn)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST {username}/set_password`
pub(in crate::issuer::http) async fn set_password(
    access: DirectoryAccess,
    PathName(name): PathName,
    JsonBody(wanted): JsonBody<NewPassword>,
) -> Result<StatusCode, EndpointError> {
    let directory = access.after_login()?;
    directory.set_password(&name, wanted.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
