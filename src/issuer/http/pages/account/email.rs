//! `/portal/account/email`: another address.

use askama::Template;
use axum::response::Response;

use super::PATH;
use crate::issuer::http::account;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages::{Fields, Remark};
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::Done;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/account_email.html")]
struct EmailPage<'a> {
    frame: Frame<'a>,
    email: Text<'a>,
    error: Text<'a>,
    wrong: Fields,
    /// The field that has the focus.
    focus: &'static str,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Response {
    let email = access.caller.user.email.as_str();
    page(&visitor, email, &Remark::none())
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let (email, password) = (form.trimmed("email"), form.text("password").to_owned());
    match account::change_email(&access, &email, password).await {
        Ok(_) => visitor.done(PATH, Done::EmailChanged),
        Err(error) => Ok(page(&visitor, &email, &visitor.remark(error)?)),
    }
}

fn page(visitor: &Visitor, email: &str, remark: &Remark) -> Response {
    let page = EmailPage {
        frame: visitor.frame(),
        email: Text::of(email),
        error: Text::of(&*remark.text),
        wrong: remark.fields.clone(),
        focus: remark.fields.focus(&["email", "password"]),
    };
    answer::page(remark.status, &page)
}
