//! `/backend/attention`: what somebody should look at.

use axum::response::Response;
use serde::Serialize;

use crate::issuer::attention::{Attention, ClosedRoutes};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::DirectoryAccess;

/// Only what the caller's scopes open.
#[derive(Serialize)]
struct AttentionAnswer<'a> {
    /// How many gates lag behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    lagging_gates: Option<usize>,
    /// Routes whose scopes no role has.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_routes: Option<RoutesAnswer<'a>>,
}

#[derive(Serialize)]
struct RoutesAnswer<'a> {
    count: usize,
    /// The first of them.
    names: &'a [String],
}

impl<'a> AttentionAnswer<'a> {
    fn of(attention: &'a Attention) -> Self {
        let closed = attention.closed_routes.as_ref();
        Self {
            lagging_gates: attention.gates.as_ref().map(|gates| gates.lagging),
            closed_routes: closed.map(|ClosedRoutes { count, names }| RoutesAnswer {
                count: *count,
                names,
            }),
        }
    }
}

/// `GET`
pub(in crate::issuer::http) async fn show(
    access: DirectoryAccess,
) -> Result<Response, EndpointError> {
    let scopes = &access.caller.scopes;
    let attention = access.issuer.attention(&access.directory(), scopes).await?;
    Ok(body::ok(&AttentionAnswer::of(&attention)))
}
