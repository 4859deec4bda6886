//! What the token endpoint does for each grant type: a file each.

mod authorization_code;
mod client_credentials;
mod password;
mod refresh_token;

use axum::http::HeaderMap;

use super::Issuer;
use super::credentials::Party;
use super::endpoint_error::EndpointError;
use super::grant_types::GrantType;
use super::grants::{Granted, RequestedRights};
use crate::identity::{AppWithOwner, Form};

/// A request to the token endpoint.
#[derive(Clone, Copy)]
pub(super) struct TokenRequest<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) headers: &'a HeaderMap,
    pub(super) form: &'a Form,
}

impl<'a> TokenRequest<'a> {
    /// Issues tokens for a grant of this type.
    pub(super) async fn issue(self, grant_type: GrantType) -> Result<Granted, EndpointError> {
        match grant_type {
            GrantType::ClientCredentials => client_credentials::begin(self).await,
            GrantType::RefreshToken => refresh_token::extend(self).await,
            GrantType::AuthorizationCode => authorization_code::redeem(self).await,
            GrantType::Password => password::begin(self).await,
        }
    }

    /// The app or user that the request authenticates.
    async fn party(self) -> Result<Party, EndpointError> {
        let credentials = &self.issuer.credentials;
        credentials.party(self.headers, self.form).await
    }

    /// The app that the request authenticates; a user is refused.
    async fn client(self) -> Result<AppWithOwner, EndpointError> {
        let credentials = &self.issuer.credentials;
        credentials.client(self.headers, self.form).await
    }

    /// The scopes and audiences that the request asks for.
    fn requested(self) -> Result<RequestedRights, EndpointError> {
        self.issuer.grants.requested(self.form)
    }

    /// A parameter without which this grant type cannot be used.
    pub(super) fn required(self, name: &'static str) -> Result<&'a str, EndpointError> {
        self.form.get(name).ok_or(EndpointError::Missing(name))
    }

    /// A parameter that may be left out.
    fn optional(self, name: &str) -> Option<&'a str> {
        self.form.get(name)
    }
}
