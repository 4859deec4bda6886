//! Sessions: who is logged in, in which browser, for an hour at most.

use super::browser::SetCookie;
use super::{SESSION_SECONDS, Visit};
use crate::identity::{GrantError, PlainSecret, User};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::random;

impl Visit {
    /// Who is logged in with this browser. A session of somebody who has been disabled is over.
    pub(super) async fn session_user(&self) -> Result<Option<User>, EndpointError> {
        let Some(digest) = self.browser.session() else {
            return Ok(None);
        };
        let Some(session) = self
            .issuer
            .store
            .session(&digest, self.issuer.clock.now())
            .await?
        else {
            return Ok(None);
        };
        match session.stands() {
            Ok(()) => Ok(Some(session.user)),
            Err(GrantError::UserDisabled) => {
                self.issuer.store.end_sessions(&session.user.id).await?;
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    /// Begins a session under a new secret, whatever the browser had before: a session that somebody
    /// else has put there gets nobody in (OWASP session fixation).
    pub(super) async fn begin_session(
        &self,
        user: &User,
    ) -> Result<Option<SetCookie>, EndpointError> {
        if let Some(earlier) = self.browser.session() {
            self.issuer.store.end_session(&earlier).await?;
        }
        let now = self.issuer.clock.now();
        let secret = PlainSecret::from_random(random()?);
        let expiry = now.plus(SESSION_SECONDS);
        self.issuer
            .store
            .add_session(&secret.digest(), user, expiry, now)
            .await
            .map_err(|error| EndpointError::of_gone(error, EndpointError::BadLogin))?;
        Ok(self.browser.begin_session(&secret))
    }

    /// Ends the session of this browser.
    pub(super) async fn end_session(&self) -> Result<Option<SetCookie>, EndpointError> {
        if let Some(digest) = self.browser.session() {
            self.issuer.store.end_session(&digest).await?;
        }
        Ok(self.browser.end_session())
    }
}
