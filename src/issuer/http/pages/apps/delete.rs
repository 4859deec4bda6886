//! `/portal/apps/{app_key}/delete`: an app ends.

use askama::Template;
use axum::response::Response;

use super::{PATH, path_of};
use crate::issuer::directory::{AppsOf, is_app_in_use};
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::confirmation::{told_use, when_used};
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::Remark;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::timed::Timed;
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
    used: Timed,
    concerned: String,
    told_use: Option<(&'static str, &'static str)>,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
) -> Result<Response, PageError> {
    page(&visitor, &access, &key, &Remark::none()).await
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(key): PathName,
    form: PageForm,
) -> Result<Response, PageError> {
    let own = AppsOf::User(&access.caller.user);
    let directory = access.directory();
    match directory.delete_app(&key, own, when_used(&form)).await {
        Ok(()) => visitor.done(PATH, Done::AppDeleted),
        Err(error) => {
            let remark = visitor.remark(error)?;
            page(&visitor, &access, &key, &remark).await
        }
    }
}

async fn page(
    visitor: &Visitor,
    access: &DirectoryAccess,
    key: &str,
    remark: &Remark,
) -> Result<Response, PageError> {
    let own = AppsOf::User(&access.caller.user);
    let (OwnedApp { app, .. }, reach) = access.directory().app_with_reach(key, own).await?;
    let page = DeletePage {
        frame: visitor.frame(),
        path: path_of(key),
        name: Text::of(app.name.as_str()),
        used: visitor.last_use(app.last_used_at),
        concerned: visitor.language.reached(reach),
        told_use: told_use(is_app_in_use(&app, reach)),
        error: Text::of(&*remark.text),
    };
    Ok(answer::page(remark.status, &page))
}
