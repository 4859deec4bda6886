//! How fast one user changes the directory: what an administrator may do again and again could keep others out, or fill
//! the store.
//!
//! It is counted here for all endpoints and pages of administrators, so that none is forgotten.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::guard::Caller;
use super::pages::PageError;
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;

/// The endpoints of administrators, and the pages that do the same.
const OF_ADMINISTRATORS: [&str; 2] = ["/backend/", "/panel/"];

/// What counts for others although nothing is changed: it may be asked for any name whether somebody has it.
const ASKING: &str = "/backend/revoke";

/// What counts by itself, once it is known whether there is what it revokes.
const REVOKING: [&str; 2] = ["/backend/revoke", "/panel/revoke"];

/// Lets a request to an endpoint through if its user has not made too many like it.
pub(super) async fn pace(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    match admit(&issuer, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// The same of a page.
pub(super) async fn pace_page(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    match admit(&issuer, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => PageError::from(error).into_response(),
    }
}

fn admit(issuer: &Issuer, request: &Request) -> Result<(), EndpointError> {
    let extensions = request.extensions();
    let path = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let Some(caller) = extensions.get::<Caller>() else {
        return Ok(());
    };
    if path.is_some_and(|path| counts(request.method(), path)) {
        let attempts = issuer.credentials.attempts();
        attempts.admit_change(&caller.user.id)?;
    }
    Ok(())
}

fn counts(method: &Method, path: &str) -> bool {
    let is_of_administrators = OF_ADMINISTRATORS
        .iter()
        .any(|begin| path.starts_with(begin));
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
    let counts = if reads {
        path == ASKING
    } else {
        !REVOKING.contains(&path)
    };
    is_of_administrators && counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_by_administrators_count_and_reading_does_not() {
        let rows = [
            (Method::POST, "/backend/role", true),
            (Method::PUT, "/backend/user/{username}", true),
            (Method::DELETE, "/backend/app/{app_key}", true),
            (Method::POST, "/panel/new-role", true),
            (Method::GET, "/backend/revoke", true),
            (Method::POST, "/backend/revoke", false),
            (Method::GET, "/backend/role", false),
            (Method::HEAD, "/panel/roles", false),
            (Method::POST, "/consumer/app", false),
            (Method::POST, "/portal/apps/new", false),
        ];
        for (method, path, expected) in rows {
            assert_eq!(counts(&method, path), expected, "{method} {path}");
        }
    }
}
