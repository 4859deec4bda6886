//! `/portal/sign-up`: somebody becomes a user, as at `/consumer/register`.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::apps;
use super::form::PageForm;
use super::frame::Frame;
use super::messages::{Fields, Remark};
use super::page_error::PageError;
use super::told::{Done, Told};
use super::visitor::Visitor;
use crate::identity::{Assurance, Email, Username};
use crate::issuer::Registration;
use crate::issuer::directory::{DirectoryError, NewUser};
use crate::issuer::http::account;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/sign_up.html")]
struct SignUpPage<'a> {
    frame: Frame<'a>,
    is_open: bool,
    username: Text<'a>,
    email: Text<'a>,
    error: Text<'a>,
    wrong: Fields,
}

impl<'a> SignUpPage<'a> {
    fn of(visitor: &'a Visitor) -> Self {
        Self {
            frame: visitor.frame(),
            is_open: visitor.issuer.settings.registration == Registration::Open,
            username: Text::of(""),
            email: Text::of(""),
            error: Text::of(""),
            wrong: Fields::none(),
        }
    }
}

/// `GET`
pub(super) async fn show(visitor: Visitor) -> Response {
    if visitor.user.is_some() {
        return answer::go("/");
    }
    answer::page(StatusCode::OK, &SignUpPage::of(&visitor))
}

/// `POST`: whoever has signed up is logged in.
pub(super) async fn submit(visitor: Visitor, form: PageForm) -> Result<Response, PageError> {
    let (username, email) = (form.trimmed("username"), form.trimmed("email"));
    let wanted = NewUser {
        username: username.clone(),
        email: email.clone(),
        password: form.text("password").to_owned(),
        roles: None,
    };
    let user = match account::register_user(&visitor.issuer, wanted).await {
        Ok(user) => user,
        Err(error) => {
            let mut remark = visitor.remark(error)?;
            // What else is wrong, as far as that is seen at once.
            let others = [Username::parse(&username).err(), Email::parse(&email).err()];
            for other in others.into_iter().flatten() {
                remark = remark.and(Remark::of(
                    visitor.language,
                    &DirectoryError::from(other).into(),
                ));
            }
            let page = SignUpPage {
                username: Text::of(username),
                email: Text::of(email),
                error: Text::of(remark.text),
                wrong: remark.fields,
                ..SignUpPage::of(&visitor)
            };
            return Ok(answer::page(remark.status, &page));
        }
    };
    let told = Told::Done(Done::SignedUp);
    // Where the next step is, for whoever may take it.
    let next = if user.scopes.contains("consumer.app") {
        apps::NEW_PATH
    } else {
        "/"
    };
    let response = visitor.go_in_a_new_session(&user, Assurance::Password, next, &told);
    Ok(response.await?)
}
