//! `/consumer/register`, `/consumer/account` and `/consumer/grant`: the caller's own.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::body;
use super::extract::{DirectoryAccess, JsonBody, PathName};
use super::guard::Caller;
use super::list::{self, ListQuery};
use crate::identity::User;
use crate::issuer::answers::{GrantAnswer, SignInAnswer, UserAnswer};
use crate::issuer::directory::{AppsAfter, Authority, NewUser};
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::{Issuer, Registration};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterRequest {
    username: String,
    email: String,
    password: String,
}

/// Names stay: whoever took one that became free would be mistaken for its earlier owner.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountUpdate {
    email: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordChange {
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
    // Before the body is looked at: where nobody can register, nothing in it matters.
    if issuer.settings.registration == Registration::Closed {
        return Err(EndpointError::RegistrationClosed);
    }
    let wanted: RegisterRequest = body::json(request).await?;
    let user = NewUser {
        username: wanted.username,
        email: wanted.email,
        password: wanted.password,
        roles: None,
    };
    let user = register_user(&issuer, user).await?;
    Ok(body::created(&UserAnswer::of(&user)))
}

/// Makes somebody a user who asks for it.
pub(super) async fn register_user(issuer: &Issuer, wanted: NewUser) -> Result<User, EndpointError> {
    if issuer.settings.registration == Registration::Closed {
        return Err(EndpointError::RegistrationClosed);
    }
    issuer.credentials.attempts().admit_registration()?;
    let directory = issuer.directory(Authority::Machine);
    let user = directory.register(wanted).await?;
    issuer.audit.done_by(&user, "registered");
    Ok(user)
}

/// `GET /consumer/account`
pub(super) async fn account(caller: Caller) -> Response {
    body::ok(&UserAnswer::of(&caller.user))
}

/// `PUT /consumer/account`: users log in by their address, so another one takes the password. Whether an
/// address is free is as good to know as at the registration, and is limited together with it.
pub(super) async fn update(
    access: DirectoryAccess,
    JsonBody(wanted): JsonBody<AccountUpdate>,
) -> Result<Response, EndpointError> {
    let user = change_email(&access, &wanted.email, wanted.password).await?;
    Ok(body::ok(&UserAnswer::of(&user)))
}

/// Gives the caller another address, if this is its password.
pub(super) async fn change_email(
    access: &DirectoryAccess,
    email: &str,
    password: String,
) -> Result<User, EndpointError> {
    prove_again(access, password).await?;
    access.issuer.credentials.attempts().admit_registration()?;
    let directory = access.directory();
    Ok(directory
        .change_own_email(&access.caller.user, email)
        .await?)
}

/// `PUT` and `POST /consumer/account/change_password`
pub(super) async fn change_password(
    access: DirectoryAccess,
    JsonBody(wanted): JsonBody<PasswordChange>,
) -> Result<Response, EndpointError> {
    let apps = if wanted.end_apps {
        AppsAfter::End
    } else {
        AppsAfter::Stay
    };
    replace_password(&access, wanted.old_password, wanted.new_password, apps).await?;
    let message = match apps {
        AppsAfter::Stay => {
            "the password has been changed and all your tokens, including this one, have ended: log in again; your \
             apps keep their secrets: check them, or send `end_apps`"
        }
        AppsAfter::End => {
            "the password has been changed and all tokens, including this one, have ended with the secrets of your \
             apps: log in again and give the apps new ones"
        }
    };
    Ok(body::ok(&json!({"success": true, "message": message})))
}

/// Gives the caller another password, if this is the old one; the caller as it is then.
pub(super) async fn replace_password(
    access: &DirectoryAccess,
    old_password: String,
    new_password: String,
    apps: AppsAfter,
) -> Result<User, EndpointError> {
    let user = prove_again(access, old_password).await?;
    let directory = access.directory();
    let changed = directory.change_own_password(&user, new_password, apps);
    Ok(changed.await?)
}

/// `GET /consumer/account/sign_ins`
pub(super) async fn sign_ins(access: DirectoryAccess) -> Result<Response, EndpointError> {
    let credentials = &access.issuer.credentials;
    let items = credentials.sign_ins_of(&access.caller.user.id).await?;
    Ok(list::answer_all(&items, SignInAnswer::of))
}

/// `GET /consumer/grant`
pub(super) async fn grants(
    access: DirectoryAccess,
    query: ListQuery,
) -> Result<Response, EndpointError> {
    let directory = access.directory();
    let listing = directory
        .grants(&access.caller.user.id, &query.page)
        .await?;
    Ok(list::answer(&listing, GrantAnswer::of))
}

/// `DELETE /consumer/grant/{id}`
pub(super) async fn end_grant(
    access: DirectoryAccess,
    PathName(id): PathName,
) -> Result<StatusCode, EndpointError> {
    let directory = access.directory();
    directory.end_grant(&access.caller.user.id, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller, if this is its password: a guess like any other, which a token does not replace.
async fn prove_again(access: &DirectoryAccess, password: String) -> Result<User, EndpointError> {
    let credentials = &access.issuer.credentials;
    let proven = credentials.password_again(&access.caller.user, password);
    proven.await.map_err(|error| match error {
        EndpointError::BadLogin => EndpointError::WrongPassword,
        other => other,
    })
}
