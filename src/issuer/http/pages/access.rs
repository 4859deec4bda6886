//! `/portal/access`: who may act in the user's name, and ending it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::apps::in_short;
use super::confirmation::Confirmation;
use super::form::PageForm;
use super::frame::Frame;
use super::page_error::PageError;
use super::told::Done;
use super::visitor::Visitor;
use crate::coding::push_percent_encoded;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::list::{ListQuery, Unfiltered};
use crate::issuer::http::text::Text;

pub(super) const PATH: &str = "/portal/access";

#[derive(Template)]
#[template(path = "pages/access.html")]
struct AccessPage<'a> {
    frame: Frame<'a>,
    grants: Vec<Row<'a>>,
    next: Option<String>,
}

struct Row<'a> {
    path: String,
    /// None for a login.
    app: Option<AppOf<'a>>,
    scopes: String,
    created: String,
    used: String,
    expires: String,
}

/// An app, which may be a stranger's: its words are shown as text, and its link nowhere.
struct AppOf<'a> {
    name: Text<'a>,
    owner: Text<'a>,
    description: Text<'a>,
}

/// `GET`
pub(super) async fn list(
    visitor: Visitor,
    access: DirectoryAccess,
    query: Result<ListQuery<Unfiltered>, EndpointError>,
) -> Result<Response, PageError> {
    let (user, language) = (&access.caller.user.id, visitor.language);
    let listing = access.directory().grants(user, &query?.page).await?;
    let mut rows = Vec::new();
    for live in &listing.items {
        let app = match &live.grant.app {
            None => None,
            Some(key) => access.issuer.store.owned_app(key).await?,
        };
        rows.push(Row {
            path: end_path(live.grant.id.as_str()),
            app: app.map(|owned| AppOf {
                name: Text::of(owned.app.name.as_str().to_owned()),
                owner: Text::of(owned.owner.as_str().to_owned()),
                description: Text::of(in_short(&owned.app.description)),
            }),
            scopes: live.grant.scopes.to_string(),
            created: language.instant(live.created_at),
            used: language.instant(live.last_used_at),
            expires: language.instant(live.expires_at),
        });
    }
    let next = listing.next.map(|after| {
        let mut path = format!("{PATH}?after=");
        push_percent_encoded(&mut path, &after);
        path
    });
    let page = AccessPage {
        frame: visitor.frame(),
        grants: rows,
        next,
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `GET {id}/end`
pub(super) async fn show_end(visitor: Visitor, _: DirectoryAccess) -> Response {
    let words = visitor.words();
    let confirmation = Confirmation {
        title: words.end_access_title.to_owned(),
        texts: vec![words.end_access_sentence.to_owned()],
        button: words.end_access,
        fields: Vec::new(),
        cancel: PATH,
    };
    confirmation.ask(&visitor)
}

/// `POST {id}/end`
pub(super) async fn end(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(id): PathName,
    _: PageForm,
) -> Result<Response, PageError> {
    let user = &access.caller.user.id;
    access.directory().end_grant(user, &id).await?;
    visitor.done(PATH, Done::AccessEnded)
}

fn end_path(id: &str) -> String {
    let mut path = format!("{PATH}/");
    push_percent_encoded(&mut path, id);
    path.push_str("/end");
    path
}
