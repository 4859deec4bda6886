//! `GET /authorization/whoami`: the caller, as its token has it come here.

use axum::response::Response;
use serde::Serialize;

use super::body;
use super::guard::Caller;
use crate::identity::{App, RoleName, User};

/// What opens the whole account.
const ACCOUNT_SCOPE: &str = "consumer.account";

#[derive(Serialize)]
struct WhoamiAnswer<'a> {
    user: UserPart<'a>,
    /// None where the user logged in.
    app: Option<AppPart<'a>>,
    scope: String,
    expires_at: i64,
}

#[derive(Serialize)]
struct UserPart<'a> {
    id: &'a str,
    username: &'a str,
    #[serde(flatten)]
    account: Option<AccountPart<'a>>,
}

/// More than the token itself says: for whoever may read the account.
#[derive(Serialize)]
struct AccountPart<'a> {
    email: &'a str,
    status: &'static str,
    roles: Vec<&'a str>,
    created_at: i64,
}

#[derive(Serialize)]
struct AppPart<'a> {
    app_key: &'a str,
    name: &'a str,
}

pub(super) async fn whoami(caller: Caller) -> Response {
    let may_read = caller.scopes.contains(ACCOUNT_SCOPE);
    let user = &*caller.user;
    let answer = WhoamiAnswer {
        user: UserPart {
            id: user.id.as_str(),
            username: user.username.as_str(),
            account: may_read.then(|| AccountPart::of(user)),
        },
        app: caller.app.as_deref().map(AppPart::of),
        scope: caller.scopes.to_string(),
        expires_at: caller.token.expires_at().0,
    };
    body::ok(&answer)
}

impl<'a> AccountPart<'a> {
    fn of(user: &'a User) -> Self {
        Self {
            email: user.email.as_str(),
            status: user.status.name(),
            roles: user.roles.iter().map(RoleName::as_str).collect(),
            created_at: user.created_at.0,
        }
    }
}

impl<'a> AppPart<'a> {
    fn of(app: &'a App) -> Self {
        Self {
            app_key: app.key.as_str(),
            name: app.name.as_str(),
        }
    }
}
