//! RFC 6749 section 4.1, with PKCE: a code, once, for tokens.

use super::TokenRequest;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::{Granted, PresentedCode};

pub(super) async fn redeem(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let TokenRequest {
        issuer,
        headers,
        form,
    } = request;
    let client = issuer.credentials.client(headers, form).await?;
    // What was consented to is granted: a `scope` here is read for its form alone.
    let audiences = issuer.grants.requested(form)?.audiences;
    let presented = PresentedCode {
        code: form.get("code").ok_or(EndpointError::Missing("code"))?,
        verifier: form
            .get("code_verifier")
            .ok_or(EndpointError::Missing("code_verifier"))?,
        redirect_uri: form.get("redirect_uri"),
        audiences,
    };
    issuer.grants.redeem(&client, &presented).await
}
