//! `/consumer/register`, `/consumer/account` and `/consumer/grant`: the caller's own.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::body;
use super::body::Named;
use super::guard::Caller;
use super::list::{self, Asked};
use crate::identity::User;
use crate::issuer::answers::{GrantAnswer, UserAnswer};
use crate::issuer::directory::{AppsAfter, Authority, NewUser};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::{Issuer, Registration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterRequest {
    username: String,
    email: String,
    password: String,
}

/// Names stay: whoever took one that became free would be mistaken for its earlier owner.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountUpdate {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    old_password: String,
    new_password: String,
    /// Whether the user's apps end with its tokens.
    #[serde(default)]
    end_apps: bool,
}

/// `POST /consumer/register`
pub(super) async fn register(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    if issuer.settings.registration == Registration::Closed {
        return Err(EndpointError::RegistrationClosed);
    }
    let wanted: RegisterRequest = body::json(request).await?;
    issuer.admit_registration()?;
    let user = NewUser {
        username: wanted.username,
        email: wanted.email,
        password: wanted.password,
        roles: None,
    };
    let user = issuer.directory(Authority::Machine).register(user).await?;
    issuer.log_user(&user, "registered");
    Ok(body::answer(StatusCode::CREATED, &UserAnswer::of(&user)))
}

/// `GET /consumer/account`
pub(super) async fn account(Extension(caller): Extension<Caller>) -> Response {
    body::answer(StatusCode::OK, &UserAnswer::of(&caller.user))
}

/// `PUT /consumer/account`: the address is what one logs in by, so it takes the password. Whether an
/// address is free is told as it is to whoever registers, and as seldom.
pub(super) async fn update(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: AccountUpdate = body::json(request).await?;
    issuer.proven_again(&caller, wanted.password).await?;
    issuer.admit_registration()?;
    let directory = issuer.directory(caller.authority());
    let user = directory
        .change_own_email(&caller.user, &wanted.email)
        .await?;
    Ok(body::answer(StatusCode::OK, &UserAnswer::of(&user)))
}

/// `PUT` and `POST /consumer/account/change_password`
pub(super) async fn change_password(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let wanted: PasswordChange = body::json(request).await?;
    let user = issuer.proven_again(&caller, wanted.old_password).await?;
    let apps = if wanted.end_apps {
        AppsAfter::End
    } else {
        AppsAfter::Stay
    };
    let directory = issuer.directory(caller.authority());
    directory
        .change_own_password(&user, wanted.new_password, apps)
        .await?;
    let told = match apps {
        AppsAfter::Stay => {
            "the password is changed and all your tokens have ended, this one too: log in again; your \
             apps keep their secrets: look at them, or send `end_apps`"
        }
        AppsAfter::End => {
            "the password is changed and all tokens have ended, this one too, with the secrets of your \
             apps: log in again and give the apps new ones"
        }
    };
    let answer = json!({"success": true, "message": told});
    Ok(body::answer(StatusCode::OK, &answer))
}

/// `GET /consumer/grant`
pub(super) async fn grants(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, EndpointError> {
    let asked = Asked::read(&request, None)?;
    let directory = issuer.directory(caller.authority());
    let listing = directory.grants(&caller.user.id, &asked.page).await?;
    Ok(list::answer(&listing, GrantAnswer::of))
}

/// `DELETE /consumer/grant/{id}`
pub(super) async fn end_grant(
    State(issuer): State<Arc<Issuer>>,
    Extension(caller): Extension<Caller>,
    Named(id): Named,
) -> Result<StatusCode, EndpointError> {
    let directory = issuer.directory(caller.authority());
    directory.end_grant(&caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Issuer {
    /// The caller, if this is its password: a guess like any other, which a token does not replace.
    async fn proven_again(&self, caller: &Caller, password: String) -> Result<User, EndpointError> {
        let name = caller.user.username.as_str();
        let proven = self.user_with_password(name, password).await;
        proven.map_err(|refusal| match refusal {
            EndpointError::BadLogin => EndpointError::WrongPassword,
            other => other,
        })
    }
}
