//! Why somebody does not get the page that it asked for. `guard` makes a page of it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::issuer::endpoint_error::EndpointError;
use crate::policy::RequiredScopes;

/// Why there is no page, or nothing was done.
#[derive(Debug, Clone)]
pub(in crate::issuer::http) enum PageError {
    /// The form is not from a page that this browser got in its present session.
    ForeignForm,
    /// The page is for somebody who is logged in.
    LoggedOut,
    /// The page needs these scopes, and its user does not have them.
    Lacking(Option<RequiredScopes>),
    /// The password or the passkey that confirms an action is wrong.
    Unproven(Proof),
    /// As everywhere.
    Endpoint(Arc<EndpointError>),
}

/// By what somebody proves once more who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::issuer::http) enum Proof {
    Password,
    Passkey,
}

impl<E: Into<EndpointError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Endpoint(Arc::new(error.into()))
    }
}

impl PageError {
    /// What becomes of a proof that was refused, or could not be checked.
    pub(super) fn unproven(error: EndpointError, by: Proof) -> Self {
        match error {
            EndpointError::BadLogin => Self::Unproven(by),
            other => other.into(),
        }
    }

    /// The status of the page that is made of it, other than of a redirect to the login. 401 needs a challenge,
    /// for which browsers open a dialogue of their own.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::ForeignForm | Self::LoggedOut | Self::Lacking(_) | Self::Unproven(_) => {
                StatusCode::FORBIDDEN
            }
            Self::Endpoint(error) => match error.status() {
                StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
                other => other,
            },
        }
    }
}

/// What a handler returns goes by here to `guard`, which knows the reader's language.
impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issuer::directory::{DirectoryError, Thing};

    /// What the audit log sees is the status that the browser gets, which is never 401.
    #[test]
    fn an_error_has_the_status_of_its_page_from_the_start() {
        let rows = [
            (PageError::ForeignForm, 403),
            (PageError::Lacking(None), 403),
            (DirectoryError::NotFresh { max_age_seconds: 1 }.into(), 403),
            (DirectoryError::Changed.into(), 403),
            (DirectoryError::NotFound(Thing::App).into(), 404),
            (EndpointError::Parameter("extent").into(), 400),
            (EndpointError::TimedOut.into(), 503),
        ];
        for (error, expected) in rows {
            let told = format!("{error:?}");
            assert_eq!(error.into_response().status(), expected, "{told}");
        }
    }
}
