//! Who may open a page: as everywhere, the policy decides. The bearer is the session of the browser.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer;
use super::assets;
use super::form::{CSRF, PageForm};
use super::language::Language;
use super::language_choice::{self, PageAddress};
use super::page_error::PageError;
use super::proof;
use super::refusal;
use super::told::Addressee;
use super::visitor::Visitor;
use crate::decision::Denial;
use crate::identity::{PlainSecret, Session, User};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::browser::{Browser, SetCookie, is_foreign};
use crate::issuer::http::guard::{Admission, Caller, admit, present_caller, target};
use crate::issuer::{Issuer, random};
use crate::policy::{RequiredScopes, Route};
use crate::token::Credential;

/// The longest form of somebody who is logged in: `MAX_BOXES` scopes of the longest names, each twice and
/// encoded.
const MAX_FORM_BYTES: usize = 128 * 1024;

/// The same of a stranger.
const MAX_STRANGERS_BYTES: usize = 16 * 1024;

/// A request for a page, and what is known of it so far.
struct Visit {
    visitor: Visitor,
    form: Option<PageForm>,
    /// What the browser gets with whatever answer.
    cookies: Vec<SetCookie>,
}

/// Lets a request through to its page, with its [`Visitor`], its form, and, where the page is private, its
/// caller. What comes back as an error becomes a page here.
pub(super) async fn guard(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut visit = match Visit::begin(issuer, &parts) {
        Ok(visit) => visit,
        Err(error) => return error.into_response(),
    };
    let method = parts.method.clone();
    let outcome = match visit.let_in(Request::from_parts(parts, body)).await {
        Ok(request) => {
            let mut response = next.run(request).await;
            match response.extensions_mut().remove::<PageError>() {
                Some(error) => Err(error),
                None => Ok(response),
            }
        }
        Err(error) => Err(error),
    };
    let Visit {
        visitor,
        form,
        cookies,
    } = visit;
    let response = match outcome {
        Ok(response) => response,
        Err(error) => refusal::answer(&visitor, &method, form.as_ref(), &error).await,
    };
    if visitor.path.starts_with(assets::BELOW) || &*visitor.path == assets::FAVICON_PATH {
        // What others may keep has no cookie.
        return response;
    }
    answer::with_cookies(response, cookies)
}

impl Visit {
    fn begin(issuer: Arc<Issuer>, parts: &Parts) -> Result<Self, EndpointError> {
        let mut browser = Browser::read(&parts.headers, &issuer.settings.url);
        let cookie = browser.introduce(PlainSecret::from_random(random()?));
        let path = parts.uri.path();
        let session = browser.session();
        let to = Addressee {
            session: session.as_ref(),
            path,
        };
        let (now, url) = (issuer.clock.now(), &issuer.settings.url);
        let told = issuer.told_key.read(&parts.headers, to, now);
        // The answer to a form is about that form.
        let told = told.filter(|telling| telling.is_for(&parts.method));
        let after = match &told {
            Some(telling) if parts.method == Method::GET => {
                issuer.told_key.after(telling, to, url, now)?
            }
            _ => None,
        };
        Ok(Self {
            visitor: Visitor {
                language: Language::of(&browser, &parts.headers),
                is_known: session.is_none(),
                address: PageAddress::of(parts),
                browser: Arc::new(browser),
                user: None,
                assurance: None,
                path: path.into(),
                told: told.map(Arc::new),
                issuer,
            },
            form: None,
            cookies: cookie.into_iter().chain(after).collect(),
        })
    }

    /// The request as its page gets it. It is judged once it has arrived: a caller that sends it slowly
    /// gains nothing by a session that ends meanwhile.
    async fn let_in(&mut self, request: Request) -> Result<Request, PageError> {
        let issuer = Arc::clone(&self.visitor.issuer);
        let session = self.visitor.sessions().current().await?;
        // For what is said if the body does not arrive.
        self.visitor.knows(session.as_ref());
        let max = session
            .as_ref()
            .map_or(MAX_STRANGERS_BYTES, |_| MAX_FORM_BYTES);
        let (mut parts, body) = body::arrived_within(request, max).await?.into_parts();
        // It may have ended while the body arrived.
        let mut session = match session {
            Some(_) => self.visitor.sessions().current().await?,
            None => None,
        };
        self.visitor.knows(session.as_ref());
        if parts.method == Method::POST {
            let form = body::arrived_form(&parts.headers, body).await?;
            let form = PageForm(Arc::new(form));
            if !self.is_own(&parts.headers, &form) {
                if let Some(user) = &self.visitor.user {
                    issuer.audit.foreign_form(user, &self.visitor.path);
                }
                return Err(PageError::ForeignForm);
            }
            self.form = Some(form.clone());
            if let Some(found) = &session
                && let Some(user) = proof::given(&self.visitor, found, &form).await?
            {
                session = self.renew(found, user).await?;
            }
            parts.extensions.insert(form);
        }
        let bearer = match &session {
            None => None,
            Some(found) => issuer
                .grants
                .session_token(&found.user, found.began_at)?
                .map(|token| format!("Bearer {token}")),
        };
        let credential = Credential::read(bearer.as_deref().map(str::as_bytes).into_iter());
        let target = target(&parts.method, &parts.uri, &parts.headers);
        let refuse = |denial: Denial<'_>| refused(denial, session.is_some());
        if let Admission::Private { token, requirement } =
            admit(&issuer.guard, &target, credential, refuse)?
        {
            let caller = Caller {
                session: self.visitor.browser.session(),
                ..present_caller(&issuer, token, &requirement).await?
            };
            parts.extensions.insert(caller);
        }
        parts.extensions.insert(self.visitor.clone());
        Ok(Request::from_parts(parts, Body::empty()))
    }

    /// Whether the form is from a page that this browser got from us in its present session.
    fn is_own(&self, headers: &HeaderMap, form: &PageForm) -> bool {
        let Visitor {
            browser, issuer, ..
        } = &self.visitor;
        let is_from_us = is_from_us(headers, &issuer.settings.url);
        if &*self.visitor.path == language_choice::PATH {
            return is_from_us && !is_foreign(headers);
        }
        is_from_us && browser.has_sent(headers, form.0.get(CSRF))
    }

    /// The session of somebody who has proved once more who it is: another one, which has just begun.
    async fn renew(&mut self, session: &Session, user: User) -> Result<Option<Session>, PageError> {
        let user = session.proven_again(user);
        let sessions = self.visitor.sessions();
        let secret = sessions.renew(&user, session.assurance).await?;
        let seconds = self.visitor.issuer.settings.sessions.max_seconds;
        let browser = &self.visitor.browser;
        self.cookies.extend(browser.begin_session(&secret, seconds));
        self.visitor.browser = Arc::new(browser.with_session(&secret));
        Ok(self.visitor.sessions().current().await?)
    }
}

/// Browsers name the origin of a form (RFC 6454 section 7.3), which is where we are.
fn is_from_us(headers: &HeaderMap, url: &str) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    headers.get_all(ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        // What has no name is held to the token alone.
        origin == "null" || origin == url || (authority.is_some() && authority == host)
    })
}

/// What somebody is told of a denial.
fn refused(denial: Denial<'_>, is_logged_in: bool) -> PageError {
    match denial {
        Denial::NoToken { route } | Denial::BadToken { route, .. } if is_logged_in => {
            PageError::Lacking(route.and_then(needs))
        }
        Denial::NoToken { .. } | Denial::BadToken { .. } => PageError::LoggedOut,
        Denial::ScopesMissing { route } => PageError::Lacking(needs(route)),
        // No page has such a path.
        Denial::MalformedTarget(_) => EndpointError::NotFound.into(),
        Denial::SeveralCredentials
        | Denial::Nobody { .. }
        | Denial::ConditionNotMet { .. }
        | Denial::ConditionFailed { .. }
        | Denial::Unlisted
        | Denial::KeysNotLoaded { .. }
        | Denial::RevocationsStale { .. } => EndpointError::of_denial(denial).into(),
    }
}

/// The scopes that a route asks for.
fn needs(route: &Route) -> Option<RequiredScopes> {
    route.requirement.scopes().cloned()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_form_of_another_origin_is_foreign() {
        let url = "https://id.example";
        let rows: [(&[&'static str], bool); 7] = [
            (&[], true),
            (&["https://id.example"], true),
            (&["http://127.0.0.1:8080"], true),
            (&["null"], true),
            (&["https://evil.example"], false),
            (&["https://id.example", "https://evil.example"], false),
            (&["id.example"], false),
        ];
        for (origins, expected) in rows {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("127.0.0.1:8080"));
            for origin in origins {
                headers.append(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(is_from_us(&headers, url), expected, "{origins:?}");
        }
    }
}
