//! Sessions: who is logged in, in which browser, and for how long. The portal, the panel and the pages of
//! `authorize` share them.
//!
//! A proof and another password put another session in the place of that of the browser, with another secret. What
//! the two have in common is their lineage: whoever logs out with an earlier secret, because somebody else has
//! renewed the session with a copy of it, ends what it has become.

use super::browser::{Browser, SetCookie};
use crate::identity::{Assurance, GrantError, PlainSecret, Session, User, UserId};
use crate::issuer::directory::DirectoryError;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::{Issuer, SessionSettings, random};
use crate::store::NewSession;

/// A session is prolonged when so many seconds of its idle time are gone: not at each request, which would
/// write as often.
const PROLONGED_AFTER_SECONDS: i64 = 60;

/// But at this part of it at the latest.
const PROLONGED_AFTER_PART: i64 = 4;

/// So long an earlier secret of a renewed session is no wonder: of another tab whose request was under way, of a
/// second click, or of a browser that sends a request again.
const STRAGGLER_SECONDS: i64 = 60;

/// The session of one browser, if it has one.
pub(super) struct Sessions<'a> {
    issuer: &'a Issuer,
    browser: &'a Browser,
}

impl<'a> Sessions<'a> {
    pub(super) fn new(issuer: &'a Issuer, browser: &'a Browser) -> Self {
        Self { issuer, browser }
    }

    /// Who is logged in with this browser.
    pub(super) async fn user(&self) -> Result<Option<User>, EndpointError> {
        Ok(self.current().await?.map(|session| session.user))
    }

    /// The session of this browser, which goes on. That of somebody who has been disabled is over.
    pub(super) async fn current(&self) -> Result<Option<Session>, EndpointError> {
        let Some(digest) = self.browser.session() else {
            return Ok(None);
        };
        let (store, now) = (&self.issuer.store, self.issuer.clock.now());
        let Some(session) = store.session(&digest, now).await? else {
            self.end_if_copied().await?;
            return Ok(None);
        };
        match session.check() {
            Ok(()) => {}
            Err(GrantError::UserDisabled) => {
                store.end_sessions(&session.user.id).await?;
                return Ok(None);
            }
            Err(_) => return Ok(None),
        }
        if !session.is_complete(self.issuer.settings.passkeys.required_for) {
            return Ok(None);
        }
        let SessionSettings {
            idle_seconds,
            max_seconds,
        } = self.issuer.settings.sessions;
        let idle = now.plus(idle_seconds.into());
        let end = idle.min(session.began_at.plus(max_seconds.into()));
        let part = i64::from(idle_seconds) / PROLONGED_AFTER_PART;
        if end.since(session.expires_at) >= PROLONGED_AFTER_SECONDS.min(part) {
            store.prolong_session(&digest, end).await?;
        }
        Ok(Some(session))
    }

    /// An earlier secret of a session opens nothing, from the moment when another one takes its place. Where it
    /// comes up later, two have had it, or the answer with the next one was lost, which nobody has then. In both
    /// cases the session ends, as a grant does whose refresh token is used twice: who of the two is the user is
    /// known once it has logged in again.
    async fn end_if_copied(&self) -> Result<(), EndpointError> {
        let Some(lineage) = self.browser.lineage() else {
            return Ok(());
        };
        let (store, now) = (&self.issuer.store, self.issuer.clock.now());
        let unchanged_since = now.plus(-STRAGGLER_SECONDS);
        let ended = store.end_copied_session(&lineage, unchanged_since, now);
        if let Some(user) = ended.await? {
            self.issuer.audit.copied_session(&user);
        }
        Ok(())
    }

    /// Begins a session under a new secret, whatever the browser had before: a session that somebody
    /// else has put there gets nobody in (OWASP session fixation).
    pub(super) async fn begin(
        &self,
        user: &User,
        assurance: Assurance,
    ) -> Result<Option<SetCookie>, EndpointError> {
        let secret = self.begin_with_secret(user, assurance).await?;
        let seconds = self.issuer.settings.sessions.max_seconds;
        Ok(self.browser.begin_session(&secret, seconds))
    }

    /// Puts another session of this user in the place of that of this browser. If that has ended, which is
    /// what logging out does, nothing follows on it.
    pub(super) async fn renew(
        &self,
        user: &User,
        assurance: Assurance,
    ) -> Result<PlainSecret, EndpointError> {
        let browser = self.browser;
        let fresh = PlainSecret::from_random(random()?);
        let (Some(earlier), Some(lineage), Some(secret)) = (
            browser.session(),
            browser.lineage(),
            browser.next_session(&fresh),
        ) else {
            return Err(DirectoryError::Changed.into());
        };
        let (store, now) = (&self.issuer.store, self.issuer.clock.now());
        let later = NewSession {
            digest: &secret.digest(),
            user,
            assurance,
            created_at: now,
            expires_at: now.plus(self.issuer.settings.sessions.first_seconds()),
        };
        if store.renew_session(&earlier, &lineage, &later).await? {
            Ok(secret)
        } else {
            Err(DirectoryError::Changed.into())
        }
    }

    /// Begins a session as [`Self::begin`] does; returns the secret instead of a cookie.
    pub(super) async fn begin_with_secret(
        &self,
        user: &User,
        assurance: Assurance,
    ) -> Result<PlainSecret, EndpointError> {
        self.end_lineage().await?;
        let now = self.issuer.clock.now();
        let secret = PlainSecret::from_random(random()?);
        let session = NewSession {
            digest: &secret.digest(),
            user,
            assurance,
            created_at: now,
            expires_at: now.plus(self.issuer.settings.sessions.first_seconds()),
        };
        self.issuer
            .store
            .add_session(&session)
            .await
            .map_err(|error| EndpointError::of_gone(error, EndpointError::BadLogin))?;
        Ok(secret)
    }

    /// Ends the session of this browser, and has the audit log tell whose it was.
    pub(super) async fn end(&self) -> Result<Option<SetCookie>, EndpointError> {
        if let Some(user) = self.end_lineage().await? {
            self.issuer.audit.done_by_id(&user, "logged out");
        }
        Ok(self.browser.end_session())
    }

    async fn end_lineage(&self) -> Result<Option<UserId>, EndpointError> {
        let Some(lineage) = self.browser.lineage() else {
            return Ok(None);
        };
        let now = self.issuer.clock.now();
        Ok(self.issuer.store.end_session(&lineage, now).await?)
    }
}
