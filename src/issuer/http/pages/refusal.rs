//! Pages for those who do not get what they asked for: what is missing, and who can give it.

use askama::Template;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::answer;
use super::form::PageForm;
use super::frame::Frame;
use super::log_in;
use super::messages::message;
use super::page_error::PageError;
use super::proof;
use super::visitor::Visitor;
use super::words::passkey::PasskeyWords;
use crate::issuer::directory::{DirectoryError, Thing};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::text::Text;

/// Of the path of a page that is not there.
const MAX_SHOWN_PATH: usize = 100;

#[derive(Template)]
#[template(path = "pages/refusal.html")]
struct RefusalPage<'a> {
    frame: Frame<'a>,
    title: &'static str,
    text: Text<'a>,
    /// The scopes that are needed.
    scopes: Text<'a>,
    /// The part of the site that it is in, with its name.
    part: Option<(&'static str, &'static str)>,
}

/// The page for an error.
pub(super) async fn answer(
    visitor: &Visitor,
    method: &Method,
    form: Option<&PageForm>,
    error: &PageError,
) -> Response {
    let (words, status) = (visitor.words(), error.status());
    let is_link_gone = is_link_gone(error);
    let refusal = |status: StatusCode, title, text: &str, scopes: &str| {
        let frame = visitor.frame();
        // Where nothing is missing but the page. The parts of the panel are nearer than the panel.
        let mut entries = frame.parts.iter().chain(&frame.menu);
        let part = entries.find(|entry| entry.current == Some("true"));
        let page = RefusalPage {
            part: if is_link_gone {
                Some((log_in::PATH, words.log_in))
            } else {
                part.map(|entry| (entry.path, entry.label))
            },
            frame,
            title,
            text: Text::of(text),
            scopes: Text::of(scopes),
        };
        answer::page(status, &page)
    };
    match error {
        PageError::ForeignForm => {
            let (title, text) = (words.out_of_date_title, words.out_of_date);
            refusal(status, title, text, "")
        }
        PageError::LoggedOut if method == Method::POST => {
            let (title, text) = (words.logged_out_title, words.logged_out);
            refusal(status, title, text, "")
        }
        PageError::LoggedOut => answer::go(&log_in::path_back_to(&visitor.path)),
        PageError::Lacking(scopes) => {
            let (title, text) = (words.lacking_title, words.lacking);
            let scopes = scopes
                .as_ref()
                .map(|scopes| scopes.phrase(words.of_scopes()));
            let scopes = scopes.unwrap_or_default();
            refusal(status, title, text, &scopes)
        }
        PageError::Unproven(by) => proof::page(visitor, form, Some(*by)).await,
        PageError::Endpoint(error) => match &**error {
            EndpointError::Directory(DirectoryError::NotFresh { .. }) => proof::page(visitor, form, None).await,
            EndpointError::CallerChanged
            | EndpointError::BearerWithoutPasskey
            | EndpointError::BadBearer
            // Of a session by the password alone, in place of which another one was to begin.
            | EndpointError::SecondFactorNeeded
            | EndpointError::Directory(DirectoryError::Changed) => {
                let (title, text) = (words.changed_title, words.changed);
                refusal(status, title, text, "")
            }
            other => {
                let (title, text) = if is_link_gone {
                    let words = PasskeyWords::of(visitor.language);
                    (words.link_gone_title, words.link_gone.to_owned())
                } else {
                    (title(visitor, status), text(visitor, status, other))
                };
                let mut response = refusal(status, title, &text, "");
                if let Some(seconds) = other.retry_after() {
                    response
                        .headers_mut()
                        .insert(RETRY_AFTER, HeaderValue::from(seconds));
                }
                other.mark(&mut response);
                response
            }
        },
    }
}

/// Whether it is about a link for a password that sets none.
fn is_link_gone(error: &PageError) -> bool {
    let PageError::Endpoint(error) = error else {
        return false;
    };
    matches!(
        **error,
        EndpointError::Directory(DirectoryError::NotFound(Thing::ResetLink))
    )
}

fn text(visitor: &Visitor, status: StatusCode, error: &EndpointError) -> String {
    if &*visitor.path == log_in::LOG_OUT_PATH && status.is_server_error() {
        visitor.words().still_logged_in.to_owned()
    } else if let EndpointError::NotFound = error {
        let path: String = visitor.path.chars().take(MAX_SHOWN_PATH).collect();
        format!("{} {path}", visitor.words().no_page_at)
    } else if let EndpointError::MethodNotAllowed = error {
        visitor.words().not_to_open.to_owned()
    } else {
        message(visitor.language, error)
    }
}

fn title(visitor: &Visitor, status: StatusCode) -> &'static str {
    let words = visitor.words();
    if status == StatusCode::NOT_FOUND {
        words.not_found_title
    } else if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        words.not_now_title
    } else {
        words.not_done_title
    }
}
