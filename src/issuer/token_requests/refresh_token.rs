//! RFC 6749 section 6: a grant is extended by whoever it was given to.

use super::TokenRequest;
use crate::issuer::credentials::Party;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::{Granted, Presenter};

/// Extends a grant by its refresh token.
pub(super) async fn extend(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let party = request.party().await?;
    let token = request.required("refresh_token")?;
    let requested = request.requested()?;
    let presenter = match &party {
        Party::App(client) => Presenter::App(client),
        Party::User(user) => Presenter::User(user),
    };
    let grants = &request.issuer.grants;
    grants.refresh(token, presenter, &requested).await
}
