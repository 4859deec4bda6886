//! `/portal/try`: an operation of the API is chosen, and a call of it sent through the proxy of the settings.
//!
//! `operation` is what policy and descriptions offer, `offered` all of it, `asked` what a form says, `callers` who can call and what they lack,
//! `command` the call for a terminal, `first` what the page of an app offers, and `one` the page of an operation,
//! with what `described` has of its description and what `outcome` shows of a call.

mod asked;
mod callers;
mod command;
mod described;
mod first;
mod offered;
mod one;
mod operation;
mod outcome;
mod send;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::answer;
use super::frame::Frame;
use super::page_error::PageError;
use super::tried::TriedBody;
use super::visitor::Visitor;
use super::words::Words;
use crate::identity::Form;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::routes::{MAX_ROUTES, MAX_SEARCH_BYTES};
use crate::issuer::http::text::Text;
use asked::{Asked, link};
use one::View;
use operation::{Operation, Operations, has_body};

pub(super) use first::{FirstCall, FromHere};
pub(in crate::issuer) use offered::Offers;
pub(super) use send::submit;

pub(super) const PATH: &str = "/portal/try";

#[derive(Template)]
#[template(path = "pages/trial.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    /// None where the issuer runs without a gate beside it.
    operations: Option<Vec<Row<'a>>>,
    search: Text<'a>,
    /// The page behind this one.
    next: Option<String>,
}

struct Row<'a> {
    path: String,
    title: Text<'a>,
    /// The title of the description that it is of; empty where it is a route.
    api: Text<'a>,
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
    let mut asked = Asked::of(&query)?;
    if asked.operation.is_empty() {
        return Ok(list(&visitor, &asked, &Wanted::of(&query)?));
    }
    let (in_force, catalogue) = (visitor.issuer.in_force(), visitor.issuer.described());
    let operations = in_force
        .as_deref()
        .map(|snapshot| Operations::of(&visitor.issuer, snapshot, &catalogue));
    let operation = operations
        .and_then(|operations| operations.named(asked.operation, |name| Some(asked.value(name))));
    let operation = operation.ok_or(EndpointError::NotFound)?;
    // What was just sent stays in the form, though it is in no address.
    if let Some(TriedBody::Kept { content_type, text }) = visitor
        .told_trial(operation.name())
        .map(|tried| &tried.body)
        && asked.body.is_empty()
        && has_body(asked.method)
    {
        (asked.body, asked.content_type) = (text, content_type);
    }
    let view = View {
        visitor: &visitor,
        access: &access,
        operation: &operation,
        asked: &asked,
        is_filled: query.names().any(|name| name == "method"),
    };
    view.shown().await
}

/// Which operations are listed.
struct Wanted<'q> {
    search: &'q str,
    /// How many are on the pages before.
    after: usize,
}

impl<'q> Wanted<'q> {
    fn of(query: &'q Form) -> Result<Self, EndpointError> {
        let search = query.get("search").unwrap_or_default().trim();
        if search.len() > MAX_SEARCH_BYTES {
            return Err(EndpointError::Parameter("search"));
        }
        let after = query.get("after").unwrap_or("0").parse();
        Ok(Self {
            search,
            after: after.map_err(|_| EndpointError::Parameter("after"))?,
        })
    }
}

/// All operations, or those that match a search, page by page.
fn list(visitor: &Visitor, asked: &Asked<'_>, wanted: &Wanted<'_>) -> Response {
    let (in_force, catalogue) = (visitor.issuer.in_force(), visitor.issuer.described());
    let words = visitor.words();
    let issuer = &visitor.issuer;
    let found = in_force.as_ref().map(|snapshot| {
        let operations = Operations::of(issuer, snapshot, &catalogue);
        let offered = issuer.offers.of(issuer, snapshot, &catalogue);
        let found = offered.matching(wanted.search).skip(wanted.after);
        let found = found.filter_map(|offer| operations.found(offer));
        found.take(MAX_ROUTES + 1).collect::<Vec<Operation<'_>>>()
    });
    let has_more = found.as_ref().is_some_and(|found| found.len() > MAX_ROUTES);
    let rows = found.as_ref().map(|found| {
        let rows = found.iter().take(MAX_ROUTES);
        rows.map(|operation| Row::of(operation, asked, words))
            .collect()
    });
    let page = ListPage {
        frame: visitor.frame(),
        operations: rows,
        search: Text::of(wanted.search),
        next: has_more.then(|| {
            let after = (wanted.after + MAX_ROUTES).to_string();
            link(&[
                ("search", wanted.search),
                ("caller", asked.caller_text),
                ("after", &after),
            ])
        }),
    };
    answer::page(StatusCode::OK, &page)
}

impl<'a> Row<'a> {
    fn of(operation: &Operation<'a>, asked: &Asked<'_>, words: &'static Words) -> Self {
        let api = operation.described().map(|described| &*described.api);
        Self {
            path: link(&[
                ("operation", operation.name()),
                ("caller", asked.caller_text),
            ]),
            title: Text::of(operation.title()),
            api: Text::of(api.unwrap_or_default()),
            request: Text::of(operation.request()),
            needs: Text::of(words.needs(&operation.route.requirement)),
            has_condition: !operation.route.conditions.is_empty(),
        }
    }
}
