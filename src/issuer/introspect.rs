//! `POST /authorization/introspect` (RFC 7662).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::endpoint_error::EndpointError;
use super::{Issuer, body};

pub(super) async fn introspect(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    if request.uri().query().is_some() {
        return Err(EndpointError::ParametersInUrl);
    }
    let headers = request.headers().clone();
    let form = body::form(request).await?;
    let client = issuer.client(&headers, &form).await?;
    let text = form.get("token").ok_or(EndpointError::Missing("token"))?;
    let snapshot = issuer.guard.snapshot();
    let described = issuer.grants.introspect(text, &client, snapshot.trust());
    Ok(match described.await? {
        Some(description) => body::answer(StatusCode::OK, &description),
        // Why it is not active is nobody's business (RFC 7662 section 2.2).
        None => body::answer(StatusCode::OK, &json!({"active": false})),
    })
}
