//! Whoever looks at a page: with which browser, in which language, and as whom.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;

use super::answer;
use super::frame::Frame;
use super::language::Language;
use super::language_choice::PageAddress;
use super::messages::{self, Remark};
use super::page_error::PageError;
use super::timed::Timed;
use super::told::{Addressee, Done, Telling, Told, ToldLogIn};
use super::tried::Tried;
use super::words::Words;
use crate::clock::UnixSeconds;
use crate::identity::{
    Assurance, EarlierLogIn, PlainSecret, ScopeSet, SecretDigest, Session, User,
};
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::browser::Browser;
use crate::issuer::http::session::Sessions;
use crate::token::LogPosition;

/// Who looks at a page.
#[derive(Clone)]
pub(in crate::issuer::http) struct Visitor {
    pub(super) issuer: Arc<Issuer>,
    pub(super) browser: Arc<Browser>,
    pub(super) language: Language,
    /// Who is logged in.
    pub(super) user: Option<Arc<User>>,
    /// By what.
    pub(super) assurance: Option<Assurance>,
    /// The path of the page.
    pub(super) path: Arc<str>,
    /// Whether it is known who is logged in, if somebody is.
    pub(super) is_known: bool,
    /// Where the page can be opened again.
    pub(super) address: Option<PageAddress>,
    /// What the page is to tell of the form before it.
    pub(super) told: Option<Arc<Telling>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = EndpointError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, EndpointError> {
        let visitor = parts.extensions.get::<Self>().cloned();
        visitor.ok_or(EndpointError::Unguarded)
    }
}

impl Visitor {
    /// A browser at one of the pages of `authorize`, whose login continues on a page of ours.
    pub(in crate::issuer::http) fn from_outside(issuer: &Arc<Issuer>, headers: &HeaderMap) -> Self {
        let browser = Browser::read(headers, &issuer.settings.url);
        Self {
            issuer: Arc::clone(issuer),
            language: Language::of(&browser, headers),
            user: None,
            assurance: None,
            path: "/".into(),
            is_known: browser.session().is_none(),
            browser: Arc::new(browser),
            address: None,
            told: None,
        }
    }

    /// Takes notice of the session of its browser, or that there is none.
    pub(super) fn knows(&mut self, session: Option<&Session>) {
        self.is_known = true;
        self.user = session.map(|found| Arc::new(found.user.clone()));
        self.assurance = session.map(|found| found.assurance);
    }

    /// What the pages say to it.
    pub(super) fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// When something was last used.
    pub(super) fn last_use(&self, instant: Option<UnixSeconds>) -> Timed {
        instant.map_or_else(
            || Timed::words(self.words().no_use),
            |instant| self.language.instant(instant),
        )
    }

    /// What is around each page.
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame::of(self)
    }

    pub(super) fn sessions(&self) -> Sessions<'_> {
        Sessions::new(&self.issuer, &self.browser)
    }

    /// What the page is to tell.
    pub(super) fn told(&self) -> Option<&Told> {
        self.told.as_deref().map(|telling| &telling.told)
    }

    /// The secret that the page is to show.
    pub(super) fn told_secret(&self) -> Option<&str> {
        match self.told()? {
            Told::Secret(secret) | Told::Replaced(secret) => Some(secret),
            Told::Done(_) | Told::Ended(..) | Told::LoggedIn(_) | Told::Tried(_) => None,
        }
    }

    /// What the page is to tell of the log-in before.
    pub(super) fn told_log_in(&self) -> Option<&ToldLogIn> {
        match self.told()? {
            Told::LoggedIn(earlier) => Some(earlier),
            Told::Done(_)
            | Told::Ended(..)
            | Told::Secret(_)
            | Told::Replaced(_)
            | Told::Tried(_) => None,
        }
    }

    /// Until when this browser shows it, in words.
    pub(super) fn told_until(&self) -> Timed {
        let telling = self.told.as_deref();
        let until = telling.map(|telling| self.language.time(telling.until));
        let words = self.words();
        let (before, after) = (words.visible_before, words.visible_after);
        let until = until.unwrap_or_default();
        until.within(&format!("{before} "), &format!(" {after}"))
    }

    /// What came of a call of this operation, which the page is to show.
    pub(super) fn told_trial(&self, operation: &str) -> Option<&Tried> {
        match self.told()? {
            Told::Tried(tried) => Some(&**tried).filter(|tried| tried.operation == operation),
            Told::Done(_)
            | Told::Ended(..)
            | Told::LoggedIn(_)
            | Told::Secret(_)
            | Told::Replaced(_) => None,
        }
    }

    /// What the form says of an error that can be put right there; any other has a page of its own.
    pub(super) fn remark(&self, error: impl Into<EndpointError>) -> Result<Remark, PageError> {
        let error = error.into();
        if messages::is_for_the_form(&error) {
            Ok(Remark::of(self.language, &error))
        } else {
            Err(error.into())
        }
    }

    /// Sends the browser on to a page of ours, which tells that it is done.
    pub(super) fn done(&self, path: &str, done: Done) -> Result<Response, PageError> {
        Ok(self.go_to_be_told(path, &Told::Done(done))?)
    }

    /// The same, with a link to how far the gates are, for somebody who may see them, where something has ended.
    pub(super) fn done_at_gates(
        &self,
        path: &str,
        done: Done,
        position: Option<LogPosition>,
        held: &ScopeSet,
    ) -> Result<Response, PageError> {
        let told = match position.filter(|_| held.contains("backend.token")) {
            Some(position) => Told::Ended(done, position.0),
            None => Told::Done(done),
        };
        Ok(self.go_to_be_told(path, &told)?)
    }

    /// Sends the browser on to a page of ours, which tells something. `path` may have a query.
    pub(super) fn go_to_be_told(&self, path: &str, told: &Told) -> Result<Response, EndpointError> {
        let session = self.browser.session();
        self.go_to(session.as_ref(), path, told)
    }

    /// By what this user has logged in, if it is the one who is; else by the password.
    pub(super) fn assurance_of(&self, user: &User) -> Assurance {
        let is_same = self.user.as_ref().is_some_and(|own| own.id == user.id);
        let own = self.assurance.filter(|_| is_same);
        own.unwrap_or(Assurance::Password)
    }

    /// The same of somebody who has just logged in.
    pub(super) async fn go_in_a_new_session(
        &self,
        user: &User,
        assurance: Assurance,
        path: &str,
        told: &Told,
    ) -> Result<Response, EndpointError> {
        let secret = self.sessions().begin_with_secret(user, assurance).await?;
        self.go_with_secret(&secret, path, told)
    }

    /// The same in another session of this user, which takes the place of the present one.
    pub(super) async fn go_in_a_renewed_session(
        &self,
        user: &User,
        assurance: Assurance,
        path: &str,
        told: &Told,
    ) -> Result<Response, EndpointError> {
        let secret = self.sessions().renew(user, assurance).await?;
        self.go_with_secret(&secret, path, told)
    }

    /// Sends somebody on who has just logged in, in the session with this secret. What is known of the log-in before
    /// is told by a page of ours; those of `authorize` tell nothing.
    pub(super) fn go_logged_in(
        &self,
        secret: &PlainSecret,
        path: &str,
        earlier: Option<EarlierLogIn>,
    ) -> Result<Response, EndpointError> {
        match earlier {
            Some(earlier) if !path.starts_with("/authorization/") => {
                let told = Told::LoggedIn(earlier.into());
                self.go_with_secret(secret, path, &told)
            }
            Some(_) | None => {
                let seconds = self.issuer.settings.sessions.max_seconds;
                let cookie = self.browser.begin_session(secret, seconds);
                Ok(answer::with_cookies(answer::go(path), cookie))
            }
        }
    }

    fn go_with_secret(
        &self,
        secret: &PlainSecret,
        path: &str,
        told: &Told,
    ) -> Result<Response, EndpointError> {
        let seconds = self.issuer.settings.sessions.max_seconds;
        let response = self.go_to(Some(&secret.digest()), path, told)?;
        let cookie = self.browser.begin_session(secret, seconds);
        Ok(answer::with_cookies(response, cookie))
    }

    fn go_to(
        &self,
        session: Option<&SecretDigest>,
        path: &str,
        told: &Told,
    ) -> Result<Response, EndpointError> {
        let (page, _) = path.split_once('?').unwrap_or((path, ""));
        let to = Addressee {
            session,
            path: page,
        };
        let cookie = self.issuer.told_key.cookie(
            told,
            to,
            &self.issuer.settings.url,
            self.issuer.clock.now(),
        )?;
        Ok(answer::with_cookies(answer::go(path), [cookie]))
    }
}
