//! RFC 6749 section 6: a grant is extended by whoever it was given to.

use super::TokenRequest;
use crate::issuer::credentials::Party;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::{Granted, Presenter};

pub(super) async fn redeem(request: TokenRequest<'_>) -> Result<Granted, EndpointError> {
    let TokenRequest {
        issuer,
        headers,
        form,
    } = request;
    let party = issuer.credentials.party(headers, form).await?;
    let token = form
        .get("refresh_token")
        .ok_or(EndpointError::Missing("refresh_token"))?;
    let requested = issuer.grants.requested(form)?;
    let presenter = match &party {
        Party::App(client) => Presenter::App(client),
        Party::User(user) => Presenter::User(user),
    };
    issuer.grants.refresh(token, presenter, &requested).await
}
