//! `/panel/gates`: the gates that are connected to this issuer, and how far behind they are.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::next_page;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::backend::gate;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ListQuery, Unfiltered};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/gates";

#[derive(Template)]
#[template(path = "pages/gates.html")]
struct GatesPage<'a> {
    frame: Frame<'a>,
    gates: Vec<Row>,
    next: Option<String>,
}

struct Row {
    /// Empty where it is not known.
    address: String,
    connected: String,
    position: u64,
    behind: u64,
    last_sent: String,
    is_up_to_date: bool,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<Unfiltered>, EndpointError>,
) -> Result<Response, PageError> {
    let listing = gate::gates(&access, &query?.page, None)?;
    let (language, now) = (visitor.language, access.issuer.clock.now());
    let rows = listing.items.iter().map(|gate| Row {
        address: gate
            .address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        connected: language.instant(gate.connected_at),
        position: gate.position.0,
        behind: gate.behind,
        last_sent: language.instant(gate.last_sent_at),
        is_up_to_date: gate.is_up_to_date(now),
    });
    let page = GatesPage {
        frame: visitor.frame(),
        gates: rows.collect(),
        next: next_page(PATH, ("", ""), listing.next.as_deref()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
