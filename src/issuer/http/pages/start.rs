//! `/`: what this is, and what to do next.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::frame::Frame;
use super::page_error::PageError;
use super::visitor::Visitor;
use crate::issuer::Registration;
use crate::issuer::endpoint_error::EndpointError;

#[derive(Template)]
#[template(path = "pages/start.html")]
struct StartPage<'a> {
    frame: Frame<'a>,
    /// Whether strangers can sign up.
    is_open: bool,
    /// Whether whoever is logged in may have apps.
    has_apps: bool,
    /// Whether there is anything for them in the panel.
    has_panel: bool,
}

/// `GET`
pub(super) async fn show(visitor: Visitor) -> Response {
    let scopes = visitor.user.as_deref().map(|user| &user.scopes);
    let frame = visitor.frame();
    let page = StartPage {
        has_panel: frame.has_panel(),
        frame,
        is_open: visitor.issuer.settings.registration == Registration::Open,
        has_apps: scopes.is_some_and(|scopes| scopes.contains("consumer.app")),
    };
    answer::page(StatusCode::OK, &page)
}

/// `GET /portal`
pub(super) async fn redirect() -> Response {
    answer::go("/")
}

/// Below the portal and the panel, where no page is.
pub(super) async fn nothing() -> PageError {
    EndpointError::NotFound.into()
}
