//! `/backend/audit`: what was done in the directory, the latest first.

use axum::response::Response;

use crate::issuer::answers::AuditAnswer;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{self, BySearch, ListQuery};
use crate::store::{AuditEntry, Listing};

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery<BySearch>,
) -> Result<Response, EndpointError> {
    let listing = entries(&access, &query).await?;
    Ok(list::answer(&listing, AuditAnswer::of))
}

/// A page of entries; `after` is the position of the entry before.
pub(in crate::issuer::http) async fn entries(
    access: &DirectoryAccess,
    query: &ListQuery<BySearch>,
) -> Result<Listing<AuditEntry>, EndpointError> {
    let before = match query.page.after.as_str() {
        "" => None,
        after => Some(
            after
                .parse()
                .map_err(|_| EndpointError::Parameter("after"))?,
        ),
    };
    let search = query.filter().unwrap_or_default();
    let directory = access.directory();
    Ok(directory.audit(search, before, query.page.limit).await?)
}
