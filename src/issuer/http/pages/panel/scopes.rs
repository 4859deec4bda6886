//! `/panel/scopes`: the catalogue, and new scopes.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{below, next_page};
use crate::issuer::directory::NewScope;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{ListQuery, Unfiltered};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::own_scopes::sentence;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/scopes";
pub(in crate::issuer::http::pages) const NEW_PATH: &str = "/panel/new-scope";

#[derive(Template)]
#[template(path = "pages/scopes.html")]
struct ScopesPage<'a> {
    frame: Frame<'a>,
    scopes: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    path: String,
    name: Text<'a>,
    sentence: Text<'a>,
    /// How many roles have it, and how many apps in a list of their own.
    roles: i64,
    apps: i64,
}

#[derive(Template)]
#[template(path = "pages/scope_new.html")]
struct NewScopePage<'a> {
    frame: Frame<'a>,
    name: Text<'a>,
    sentence: Text<'a>,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<Unfiltered>, EndpointError>,
) -> Result<Response, PageError> {
    let listing = access.directory().scopes(&query?.page).await?;
    let names: Vec<&str> = listing
        .items
        .iter()
        .map(|scope| scope.name.as_str())
        .collect();
    let uses = visitor.issuer.store.count_scope_uses(&names).await?;
    let rows = listing.items.iter().map(|scope| {
        let name = scope.name.as_str();
        let counts = uses.get(name).copied().unwrap_or_default();
        Row {
            path: below(PATH, name),
            name: Text::of(name),
            sentence: Text::of(sentence(visitor.language, name, scope.description.as_str())),
            roles: counts.roles,
            apps: counts.apps,
        }
    });
    let page = ScopesPage {
        frame: visitor.frame(),
        scopes: rows.collect(),
        next: next_page(PATH, ("", ""), listing.next.as_deref()),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `GET /panel/new-scope`
pub(in crate::issuer::http::pages) async fn show_new(
    visitor: Visitor,
    _: DirectoryAccess,
) -> Response {
    new_page(&visitor, "", "", &Remark::none())
}

/// `POST /panel/new-scope`
pub(in crate::issuer::http::pages) async fn submit_new(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let wanted = NewScope {
        name: form.trimmed("name"),
        description: form.trimmed("description"),
    };
    match access.directory().add_scope(&wanted).await {
        Ok(_) => visitor.done(PATH, Done::ScopeMade),
        Err(error) => {
            let (name, sentence) = (&wanted.name, &wanted.description);
            Ok(new_page(&visitor, name, sentence, &visitor.remark(error)?))
        }
    }
}

fn new_page(visitor: &Visitor, name: &str, sentence: &str, remark: &Remark) -> Response {
    let page = NewScopePage {
        frame: visitor.frame(),
        name: Text::of(name),
        sentence: Text::of(sentence),
        error: Text::of(&*remark.text),
    };
    answer::page(remark.status, &page)
}
