//! Why somebody does not get the page that it asked for. `guard` makes a page of it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::issuer::endpoint_error::EndpointError;

/// Why there is no page, or nothing was done.
#[derive(Debug, Clone)]
pub(super) enum PageError {
    /// The form is not from a page that this browser got in its present session.
    ForeignForm,
    /// The page is for somebody who is logged in.
    LoggedOut,
    /// The page needs scopes that its user does not have: separated by spaces.
    Lacking(String),
    /// The password that confirms an action is wrong.
    Unproven,
    /// As everywhere.
    Endpoint(Arc<EndpointError>),
}

impl<E: Into<EndpointError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Endpoint(Arc::new(error.into()))
    }
}

/// What a handler returns goes by here to `guard`, which knows the reader's language.
impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
