//! `/backend/audit`: what was done in the directory, the latest first.

mod export;

use axum::http::Uri;
use axum::response::Response;

use crate::issuer::answers::AuditAnswer;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{self, ListQuery};
use crate::store::{AuditEntry, AuditFilter, Listing};

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery<AuditFilter>,
) -> Result<Response, EndpointError> {
    let listing = entries(&access, &query).await?;
    Ok(list::answer(&listing, AuditAnswer::of))
}

/// `GET export`
pub(in crate::issuer::http) async fn export(
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, EndpointError> {
    export::export(&access, uri.query().unwrap_or_default())
}

/// A page of entries; `after` is the position of the entry before.
pub(in crate::issuer::http) async fn entries(
    access: &DirectoryAccess,
    query: &ListQuery<AuditFilter>,
) -> Result<Listing<AuditEntry>, EndpointError> {
    let before = position(&query.page.after)?;
    let directory = access.directory();
    let entries = directory.audit(&query.filter, before, query.page.limit);
    Ok(entries.await?)
}

/// The position of the entry before; none for the beginning.
fn position(after: &str) -> Result<Option<i64>, EndpointError> {
    match after {
        "" => Ok(None),
        after => {
            let position = after.parse();
            let position = position.map_err(|_| EndpointError::Parameter("after"))?;
            Ok(Some(position))
        }
    }
}
