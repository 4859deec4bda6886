//! `/portal/reset`: another password, by a link that an operator has made.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::answer;
use super::form::PageForm;
use super::frame::Frame;
use super::log_in;
use super::messages;
use super::page_error::PageError;
use super::told::{Done, Told};
use super::visitor::Visitor;
use super::words::passkey::PasskeyWords;
use crate::identity::{Form, SecretDigest};
use crate::issuer::directory::{Authority, DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::text::Text;

pub(super) const PATH: &str = "/portal/reset";

#[derive(Template)]
#[template(path = "pages/reset.html")]
struct ResetPage<'a> {
    frame: Frame<'a>,
    words: &'static PasskeyWords,
    code: Text<'a>,
    error: Text<'a>,
}

/// `GET`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let code = query.get("code").unwrap_or_default();
    let (store, now) = (&visitor.issuer.store, visitor.issuer.clock.now());
    let link = SecretDigest::of(code.as_bytes());
    if store.reset_link(&link, now).await?.is_none() {
        return Err(DirectoryError::NotFound(Thing::ResetLink).into());
    }
    Ok(page(&visitor, StatusCode::OK, code, ""))
}

/// `POST`
pub(super) async fn submit(visitor: Visitor, form: PageForm) -> Result<Response, PageError> {
    let code = form.text("code");
    let directory = visitor.issuer.directory(Authority::Machine);
    let password = form.text("new_password").to_owned();
    let link = SecretDigest::of(code.as_bytes());
    match directory.reset_password(&link, password).await {
        Ok(user) => {
            visitor.issuer.credentials.note_link(&user);
            Ok(visitor.go_to_be_told(log_in::PATH, &Told::Done(Done::Changed))?)
        }
        Err(error @ DirectoryError::Password(_)) => {
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            Ok(page(&visitor, error.status(), code, &text))
        }
        Err(error) => Err(error.into()),
    }
}

fn page(visitor: &Visitor, status: StatusCode, code: &str, error: &str) -> Response {
    let page = ResetPage {
        frame: visitor.frame(),
        words: PasskeyWords::of(visitor.language),
        code: Text::of(code),
        error: Text::of(error),
    };
    answer::page(status, &page)
}
