//! RFC 6749 section 4.3: an app that has asked its user for the password. RFC 9700 section 2.4 says
//! that it must not be used, so it is offered where it is asked for by name.

use super::TokenRequest;
use crate::issuer::credentials::Party;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::Granted;

/// Begins a grant for an app with the password of its user.
pub(super) async fn begin(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let (grants, credentials) = (&request.issuer.grants, &request.issuer.credentials);
    let Party::App(client) = request.party().await? else {
        return Err(EndpointError::UnauthorizedClient);
    };
    let name = request.required("username")?;
    let password = request.required("password")?.to_owned();
    // Before the password is looked at: a request that cannot be granted is not an attempt to log in.
    let requested = request.requested()?;
    let user = credentials.user_with_password_alone(name, password).await;
    let user = user.map_err(|refusal| match refusal {
        // At this endpoint it is the client that 401 is about.
        EndpointError::BadLogin => EndpointError::BadPasswordGrant,
        other => other,
    })?;
    let extension = grants.if_offered();
    let granted = grants.begin(&user, Some(&client), &requested, extension);
    granted.await
}
