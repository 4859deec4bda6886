//! `/portal/log-in/first-passkey`: the first passkey of somebody who must have one, between the password and
//! the login.

use axum::http::StatusCode;
use axum::response::Response;

use super::exchange::creation;
use super::registration::{NotRegistered, Registrant};
use super::ticket::{Purpose, Ticket};
use super::{NewPage, PATH, new_challenge, told_codes};
use crate::identity::{Assurance, SecondFactor, User};
use crate::issuer::credentials::Proven;
use crate::issuer::directory::Authority;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;

/// Asks for it.
pub(super) fn page(
    visitor: &Visitor,
    user: &User,
    ticket: &Ticket,
    status: StatusCode,
    error: &str,
) -> Result<Response, PageError> {
    let words = visitor.passkey_words();
    let title = visitor.issuer.settings.portal.title.as_str();
    let options = creation(ticket, visitor.party()?, title, user, &[]);
    let page = NewPage {
        frame: visitor.frame(),
        words,
        title: words.first_title,
        text: words.first_text,
        action: "/portal/log-in/first-passkey",
        options: Text::of(options),
        ticket: visitor.ticket_text(ticket)?,
        error: Text::of(error),
        // Signed, and a page of ours, which asks for the password again.
        cancel: Text::of(match ticket.onward.path.as_str() {
            "" => "/",
            path => path,
        }),
    };
    Ok(answer::page(status, &page))
}

/// `POST`
pub(in crate::issuer::http::pages) async fn submit(
    visitor: Visitor,
    form: PageForm,
) -> Result<Response, PageError> {
    let ticket = visitor.ticket_of(&form, &[Purpose::FirstPasskey])?;
    let id = ticket.user().ok_or(PageError::ForeignForm)?;
    let user = visitor.issuer.store.user(&id).await?;
    let user = user.and_then(|user| ticket.stands(user));
    let user = user.ok_or(PageError::ForeignForm)?;
    let credentials = &visitor.issuer.credentials;
    // The ticket says what was asked for then, and is signed by a secret that the store has.
    if credentials.next_step(&user).await? != SecondFactor::ToBeMade {
        return Err(PageError::ForeignForm);
    }
    let again = |status, error: &str| {
        let ticket = ticket.clone().again(new_challenge()?);
        page(&visitor, &user, &ticket, status, error)
    };
    let registrant = Registrant {
        user: &user,
        assurance: Assurance::Password,
        directory: visitor.issuer.directory(Authority::Machine).fresh()?,
    };
    let codes = match registrant.register(&visitor, &ticket, &form).await {
        Ok(codes) => codes,
        Err(NotRegistered::Refused) => {
            return again(StatusCode::FORBIDDEN, visitor.passkey_words().step_refused);
        }
        Err(NotRegistered::Because(error)) => {
            return again(StatusCode::BAD_REQUEST, &visitor.remark(error)?.text);
        }
    };
    credentials
        .complete_proof(&user, Proven::LoginByPasskey)
        .await;
    let told = told_codes(&codes);
    let response = visitor.go_in_a_new_session(&user, Assurance::SecondFactor, PATH, &told);
    Ok(response.await?)
}
