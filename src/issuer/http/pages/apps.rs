//! `/portal/apps`: the user's own apps.

mod calls;
mod choices;
pub(super) mod delete;
pub(super) mod edit;
pub(super) mod new;
pub(super) mod once;
pub(super) mod one;
pub(super) mod rotate;
pub(super) mod status;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::frame::Frame;
use super::messages::Fields;
use super::page_error::PageError;
use super::timed::Timed;
use super::visitor::Visitor;
use crate::coding::push_percent_encoded;
use crate::identity::{App, AppDescription, AppStatus, ScopesFrom};
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::text::Text;
use crate::store::Page;

pub(super) use calls::UNKNOWN_API;
pub(super) use choices::role_names;

pub(super) const PATH: &str = "/portal/apps";
pub(super) const NEW_PATH: &str = "/portal/apps/new";

/// More than a user can have.
const ALL: usize = 100;

/// So many characters of a description are in a list.
const SHORT: usize = 100;

#[derive(Template)]
#[template(path = "pages/apps.html")]
struct AppsPage<'a> {
    frame: Frame<'a>,
    apps: Vec<Row<'a>>,
}

struct Row<'a> {
    path: String,
    name: Text<'a>,
    description: Text<'a>,
    key: Text<'a>,
    /// What it may do, in a few words.
    scopes: String,
    /// Whether it is nothing.
    may_nothing: bool,
    is_active: bool,
    created: Timed,
    used: Timed,
}

/// `GET`
pub(super) async fn list(visitor: Visitor, access: DirectoryAccess) -> Result<Response, PageError> {
    let directory = access.directory();
    let listing = directory
        .own_apps(&access.caller.user, &Page::first(ALL))
        .await?;
    let rows = listing.items.iter().map(|app| Row {
        path: path_of(app.key.as_str()),
        name: Text::of(app.name.as_str()),
        description: Text::of(in_short(&app.description)),
        key: Text::of(app.key.as_str()),
        scopes: match app.scopes_from {
            ScopesFrom::Owner => visitor.words().follows_short.to_owned(),
            ScopesFrom::List => app.scopes.to_string(),
        },
        may_nothing: app.scopes_within(&access.caller.user).is_empty(),
        is_active: is_active(app),
        created: visitor.language.instant(app.created_at),
        used: visitor.last_use(app.last_used_at),
    });
    let page = AppsPage {
        frame: visitor.frame(),
        apps: rows.collect(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// The field of the form for an app that has the focus.
fn first_wrong(wrong: &Fields) -> &'static str {
    wrong.focus(&["name", "description", "link", "redirect_uris"])
}

/// The page of an app.
pub(super) fn path_of(key: &str) -> String {
    let mut path = format!("{PATH}/");
    push_percent_encoded(&mut path, key);
    path
}

/// The first line of a description, or as much of it as a list has room for.
pub(super) fn in_short(description: &AppDescription) -> String {
    let line = description.as_str().lines().next().unwrap_or_default();
    let mut characters = line.chars();
    let mut short: String = characters.by_ref().take(SHORT).collect();
    if characters.next().is_some() || line.len() < description.as_str().len() {
        short.push('\u{2026}');
    }
    short
}

fn is_active(app: &App) -> bool {
    app.status == AppStatus::Active
}
