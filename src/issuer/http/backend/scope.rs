//! `/backend/scope`

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;

use crate::identity::Form;
use crate::issuer::answers::ScopeAnswer;
use crate::issuer::directory::{NewScope, ScopeUpdate, WhenUsed};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::{DirectoryAccess, JsonBody, PathName};
use crate::issuer::http::list::{self, ListQuery};
use crate::problem::quoted;

const FORCE: &str = "force";

/// The query of a deletion of what others may use.
pub(in crate::issuer::http) struct DeletionQuery {
    pub(super) when_used: WhenUsed,
}

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery,
) -> Result<Response, EndpointError> {
    let listing = access.directory().scopes(&query.page).await?;
    Ok(list::answer(&listing, ScopeAnswer::of))
}

/// `POST`
pub(in crate::issuer::http) async fn create(
    access: DirectoryAccess,
    JsonBody(wanted): JsonBody<NewScope>,
) -> Result<Response, EndpointError> {
    let made = access.directory().add_scope(&wanted).await?;
    Ok(body::created(&ScopeAnswer::of(&made)))
}

/// `GET {name}`
pub(in crate::issuer::http) async fn read(
    access: DirectoryAccess,
    PathName(name): PathName,
) -> Result<Response, EndpointError> {
    let (found, reach) = access.directory().scope_with_reach(&name).await?;
    Ok(body::ok(&ScopeAnswer::of(&found).with_reach(&reach)))
}

/// `PUT {name}`
pub(in crate::issuer::http) async fn update(
    access: DirectoryAccess,
    PathName(name): PathName,
    JsonBody(wanted): JsonBody<ScopeUpdate>,
) -> Result<Response, EndpointError> {
    let updated = access.directory().update_scope(&name, &wanted).await?;
    Ok(body::ok(&ScopeAnswer::of(&updated)))
}

/// `DELETE {name}`; with `force=true` also from roles and apps that have it.
pub(in crate::issuer::http) async fn delete(
    access: DirectoryAccess,
    PathName(name): PathName,
    query: DeletionQuery,
) -> Result<StatusCode, EndpointError> {
    let directory = access.directory();
    directory.delete_scope(&name, query.when_used).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl<S: Send + Sync> FromRequestParts<S> for DeletionQuery {
    type Rejection = EndpointError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, EndpointError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl DeletionQuery {
    fn parse(query: &str) -> Result<Self, EndpointError> {
        let query = Form::parse(query.as_bytes())?;
        if let Some(unknown) = query.names().find(|name| *name != FORCE) {
            return Err(EndpointError::UnknownParameter(quoted(unknown)));
        }
        let when_used = match query.get(FORCE) {
            None | Some("false") => WhenUsed::Refuse,
            Some("true") => WhenUsed::GoOn,
            Some(_) => {
                return Err(EndpointError::ParameterValue {
                    name: FORCE,
                    allowed: "`true` or `false`",
                });
            }
        };
        Ok(Self { when_used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_in_use_is_removed_only_where_the_query_says_so_in_full() {
        let parse = |query| {
            DeletionQuery::parse(query)
                .map(|query| query.when_used)
                .ok()
        };
        let rows = [
            ("", Some(WhenUsed::Refuse)),
            ("force=", Some(WhenUsed::Refuse)),
            ("force=false", Some(WhenUsed::Refuse)),
            ("force=true", Some(WhenUsed::GoOn)),
            ("force=1", None),
            ("force=TRUE", None),
            ("Force=true", None),
            ("force=true&limit=1", None),
            ("force=true&force=false", None),
        ];
        for (query, expected) in rows {
            assert_eq!(parse(query), expected, "{query}");
        }
    }
}
