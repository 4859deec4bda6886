//! RFC 6749 section 4.3: an app that has asked its user for the password. RFC 9700 section 2.4 says
//! that it must not be used, so it is offered where it is asked for by name.

use super::TokenRequest;
use crate::issuer::credentials::Party;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::Granted;

pub(super) async fn redeem(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let TokenRequest {
        issuer,
        headers,
        form,
    } = request;
    let Party::App(client) = issuer.credentials.party(headers, form).await? else {
        return Err(EndpointError::UnauthorizedClient);
    };
    let name = form
        .get("username")
        .ok_or(EndpointError::Missing("username"))?;
    let password = form
        .get("password")
        .ok_or(EndpointError::Missing("password"))?;
    let requested = issuer.grants.requested(form)?;
    let user = issuer
        .credentials
        .user_with_password(name, password.to_owned())
        .await;
    let user = user.map_err(|refusal| match refusal {
        // At this endpoint it is the client that 401 is about.
        EndpointError::BadLogin => EndpointError::BadPasswordGrant,
        other => other,
    })?;
    let extension = issuer.grants.if_offered();
    let granted = issuer
        .grants
        .begin(&user, Some(&client), &requested, extension);
    granted.await
}
