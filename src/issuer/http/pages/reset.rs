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
use crate::identity::{Form, SecretDigest, User};
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
    /// Whose password it is.
    username: Text<'a>,
    error: Text<'a>,
}

/// `GET`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let code = query.get("code").unwrap_or_default();
    let user = whose(&visitor, &SecretDigest::of(code.as_bytes())).await?;
    Ok(page(&visitor, StatusCode::OK, &user, code, ""))
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
            Ok(visitor.go_to_be_told(log_in::PATH, &Told::Done(Done::PasswordSet))?)
        }
        Err(error @ DirectoryError::Password(_)) => {
            let error = EndpointError::from(error);
            let text = messages::message(visitor.language, &error);
            let user = whose(&visitor, &link).await?;
            Ok(page(&visitor, error.status(), &user, code, &text))
        }
        Err(error) => Err(error.into()),
    }
}

/// The user whose password a link sets.
async fn whose(visitor: &Visitor, link: &SecretDigest) -> Result<User, PageError> {
    let (store, now) = (&visitor.issuer.store, visitor.issuer.clock.now());
    let gone = || PageError::from(DirectoryError::NotFound(Thing::ResetLink));
    let user = store.reset_link(link, now).await?.ok_or_else(gone)?;
    store.user(&user).await?.ok_or_else(gone)
}

fn page(visitor: &Visitor, status: StatusCode, user: &User, code: &str, error: &str) -> Response {
    let page = ResetPage {
        frame: visitor.frame(),
        words: PasskeyWords::of(visitor.language),
        code: Text::of(code),
        username: Text::of(user.username.as_str()),
        error: Text::of(error),
    };
    answer::page(status, &page)
}
