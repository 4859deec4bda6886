//! `/authorization/authorize` (RFC 6749 section 3.1) and the pages around it.
//!
//! A browser comes from an app with a request; it gets a login page, then a consent page, and goes
//! back with a code. Each form carries the request along, which is read anew each time; what a page
//! showed is never more than a wish.

mod consent;
mod login;
mod page;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::browser::Browser;
use super::extract::FormBody;
use super::pages::{Language, Onward, PageAddress, PasskeyWords};
use super::session::Sessions;
use super::text::Text;
use crate::identity::{
    AppWithOwner, AuthorizeError, AuthorizeRequest, AuthorizeRequestError, Form, GrantError, Means,
    NoScopeError, PlainSecret, ReturnAddress, Rights, RightsRequest, UnanswerableError,
    UnverifiedRequest, User,
};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::{Issuer, Registration, random};

use page::{FormOrigin, Reader, Site};

pub(super) use consent::consent;
pub(super) use login::{login, logout};
pub(super) use page::style;

const PATH: &str = "/authorization/authorize";

/// A request that its app may make, and the app.
struct Verified {
    request: AuthorizeRequest,
    app: AppWithOwner,
}

/// A form from one of our own pages.
struct OwnForm {
    form: Form,
    verified: Verified,
}

/// A browser on one of our pages. Without the grant there are none.
pub(super) struct Visit {
    issuer: Arc<Issuer>,
    headers: HeaderMap,
    browser: Browser,
    language: Language,
    /// Where the page can be opened again.
    address: Option<PageAddress>,
}

/// Why there is no page, no code and no session.
enum PageError {
    /// For the user's eyes.
    Unanswerable(UnanswerableError),
    /// The form is not from a page that this browser got.
    ForeignForm,
    /// For the app.
    Answerable(ReturnAddress, AuthorizeError),
    /// As everywhere.
    Endpoint(EndpointError),
    /// The end of the session was asked for, and could not be stored.
    StillLoggedIn(EndpointError),
}

/// `GET`
pub(super) async fn authorize(mut visit: Visit, uri: Uri) -> Response {
    let outcome = visit.page_for(uri.query().unwrap_or_default()).await;
    visit.answer(outcome).await
}

impl FromRequestParts<Arc<Issuer>> for Visit {
    type Rejection = EndpointError;

    async fn from_request_parts(
        parts: &mut Parts,
        issuer: &Arc<Issuer>,
    ) -> Result<Self, EndpointError> {
        if !issuer.settings.grants.has_authorization_code() {
            return Err(EndpointError::NotFound);
        }
        let browser = Browser::read(&parts.headers, &issuer.settings.url);
        Ok(Self {
            issuer: Arc::clone(issuer),
            headers: parts.headers.clone(),
            language: Language::of(&browser, &parts.headers),
            browser,
            address: PageAddress::of(parts),
        })
    }
}

impl Visit {
    fn sessions(&self) -> Sessions<'_> {
        Sessions::new(&self.issuer, &self.browser)
    }

    /// In which language somebody reads a page, and what it takes to choose another one.
    fn reader(&self) -> Reader<'_> {
        Reader {
            language: self.language,
            address: self.address.as_ref(),
        }
    }

    /// Who reads a page, and the site that it is on.
    fn surroundings(&self) -> (Reader<'_>, Site<'_>) {
        let settings = &self.issuer.settings;
        let site = Site {
            name: Text::of(settings.portal.title.as_str()),
            is_open: settings.registration == Registration::Open,
        };
        (self.reader(), site)
    }

    /// What it says on the button that logs in with a passkey alone.
    fn by_passkey(&self) -> Option<&'static str> {
        let party = self.issuer.settings.passkeys.party.as_ref();
        party.map(|_| PasskeyWords::of(self.language).alone_button)
    }

    async fn page_for(&mut self, query: &str) -> Result<Response, PageError> {
        let Verified {
            request: asked,
            app,
        } = self.verified(query).await?;
        // After the request was checked: a stranger who sends nonsense gets no cookie, and nothing is
        // kept for it.
        let cookie = self.browser.introduce(PlainSecret::from_random(random()?));
        // There is a secret now.
        let token = self.browser.form_token().ok_or(PageError::ForeignForm)?;
        let origin = FormOrigin {
            request: &asked,
            token: &token,
        };
        let page = match self.sessions().user().await? {
            None => page::login(self.surroundings(), &origin, &app, self.by_passkey(), None),
            Some(user) => {
                let rights = self.grantable(&asked, &app, &user)?;
                let scopes = self.issuer.store.describe_scopes(rights.scopes()).await?;
                page::consent(self.surroundings(), &origin, &app, &user, &scopes)
            }
        };
        Ok(page::with_cookies(page, cookie))
    }

    async fn verified(&self, query: &str) -> Result<Verified, PageError> {
        verified(&self.issuer, query).await
    }

    /// The form, which must be from one of our own pages.
    async fn own_form(&self, form: Result<FormBody, EndpointError>) -> Result<OwnForm, PageError> {
        let FormBody(form) = form?;
        if !self.browser.has_sent(&self.headers, form.get("csrf")) {
            return Err(PageError::ForeignForm);
        }
        let verified = self
            .verified(form.get("request").unwrap_or_default())
            .await?;
        Ok(OwnForm { form, verified })
    }

    /// What the user could give to the app now.
    fn grantable(
        &self,
        request: &AuthorizeRequest,
        app: &AppWithOwner,
        user: &User,
    ) -> Result<Rights, PageError> {
        let asked = RightsRequest {
            scopes: request.requested(),
            audiences: request.audiences(),
            means: Means::App,
        };
        let rights = self.issuer.grants.grantable(user, Some(app), asked);
        rights.map_err(|error| {
            let reason = match error {
                GrantError::NothingLeft(reason) => reason,
                // Both were looked at just now.
                _ => NoScopeError::User,
            };
            let back = request.back().clone();
            PageError::Answerable(back, AuthorizeError::NothingGranted(reason))
        })
    }

    /// One answer for each failure. Nobody is sent to an app by its mistakes before logging in: any
    /// app can make them on purpose, and lead whoever trusts our address to another (RFC 9700
    /// section 4.11.2).
    async fn answer(&self, outcome: Result<Response, PageError>) -> Response {
        match outcome {
            Ok(response) => response,
            Err(PageError::Unanswerable(fault)) => page::unanswerable(self.surroundings(), &fault),
            Err(PageError::ForeignForm) => page::foreign_form(self.language),
            Err(PageError::Answerable(back, error)) => match self.sessions().user().await {
                Ok(Some(_)) => page::go(&back.with_error(error, &self.issuer.settings.url), None),
                Ok(None) => page::unanswerable(self.surroundings(), &error),
                Err(error) => page::refused(self.language, error),
            },
            Err(PageError::Endpoint(error)) => page::refused(self.language, error),
            Err(PageError::StillLoggedIn(error)) => page::still_logged_in(self.language, error),
        }
    }
}

/// Holds a query against the app that it names, which must be active, as its owner must.
async fn verified(issuer: &Issuer, query: &str) -> Result<Verified, PageError> {
    let unverified = UnverifiedRequest::parse(query)?;
    let now = issuer.clock.now();
    let app = issuer.store.app(unverified.client(), now).await?;
    let app = app
        .filter(AppWithOwner::is_usable)
        .ok_or(UnanswerableError::UnknownClient)?;
    let offered: Vec<&str> = issuer.settings.audiences().collect();
    let request = unverified.verify(&app.app, &offered)?;
    Ok(Verified { request, app })
}

/// The way back to our own page for the request of an app, if `path` is one. It is made anew of the request, so that
/// it leads nowhere else.
pub(super) async fn back_to_request(issuer: &Issuer, path: &str) -> Option<Onward> {
    if !issuer.settings.grants.has_authorization_code() {
        return None;
    }
    let query = path.strip_prefix(PATH)?.strip_prefix('?')?;
    let verified = verified(issuer, query).await.ok()?;
    Some(login::onward(&verified))
}

/// Our own page for a request.
fn page_url(request: &AuthorizeRequest) -> String {
    format!("{PATH}?{}", request.to_query())
}

impl From<UnanswerableError> for PageError {
    fn from(fault: UnanswerableError) -> Self {
        Self::Unanswerable(fault)
    }
}

impl From<AuthorizeRequestError> for PageError {
    fn from(fault: AuthorizeRequestError) -> Self {
        match fault {
            AuthorizeRequestError::Unanswerable(fault) => Self::Unanswerable(fault),
            AuthorizeRequestError::Answerable(back, error) => Self::Answerable(back, error),
        }
    }
}

impl<E: Into<EndpointError>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Endpoint(error.into())
    }
}
