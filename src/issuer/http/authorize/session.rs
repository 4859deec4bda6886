//! Sessions: who is logged in, in which browser, for an hour at most.

use super::SESSION_SECONDS;
use super::browser::{Browser, SetCookie};
use crate::identity::{GrantError, PlainSecret, User};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::{Issuer, random};

impl Issuer {
    /// Who is logged in with this browser. A session of somebody who has been disabled is over.
    pub(super) async fn session_user(
        &self,
        browser: &Browser,
    ) -> Result<Option<User>, EndpointError> {
        let Some(digest) = browser.session() else {
            return Ok(None);
        };
        let Some(session) = self.store.session(&digest, self.clock.now()).await? else {
            return Ok(None);
        };
        match session.stands() {
            Ok(()) => Ok(Some(session.user)),
            Err(GrantError::UserDisabled) => {
                self.store.end_sessions(&session.user.id).await?;
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    /// Begins a session under a new secret, whatever the browser had before: a session that somebody
    /// else has put there gets nobody in (OWASP session fixation).
    pub(super) async fn begin_session(
        &self,
        browser: &Browser,
        user: &User,
    ) -> Result<Option<SetCookie>, EndpointError> {
        if let Some(earlier) = browser.session() {
            self.store.end_session(&earlier).await?;
        }
        let now = self.clock.now();
        let secret = PlainSecret::from_random(random()?);
        let expiry = now.plus(SESSION_SECONDS);
        self.store
            .add_session(&secret.digest(), user, expiry, now)
            .await
            .map_err(|error| EndpointError::of_gone(error, EndpointError::BadLogin))?;
        Ok(browser.begin_session(&secret))
    }

    /// Ends the session of this browser.
    pub(super) async fn end_session(
        &self,
        browser: &Browser,
    ) -> Result<Option<SetCookie>, EndpointError> {
        if let Some(digest) = browser.session() {
            self.store.end_session(&digest).await?;
        }
        Ok(browser.end_session())
    }
}
