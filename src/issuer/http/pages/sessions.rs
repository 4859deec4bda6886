//! `/portal/sessions`: the browsers in which the user is logged in, and logging them out.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::form::PageForm;
use super::frame::Frame;
use super::page_error::PageError;
use super::timed::Timed;
use super::told::Done;
use super::visitor::Visitor;
use crate::clock::UnixSeconds;
use crate::identity::{SecretDigest, SignIn, SignInOutcome};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;

pub(super) const PATH: &str = "/portal/sessions";

/// So far apart are a session and the log-in that began it.
const LAPSE_SECONDS: i64 = 1;

#[derive(Template)]
#[template(path = "pages/sessions.html")]
struct SessionsPage<'a> {
    frame: Frame<'a>,
    sessions: Vec<Row>,
    /// Whether there are others than that of this browser.
    has_others: bool,
}

struct Row {
    /// Names it, whatever takes its place, and opens nothing.
    lineage: String,
    began: Timed,
    /// The address of the log-in, as far as it is known.
    address: String,
    expires: Timed,
    is_this: bool,
}

/// `GET`
pub(super) async fn list(visitor: Visitor, access: DirectoryAccess) -> Result<Response, PageError> {
    let now = access.issuer.clock.now();
    let user = &access.caller.user;
    let own = visitor.browser.lineage();
    let sessions = access.issuer.store.sessions_of(user, now).await?;
    let required = access.issuer.settings.passkeys.required_for;
    let known = access.issuer.credentials.sign_ins_of(&user.id).await?;
    let unknown = visitor.words().panel.unknown;
    let sessions = sessions
        .into_iter()
        .filter(|(_, session)| session.is_complete(required));
    let rows = sessions.map(|(lineage, session)| Row {
        is_this: own.as_ref() == Some(&lineage),
        lineage: lineage.to_text(),
        address: address_of(&known, session.began_at)
            .unwrap_or(unknown)
            .to_owned(),
        began: visitor.language.instant(session.began_at),
        expires: visitor.language.instant(session.expires_at),
    });
    let rows: Vec<Row> = rows.collect();
    let page = SessionsPage {
        frame: visitor.frame(),
        has_others: rows.iter().any(|row| !row.is_this),
        sessions: rows,
    };
    Ok(answer::page(StatusCode::OK, &page))
}

/// From which address somebody has logged in at this time; none where that is not known, or where there were several.
fn address_of(known: &[SignIn], at: UnixSeconds) -> Option<&str> {
    let is_then = |sign_in: &&SignIn| {
        let ends = [sign_in.first_at, sign_in.last_at];
        let is_near = |end: &UnixSeconds| end.since(at).abs() <= LAPSE_SECONDS;
        sign_in.kind.outcome == SignInOutcome::Succeeded && ends.iter().any(is_near)
    };
    let mut addresses = known.iter().filter(is_then).map(|one| &*one.kind.address);
    let first = addresses.next().filter(|address| !address.is_empty())?;
    addresses.all(|other| other == first).then_some(first)
}

/// `POST`: one of them ends, or all but this one.
pub(super) async fn end(
    visitor: Visitor,
    access: DirectoryAccess,
    form: PageForm,
) -> Result<Response, PageError> {
    let (store, now) = (&access.issuer.store, access.issuer.clock.now());
    let own = visitor.browser.lineage();
    let user = &access.caller.user;
    let done = match form.text("session") {
        // Also those that open nothing at the moment, such as one that is about to be renewed.
        "others" => {
            store
                .end_other_sessions(&user.id, own.as_ref(), now)
                .await?;
            Done::OtherSessionsEnded
        }
        wanted => {
            let named = SecretDigest::from_text(wanted);
            let sessions = store.sessions_of(user, now).await?;
            let mut found = sessions.into_iter().map(|(lineage, _)| lineage);
            let found = found.find(|lineage| named.as_ref() == Some(lineage));
            let found = found.ok_or(EndpointError::NotFound)?;
            store.end_session(&found, now).await?;
            Done::SessionEnded
        }
    };
    access
        .issuer
        .audit
        .done_by(&access.caller.user, "ended sessions");
    visitor.done(PATH, done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{SignInEndpoint, SignInKind, SignInMethod};

    #[test]
    fn a_session_is_from_the_address_of_its_log_in_where_there_is_one() {
        let sign_in = |outcome, address: &str, first_at, last_at| SignIn {
            kind: SignInKind {
                outcome,
                method: SignInMethod::Password,
                endpoint: SignInEndpoint::Portal,
                address: address.to_owned(),
            },
            attempts: 2,
            first_at: UnixSeconds(first_at),
            last_at: UnixSeconds(last_at),
        };
        let known = [
            sign_in(SignInOutcome::Failed, "192.0.2.9", 10, 10),
            sign_in(SignInOutcome::Succeeded, "192.0.2.1", 10, 90),
            sign_in(SignInOutcome::Succeeded, "192.0.2.2", 50, 90),
            sign_in(SignInOutcome::Succeeded, "", 70, 70),
        ];
        for (at, expected) in [
            (10, Some("192.0.2.1")),
            (11, Some("192.0.2.1")),
            (12, None),
            (30, None),
            (50, Some("192.0.2.2")),
            (70, None),
            // Of two addresses.
            (90, None),
        ] {
            assert_eq!(address_of(&known, UnixSeconds(at)), expected, "{at}");
        }
    }
}
