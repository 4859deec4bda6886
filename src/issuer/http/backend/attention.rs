//! `/backend/attention`: what somebody should look at.

use axum::response::Response;
use serde::Serialize;

use crate::issuer::attention::{Attention, ClosedRoutes};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::DirectoryAccess;
use crate::store::Counted;

/// Only what the caller's scopes open.
#[derive(Serialize)]
struct AttentionAnswer<'a> {
    /// Active apps that got no token for 90 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    unused_apps: Option<CountAnswer>,
    /// Active apps with a secret that is a year old.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secrets: Option<CountAnswer>,
    /// How many gates lag behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    lagging_gates: Option<usize>,
    /// How many were connected some hours ago, and are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    gates_not_connected: Option<usize>,
    /// How many have another policy in force than the gate in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    gates_with_other_policy: Option<usize>,
    /// How many must have a passkey and have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    administrators_without_passkey: Option<i64>,
    /// Routes whose scopes no role has.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_routes: Option<RoutesAnswer<'a>>,
}

#[derive(Serialize)]
struct CountAnswer {
    count: i64,
    /// Whether there are more than are counted.
    has_more: bool,
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
        let (apps, gates) = (attention.apps.as_ref(), attention.gates.as_ref());
        Self {
            unused_apps: apps.map(|apps| apps.unused.into()),
            old_secrets: apps.map(|apps| apps.old_secrets.into()),
            lagging_gates: gates.map(|gates| gates.lagging),
            gates_not_connected: gates.map(|gates| gates.gone),
            gates_with_other_policy: gates.map(|gates| gates.other_policies),
            administrators_without_passkey: attention.without_passkey,
            closed_routes: closed.map(|ClosedRoutes { count, names }| RoutesAnswer {
                count: *count,
                names,
            }),
        }
    }
}

impl From<Counted> for CountAnswer {
    fn from(counted: Counted) -> Self {
        let (count, has_more) = match counted {
            Counted::Exactly(count) => (count, false),
            Counted::MoreThan(count) => (count, true),
        };
        Self { count, has_more }
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
