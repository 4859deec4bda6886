//! RFC 6749 section 4.4: an app acts for its owner.

use super::TokenRequest;
use crate::identity::NoScopeError;
use crate::issuer::credentials::Party;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::Granted;

/// Begins a grant for the party that authenticates, without anybody else.
pub(super) async fn begin(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let grants = &request.issuer.grants;
    let party = request.party().await?;
    let requested = request.requested()?;
    let extension = grants.by_credentials();
    let (user, app) = match &party {
        Party::App(client) => (&client.owner, Some(&**client)),
        // The same with the credentials of a user, as at the login.
        Party::User(user) => (&**user, None),
    };
    let granted = grants.begin(user, app, &requested, extension).await;
    granted.map_err(|refusal| match refusal {
        EndpointError::NothingGranted(NoScopeError::User) if app.is_some() => {
            NoScopeError::Owner.into()
        }
        // Here the user is the client.
        EndpointError::BadLogin => EndpointError::BadClient,
        other => other,
    })
}
