//! `/portal/log-in` and `/portal/log-out`.

use askama::Template;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;

use super::answer;
use super::form::PageForm;
use super::frame::Frame;
use super::messages::message;
use super::page_error::PageError;
use super::passkeys::Onward;
use super::passkeys::step::{self, Offer};
use super::told::{Addressee, Done, Told};
use super::visitor::Visitor;
use super::words::passkey::PasskeyWords;
use crate::coding::push_percent_encoded;
use crate::identity::Form;
use crate::issuer::Registration;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::text::Text;

pub(super) const PATH: &str = "/portal/log-in";
pub(super) const LOG_OUT_PATH: &str = "/portal/log-out";

/// The pages to which a login may lead.
const NEXT: [&str; 2] = ["/portal/", "/panel"];

const MAX_NEXT_BYTES: usize = 512;

#[derive(Template)]
#[template(path = "pages/log_in.html")]
struct LogInPage<'a> {
    frame: Frame<'a>,
    username: Text<'a>,
    next: Text<'a>,
    /// Whether the name or the password is wrong.
    is_wrong: bool,
    /// Why nobody is logged in; empty where nobody has tried.
    error: Text<'a>,
    /// Whether strangers can sign up.
    is_open: bool,
    words: &'static PasskeyWords,
    /// To log in with a passkey alone.
    offer: Option<Offer>,
}

/// The login page, which leads back to this page of ours.
pub(super) fn path_back_to(path: &str) -> String {
    let mut login = PATH.to_owned();
    if is_next(path) {
        login.push_str("?next=");
        push_percent_encoded(&mut login, path);
    }
    login
}

/// Whether a login may lead there: no other site, and no other reading of the path.
fn is_next(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte);
    NEXT.iter().any(|start| path.starts_with(start))
        && path.len() <= MAX_NEXT_BYTES
        && path.bytes().all(plain)
        && !path.contains("//")
        && !path.starts_with(PATH)
}

/// What somebody has typed, who was not logged in with it.
struct Failed<'a> {
    username: &'a str,
    error: &'a EndpointError,
}

fn page(visitor: &Visitor, next: &str, failed: Option<&Failed<'_>>) -> Result<Response, PageError> {
    let error = failed.map(|failed| failed.error);
    let is_wrong = matches!(error, Some(EndpointError::BadLogin));
    // 401 would need a challenge, for which browsers open a dialogue of their own.
    let status = match error {
        None => StatusCode::OK,
        Some(EndpointError::BadLogin) => StatusCode::FORBIDDEN,
        Some(error) => error.status(),
    };
    let text = error.map(|error| message(visitor.language, error));
    let page = LogInPage {
        frame: visitor.frame(),
        username: Text::of(failed.map_or("", |failed| failed.username)),
        next: Text::of(next),
        is_wrong,
        error: Text::of(text.unwrap_or_default()),
        is_open: visitor.issuer.settings.registration == Registration::Open,
        words: PasskeyWords::of(visitor.language),
        offer: step::offer(visitor, next)?,
    };
    let mut response = answer::page(status, &page);
    if let Some(seconds) = error.and_then(EndpointError::retry_after) {
        let headers = response.headers_mut();
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// `GET`
pub(super) async fn show(visitor: Visitor, uri: Uri) -> Result<Response, PageError> {
    let query = Form::parse(uri.query().unwrap_or_default().as_bytes())?;
    let next = query.get("next").filter(|path| is_next(path));
    if visitor.user.is_some() {
        return Ok(answer::go(next.unwrap_or("/")));
    }
    page(&visitor, next.unwrap_or_default(), None)
}

/// `POST`
pub(super) async fn submit(visitor: Visitor, form: PageForm) -> Result<Response, PageError> {
    let username = form.trimmed("username");
    let next = Some(form.text("next")).filter(|path| is_next(path));
    let password = form.text("password").to_owned();
    let credentials = &visitor.issuer.credentials;
    match credentials.first_step(&username, password).await {
        Ok(first) => {
            let onward = Onward {
                path: next.unwrap_or("/").to_owned(),
                targets: String::new(),
            };
            step::after_password(&visitor, first, onward).await
        }
        Err(error @ (EndpointError::BadLogin | EndpointError::Throttled { .. })) => {
            let failed = Failed {
                username: &username,
                error: &error,
            };
            page(&visitor, next.unwrap_or_default(), Some(&failed))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /portal/log-out`
pub(super) async fn log_out(visitor: Visitor, _: PageForm) -> Result<Response, PageError> {
    let cookie = visitor.sessions().end().await?;
    let nobody = Addressee {
        session: None,
        path: "/",
    };
    let told = Told::Done(Done::LoggedOut);
    let url = &visitor.issuer.settings.url;
    let told = visitor
        .issuer
        .told_key
        .cookie(&told, nobody, url, visitor.issuer.clock.now())?;
    let response = answer::go("/");
    Ok(answer::with_cookies(
        response,
        cookie.into_iter().chain([told]),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_to_our_own_pages_alone() {
        for path in [
            "/portal/apps",
            "/panel",
            "/panel/roles/a%2Eb",
            "/portal/apps/x-1",
        ] {
            assert!(is_next(path), "{path}");
        }
        for path in [
            "",
            "/",
            "//evil.example/portal/",
            "/portal/\\evil.example",
            "/portal//evil.example",
            "https://evil.example/portal/",
            "/portal/log-in",
            "/authorization/authorize?client_id=x",
            "/portal/apps?x=1",
            "/portal/ä",
            "/portal/\r\nx: y",
            &format!("/portal/{}", "a".repeat(MAX_NEXT_BYTES)),
        ] {
            assert!(!is_next(path), "{path}");
        }
    }
}
