//! `/`: what this is, and what to do next.

use std::cmp::Reverse;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::apps::path_of;
use super::frame::Frame;
use super::page_error::PageError;
use super::timed::Timed;
use super::trial::FirstCall;
use super::visitor::Visitor;
use crate::identity::{App, AppStatus, User};
use crate::issuer::Registration;
use crate::issuer::directory::MAX_APPS;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::text::Text;
use crate::store::Page;

/// So many of the user's apps are on the page.
const SHOWN: usize = 3;

#[derive(Template)]
#[template(path = "pages/start.html")]
struct StartPage<'a> {
    frame: Frame<'a>,
    /// What the operator says of the place; empty where the page says it.
    about: Vec<Text<'a>>,
    /// Whether strangers can sign up.
    is_open: bool,
    /// Whether whoever is logged in may have apps.
    has_apps: bool,
    /// Whether it may do something that users do not.
    is_administrator: bool,
    /// The newest.
    apps: Vec<StartApp>,
    /// Of the newest that gets a token.
    call: Option<StartCall>,
    url: Text<'a>,
    /// How long a token is valid.
    token_lasts: String,
}

struct StartApp {
    path: String,
    name: Text<'static>,
    is_active: bool,
    may_nothing: bool,
    used: Timed,
}

struct StartCall {
    path: String,
    name: Text<'static>,
    key: Text<'static>,
    /// Never known here.
    secret: Option<Text<'static>>,
    url: Option<Text<'static>>,
}

/// `GET`
pub(super) async fn show(visitor: Visitor) -> Result<Response, PageError> {
    let (settings, user) = (&visitor.issuer.settings, visitor.user.as_deref());
    let may_have_apps = user.filter(|user| user.scopes.contains("consumer.app"));
    let apps = match may_have_apps {
        Some(user) => newest_first(&visitor, user).await?,
        None => Vec::new(),
    };
    let is_administrator = user.is_some_and(|user| {
        let mut scopes = user.scopes.iter();
        scopes.any(|scope| scope.as_str().starts_with("backend."))
    });
    let about = settings.portal.text.paragraphs(visitor.language.tag());
    let page = StartPage {
        frame: visitor.frame(),
        about: about.into_iter().map(Text::of).collect(),
        is_open: settings.registration == Registration::Open,
        has_apps: may_have_apps.is_some(),
        is_administrator,
        call: may_have_apps.and_then(|user| call(&visitor, user, &apps)),
        apps: apps
            .iter()
            .take(SHOWN)
            .map(|app| StartApp {
                path: path_of(app.key.as_str()),
                name: Text::of(app.name.as_str().to_owned()),
                is_active: app.status == AppStatus::Active,
                may_nothing: user.is_none_or(|user| app.scopes_within(user).is_empty()),
                used: visitor.last_use(app.last_used_at),
            })
            .collect(),
        url: Text::of(settings.url.as_str()),
        token_lasts: visitor.language.duration(settings.access_token_seconds),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

async fn newest_first(visitor: &Visitor, user: &User) -> Result<Vec<App>, PageError> {
    let all = Page::first(MAX_APPS.into());
    let mut apps = visitor.issuer.store.apps(&user.id, &all).await?.items;
    apps.sort_by_key(|app| Reverse(app.created_at));
    Ok(apps)
}

/// The steps for the first of these apps that gets a token.
fn call(visitor: &Visitor, user: &User, apps: &[App]) -> Option<StartCall> {
    let gets_token =
        |app: &&App| app.status == AppStatus::Active && !app.scopes_within(user).is_empty();
    let app = apps.iter().find(gets_token)?;
    Some(StartCall {
        path: path_of(app.key.as_str()),
        name: Text::of(app.name.as_str().to_owned()),
        key: Text::of(app.key.as_str().to_owned()),
        secret: None,
        url: FirstCall::of(visitor, user, app).url.map(Text::of),
    })
}

/// `GET /portal`
pub(super) async fn redirect() -> Response {
    answer::go("/")
}

/// Below the portal and the panel, where no page is.
pub(super) async fn nothing() -> PageError {
    EndpointError::NotFound.into()
}
