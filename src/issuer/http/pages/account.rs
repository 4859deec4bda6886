//! `/portal/account`: the user's own account.

pub(super) mod email;
pub(super) mod password;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::apps::role_names;
use super::frame::Frame;
use super::timed::Timed;
use super::visitor::Visitor;
use super::words::passkey::PasskeyWords;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::text::Text;

pub(super) const PATH: &str = "/portal/account";

#[derive(Template)]
#[template(path = "pages/account.html")]
struct AccountPage<'a> {
    frame: Frame<'a>,
    username: Text<'a>,
    email: Text<'a>,
    roles: String,
    scopes: String,
    created: Timed,
    /// Whether it may change its address.
    may_change: bool,
    words: &'static PasskeyWords,
}

/// `GET`
pub(super) async fn show(visitor: Visitor, access: DirectoryAccess) -> Response {
    let user = &access.caller.user;
    let page = AccountPage {
        frame: visitor.frame(),
        username: Text::of(user.username.as_str()),
        email: Text::of(user.email.as_str()),
        roles: role_names(user),
        scopes: user.scopes.to_string(),
        may_change: access.caller.scopes.contains("consumer.account"),
        created: visitor.language.instant(user.created_at),
        words: PasskeyWords::of(visitor.language),
    };
    answer::page(StatusCode::OK, &page)
}
