//! What the token endpoint does for each grant type: a file each.

mod authorization_code;
mod client_credentials;
mod password;
mod refresh_token;

use axum::http::HeaderMap;

use super::Issuer;
use super::endpoint_error::EndpointError;
use super::grant_types::GrantType;
use super::grants::Granted;
use crate::identity::Form;

/// A request to the token endpoint.
#[derive(Clone, Copy)]
pub(super) struct TokenRequest<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) headers: &'a HeaderMap,
    pub(super) form: &'a Form,
}

impl TokenRequest<'_> {
    /// Who asks proves itself, and gets tokens.
    pub(super) async fn redeem(self, grant_type: GrantType) -> Result<Granted, EndpointError> {
        match grant_type {
            GrantType::ClientCredentials => client_credentials::redeem(self).await,
            GrantType::RefreshToken => refresh_token::redeem(self).await,
            GrantType::AuthorizationCode => authorization_code::redeem(self).await,
            GrantType::Password => password::redeem(self).await,
        }
    }
}
