//! RFC 6749 section 4.4: an app acts for its owner.

use super::TokenRequest;
use crate::identity::NoScopeError;
use crate::issuer::credentials::Party;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::Granted;

pub(super) async fn redeem(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let TokenRequest {
        issuer,
        headers,
        form,
    } = request;
    let party = issuer.credentials.party(headers, form).await?;
    let requested = issuer.grants.requested(form)?;
    let extension = issuer.grants.by_credentials();
    let (user, app) = match &party {
        Party::App(client) => (&client.owner, Some(&**client)),
        // The same with the credentials of a user, as at the login.
        Party::User(user) => (&**user, None),
    };
    let granted = issuer.grants.begin(user, app, &requested, extension);
    granted.await.map_err(|refusal| match refusal {
        EndpointError::NothingGranted(NoScopeError::User) if app.is_some() => {
            NoScopeError::Owner.into()
        }
        // Here the user is the client.
        EndpointError::BadLogin => EndpointError::BadClient,
        other => other,
    })
}
