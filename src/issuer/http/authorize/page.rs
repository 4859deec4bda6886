//! The pages, as plain as they can be: no script, one style sheet, framed by nobody.

use std::fmt::{self, Write as _};

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse, Response};

use super::browser::SetCookie;
use crate::identity::{AuthorizeRequest, RedirectUri, ScopeName, SecretDigest, User};
use crate::issuer::endpoint_error::{EndpointError, REALM};
use crate::store::AppWithOwner;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// What every form carries back.
pub(super) struct FormOrigin<'a> {
    pub(super) request: &'a AuthorizeRequest,
    pub(super) token: &'a SecretDigest,
}

/// Text of anybody, as it may stand in an element and in a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                // Would read as something else than it is: reordered, or cut off.
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\0' => {
                    formatter.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                other => formatter.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The hidden fields.
impl fmt::Display for FormOrigin<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (query, token) = (self.request.to_query(), self.token.to_text());
        write!(
            formatter,
            "<input type=\"hidden\" name=\"request\" value=\"{}\">\n\
             <input type=\"hidden\" name=\"csrf\" value=\"{}\">",
            Escaped(&query),
            Escaped(&token),
        )
    }
}

/// Asks who it is. `failed` is the name of an attempt that failed.
pub(super) fn login(origin: &FormOrigin<'_>, app: &AppWithOwner, failed: Option<&str>) -> Response {
    let title = "Log in";
    let app = Escaped(app.app.name.as_str());
    let mut main = format!("<h1>{title}</h1>\n<p>to continue to <strong>{app}</strong></p>\n");
    let (described, focus) = match failed {
        Some(_) => {
            main.push_str(
                "<p role=\"alert\" id=\"wrong\" class=\"wrong\">The name or the password is \
                 wrong.</p>\n",
            );
            (
                " aria-describedby=\"wrong\" aria-invalid=\"true\"",
                ["", " autofocus"],
            )
        }
        None => ("", [" autofocus", ""]),
    };
    let [focus_name, focus_password] = focus;
    let name = Escaped(failed.unwrap_or_default());
    // Writing to a string does not fail.
    let _ = write!(
        main,
        "<form method=\"post\" action=\"/authorization/login\">\n{origin}\n\
         <label for=\"username\">Name or e-mail address</label>\n\
         <input id=\"username\" name=\"username\" value=\"{name}\" autocomplete=\"username\" \
         autocapitalize=\"none\" spellcheck=\"false\" required{described}{focus_name}>\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required{described}{focus_password}>\n\
         <p class=\"actions\"><button>Log in</button></p>\n</form>",
    );
    let title = if failed.is_some() {
        "Error: Log in"
    } else {
        title
    };
    let targets = login_targets(origin.request.back().uri());
    if failed.is_none() {
        return page(StatusCode::OK, title, &main, &targets);
    }
    // No scheme of HTTP is a form, and 401 needs a challenge (RFC 9110 section 15.5.2): this is the
    // one that browsers do not open a dialogue for.
    let mut response = page(StatusCode::UNAUTHORIZED, title, &main, &targets);
    let challenge = HeaderValue::try_from(format!("Bearer realm=\"{REALM}\""));
    response.headers_mut().extend(
        challenge
            .ok()
            .map(|challenge| (WWW_AUTHENTICATE, challenge)),
    );
    response
}

/// Asks whether the app may.
pub(super) fn consent(
    origin: &FormOrigin<'_>,
    app: &AppWithOwner,
    user: &User,
    scopes: &[(ScopeName, String)],
) -> Response {
    let uri = origin.request.back().uri();
    let name = Escaped(app.app.name.as_str());
    let owner = Escaped(app.owner.username.as_str());
    let username = Escaped(user.username.as_str());
    let mut main = format!(
        "<h1>Allow <strong>{name}</strong> to act for you?</h1>\n\
         <p>The application <strong>{name}</strong> of the user <strong>{owner}</strong> asks \
         for:</p>\n<ul>\n"
    );
    let mut shown = String::new();
    for (scope, description) in scopes {
        let (scope, description) = (scope.as_str(), description.trim());
        let _ = match description {
            "" => writeln!(main, "<li><code>{}</code></li>", Escaped(scope)),
            text => writeln!(
                main,
                "<li>{} <code>{}</code></li>",
                Escaped(text),
                Escaped(scope)
            ),
        };
        shown.push_str(scope);
        shown.push(' ');
    }
    let _ = write!(
        main,
        "</ul>\n<p>You will go back to <strong>{}</strong>.</p>\n\
         <form method=\"post\" action=\"/authorization/consent\">\n{origin}\n\
         <input type=\"hidden\" name=\"scope\" value=\"{}\">\n\
         <p class=\"actions\"><button name=\"decision\" value=\"allow\">Allow</button>\n\
         <button name=\"decision\" value=\"deny\" class=\"quiet\">Deny</button></p>\n</form>\n\
         <form method=\"post\" action=\"/authorization/logout\" class=\"who\">\n{origin}\n\
         <p>You are logged in as <strong>{username}</strong>. \
         <button class=\"link\">Log out</button></p>\n</form>",
        Escaped(uri.origin()),
        Escaped(shown.trim_end()),
    );
    page(StatusCode::OK, "Allow access", &main, &consent_targets(uri))
}

/// Says why nothing can be done here, and sends nobody anywhere.
pub(super) fn unanswerable(fault: &dyn fmt::Display) -> Response {
    let main = format!(
        "<h1>This cannot be answered</h1>\n\
         <p>An application sent you here with a request that is not in order: {}.</p>\n\
         <p>Go back to the application and try again. If it happens again, tell those who run \
         it.</p>",
        Escaped(&fault.to_string())
    );
    page(StatusCode::BAD_REQUEST, "Error", &main, "'none'")
}

/// The form is from another browser, another session, or another site.
pub(super) fn foreign_form() -> Response {
    let main = "<h1>This page is out of date</h1>\n\
                <p>It was made for another login, or the browser keeps no cookies for this site. \
                Nothing has been done.</p>\n\
                <p>Go back to the application and try again.</p>";
    page(StatusCode::FORBIDDEN, "Error", main, "'none'")
}

/// What other callers are told in JSON, with its status and headers.
pub(super) fn refused(refusal: EndpointError) -> Response {
    let (mut parts, _) = refusal.into_response().into_parts();
    let main = if parts.status.is_server_error() || parts.status == StatusCode::TOO_MANY_REQUESTS {
        "<h1>Not now</h1>\n<p>The request could not be answered. Try again in a moment.</p>"
    } else {
        "<h1>This cannot be answered</h1>\n\
         <p>The form is damaged. Go back to the application and try again.</p>"
    };
    let (page, body) = page(parts.status, "Error", main, "'none'").into_parts();
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
pub(in crate::issuer) async fn style() -> Response {
    let head: [(HeaderName, &str); 3] = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=3600"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (head, include_str!("style.css")).into_response()
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

/// Where the form without a password may lead: many an app sends the browser on from its redirect URI
/// to another of its hosts, and Chromium would stop there, on our page, without a word.
fn consent_targets(uri: &RedirectUri) -> String {
    let scheme = uri.origin().split(':').next().unwrap_or_default();
    format!("'self' {scheme}:")
}

fn page(status: StatusCode, title: &str, main: &str, form_targets: &str) -> Response {
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <link rel=\"stylesheet\" href=\"/authorization/style.css\">\n</head>\n\
         <body>\n<main>\n{main}\n</main>\n</body>\n</html>\n"
    );
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action {form_targets}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    let Ok(policy) = HeaderValue::try_from(policy) else {
        // Origins are ASCII.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let head = [
        (CONTENT_TYPE, HTML),
        (CONTENT_SECURITY_POLICY, policy),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (status, head, html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_anybody_stays_text() {
        let rows = [
            ("Read orders", "Read orders"),
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("\" onfocus='x' a=\"", "&quot; onfocus=&#39;x&#39; a=&quot;"),
            ("&lt;", "&amp;lt;"),
            ("a\u{202e}b\0c", "a\u{fffd}b\u{fffd}c"),
            ("\u{e4}\u{1f600}", "\u{e4}\u{1f600}"),
        ];
        for (text, expected) in rows {
            assert_eq!(Escaped(text).to_string(), expected);
        }
    }

    #[test]
    fn forms_lead_to_us_and_to_the_app() {
        let rows = [
            (
                "https://shop.example/cb?x",
                "'self' https://shop.example",
                "'self' https:",
            ),
            (
                "http://127.0.0.1:4711/",
                "'self' http://127.0.0.1:4711",
                "'self' http:",
            ),
            ("http://[::1]:4711/", "'self' http:", "'self' http:"),
        ];
        for (uri, login, consent) in rows {
            let uri = RedirectUri::parse(uri).unwrap();
            assert_eq!(login_targets(&uri), login);
            assert_eq!(consent_targets(&uri), consent);
        }
    }
}
