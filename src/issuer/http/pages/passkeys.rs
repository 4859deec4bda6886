//! `/portal/passkeys`: the user's passkeys and recovery codes.
//!
//! `step` is what follows a password, and the login with a passkey alone; `first` makes the first passkey of
//! somebody who must have one. `ticket` is what a page gives a browser for its next step.

mod exchange;
mod first;
pub(super) mod proof;
mod registration;
pub(super) mod step;
mod ticket;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::confirmation::Confirmation;
use super::form::PageForm;
use super::frame::Frame;
use super::messages::Remark;
use super::page_error::PageError;
use super::timed::Timed;
use super::told::{Done, Told};
use super::visitor::Visitor;
use super::words::passkey::PasskeyWords;
use crate::identity::{Assurance, Challenge, CredentialId, PlainSecret, RelyingParty};
use crate::issuer::directory::{DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::{DirectoryAccess, PathName};
use crate::issuer::http::text::Text;
use crate::issuer::random;

use exchange::creation;
use registration::{NotRegistered, Registrant};
use ticket::{Purpose, Ticket};

pub(in crate::issuer::http) use ticket::Onward;
pub(in crate::issuer) use ticket::TicketKey;

pub(super) use first::submit as submit_first;

pub(super) const PATH: &str = "/portal/passkeys";

#[derive(Template)]
#[template(path = "pages/passkeys.html")]
struct PasskeysPage<'a> {
    frame: Frame<'a>,
    words: &'static PasskeyWords,
    is_possible: bool,
    passkeys: Vec<Row>,
    codes_left: i64,
    /// Codes that were just made.
    codes: Vec<Text<'a>>,
    /// Until when they are shown.
    codes_until: Timed,
}

struct Row {
    id: String,
    name: Text<'static>,
    made: Timed,
    used: Timed,
}

/// A page with a form that makes a passkey.
#[derive(Template)]
#[template(path = "pages/passkey_new.html")]
struct NewPage<'a> {
    frame: Frame<'a>,
    words: &'static PasskeyWords,
    title: &'static str,
    text: &'static str,
    action: &'static str,
    options: Text<'a>,
    ticket: String,
    error: Text<'a>,
    /// The page of ours to go back to.
    cancel: Text<'a>,
}

impl Visitor {
    fn passkey_words(&self) -> &'static PasskeyWords {
        PasskeyWords::of(self.language)
    }

    /// The issuer as browsers know it; where they do not, nothing about passkeys is there.
    fn party(&self) -> Result<&RelyingParty, EndpointError> {
        let party = self.issuer.settings.passkeys.party.as_ref();
        party.ok_or(EndpointError::NotFound)
    }

    fn ticket_text(&self, ticket: &Ticket) -> Result<String, PageError> {
        let browser = self.browser.form_token().ok_or(PageError::ForeignForm)?;
        Ok(self.issuer.ticket_key.write(ticket, &browser))
    }

    /// The ticket of a form, which is from a page that this browser got.
    fn ticket_of(&self, form: &PageForm, purposes: &[Purpose]) -> Result<Ticket, PageError> {
        self.ticket_in(form.text("ticket"), purposes)
    }

    fn ticket_in(&self, text: &str, purposes: &[Purpose]) -> Result<Ticket, PageError> {
        let browser = self.browser.form_token().ok_or(PageError::ForeignForm)?;
        let now = self.issuer.clock.now();
        let key = &self.issuer.ticket_key;
        if text.is_empty() {
            return Err(EndpointError::Parameter("ticket").into());
        }
        let ticket = key.read(text, &browser, purposes, now);
        ticket.ok_or(PageError::ForeignForm)
    }
}

fn new_challenge() -> Result<Challenge, EndpointError> {
    Ok(Challenge(random()?))
}

fn told_codes(codes: &[PlainSecret]) -> Told {
    let codes: Vec<&str> = codes.iter().map(PlainSecret::reveal).collect();
    Told::Secret(codes.join(" "))
}

/// `GET`
pub(super) async fn list(visitor: Visitor, access: DirectoryAccess) -> Result<Response, PageError> {
    let (store, user) = (&access.issuer.store, &access.caller.user.id);
    let words = visitor.passkey_words();
    let language = visitor.language;
    let passkeys = store.passkeys(user).await?;
    let rows = passkeys.into_iter().map(|passkey| Row {
        id: passkey.id.to_text(),
        name: Text::of(passkey.name.as_str().to_owned()),
        made: language.instant(passkey.created_at),
        used: passkey
            .last_used_at
            .map_or_else(|| Timed::words(words.never), |used| language.instant(used)),
    });
    let codes = visitor.told_secret().unwrap_or_default().split(' ');
    let page = PasskeysPage {
        frame: visitor.frame(),
        words,
        is_possible: visitor.party().is_ok(),
        passkeys: rows.collect(),
        codes_left: store.count_recovery_codes(user).await?,
        codes: codes
            .filter(|code| !code.is_empty())
            .map(Text::of)
            .collect(),
        codes_until: visitor.told_until(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// `POST new`: the page that makes one. Soon after a login, as what it makes is one.
pub(super) async fn ask(
    visitor: Visitor,
    access: DirectoryAccess,
    _: PageForm,
) -> Result<Response, PageError> {
    access.after_login()?;
    ask_again(&visitor, &access, StatusCode::OK, "").await
}

async fn ask_again(
    visitor: &Visitor,
    access: &DirectoryAccess,
    status: StatusCode,
    error: &str,
) -> Result<Response, PageError> {
    let (user, words) = (&access.caller.user, visitor.passkey_words());
    let now = access.issuer.clock.now();
    let onward = Onward::default();
    let ticket = Ticket::new(Purpose::Add, Some(user), new_challenge()?, onward, now);
    let passkeys = access.issuer.store.passkeys(&user.id).await?;
    let title = access.issuer.settings.portal.title.as_str();
    let options = creation(&ticket, visitor.party()?, title, user, &passkeys);
    let page = NewPage {
        frame: visitor.frame(),
        words,
        title: words.add,
        text: words.add_text,
        action: "/portal/passkeys/add",
        options: Text::of(options),
        ticket: visitor.ticket_text(&ticket)?,
        error: Text::of(error),
        cancel: Text::of(PATH),
    };
    Ok(answer::page(status, &page))
}

/// `POST add`: it is made. What stands behind a session by the password alone has ended with the first.
pub(super) async fn add(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let directory = access.after_login()?;
    let user = &access.caller.user;
    let ticket = visitor.ticket_of(&form, &[Purpose::Add])?;
    if ticket.user().as_ref() != Some(&user.id) {
        return Err(PageError::ForeignForm);
    }
    let registrant = Registrant {
        user,
        assurance: visitor.assurance_of(user),
        directory,
    };
    let codes = match registrant.register(&visitor, &ticket, &form).await {
        Ok(codes) => codes,
        Err(NotRegistered::Refused) => {
            let words = visitor.passkey_words();
            let refused = StatusCode::FORBIDDEN;
            return ask_again(&visitor, &access, refused, words.step_refused).await;
        }
        Err(NotRegistered::Because(error)) => {
            let remark = visitor.remark(error)?;
            return ask_again(&visitor, &access, StatusCode::BAD_REQUEST, &remark.text).await;
        }
    };
    let told = if codes.is_empty() {
        Told::Done(Done::PasskeyMade)
    } else {
        told_codes(&codes)
    };
    let response = visitor.go_in_a_renewed_session(user, Assurance::SecondFactor, PATH, &told);
    Ok(response.await?)
}

/// `POST codes`
pub(super) async fn replace_codes(
    visitor: Visitor,
    access: DirectoryAccess,
    _: PageForm,
) -> Result<Response, PageError> {
    let directory = access.after_login()?;
    let user = &access.caller.user;
    let codes = directory.replace_recovery_codes(user, visitor.assurance_of(user));
    let codes = codes.await?;
    Ok(visitor.go_to_be_told(PATH, &told_codes(&codes))?)
}

/// `GET {id}/remove`
pub(super) async fn show_remove(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(id): PathName,
) -> Result<Response, PageError> {
    let removal = removal(&visitor, &access, &id).await?;
    Ok(removal.ask(&visitor))
}

/// `POST {id}/remove`
pub(super) async fn remove(
    visitor: Visitor,
    access: DirectoryAccess,
    PathName(id): PathName,
    _: PageForm,
) -> Result<Response, PageError> {
    let removal = removal(&visitor, &access, &id).await?;
    let directory = access.after_login()?;
    let known = CredentialId::from_text(&id).ok_or(EndpointError::NotFound)?;
    let required = access.issuer.settings.passkeys.required_for;
    let user = &access.caller.user;
    let assurance = visitor.assurance_of(user);
    let removed = directory.remove_passkey(user, &known, required, assurance);
    match removed.await {
        Ok(()) => Ok(visitor.go_to_be_told(PATH, &Told::Done(Done::PasskeyDeleted))?),
        Err(error @ DirectoryError::LastPasskey) => {
            let remark = Remark::of(visitor.language, &error.into());
            Ok(removal.ask_again(&visitor, &remark))
        }
        Err(error) => Err(error.into()),
    }
}

async fn removal(
    visitor: &Visitor,
    access: &DirectoryAccess,
    id: &str,
) -> Result<Confirmation<'static>, PageError> {
    let words = visitor.passkey_words();
    let passkeys = access.issuer.store.passkeys(&access.caller.user.id).await?;
    let found = passkeys.iter().find(|passkey| passkey.id.to_text() == id);
    let found = found.ok_or(DirectoryError::NotFound(Thing::Passkey))?;
    let name = found.name.as_str();
    let last = (passkeys.len() == 1).then(|| words.remove_last_text.to_owned());
    let texts = std::iter::once(words.remove_text.to_owned()).chain(last);
    Ok(Confirmation {
        title: format!("{} {name}", words.remove_title),
        texts: texts.collect(),
        button: words.remove,
        fields: Vec::new(),
        cancel: PATH,
    })
}
