//! `/panel/audit`: who did what to which.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::next_page;
use crate::coding::push_percent_encoded;
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
pub(in crate::issuer::http::pages) const EXPORT_PATH: &str = "/panel/audit/export";

#[derive(Template)]
#[template(path = "pages/audit.html")]
struct AuditPage<'a> {
    frame: Frame<'a>,
    search: Text<'a>,
    entries: Vec<Row<'a>>,
    next: Option<String>,
    /// The paths of what is found, as files: CSV, and JSON lines.
    csv: String,
    json_lines: String,
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
        csv: export_path("csv", search),
        json_lines: export_path("jsonl", search),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `GET /panel/audit/export`: the file of the endpoint, in a session.
pub(in crate::issuer::http::pages) async fn export(
    _: Visitor,
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, PageError> {
    Ok(audit::export(access, uri).await?)
}

fn export_path(format: &str, search: &str) -> String {
    let mut path = format!("{EXPORT_PATH}?format={format}");
    if !search.is_empty() {
        path.push_str("&search=");
        push_percent_encoded(&mut path, search);
    }
    path
}
