//! `POST /authorization/introspect` (RFC 7662).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::body;
use super::extract::ClientForm;
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;

pub(super) async fn introspect(
    State(issuer): State<Arc<Issuer>>,
    ClientForm { headers, form }: ClientForm,
) -> Result<Response, EndpointError> {
    let client = issuer.credentials.client(&headers, &form).await?;
    let text = form.get("token").ok_or(EndpointError::Missing("token"))?;
    let snapshot = issuer.guard.snapshot();
    let described = issuer.grants.introspect(text, &client, snapshot.trust());
    Ok(match described.await? {
        Some(description) => body::ok(&description),
        // Without a reason, which would help whoever probes for tokens (RFC 7662 section 2.2).
        None => body::ok(&json!({"active": false})),
    })
}
