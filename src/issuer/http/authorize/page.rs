//! The pages, as plain as they can be: no script, one style sheet, framed by nobody.
//!
//! Their HTML is in `templates/`; each page has the type of what it shows.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use super::page_url;
use crate::coding::push_percent_encoded;
use crate::identity::{AppWithOwner, AuthorizeRequest, RedirectUri, ScopeName, SecretDigest, User};
use crate::issuer::Issuer;
use crate::issuer::endpoint_error::{EndpointError, REALM};
use crate::issuer::http::browser::SetCookie;
use crate::issuer::http::pages::{
    Language, LanguageChoice, OF_AN_APP, OPENER_POLICY, PageAddress, Reason, SIGN_UP_PATH, message,
    sentence_of_scope,
};
use crate::issuer::http::text::Text;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What every form carries back.
pub(super) struct FormOrigin<'a> {
    pub(super) request: &'a AuthorizeRequest,
    pub(super) token: &'a SecretDigest,
}

/// What the pages say of the site that somebody is on.
pub(super) struct Site<'a> {
    pub(super) name: Text<'a>,
    /// Whether strangers can sign up.
    pub(super) is_open: bool,
}

/// Who reads a page.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) language: Language,
    /// Where the page can be opened again.
    pub(super) address: Option<&'a PageAddress>,
}

impl<'a> Reader<'a> {
    fn choice(self) -> Option<LanguageChoice<'a>> {
        LanguageChoice::at(self.address, self.language)
    }
}

/// The hidden fields of a form.
struct HiddenFields {
    request: Text<'static>,
    token: Text<'static>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    language: Language,
    choice: Option<LanguageChoice<'a>>,
    site: Site<'a>,
    origin: HiddenFields,
    app: Text<'a>,
    /// Where strangers sign up, who then come back.
    sign_up: String,
    /// An attempt that failed.
    failed: Option<ShownFailure<'a>>,
    /// What it says on the button for passkeys, where there are any.
    by_passkey: Option<&'static str>,
}

struct ShownFailure<'a> {
    username: Text<'a>,
    /// Why, as a sentence.
    reason: Text<'a>,
    /// Whether it is because of what was typed.
    is_wrong: bool,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    language: Language,
    choice: Option<LanguageChoice<'a>>,
    site: Site<'a>,
    origin: HiddenFields,
    app: Text<'a>,
    owner: Text<'a>,
    user: Text<'a>,
    /// The origin of the address to which the browser goes back.
    back: Text<'a>,
    scopes: Vec<ShownScope<'a>>,
    /// The names of `scopes`, as they come back with the decision.
    shown: Text<'a>,
}

struct ShownScope<'a> {
    name: Text<'a>,
    description: Text<'a>,
}

#[derive(Template)]
#[template(path = "unanswerable.html")]
struct UnanswerablePage<'a> {
    language: Language,
    site: Site<'a>,
    fault: Text<'a>,
}

#[derive(Template)]
#[template(path = "out_of_date.html")]
struct OutOfDatePage {
    language: Language,
}

#[derive(Template)]
#[template(path = "not_now.html")]
struct NotNowPage {
    language: Language,
    text: &'static str,
}

#[derive(Template)]
#[template(path = "damaged_form.html")]
struct DamagedFormPage {
    language: Language,
}

impl FormOrigin<'_> {
    fn hidden_fields(&self) -> HiddenFields {
        HiddenFields {
            request: Text::of(self.request.to_query()),
            token: Text::of(self.token.to_text()),
        }
    }
}

/// A login that was refused.
pub(super) struct FailedLogin<'a> {
    /// What was typed as the name.
    pub(super) username: &'a str,
    pub(super) error: EndpointError,
}

/// Asks who it is.
pub(super) fn login(
    (reader, site): (Reader<'_>, Site<'_>),
    origin: &FormOrigin<'_>,
    app: &AppWithOwner,
    by_passkey: Option<&'static str>,
    failed: Option<FailedLogin<'_>>,
) -> Response {
    let template = LoginPage {
        language: reader.language,
        choice: reader.choice(),
        site,
        origin: origin.hidden_fields(),
        app: Text::of(app.app.name.as_str()),
        sign_up: sign_up_path(origin.request),
        failed: failed.as_ref().map(|failed| ShownFailure {
            username: Text::of(failed.username),
            reason: Text::of(message(reader.language, &failed.error)),
            is_wrong: matches!(failed.error, EndpointError::BadLogin),
        }),
        by_passkey,
    };
    let targets = login_targets(origin.request.back().uri());
    let Some(error) = failed.map(|failed| failed.error) else {
        return page(StatusCode::OK, &template, &targets);
    };
    if !matches!(error, EndpointError::BadLogin) {
        let page = page(error.status(), &template, &targets);
        return with_head_of(error, page);
    }
    // No scheme of HTTP is a form, and 401 needs a challenge (RFC 9110 section 15.5.2): this is the
    // one that browsers do not open a dialogue for.
    let mut response = page(StatusCode::UNAUTHORIZED, &template, &targets);
    let challenge = HeaderValue::try_from(format!("Bearer realm=\"{REALM}\""));
    response.headers_mut().extend(
        challenge
            .ok()
            .map(|challenge| (WWW_AUTHENTICATE, challenge)),
    );
    response
}

/// Where somebody becomes a user who then comes back with this request.
fn sign_up_path(request: &AuthorizeRequest) -> String {
    let mut path = format!("{SIGN_UP_PATH}?next=");
    push_percent_encoded(&mut path, &page_url(request));
    path
}

/// Asks whether the app may.
pub(super) fn consent(
    (reader, site): (Reader<'_>, Site<'_>),
    origin: &FormOrigin<'_>,
    app: &AppWithOwner,
    user: &User,
    scopes: &[(ScopeName, String)],
) -> Response {
    let uri = origin.request.back().uri();
    let names: Vec<&str> = scopes.iter().map(|(name, _)| name.as_str()).collect();
    let shown = scopes.iter().map(|(name, description)| ShownScope {
        name: Text::of(name.as_str()),
        description: Text::of(sentence_of_scope(
            reader.language,
            name.as_str(),
            description,
        )),
    });
    let template = ConsentPage {
        language: reader.language,
        choice: reader.choice(),
        site,
        origin: origin.hidden_fields(),
        app: Text::of(app.app.name.as_str()),
        owner: Text::of(app.owner.username.as_str()),
        user: Text::of(user.username.as_str()),
        back: Text::of(uri.origin()),
        scopes: shown.collect(),
        // Sent back with the answer, so that consent is to what was on the page.
        shown: Text::of(names.join(" ")),
    };
    page(StatusCode::OK, &template, &consent_targets(uri))
}

/// Says why nothing can be done here, and sends nobody anywhere.
pub(super) fn unanswerable(
    (reader, site): (Reader<'_>, Site<'_>),
    fault: &impl Reason,
) -> Response {
    let template = UnanswerablePage {
        language: reader.language,
        site,
        fault: Text::of(fault.in_words_of(reader.language)),
    };
    page(StatusCode::BAD_REQUEST, &template, "'none'")
}

/// The form is from another browser, another session, or another site.
pub(super) fn foreign_form(language: Language) -> Response {
    let template = OutOfDatePage { language };
    page(StatusCode::FORBIDDEN, &template, "'none'")
}

/// What other callers are told in JSON, with its status and headers.
pub(super) fn refused(language: Language, error: EndpointError) -> Response {
    let status = error.status();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return not_now(language, error, language.words().not_now);
    }
    let page = page(status, &DamagedFormPage { language }, "'none'");
    with_head_of(error, page)
}

/// The session goes on, because its end could not be stored.
pub(super) fn still_logged_in(language: Language, error: EndpointError) -> Response {
    not_now(language, error, language.words().still_logged_in)
}

fn not_now(language: Language, error: EndpointError, text: &'static str) -> Response {
    let template = NotNowPage { language, text };
    let page = page(error.status(), &template, "'none'");
    with_head_of(error, page)
}

/// A page with the headers that other callers get with an error.
fn with_head_of(error: EndpointError, page: Response) -> Response {
    let (mut parts, _) = error.into_response().into_parts();
    let (page, body) = page.into_parts();
    parts.headers.extend(page.headers);
    Response::from_parts(parts, body)
}

/// Sends the browser on by GET, whatever it came by (RFC 9700 section 4.12).
pub(super) fn go(location: &str, cookies: impl IntoIterator<Item = SetCookie>) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        // Our URLs are ASCII.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response();
    let headers = response.headers_mut();
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    with_cookies(response, cookies)
}

pub(super) fn with_cookies(
    mut response: Response,
    cookies: impl IntoIterator<Item = SetCookie>,
) -> Response {
    for cookie in cookies {
        response
            .headers_mut()
            .append(SET_COOKIE, cookie.into_value());
    }
    response
}

/// `GET /authorization/style.css`
pub(in crate::issuer) async fn style(State(issuer): State<Arc<Issuer>>) -> Response {
    let head: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let accent = issuer.settings.portal.accent;
    (head, accent.paint(include_str!("../pages/style.css"))).into_response()
}

/// Where the form with the password may lead: to us, and to the app with an error. Chromium holds the
/// redirects after a form to this as well.
fn login_targets(uri: &RedirectUri) -> String {
    let origin = uri.origin();
    match origin.split_once("://") {
        // No address of IPv6 is a source (CSP level 3 section 2.3.1).
        Some((_, host)) if host.starts_with('[') => consent_targets(uri),
        Some(_) | None => format!("'self' {origin}"),
    }
}

/// The same without ourselves, for a page on which the login continues.
pub(super) fn onward_targets(uri: &RedirectUri) -> String {
    let targets = login_targets(uri);
    let others = targets.strip_prefix("'self' ");
    others.unwrap_or_default().to_owned()
}

/// Where the form without a password may lead: many an app sends the browser on from its redirect URI
/// to another of its hosts, and Chromium would stop there, on our page, without a word.
fn consent_targets(uri: &RedirectUri) -> String {
    let scheme = uri.origin().split(':').next().unwrap_or_default();
    format!("'self' {scheme}:")
}

fn page(status: StatusCode, template: &impl Template, form_targets: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action {form_targets}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    let (Ok(policy), Ok(html)) = (HeaderValue::try_from(policy), template.render()) else {
        // Origins are ASCII, and writing to a string does not fail.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let head = [
        (CONTENT_TYPE, HTML),
        (CONTENT_SECURITY_POLICY, policy),
        (OPENER_POLICY, OF_AN_APP),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        // The page depends on both. A cache between here and the browser must not give one user's page
        // to another.
        (VARY, HeaderValue::from_static("accept-language, cookie")),
    ];
    (status, head, html).into_response()
}

#[cfg(test)]
mod tests;
