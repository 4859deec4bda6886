//! Whoever does something that outlives a session proves once more who it is, by the password or a passkey.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::form::{PASSKEY_PROOF, PASSWORD_PROOF, PageForm};
use super::frame::Frame;
use super::page_error::{PageError, Proof};
use super::passkeys;
use super::passkeys::step::Offer;
use super::purpose::Purpose;
use super::visitor::Visitor;
use super::words::passkey::PasskeyWords;
use crate::identity::{Session, User};
use crate::issuer::http::text::Text;

#[derive(Template)]
#[template(path = "pages/proof.html")]
struct ProofPage<'a> {
    frame: Frame<'a>,
    words: &'static PasskeyWords,
    /// What the form is for.
    purpose: Purpose,
    action: Text<'a>,
    /// What was sent, to be sent again with the proof: to the byte, for which `Text` would replace
    /// characters.
    fields: Vec<(&'a str, &'a str)>,
    is_wrong: bool,
    /// What is wrong; empty where nothing is.
    error: &'static str,
    /// The way to use a passkey instead.
    offer: Option<Offer>,
}

/// The user of a session, as it is now, if the form brings a proof; none where it brings nothing of the kind.
pub(super) async fn given(
    visitor: &Visitor,
    session: &Session,
    form: &PageForm,
) -> Result<Option<User>, PageError> {
    let credentials = &visitor.issuer.credentials;
    if let Some(password) = form.0.get(PASSWORD_PROOF) {
        let proven = credentials.password_again(&session.user, password.to_owned());
        let user = proven
            .await
            .map_err(|error| PageError::unproven(error, Proof::Password));
        return user.map(Some);
    }
    if form.0.get(PASSKEY_PROOF).is_none() {
        return Ok(None);
    }
    let user = passkeys::proof::user(visitor, &session.user, form).await?;
    Ok(Some(user))
}

/// Asks for a proof, with the form that waits for it.
pub(super) async fn page(
    visitor: &Visitor,
    form: Option<&PageForm>,
    refused: Option<Proof>,
) -> Response {
    let fields = form.map(|form| form.repeatable().collect());
    let words = PasskeyWords::of(visitor.language);
    // The password is asked for whatever keeps passkeys away.
    let offer = passkeys::proof::offer(visitor).await;
    let offer = offer.unwrap_or_else(|error| {
        tracing::warn!(
            ?error,
            "a user cannot prove by a passkey who it is, and is asked for the password"
        );
        None
    });
    let page = ProofPage {
        frame: visitor.frame(),
        words,
        purpose: Purpose::of(visitor.language, &visitor.path),
        action: Text::of(&*visitor.path),
        fields: fields.unwrap_or_default(),
        is_wrong: refused == Some(Proof::Password),
        error: match refused {
            None => "",
            Some(Proof::Password) => visitor.words().proof_wrong,
            Some(Proof::Passkey) => words.proof_refused,
        },
        offer,
    };
    answer::page(StatusCode::FORBIDDEN, &page)
}
