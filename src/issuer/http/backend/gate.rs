//! `/backend/gate`: the gates that listen to the feed of this process.

use axum::response::Response;
use serde::Serialize;

use crate::feed::ConnectedGate;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{self, ListQuery};
use crate::store::{Listing, Page};

/// A gate that is connected.
#[derive(Serialize)]
struct GateAnswer {
    number: u64,
    address: Option<String>,
    connected_at: i64,
    position: u64,
    behind: u64,
    last_sent_at: i64,
}

impl GateAnswer {
    fn of(gate: &ConnectedGate) -> Self {
        Self {
            number: gate.number,
            address: gate.address.map(|address| address.to_string()),
            connected_at: gate.connected_at.0,
            position: gate.position.0,
            behind: gate.behind,
            last_sent_at: gate.last_sent_at.0,
        }
    }
}

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery,
) -> Result<Response, EndpointError> {
    let listing = gates(&access, &query.page)?;
    Ok(list::answer(&listing, GateAnswer::of))
}

/// A page of gates; `after` is the number of the gate before.
pub(in crate::issuer::http) fn gates(
    access: &DirectoryAccess,
    page: &Page,
) -> Result<Listing<ConnectedGate>, EndpointError> {
    let after: u64 = match page.after.as_str() {
        "" => 0,
        after => after
            .parse()
            .map_err(|_| EndpointError::Parameter("after"))?,
    };
    let mut items = access.issuer.feed().gates();
    items.retain(|gate| gate.number > after);
    let has_more = items.len() > page.limit;
    items.truncate(page.limit);
    let last = items.last().filter(|_| has_more);
    let next = last.map(|gate| gate.number.to_string());
    Ok(Listing { items, next })
}
