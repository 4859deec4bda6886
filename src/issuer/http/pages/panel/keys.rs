//! `/panel/keys`: the keys that sign tokens.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::pages::answer;
use crate::issuer::http::pages::frame::Frame;
use crate::issuer::http::pages::visitor::Visitor;
use crate::token::KeyState;

pub(in crate::issuer::http::pages) const PATH: &str = "/panel/keys";

#[derive(Template)]
#[template(path = "pages/keys.html")]
struct KeysPage<'a> {
    frame: Frame<'a>,
    keys: Vec<Row>,
}

struct Row {
    id: String,
    algorithm: &'static str,
    state: &'static str,
    is_active: bool,
    /// Empty where it is not known, like the next one.
    active_from: String,
    until: String,
}

/// `GET`
pub(in crate::issuer::http::pages) async fn show(
    visitor: Visitor,
    access: DirectoryAccess,
) -> Response {
    let (words, language) = (&visitor.words().panel, visitor.language);
    let rows = access.issuer.published_keys().into_iter().map(|key| Row {
        id: key.id,
        algorithm: key.algorithm.name(),
        state: match key.state {
            KeyState::Next => words.key_next,
            KeyState::Active => words.key_active,
            KeyState::Retiring | KeyState::Ended => words.key_retiring,
        },
        is_active: key.state == KeyState::Active,
        active_from: key
            .active_from
            .map(|at| language.instant(at))
            .unwrap_or_default(),
        until: key
            .published_until
            .map(|at| language.instant(at))
            .unwrap_or_default(),
    });
    let page = KeysPage {
        frame: visitor.frame(),
        keys: rows.collect(),
    };
    answer::page(StatusCode::OK, &page)
}
