//! `/consumer/login`: a token for a user's own credentials, and from a refresh token of a login.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::endpoint_error::EndpointError;
use super::grants::{Extension, Granted, LOGIN, LOGIN_REFRESH, Presenter, RequestedRights};
use super::hashing::{HashingFor, Verdict};
use super::throttle::{Claimant, Place};
use super::{Issuer, body};
use crate::identity::{Audiences, Password, PlainSecret, RequestedScopes, User, UserId};
use crate::store::{Credentials, LoginName};
use crate::yaml::present;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoginRequest {
    username: String,
    password: String,
    #[serde(default, deserialize_with = "present")]
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshRequest {
    refresh_token: String,
}

#[derive(Serialize)]
struct LoginAnswer<'a> {
    token: &'a str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
}

/// `POST`
pub(super) async fn login(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    let LoginRequest {
        username,
        password,
        scopes,
    } = body::json(request).await?;
    let scopes = scopes.map(|scopes| scopes.join(" "));
    let requested = RequestedRights {
        scopes: RequestedScopes::parse(scopes.as_deref())?,
        audiences: Audiences::All,
    };
    let user = issuer.user_with_password(&username, password).await?;
    // Whichever grant types there are: `PUT` extends it.
    let granted = issuer
        .grants
        .begin(&user, None, &requested, Extension::ByRefreshToken)
        .await?;
    issuer.grants.count(LOGIN);
    Ok(issuer.login_answer(&granted))
}

/// `PUT`
pub(super) async fn refresh(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    let RefreshRequest { refresh_token } = body::json(request).await?;
    let granted = issuer
        .grants
        .refresh(&refresh_token, Presenter::Anybody, &RequestedRights::ALL)
        .await?;
    issuer.grants.count(LOGIN_REFRESH);
    Ok(issuer.login_answer(&granted))
}

impl Issuer {
    /// The active user with this name or address and password. Unknown, disabled and wrong look
    /// alike and take as long.
    pub(super) async fn user_with_password(
        &self,
        name: &str,
        password: String,
    ) -> Result<User, EndpointError> {
        let secret = password.clone();
        // Looked up first: guesses are counted by the user, whichever of its names they come by.
        let credentials = match LoginName::parse(name) {
            Some(name) => self.store.credentials(&name).await?,
            None => None,
        };
        let user = credentials.as_ref().map(|found| found.user.id.clone());
        let folded = name.to_lowercase();
        let claimant = match &user {
            Some(user) => Claimant::User(user),
            None => Claimant::Nobody(&folded),
        };
        let account = user.as_ref().map_or(folded.as_str(), UserId::as_str);
        let check = async |place: Place| {
            let whom = HashingFor { account, place };
            self.check_password(credentials, whom, password).await
        };
        let attempts = self.credentials.attempts();
        let user = attempts.by_user(claimant, secret.as_bytes(), check).await?;
        self.log_user(&user, "logged in");
        Ok(user)
    }

    async fn check_password(
        &self,
        credentials: Option<Credentials>,
        whom: HashingFor<'_>,
        password: String,
    ) -> Result<User, EndpointError> {
        let password = Password::attempt(password).map_err(|_| EndpointError::BadLogin)?;
        let again = Password::attempt(String::from_utf8_lossy(password.as_bytes()).into_owned());
        let hash = credentials.as_ref().map(|found| &*found.password_hash);
        let verdict = self
            .credentials
            .hasher()
            .verify(password, hash, whom)
            .await?;
        let credentials = credentials.ok_or(EndpointError::BadLogin)?;
        if verdict == Verdict::Wrong || !credentials.user.is_active() {
            return Err(EndpointError::BadLogin);
        }
        if let (Verdict::RightButOutdated, Ok(password)) = (verdict, again) {
            let hash = self.credentials.hasher().hash(password, whom).await?;
            let (user, earlier) = (&credentials.user.id, &credentials.password_hash);
            self.store
                .replace_password_hash(user, earlier, &hash)
                .await?;
        }
        Ok(credentials.user)
    }

    fn login_answer(&self, granted: &Granted) -> Response {
        let answer = LoginAnswer {
            token: &granted.access_token,
            expires_in: self.settings.access_token_seconds,
            refresh_token: granted.refresh_token.as_ref().map(PlainSecret::reveal),
            scope: granted.scopes.to_string(),
        };
        body::answer(StatusCode::OK, &answer)
    }
}
