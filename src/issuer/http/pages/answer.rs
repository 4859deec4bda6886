//! Answers to browsers: pages, and redirects.

use askama::Template;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE,
    VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::issuer::http::browser::SetCookie;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// How a page has our script. What anybody has written is escaped, so that nobody else has one on a page.
const SCRIPT: &str = "<script src=\"/assets/";

/// W3C HTML, "cross-origin opener policies".
pub(in crate::issuer::http) const OPENER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-opener-policy");

/// No window of another origin has a hold on ours.
const ISOLATED: HeaderValue = HeaderValue::from_static("same-origin");

/// On the way back to an app, which may have opened the window and waits for it: a page that cut them apart would do
/// so for good, also for the app's own page that comes next. What such a window can do to ours, such as leading it
/// elsewhere, it could do by not opening us at all.
pub(in crate::issuer::http) const OF_AN_APP: HeaderValue = HeaderValue::from_static("unsafe-none");

/// A page.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    page_leading_to(status, template, "")
}

/// A page whose forms lead on to these origins as well: those of an app for which somebody logs in. It may have
/// script where it has ours; images are the logo
/// and the icon.
pub(super) fn page_leading_to(
    status: StatusCode,
    template: &impl Template,
    targets: &str,
) -> Response {
    let Ok(html) = template.render() else {
        // Writing to a string does not fail.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let script = if html.contains(SCRIPT) {
        " script-src 'self';"
    } else {
        ""
    };
    let (space, opener) = if targets.is_empty() {
        ("", ISOLATED)
    } else {
        (" ", OF_AN_APP)
    };
    let policy = format!(
        "default-src 'none'; img-src 'self'; style-src 'self';{script} form-action 'self'{space}{targets}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    let Ok(policy) = HeaderValue::try_from(policy) else {
        // Origins are ASCII.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let head = [
        (CONTENT_TYPE, HTML),
        (CONTENT_SECURITY_POLICY, policy),
        (OPENER_POLICY, opener),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Our own forms say where they come from, and nobody else is told of our URLs.
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (VARY, HeaderValue::from_static("accept-language, cookie")),
    ];
    (status, head, html).into_response()
}

/// Sends the browser on by GET, whatever it came by.
pub(super) fn go(path: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(path) else {
        // Our paths are ASCII.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let policy = HeaderValue::from_static("same-origin");
    let head = [(LOCATION, location), (REFERRER_POLICY, policy)];
    (StatusCode::SEE_OTHER, head).into_response()
}

/// The same answer with these cookies.
pub(super) fn with_cookies(
    mut response: Response,
    cookies: impl IntoIterator<Item = SetCookie>,
) -> Response {
    let headers = response.headers_mut();
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie.into_value());
    }
    response
}
