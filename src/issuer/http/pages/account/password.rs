//! `/portal/account/password`: another password. All sessions end but this one, which is replaced.

use askama::Template;
use axum::response::Response;

use super::PATH;
use crate::issuer::directory::AppsAfter;
use crate::issuer::http::account;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::{Fields, Remark};
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::{Done, Told};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/account_password.html")]
struct PasswordPage<'a> {
    frame: Frame<'a>,
    error: Text<'a>,
    wrong: Fields,
    /// The field that has the focus.
    focus: &'static str,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(visitor: Visitor, _: DirectoryAccess) -> Response {
    page(&visitor, &Remark::none())
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let (old, new) = (form.text("old_password"), form.text("new_password"));
    let apps = match form.text("end_apps") {
        "" => AppsAfter::Stay,
        _ => AppsAfter::End,
    };
    let replaced = account::replace_password(&access, old.to_owned(), new.to_owned(), apps).await;
    let user = match replaced {
        Ok(user) => user,
        Err(error) => return Ok(page(&visitor, &visitor.remark(error)?)),
    };
    let told = Told::Done(Done::PasswordChanged);
    let assurance = visitor.assurance_of(&user);
    let response = visitor.go_in_a_renewed_session(&user, assurance, PATH, &told);
    Ok(response.await?)
}

fn page(visitor: &Visitor, remark: &Remark) -> Response {
    let page = PasswordPage {
        frame: visitor.frame(),
        error: Text::of(&*remark.text),
        wrong: remark.fields.clone(),
        focus: remark.fields.focus(&["old_password", "new_password"]),
    };
    answer::page(remark.status, &page)
}
