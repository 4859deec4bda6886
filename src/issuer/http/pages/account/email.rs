//! `/portal/account/email`: another address.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::PATH;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::account;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::messages;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::told::{Done, Told};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/account_email.html")]
struct EmailPage<'a> {
    frame: Frame<'a>,
    email: Text<'a>,
    error: Text<'a>,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Response {
    let email = access.caller.user.email.as_str();
    page(&visitor, StatusCode::OK, email, "")
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let (email, password) = (form.trimmed("email"), form.text("password").to_owned());
    match account::change_email(&access, &email, password).await {
        Ok(_) => Ok(visitor.go_to_be_told(PATH, &Told::Done(Done::Changed))?),
        Err(error) if is_for_the_form(&error) => {
            let text = messages::message(visitor.language, &error);
            Ok(page(&visitor, error.status(), &email, &text))
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether somebody can put it right in a form with its password.
pub(super) fn is_for_the_form(error: &EndpointError) -> bool {
    match error {
        EndpointError::WrongPassword => true,
        EndpointError::Directory(error) => messages::is_for_the_form(error),
        _ => false,
    }
}

fn page(visitor: &Visitor, status: StatusCode, email: &str, error: &str) -> Response {
    let page = EmailPage {
        frame: visitor.frame(),
        email: Text::of(email),
        error: Text::of(error),
    };
    answer::page(status, &page)
}
