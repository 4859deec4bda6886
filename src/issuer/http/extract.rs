//! The arguments of handlers: each extractor reads one part of a request, and rejects one that is not valid.
//!
//! Parts of the head are read in the order of a handler's arguments, the body last. `guard` has found the
//! caller before.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::body;
use super::guard::Caller;
use crate::identity::Form;
use crate::issuer::Issuer;
use crate::issuer::directory::{Directory, DirectoryError, FreshDirectory, Revocable};
use crate::issuer::endpoint_error::EndpointError;

/// A body in JSON.
pub(in crate::issuer) struct JsonBody<T>(pub(in crate::issuer) T);

/// A body in JSON; without a body, the default.
pub(in crate::issuer) struct OptionalJsonBody<T>(pub(in crate::issuer) T);

/// A body in `application/x-www-form-urlencoded`.
pub(in crate::issuer) struct FormBody(pub(in crate::issuer) Form);

/// A form with the credentials of an app in it or in the head (RFC 6749 section 2.3).
pub(in crate::issuer) struct ClientForm {
    pub(in crate::issuer) headers: HeaderMap,
    pub(in crate::issuer) form: Form,
}

/// The value of `{..}` in the path of an endpoint.
pub(in crate::issuer) struct PathName(pub(in crate::issuer) String);

/// The directory, with the authority of the caller.
pub(in crate::issuer) struct DirectoryAccess {
    pub(in crate::issuer) issuer: Arc<Issuer>,
    pub(in crate::issuer) caller: Caller,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = EndpointError;

    async fn from_request(request: Request, _: &S) -> Result<Self, EndpointError> {
        body::json(request).await.map(Self)
    }
}

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = EndpointError;

    async fn from_request(request: Request, _: &S) -> Result<Self, EndpointError> {
        body::json_if_any(request).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = EndpointError;

    async fn from_request(request: Request, _: &S) -> Result<Self, EndpointError> {
        body::form(request).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for ClientForm {
    type Rejection = EndpointError;

    async fn from_request(request: Request, _: &S) -> Result<Self, EndpointError> {
        // Secrets in URLs end up in logs (RFC 6749 section 2.3.1).
        if request.uri().query().is_some() {
            return Err(EndpointError::ParametersInUrl);
        }
        let headers = request.headers().clone();
        let form = body::form(request).await?;
        Ok(Self { headers, form })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathName {
    type Rejection = EndpointError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, EndpointError> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        // Bytes that are not UTF-8 name nothing.
        name.map(|Path(name)| Self(name))
            .map_err(|_| EndpointError::NotFound)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = EndpointError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, EndpointError> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or(EndpointError::Unguarded)
    }
}

impl FromRequestParts<Arc<Issuer>> for DirectoryAccess {
    type Rejection = EndpointError;

    async fn from_request_parts(
        parts: &mut Parts,
        issuer: &Arc<Issuer>,
    ) -> Result<Self, EndpointError> {
        Ok(Self {
            issuer: Arc::clone(issuer),
            caller: Caller::from_request_parts(parts, issuer).await?,
        })
    }
}

impl DirectoryAccess {
    /// The directory, for what any token with the scope may do, and for what asks for a fresh login itself.
    pub(in crate::issuer) fn directory(&self) -> Directory<'_> {
        let max_age_seconds = self.issuer.settings.fresh_login_seconds;
        let login = self
            .caller
            .last_login(self.issuer.clock.now(), max_age_seconds);
        self.issuer.directory(self.caller.authority(login))
    }

    /// Counts one more revocation, as [`pacing`](super::pacing) counts changes. What the store does not know is counted by itself: whoever guesses ids can
    /// still revoke what is there.
    pub(in crate::issuer) fn admit_revocation_of(
        &self,
        revocable: &Revocable,
    ) -> Result<(), EndpointError> {
        if revocable.is_known {
            return self.admit_change();
        }
        let attempts = self.issuer.credentials.attempts();
        attempts.admit_unknown_revocation(&self.caller.user.id)
    }

    /// Counts one more request like a change.
    pub(in crate::issuer) fn admit_change(&self) -> Result<(), EndpointError> {
        let attempts = self.issuer.credentials.attempts();
        attempts.admit_change(&self.caller.user.id)
    }

    /// The directory, for changes that outlive the token: only soon after a login.
    pub(in crate::issuer) fn after_login(&self) -> Result<FreshDirectory<'_>, DirectoryError> {
        self.directory().fresh()
    }
}

#[cfg(test)]
mod tests;
