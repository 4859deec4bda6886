//! `/backend/role`

use axum::http::StatusCode;
use axum::response::Response;

use super::scope::DeletionQuery;
use crate::issuer::answers::RoleAnswer;
use crate::issuer::directory::{NewRole, RoleUpdate, WhenUsed};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::{DirectoryAccess, JsonBody, PathName};
use crate::issuer::http::list::{self, BySearch, ListQuery};

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery<BySearch>,
) -> Result<Response, EndpointError> {
    let search = query.filter().unwrap_or_default();
    let directory = access.directory();
    let listing = directory.roles_named(search, &query.page).await?;
    Ok(list::answer(&listing, RoleAnswer::of))
}

/// `POST`
pub(in crate::issuer::http) async fn create(
    access: DirectoryAccess,
    JsonBody(wanted): JsonBody<NewRole>,
) -> Result<Response, EndpointError> {
    let made = access.directory().add_role(&wanted).await?;
    Ok(body::created(&RoleAnswer::of(&made)))
}

/// `GET {name}`
pub(in crate::issuer::http) async fn read(
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, EndpointError> {
    let (found, reach) = access.directory().role_with_reach(&name).await?;
    Ok(body::ok(&RoleAnswer::of(&found).with_reach(reach)))
}

/// `PUT {name}`
pub(in crate::issuer::http) async fn update(
    access: DirectoryAccess,
    PathName(name): PathName,
    JsonBody(wanted): JsonBody<RoleUpdate>,
) -> Result<Response, EndpointError> {
    let updated = access
        .after_login()?
        .update_role(&name, &wanted, WhenUsed::GoOn)
        .await?;
    Ok(body::ok(&RoleAnswer::of_change(&updated)))
}

/// `DELETE {name}`; with `force=true` also where users have it.
pub(in crate::issuer::http) async fn delete(
    access: DirectoryAccess,
    PathName(name): PathName,
    query: DeletionQuery,
) -> Result<StatusCode, EndpointError> {
    let directory = access.directory();
    directory.delete_role(&name, query.when_used).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT {name}/default`: new users get this role from now on.
pub(in crate::issuer::http) async fn choose_default(
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, EndpointError> {
    let chosen = access.after_login()?.set_default_role(&name).await?;
    Ok(body::ok(&RoleAnswer::of(&chosen)))
}
