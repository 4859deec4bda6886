//! `/consumer/register` and `/consumer/account`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::guard::Caller;
use super::refusal::Refusal;
use super::{Issuer, body, random};
use crate::identity::{
    Email, Password, RoleName, ScopeName, ScopeSet, Status, User, UserId, Username,
};
use crate::store::Created;
use crate::token::LogPosition;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterRequest {
    username: String,
    email: String,
    password: String,
}

#[derive(Serialize)]
struct UserAnswer<'a> {
    id: &'a str,
    username: &'a str,
    email: &'a str,
    status: &'static str,
    roles: Vec<&'a str>,
    scopes: Vec<&'a str>,
    created_at: i64,
}

/// `POST /consumer/register`
pub(super) async fn register(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, Refusal> {
    let wanted: RegisterRequest = body::json(request).await?;
    issuer.admit_registration()?;
    let roles = issuer.store.default_role().await?.into_iter().collect();
    let user = issuer
        .add_user(&wanted.username, &wanted.email, wanted.password, roles)
        .await?;
    issuer.log_user(&user, "registered");
    Ok(body::answer(StatusCode::CREATED, &UserAnswer::of(&user)))
}

/// `GET /consumer/account`
pub(super) async fn account(Extension(caller): Extension<Caller>) -> Response {
    body::answer(StatusCode::OK, &UserAnswer::of(&caller.user))
}

impl Issuer {
    /// Adds an active user with these roles.
    pub(super) async fn add_user(
        &self,
        username: &str,
        email: &str,
        password: String,
        roles: Vec<RoleName>,
    ) -> Result<User, Refusal> {
        let (username, email) = (Username::parse(username)?, Email::parse(email)?);
        let password = Password::choose(password, &[username.as_str(), email.as_str()])?;
        let user = User {
            id: UserId::from_random(random()?),
            username,
            email,
            status: Status::Active,
            roles,
            scopes: ScopeSet::default(),
            created_at: self.clock.now(),
            as_of: LogPosition::default(),
            revoked_through: LogPosition::default(),
        };
        let hash = self.hasher.hash(password).await?;
        if self.store.add_user(&user, &hash).await? == Created::NameTaken {
            return Err(Refusal::NameTaken);
        }
        // Read again: its roles have scopes.
        self.store.user(&user.id).await?.ok_or(Refusal::NotFound)
    }
}

impl<'a> UserAnswer<'a> {
    fn of(user: &'a User) -> Self {
        Self {
            id: user.id.as_str(),
            username: user.username.as_str(),
            email: user.email.as_str(),
            status: user.status.name(),
            roles: user.roles.iter().map(RoleName::as_str).collect(),
            scopes: user.scopes.iter().map(ScopeName::as_str).collect(),
            created_at: user.created_at.0,
        }
    }
}
