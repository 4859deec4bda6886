//! `/portal/account/sign-ins`: the log-ins of the user, and the attempts to log in as it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::frame::Frame;
use super::language::Language;
use super::page_error::PageError;
use super::timed::Timed;
use super::visitor::Visitor;
use crate::identity::{SignIn, SignInEndpoint, SignInMethod, SignInOutcome, User};
use crate::issuer::http::extract::DirectoryAccess;

pub(super) const PATH: &str = "/portal/account/sign-ins";

#[derive(Template)]
#[template(path = "pages/sign_ins.html")]
struct SignInsPage<'a> {
    frame: Frame<'a>,
    rows: Vec<Row>,
}

/// What a table says of log-ins or attempts that differ in nothing but the time.
pub(super) struct Row {
    /// How often, where it was more than once.
    pub(super) times: Option<String>,
    pub(super) when: Timed,
    pub(super) has_succeeded: bool,
    pub(super) outcome: &'static str,
    pub(super) method: &'static str,
    pub(super) endpoint: &'static str,
    pub(super) address: String,
}

impl Row {
    fn of(language: Language, sign_in: &SignIn) -> Self {
        let words = &language.words().sign_ins;
        let kind = &sign_in.kind;
        let last = language.instant(sign_in.last_at);
        let is_several = sign_in.attempts > 1;
        Self {
            times: is_several.then(|| format!("{} {}: ", sign_in.attempts, words.times)),
            when: if is_several {
                language.instant(sign_in.first_at).to(&last)
            } else {
                last
            },
            has_succeeded: kind.outcome == SignInOutcome::Succeeded,
            outcome: match (kind.outcome, kind.method) {
                (SignInOutcome::Succeeded, SignInMethod::Link) => words.password_set,
                (SignInOutcome::Succeeded, _) => words.succeeded,
                (SignInOutcome::SecondFactorMissing, _) => words.second_factor_missing,
                (SignInOutcome::Failed, _) => words.failed,
            },
            method: match kind.method {
                SignInMethod::Password => words.password,
                SignInMethod::Passkey => words.passkey,
                SignInMethod::RecoveryCode => words.recovery_code,
                SignInMethod::Link => words.link,
            },
            endpoint: match kind.endpoint {
                SignInEndpoint::Portal => words.at_portal,
                SignInEndpoint::Authorize => words.at_authorize,
                SignInEndpoint::Login => words.at_login,
                SignInEndpoint::Token => words.at_token,
                SignInEndpoint::Account => words.at_account,
            },
            address: if kind.address.is_empty() {
                words.many_addresses.to_owned()
            } else {
                kind.address.clone()
            },
        }
    }
}

/// The rows of a table about this user.
pub(super) async fn rows(
    visitor: &Visitor,
    access: &DirectoryAccess,
    user: &User,
) -> Result<Vec<Row>, PageError> {
    let known = access.issuer.credentials.sign_ins_of(&user.id).await?;
    let rows = known.iter().map(|known| Row::of(visitor.language, known));
    Ok(rows.collect())
}

/// `GET`
pub(super) async fn show(visitor: Visitor, access: DirectoryAccess) -> Result<Response, PageError> {
    let page = SignInsPage {
        rows: rows(&visitor, &access, &access.caller.user).await?,
        frame: visitor.frame(),
    };
    Ok(answer::page(StatusCode::OK, &page))
}
