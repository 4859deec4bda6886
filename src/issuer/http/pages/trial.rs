//! `/portal/try`: an operation of the API is chosen, and a call of it sent through the proxy of the settings.
//!
//! `operation` is what the policy offers, `asked` what a form says, `callers` who can call and what they lack,
//! `command` the call for a terminal, and `one` the page of an operation.

mod asked;
mod callers;
mod command;
mod one;
mod operation;
mod send;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::answer;
use super::frame::Frame;
use super::page_error::PageError;
use super::routes::{MAX_ROUTES, MAX_SEARCH_BYTES, matching};
use super::visitor::Visitor;
use crate::identity::Form;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::text::Text;
use asked::{Asked, link};
use one::View;
use operation::{Operation, Operations};

pub(super) use send::submit;

pub(super) const PATH: &str = "/portal/try";

#[derive(Template)]
#[template(path = "pages/trial.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    /// None where the issuer runs without a gate beside it.
    operations: Option<Vec<Row<'a>>>,
    search: Text<'a>,
    has_more: bool,
}

struct Row<'a> {
    path: String,
    name: Text<'a>,
    request: Text<'a>,
    needs: Text<'a>,
    has_condition: bool,
}

/// The page on which an app can be tried out.
pub(super) fn path_for_app(key: &str) -> String {
    link(&[("caller", &format!("{}{key}", asked::APP))])
}

/// `GET`
pub(super) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    uri: Uri,
) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let asked = Asked::of(&query)?;
    if asked.operation.is_empty() {
        return list(
            &visitor,
            &asked,
            query.get("search").unwrap_or_default().trim(),
        );
    }
    let in_force = visitor.issuer.in_force();
    let operations = in_force
        .as_deref()
        .map(|snapshot| Operations::of(&visitor, snapshot));
    let operation = operations.and_then(|operations| operations.named(asked.operation));
    let operation = operation.ok_or(EndpointError::NotFound)?;
    let view = View {
        visitor: &visitor,
        access: &access,
        operation: &operation,
        asked: &asked,
    };
    view.shown(query.names().any(|name| name == "method")).await
}

/// All operations, or those that match a search.
fn list(visitor: &Visitor, asked: &Asked<'_>, search: &str) -> Result<Response, PageError> {
    if search.len() > MAX_SEARCH_BYTES {
        return Err(EndpointError::Parameter("search").into());
    }
    let in_force = visitor.issuer.in_force();
    let words = visitor.words();
    let operations = in_force.as_deref().map(|snapshot| {
        let operations = Operations::of(visitor, snapshot);
        let found = matching(snapshot.policy(), search);
        let found = found.filter_map(|route| operations.of_route(route));
        found.take(MAX_ROUTES + 1).collect::<Vec<Operation<'_>>>()
    });
    let has_more = operations
        .as_ref()
        .is_some_and(|found| found.len() > MAX_ROUTES);
    let rows = operations.as_ref().map(|found| {
        let rows = found.iter().take(MAX_ROUTES).map(|operation| Row {
            path: link(&[
                ("operation", operation.name()),
                ("caller", asked.caller_text),
            ]),
            name: Text::of(operation.name()),
            request: Text::of(operation.request()),
            needs: Text::of(words.needs(&operation.route.requirement)),
            has_condition: !operation.route.conditions.is_empty(),
        });
        rows.collect()
    });
    let page = ListPage {
        frame: visitor.frame(),
        operations: rows,
        search: Text::of(search),
        has_more,
    };
    Ok(answer::page(StatusCode::OK, &page))
}
