//! RFC 6749 section 4.1, with PKCE: a code, once, for tokens.

use super::TokenRequest;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::{Granted, PresentedCode};

/// Redeems a code, which begins the grant that the user consented to.
pub(super) async fn redeem(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let client = request.client().await?;
    // What was consented to is granted: a `scope` here is read for its form alone.
    let audiences = request.requested()?.audiences;
    let presented = PresentedCode {
        code: request.required("code")?,
        verifier: request.required("code_verifier")?,
        redirect_uri: request.optional("redirect_uri"),
        audiences,
    };
    request.issuer.grants.redeem(&client, &presented).await
}
