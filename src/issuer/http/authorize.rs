//! `/authorization/authorize` (RFC 6749 section 3.1) and the pages around it.
//!
//! A browser comes from an app with a request; it gets a login page, then a consent page, and goes
//! back with a code. Each form carries the request along, which is read anew each time; what a page
//! showed is never more than a wish.

mod browser;
mod consent;
mod login;
mod page;
mod session;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::response::Response;

use super::body;
use crate::identity::{
    AppWithOwner, AuthorizeError, AuthorizeRequest, AuthorizeRequestError, Form, GrantError, Means,
    NoScopeError, PlainSecret, ReturnAddress, Rights, RightsRequest, UnanswerableError,
    UnverifiedRequest, User,
};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::{Issuer, random};

use browser::Browser;
use page::FormOrigin;

pub(super) use consent::consent;
pub(super) use login::{login, logout};
pub(super) use page::style;

/// How long somebody stays logged in, however busy.
const SESSION_SECONDS: i64 = 3600;

/// A request that its app may make, and the app.
struct Verified {
    request: AuthorizeRequest,
    app: AppWithOwner,
}

/// A form from one of our own pages.
struct OwnForm {
    form: Form,
    browser: Browser,
    verified: Verified,
}

/// Why there is no page, no code and no session.
enum Failure {
    /// For the user's eyes.
    Unanswerable(UnanswerableError),
    /// The form is not from a page that this browser got.
    ForeignForm,
    /// For the app.
    Answerable(ReturnAddress, AuthorizeError),
    /// As everywhere.
    EndpointError(EndpointError),
}

/// `GET`
pub(super) async fn authorize(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    issuer.offers_codes()?;
    let browser = issuer.browser(&request);
    let (parts, _) = request.into_parts();
    let outcome = issuer.page_for(&parts).await;
    Ok(issuer.told(outcome, &browser).await)
}

impl Issuer {
    /// Without the grant there are no pages either.
    fn offers_codes(&self) -> Result<(), EndpointError> {
        if self.settings.grants.has_authorization_code() {
            Ok(())
        } else {
            Err(EndpointError::NotFound)
        }
    }

    async fn page_for(&self, request: &Parts) -> Result<Response, Failure> {
        let query = request.uri.query().unwrap_or_default();
        let Verified {
            request: asked,
            app,
        } = self.verified(query).await?;
        let mut browser = Browser::read(&request.headers, &self.settings.url);
        let cookie = browser.introduce(PlainSecret::from_random(random()?));
        // There is a secret now.
        let token = browser.form_token().ok_or(Failure::ForeignForm)?;
        let origin = FormOrigin {
            request: &asked,
            token: &token,
        };
        let page = match self.session_user(&browser).await? {
            None => page::login(&origin, &app, None),
            Some(user) => {
                let rights = self.grantable(&asked, &app, &user)?;
                let scopes = self.store.describe_scopes(rights.scopes()).await?;
                page::consent(&origin, &app, &user, &scopes)
            }
        };
        Ok(page::with_cookies(page, cookie))
    }

    /// Holds a query against the app that it names, which must be active, as its owner must.
    async fn verified(&self, query: &str) -> Result<Verified, Failure> {
        let unverified = UnverifiedRequest::parse(query)?;
        let now = self.clock.now();
        let app = self.store.app(unverified.client(), now).await?;
        let app = app
            .filter(AppWithOwner::is_usable)
            .ok_or(UnanswerableError::UnknownClient)?;
        let offered: Vec<&str> = self.settings.audiences().collect();
        let request = unverified.verify(&app.app, &offered)?;
        Ok(Verified { request, app })
    }

    /// Reads a form that must be from one of our own pages.
    async fn own_form(&self, request: Request) -> Result<OwnForm, Failure> {
        let headers = request.headers().clone();
        let form = body::form(request).await?;
        let browser = Browser::read(&headers, &self.settings.url);
        if !browser.has_sent(&headers, form.get("csrf")) {
            return Err(Failure::ForeignForm);
        }
        let verified = self
            .verified(form.get("request").unwrap_or_default())
            .await?;
        Ok(OwnForm {
            form,
            browser,
            verified,
        })
    }

    /// What the user could give to the app now.
    fn grantable(
        &self,
        request: &AuthorizeRequest,
        app: &AppWithOwner,
        user: &User,
    ) -> Result<Rights, Failure> {
        let asked = RightsRequest {
            scopes: request.requested(),
            audiences: request.audiences(),
            means: Means::App,
        };
        let rights = self.grants.grantable(user, Some(app), asked);
        rights.map_err(|error| {
            let reason = match error {
                GrantError::NothingLeft(reason) => reason,
                // Both were looked at just now.
                _ => NoScopeError::User,
            };
            let back = request.back().clone();
            Failure::Answerable(back, AuthorizeError::NothingGranted(reason))
        })
    }

    /// The browser that a request comes from.
    fn browser(&self, request: &Request) -> Browser {
        Browser::read(request.headers(), &self.settings.url)
    }

    /// One answer for each failure. Nobody is sent to an app by its mistakes before logging in: any
    /// app can make them on purpose, and lead whoever trusts our address to another (RFC 9700
    /// section 4.11.2).
    async fn told(&self, outcome: Result<Response, Failure>, browser: &Browser) -> Response {
        match outcome {
            Ok(response) => response,
            Err(Failure::Unanswerable(fault)) => page::unanswerable(&fault),
            Err(Failure::ForeignForm) => page::foreign_form(),
            Err(Failure::Answerable(back, error)) => match self.session_user(browser).await {
                Ok(Some(_)) => page::go(&back.with_error(error, &self.settings.url), None),
                Ok(None) => page::unanswerable(&error),
                Err(refusal) => page::refused(refusal),
            },
            Err(Failure::EndpointError(refusal)) => page::refused(refusal),
        }
    }
}

/// Our own page for a request.
fn page_url(request: &AuthorizeRequest) -> String {
    format!("/authorization/authorize?{}", request.to_query())
}

impl From<UnanswerableError> for Failure {
    fn from(fault: UnanswerableError) -> Self {
        Self::Unanswerable(fault)
    }
}

impl From<AuthorizeRequestError> for Failure {
    fn from(fault: AuthorizeRequestError) -> Self {
        match fault {
            AuthorizeRequestError::Unanswerable(fault) => Self::Unanswerable(fault),
            AuthorizeRequestError::Answerable(back, error) => Self::Answerable(back, error),
        }
    }
}

impl<E: Into<EndpointError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::EndpointError(error.into())
    }
}
