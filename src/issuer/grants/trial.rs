//! The access token for one request to the API that the portal sends for a user.

use super::sign::Bearer;
use super::{EndpointError, Grants};
use crate::clock::UnixSeconds;
use crate::identity::{AppWithOwner, GrantError, GrantId, ScopeName, SecretDigest, User};
use crate::policy::{Requirement, Route};

/// How long it holds.
const TRIAL_SECONDS: u32 = 60;

/// How much later a gate may accept it, by the largest leeway that it may have.
const MAX_LEEWAY_SECONDS: i64 = 600;

/// For which request it is, and who sends it.
pub(in crate::issuer) struct TrialRequest<'a> {
    pub(in crate::issuer) user: &'a User,
    /// The app that calls, whose secret was given; none where the user itself does.
    pub(in crate::issuer) app: Option<&'a AppWithOwner>,
    /// When the user logged in, where it calls itself: like the token of a login, which conditions of routes may
    /// ask for.
    pub(in crate::issuer) authenticated_at: Option<UnixSeconds>,
    /// The route that decides about it.
    pub(in crate::issuer) route: &'a Route,
    /// The session of the browser in which it is sent.
    pub(in crate::issuer) session: &'a SecretDigest,
}

impl Grants {
    /// A token that holds for a minute, and no longer than the session. It has the scopes that decide about this
    /// request, and is refused where the one of a grant with all scopes would be. The proxy and the API get it, so
    /// that it is made of [`ApiRights`](crate::identity::ApiRights) alone.
    pub(in crate::issuer) async fn trial_token(
        &self,
        request: &TrialRequest<'_>,
    ) -> Result<String, EndpointError> {
        let (user, app) = (request.user, request.app);
        // Whoever would get no token at all gets none for less either.
        let rights = self.settings.for_the_api(user, app);
        let rights = rights.map_err(|error| match error {
            GrantError::NothingLeft(reason) => reason.into(),
            // As if it had come a moment later.
            _ => EndpointError::CallerChanged,
        })?;
        let now = self.clock.now();
        let seconds = self.settings.access_token_seconds.min(TRIAL_SECONDS);
        let end = now.plus(i64::from(seconds));
        let until = end.plus(MAX_LEEWAY_SECONDS);
        // First: from here on the end of the session ends the token.
        let noted = self.store.note_trial(request.session, until, now).await?;
        let session_end = noted.ok_or(EndpointError::CallerChanged)?;
        let grant = GrantId::of_session(request.session);
        let bearer = Bearer {
            authenticated_at: request.authenticated_at,
            grant: Some(&grant),
            ..Bearer::of_sample(user, app, now)
        };
        let rights = rights.with_scopes(|scope| decides(scope, request.route));
        let mut claims = self.settings.claims(&bearer, rights.as_ref(), now)?;
        claims.insert("exp".to_owned(), end.min(session_end).0.into());
        self.note_use(app);
        Ok(self.signer().sign(&claims)?)
    }
}

/// Whether a scope can make a difference to this route.
fn decides(scope: &ScopeName, route: &Route) -> bool {
    // A condition may look at the scopes in any way.
    if route.conditions.read_token() {
        return true;
    }
    match &route.requirement {
        Requirement::Scopes(required) => required.is_helped_by(scope.as_str()),
        Requirement::Public | Requirement::Authenticated | Requirement::Nobody => false,
    }
}
