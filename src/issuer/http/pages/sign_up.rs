//! `/portal/sign-up`: somebody becomes a user, as at `/consumer/register`.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::answer;
use super::apps;
use super::form::PageForm;
use super::frame::Frame;
use super::log_in;
use super::messages::{Fields, Remark};
use super::page_error::PageError;
use super::passkeys::Onward;
use super::told::{Done, Told};
use super::visitor::Visitor;
use crate::identity::{Assurance, Email, Form, User, Username};
use crate::issuer::Registration;
use crate::issuer::directory::{DirectoryError, NewUser};
use crate::issuer::http::text::Text;
use crate::issuer::http::{account, authorize};

pub(in crate::issuer::http) const PATH: &str = "/portal/sign-up";

#[derive(Template)]
#[template(path = "pages/sign_up.html")]
struct SignUpPage<'a> {
    frame: Frame<'a>,
    is_open: bool,
    username: Text<'a>,
    email: Text<'a>,
    error: Text<'a>,
    wrong: Fields,
    /// The field that has the focus.
    focus: &'static str,
    /// Our page for the request of an app from which somebody has come; empty where nobody has.
    next: Text<'a>,
    log_in_path: Text<'a>,
}

impl<'a> SignUpPage<'a> {
    fn of(visitor: &'a Visitor, onward: Option<&'a Onward>) -> Self {
        let next = onward.map(|onward| onward.path.as_str());
        Self {
            // The way for whoever has an account: the request asks for the login.
            log_in_path: Text::of(next.unwrap_or(log_in::PATH)),
            next: Text::of(next.unwrap_or_default()),
            focus: first_wrong(&Fields::none()),
            frame: visitor.frame(),
            is_open: visitor.issuer.settings.registration == Registration::Open,
            username: Text::of(""),
            email: Text::of(""),
            error: Text::of(""),
            wrong: Fields::none(),
        }
    }
}

/// The field of the form that has the focus.
fn first_wrong(wrong: &Fields) -> &'static str {
    wrong.focus(&["username", "email", "password"])
}

/// The page as it is to be shown, whose form may lead back to the request of an app.
fn shown(status: StatusCode, page: &SignUpPage<'_>, onward: Option<&Onward>) -> Response {
    let targets = onward.map_or("", |onward| &onward.targets);
    answer::page_leading_to(status, page, targets)
}

/// `GET`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let onward = onward(&visitor, query.get("next").unwrap_or_default()).await;
    let onward = onward.as_ref();
    if visitor.user.is_some() {
        return Ok(answer::go(onward.map_or("/", |onward| &onward.path)));
    }
    let page = SignUpPage::of(&visitor, onward);
    Ok(shown(StatusCode::OK, &page, onward))
}

/// Where the sign-up leads, if that is to the request of an app.
async fn onward(visitor: &Visitor, next: &str) -> Option<Onward> {
    authorize::back_to_request(&visitor.issuer, next).await
}

/// `POST`: whoever has signed up is logged in.
pub(super) async fn submit(visitor: Visitor, form: PageForm) -> Result<Response, PageError> {
    let (username, email) = (form.trimmed("username"), form.trimmed("email"));
    let onward = onward(&visitor, form.text("next")).await;
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
                focus: first_wrong(&remark.fields),
                wrong: remark.fields,
                ..SignUpPage::of(&visitor, onward.as_ref())
            };
            return Ok(shown(remark.status, &page, onward.as_ref()));
        }
    };
    log_in_for_the_first_time(&visitor, &user, onward).await
}

/// Leads on to what somebody has come for, else to the next step.
async fn log_in_for_the_first_time(
    visitor: &Visitor,
    user: &User,
    onward: Option<Onward>,
) -> Result<Response, PageError> {
    let assurance = Assurance::Password;
    let response = if let Some(onward) = onward {
        let cookie = visitor.sessions().begin(user, assurance).await?;
        answer::with_cookies(answer::go(&onward.path), cookie)
    } else {
        let told = Told::Done(Done::SignedUp);
        // Where the next step is, for whoever may take it.
        let next = if user.scopes.contains("consumer.app") {
            apps::NEW_PATH
        } else {
            "/"
        };
        let response = visitor.go_in_a_new_session(user, assurance, next, &told);
        response.await?
    };
    visitor.issuer.credentials.note_sign_up(&user.id);
    Ok(response)
}
