//! A passkey in place of the password, of somebody who is logged in and proves once more who it is.

use super::exchange::{SentAssertion, request};
use super::new_challenge;
use super::step::Offer;
use super::ticket::{Onward, Purpose, Ticket};
use crate::identity::User;
use crate::issuer::credentials::{AskedPasskey, Proven};
use crate::issuer::http::pages::form::{PASSKEY_PROOF, PASSKEY_TICKET, PageForm};
use crate::issuer::http::pages::page_error::{PageError, Proof};
use crate::issuer::http::pages::visitor::Visitor;
use crate::issuer::http::text::Text;
use crate::issuer::sign_ins;

/// What a page asks a passkey for; none where the user has no passkey, or this address has none.
pub(in crate::issuer::http::pages) async fn offer(
    visitor: &Visitor,
) -> Result<Option<Offer>, PageError> {
    let (Ok(party), Some(user)) = (visitor.party(), &visitor.user) else {
        return Ok(None);
    };
    let passkeys = visitor.issuer.store.passkeys(&user.id).await?;
    if passkeys.is_empty() {
        return Ok(None);
    }
    let (challenge, now) = (new_challenge()?, visitor.issuer.clock.now());
    let onward = Onward::default();
    let ticket = Ticket::new(Purpose::Prove, Some(user), challenge, onward, now);
    Ok(Some(Offer {
        options: Text::of(request(&ticket, party, &passkeys)),
        ticket: visitor.ticket_text(&ticket)?,
    }))
}

/// The user as it is now, if the form has the answer of one of its passkeys to what [`offer`] asked for.
pub(in crate::issuer::http::pages) async fn user(
    visitor: &Visitor,
    user: &User,
    form: &PageForm,
) -> Result<User, PageError> {
    let refused = || PageError::Unproven(Proof::Passkey);
    // One that is too old is asked for again, and the form is not lost.
    let ticket = visitor.ticket_in(form.text(PASSKEY_TICKET), &[Purpose::Prove]);
    let ticket = ticket.map_err(|_| refused())?;
    let sent = SentAssertion::parse(form.text(PASSKEY_PROOF)).ok_or_else(refused)?;
    if ticket.user().as_ref() != Some(&user.id) {
        return Err(refused());
    }
    let asked = AskedPasskey {
        party: visitor.party()?,
        challenge: ticket.challenge().ok_or_else(refused)?,
        expires_at: ticket.expires_at(),
        user: Some(&user.id),
        verification: ticket.purpose.verification(),
    };
    let credentials = &visitor.issuer.credentials;
    let presented = sent.presented();
    let proven = credentials.user_with_passkey(&asked, &presented);
    let proven = sign_ins::confirming(proven).await;
    let user = proven.map_err(|error| PageError::unproven(error, Proof::Passkey))?;
    credentials.complete_proof(&user, Proven::Again).await;
    Ok(user)
}
