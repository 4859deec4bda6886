//! `/panel/audit`: who did what to which.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::next_page;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::backend::audit;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{BySearch, ListQuery};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/audit";

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage<'a> {
    frame: Frame<'a>,
    search: Text<'a>,
    entries: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    at: String,
    actor: Text<'a>,
    action: Text<'a>,
    kind: Text<'a>,
    object: Text<'a>,
    change: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<BySearch>, EndpointError>,
) -> Result<Response, PageError> {
    let query = query?;
    let listing = audit::entries(&access, &query).await?;
    let words = visitor.words();
    let rows = listing.items.iter().map(|entry| {
        let actor = entry.actor_name.as_ref().or(entry.actor.as_ref());
        Row {
            at: visitor.language.instant(entry.done_at),
            actor: Text::of(actor.map_or(words.panel.command_line, String::as_str)),
            action: Text::of(entry.action.as_str()),
            kind: Text::of(entry.object_kind.as_str()),
            object: Text::of(entry.object_title.as_ref().unwrap_or(&entry.object_name)),
            change: Text::of(entry.change.as_str()),
        }
    });
    let search = query.filter().unwrap_or_default();
    let page = AuditPage {
        frame: visitor.frame(),
        search: Text::of(search),
        entries: rows.collect(),
        next: next_page(PATH, ("search", search), listing.next.as_deref()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
