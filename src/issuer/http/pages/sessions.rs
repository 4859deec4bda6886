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
use crate::identity::SecretDigest;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::extract::DirectoryAccess;

pub(super) const PATH: &str = "/portal/sessions";

#[derive(Template)]
#[template(path = "pages/sessions.html")]
struct SessionsPage<'a> {
    frame: Frame<'a>,
    sessions: Vec<Row>,
}

struct Row {
    /// Names it, whatever takes its place, and opens nothing.
    lineage: String,
    began: Timed,
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
    let sessions = sessions
        .into_iter()
        .filter(|(_, session)| session.is_complete(required));
    let rows = sessions.map(|(lineage, session)| Row {
        is_this: own.as_ref() == Some(&lineage),
        lineage: lineage.to_text(),
        began: visitor.language.instant(session.began_at),
        expires: visitor.language.instant(session.expires_at),
    });
    let page = SessionsPage {
        frame: visitor.frame(),
        sessions: rows.collect(),
    };
    Ok(answer::page(StatusCode::OK, &page))
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
