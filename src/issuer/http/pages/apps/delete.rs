//! `/portal/apps/{app_key}/delete`: an app ends.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::{PATH, path_of};
use crate::issuer::directory::AppsOf;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::store::OwnedApp;

#[derive(Template)]
#[template(path = "pages/app_delete.html")]
struct DeletePage<'a> {
    frame: Frame<'a>,
    path: String,
    name: Text<'a>,
    concerned: String,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    let own = AppsOf::User(&access.caller.user);
    let (OwnedApp { app, .. }, reach) = access.directory().app_with_reach(&key, own).await?;
    let page = DeletePage {
        frame: visitor.frame(),
        path: path_of(&key),
        name: Text::of(app.name.as_str()),
        concerned: visitor.language.reached(reach),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    _: PageForm,
) -> Result<Response, PageError> {
    let own = AppsOf::User(&access.caller.user);
    access.directory().delete_app(&key, own).await?;
    visitor.done(PATH, Done::AppDeleted)
}
