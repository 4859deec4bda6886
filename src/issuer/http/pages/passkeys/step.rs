//! What follows a right password, and `/portal/log-in/passkey` and `/portal/log-in/recovery`. Until it is done
//! there is no session: what the browser has is a ticket for this step.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::exchange::{SentAssertion, request};
use super::ticket::{Onward, Purpose, Ticket};
use super::{first, new_challenge};
use crate::identity::{Assurance, SecondFactor, User};
use crate::issuer::credentials::{AskedPasskey, FirstStep, Proven};
use crate::issuer::directory::Authority;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::form::PageForm;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::page_error::PageError;
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::pages::words::passkey::PasskeyWords;
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/second_step.html")]
struct StepPage<'a> {
    frame: Frame<'a>,
    words: &'static PasskeyWords,
    /// Whether a password came before.
    is_second: bool,
    options: Option<Text<'a>>,
    ticket: String,
    is_wrong: bool,
}

/// What a page shows that can be done with a passkey instead.
pub(in crate::issuer::http::pages) struct Offer {
    pub(in crate::issuer::http::pages) options: Text<'static>,
    pub(in crate::issuer::http::pages) ticket: String,
}

/// The way to log in with a passkey alone; none where there are no passkeys.
pub(in crate::issuer::http::pages) fn offer(
    visitor: &Visitor,
    next: &str,
) -> Result<Option<Offer>, PageError> {
    let Ok(party) = visitor.party() else {
        return Ok(None);
    };
    let onward = Onward {
        path: next.to_owned(),
        targets: String::new(),
    };
    let ticket = for_anybody(visitor, onward)?;
    Ok(Some(Offer {
        options: Text::of(request(&ticket, party, &[])),
        ticket: visitor.ticket_text(&ticket)?,
    }))
}

fn for_anybody(visitor: &Visitor, onward: Onward) -> Result<Ticket, EndpointError> {
    let now = visitor.issuer.clock.now();
    let challenge = new_challenge()?;
    Ok(Ticket::new(Purpose::LogIn, None, challenge, onward, now))
}

/// The page on which somebody logs in with a passkey alone.
pub(in crate::issuer::http) async fn alone(
    visitor: &Visitor,
    onward: Onward,
) -> Result<Response, PageError> {
    let ticket = for_anybody(visitor, onward)?;
    page(visitor, &ticket, StatusCode::OK).await
}

/// What follows the right password of somebody: the session, or the page that asks for more.
pub(in crate::issuer::http) async fn after_password(
    visitor: &Visitor,
    step: FirstStep,
    onward: Onward,
) -> Result<Response, PageError> {
    let user = &step.user;
    match step.next {
        SecondFactor::None => {
            let sessions = visitor.sessions();
            match sessions.begin_with_secret(user, Assurance::Password).await {
                Ok(secret) => Ok(visitor.go_logged_in(&secret, &onward.path, step.earlier)?),
                // Its first passkey was made while the password was checked.
                Err(EndpointError::SecondFactorNeeded) => second(visitor, user, onward).await,
                Err(error) => Err(error.into()),
            }
        }
        SecondFactor::Asked => second(visitor, user, onward).await,
        SecondFactor::ToBeMade => {
            let (challenge, now) = (new_challenge()?, visitor.issuer.clock.now());
            let ticket = Ticket::new(Purpose::FirstPasskey, Some(user), challenge, onward, now);
            first::page(visitor, user, &ticket, StatusCode::OK, "")
        }
    }
}

/// Asks for a passkey, or a recovery code.
async fn second(visitor: &Visitor, user: &User, onward: Onward) -> Result<Response, PageError> {
    let (challenge, now) = (new_challenge()?, visitor.issuer.clock.now());
    let ticket = Ticket::new(Purpose::SecondStep, Some(user), challenge, onward, now);
    page(visitor, &ticket, StatusCode::OK).await
}

async fn page(
    visitor: &Visitor,
    ticket: &Ticket,
    status: StatusCode,
) -> Result<Response, PageError> {
    let passkeys = match ticket.user() {
        Some(user) => visitor.issuer.store.passkeys(&user).await?,
        None => Vec::new(),
    };
    // At another address than before there are recovery codes left.
    let party = visitor.party().ok();
    let options = party.map(|party| Text::of(request(ticket, party, &passkeys)));
    let page = StepPage {
        frame: visitor.frame(),
        words: visitor.passkey_words(),
        is_second: ticket.purpose == Purpose::SecondStep,
        options,
        ticket: visitor.ticket_text(ticket)?,
        is_wrong: status != StatusCode::OK,
    };
    let targets = &ticket.onward.targets;
    Ok(answer::page_leading_to(status, &page, targets))
}

/// The page once more, after a try that failed.
async fn page_again(visitor: &Visitor, ticket: Ticket) -> Result<Response, PageError> {
    let ticket = match ticket.purpose {
        Purpose::LogIn => for_anybody(visitor, ticket.onward)?,
        Purpose::SecondStep | Purpose::FirstPasskey | Purpose::Add | Purpose::Prove => {
            ticket.again(new_challenge()?)
        }
    };
    page(visitor, &ticket, StatusCode::FORBIDDEN).await
}

/// `POST /portal/log-in/passkey`
pub(in crate::issuer::http::pages) async fn passkey(
    visitor: Visitor,
    form: PageForm,
) -> Result<Response, PageError> {
    let ticket = visitor.ticket_of(&form, &[Purpose::LogIn, Purpose::SecondStep])?;
    let challenge = ticket.challenge().ok_or(PageError::ForeignForm)?;
    let Some(sent) = SentAssertion::parse(form.text("response")) else {
        return page_again(&visitor, ticket).await;
    };
    let first = ticket.user();
    let asked = AskedPasskey {
        party: visitor.party()?,
        challenge,
        expires_at: ticket.expires_at(),
        user: first.as_ref(),
        verification: ticket.purpose.verification(),
    };
    let credentials = &visitor.issuer.credentials;
    match credentials
        .user_with_passkey(&asked, &sent.presented())
        .await
    {
        Ok(user) => finish(&visitor, &ticket, user, Proven::LoginByPasskey).await,
        Err(EndpointError::BadLogin) => page_again(&visitor, ticket).await,
        Err(error) => Err(error.into()),
    }
}

/// `POST /portal/log-in/recovery`
pub(in crate::issuer::http::pages) async fn recovery(
    visitor: Visitor,
    form: PageForm,
) -> Result<Response, PageError> {
    let ticket = visitor.ticket_of(&form, &[Purpose::SecondStep])?;
    let id = ticket.user().ok_or(PageError::ForeignForm)?;
    let code = form.text("code");
    let directory = visitor.issuer.directory(Authority::Machine);
    let take = async |user: &User| {
        // Before the code is used up: it would be lost for nothing.
        if ticket.stands(user.clone()).is_none() {
            return Ok(false);
        }
        Ok(directory.use_recovery_code(user, code).await?)
    };
    let credentials = &visitor.issuer.credentials;
    match credentials.user_with_recovery_code(&id, code, take).await {
        Ok(user) => finish(&visitor, &ticket, user, Proven::LoginByRecoveryCode).await,
        Err(EndpointError::BadLogin) => page_again(&visitor, ticket).await,
        Err(error) => Err(error.into()),
    }
}

/// Begins the session, in place of whatever the browser had.
pub(super) async fn finish(
    visitor: &Visitor,
    ticket: &Ticket,
    user: User,
    proven: Proven,
) -> Result<Response, PageError> {
    // What was taken back since the password was given stays taken back.
    let user = ticket.stands(user).ok_or(PageError::ForeignForm)?;
    let sessions = visitor.sessions();
    let begun = sessions.begin_with_secret(&user, Assurance::SecondFactor);
    let secret = begun.await?;
    let credentials = &visitor.issuer.credentials;
    let earlier = credentials.complete_proof(&user, proven).await;
    let next = match ticket.onward.path.as_str() {
        "" => "/",
        path => path,
    };
    Ok(visitor.go_logged_in(&secret, next, earlier)?)
}
