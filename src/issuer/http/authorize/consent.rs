//! `POST /authorization/consent`: the user's answer, and the code that follows on a yes.

use axum::response::Response;

use super::{OwnForm, PageError, Verified, Visit, page, page_url};
use crate::identity::{
    AuthorizeError, Grant, GrantId, Means, PlainSecret, RequestedScopes, Rights, RightsRequest,
    ScopeRequestError, ScopeSet, User,
};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::grants::as_of;
use crate::issuer::http::extract::FormBody;
use crate::issuer::random;
use crate::store::{AuthorizationCode, StoreError};

/// How long a code can be redeemed: a browser's redirect and a client's call.
const CODE_SECONDS: i64 = 60;

/// `POST /authorization/consent`
pub(in crate::issuer::http) async fn consent(
    visit: Visit,
    form: Result<FormBody, EndpointError>,
) -> Response {
    let outcome = visit.decide(form).await;
    visit.answer(outcome).await
}

impl Visit {
    async fn decide(&self, form: Result<FormBody, EndpointError>) -> Result<Response, PageError> {
        let OwnForm { form, verified } = self.own_form(form).await?;
        let Some(user) = self.sessions().user().await? else {
            // The session ended before the page was answered.
            return Ok(page::go(&page_url(&verified.request), None));
        };
        let back = verified.request.back();
        match form.get("decision") {
            Some("allow") => {}
            Some("deny") => {
                self.log_consent(&verified, &user, "denied an app", None);
                return Err(PageError::Answerable(back.clone(), AuthorizeError::Denied));
            }
            Some(_) | None => return Err(EndpointError::Parameter("decision").into()),
        }
        // Consent is to what was shown: what the user got since then is not part of it.
        let shown = ScopeSet::parse(form.get("scope").unwrap_or_default());
        let shown = RequestedScopes::Some(
            shown
                .map_err(ScopeRequestError::from)
                .map_err(EndpointError::from)?,
        );
        // Looked up again, not taken from the form: what the page showed is only an upper bound of what
        // there is now.
        let rights = self.grantable(&verified.request, &verified.app, &user)?;
        let asked = RightsRequest {
            scopes: &shown,
            audiences: rights.audiences(),
            means: Means::App,
        };
        let rights = shown
            .among(rights.scopes())
            .and_then(|scopes| self.issuer.grants.rights(scopes, asked))
            .map_err(|reason| {
                PageError::Answerable(back.clone(), AuthorizeError::NothingGranted(reason))
            })?;
        let Some(code) = self.authorization_code(&verified, &user, &rights).await? else {
            // The page says what is left of user and app.
            return Ok(page::go(&page_url(&verified.request), None));
        };
        let told = rights.scopes().to_string();
        self.log_consent(&verified, &user, "consented to an app", Some(told));
        // With `iss` (RFC 9207), so that an app with several issuers can tell whose answer it is.
        let location = back.with_code(code.reveal(), &self.issuer.settings.url);
        Ok(page::go(&location, None))
    }

    fn log_consent(
        &self,
        verified: &Verified,
        user: &User,
        action: &'static str,
        scopes: Option<String>,
    ) {
        tracing::info!(
            target: "portcullis::audit",
            action,
            object.kind = "app",
            object.name = verified.request.client().as_str(),
            change = scopes.map(|scopes| format!("scopes {scopes}")),
            user.id = self.issuer.audit.user(&user.id),
            "decided by a user"
        );
    }

    /// A code; none where user or app were deleted meanwhile, or the session has ended.
    async fn authorization_code(
        &self,
        verified: &Verified,
        user: &User,
        rights: &Rights,
    ) -> Result<Option<PlainSecret>, EndpointError> {
        let Some(session) = self.browser.session() else {
            return Ok(None);
        };
        let request = &verified.request;
        let now = self.issuer.clock.now();
        let secret = PlainSecret::from_random(random()?);
        let code = AuthorizationCode {
            grant: Grant {
                id: GrantId::from_random(now, random()?),
                user: user.id.clone(),
                app: Some(request.client().clone()),
                scopes: rights.scopes().clone(),
                audiences: rights.audiences().clone(),
                position: as_of(user, Some(&verified.app)),
            },
            // What the request said, and where it is sent. RFC 6749 section 4.1.3 has the first
            // repeated at the token endpoint only if it was said.
            redirect_uri: request.asked_redirect_uri().cloned(),
            sent_to: request.back().uri().clone(),
            challenge: request.challenge().clone(),
            expires_at: now.plus(CODE_SECONDS),
        };
        let added = self
            .issuer
            .store
            .add_authorization_code(&secret.digest(), &code, &session, now)
            .await;
        match added {
            Ok(()) => Ok(Some(secret)),
            Err(StoreError::Gone) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
