//! `POST /authorization/token` (RFC 6749 section 3.2).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::client::Party;
use super::endpoint_error::EndpointError;
use super::metrics::TokenGrant;
use super::refresh::{Granted, RequestedRights};
use super::{Issuer, body};
use crate::identity::{
    Audiences, Form, Means, NoScopeError, PlainSecret, RequestedScopes, Rights, RightsRequest,
    ScopeSet, User, grant,
};
use crate::store::AppWithOwner;

/// RFC 6750.
pub(super) const TOKEN_TYPE: &str = "bearer";

/// RFC 6749 section 5.1.
#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    scope: String,
}

pub(super) async fn token(
    State(issuer): State<Arc<Issuer>>,
    request: Request,
) -> Result<Response, EndpointError> {
    if request.uri().query().is_some() {
        return Err(EndpointError::ParametersInUrl);
    }
    let headers = request.headers().clone();
    let form = body::form(request).await?;
    let grant_type = form
        .get("grant_type")
        .ok_or(EndpointError::Missing("grant_type"))?;
    let offered = issuer.settings.grants;
    let (grant, granted) = match grant_type {
        "client_credentials" if offered.client_credentials => {
            let granted = match issuer.party(&headers, &form).await? {
                Party::App(client) => issuer.by_client_credentials(&client, &form).await?,
                Party::User(user) => issuer.by_user_credentials(&user, &form).await?,
            };
            (TokenGrant::ClientCredentials, granted)
        }
        "refresh_token" if offered.refresh_token => {
            let party = issuer.party(&headers, &form).await?;
            let granted = issuer.by_refresh_token(&party, &form).await?;
            (TokenGrant::RefreshToken, granted)
        }
        "authorization_code" if offered.authorization_code => {
            let client = issuer.client(&headers, &form).await?;
            let audiences = issuer.requested(&form)?.audiences;
            let granted = issuer
                .by_authorization_code(&client, &form, &audiences)
                .await?;
            (TokenGrant::AuthorizationCode, granted)
        }
        "password" if offered.password => match issuer.party(&headers, &form).await? {
            Party::App(client) => {
                let granted = issuer.by_password(&client, &form).await?;
                (TokenGrant::Password, granted)
            }
            Party::User(_) => return Err(EndpointError::UnauthorizedClient),
        },
        _ => return Err(EndpointError::UnsupportedGrant),
    };
    issuer.metrics.token_issued(grant);
    let answer = TokenAnswer {
        access_token: &granted.access_token,
        token_type: TOKEN_TYPE,
        expires_in: issuer.settings.access_token_seconds,
        refresh_token: granted.refresh_token.as_ref().map(PlainSecret::reveal),
        scope: granted.scopes.to_string(),
    };
    Ok(body::answer(StatusCode::OK, &answer))
}

impl Issuer {
    /// RFC 6749 section 4.4; the token acts for the app's owner.
    async fn by_client_credentials(
        &self,
        client: &AppWithOwner,
        form: &Form,
    ) -> Result<Granted, EndpointError> {
        let requested = self.requested(form)?;
        let rights = self.within(&requested, Some(&client.app.scopes), &client.owner.scopes);
        let rights = rights.map_err(|refusal| match refusal {
            EndpointError::NothingGranted(NoScopeError::User) => NoScopeError::Owner.into(),
            other => other,
        })?;
        let refreshable = self.refreshable();
        self.begin_grant(&client.owner, Some(client), &rights, refreshable)
            .await
    }

    /// The same with the credentials of a user, as at the login.
    async fn by_user_credentials(
        &self,
        user: &User,
        form: &Form,
    ) -> Result<Granted, EndpointError> {
        let rights = self.within(&self.requested(form)?, None, &user.scopes)?;
        let granted = self.begin_grant(user, None, &rights, self.refreshable());
        granted.await.map_err(|refusal| match refusal {
            // Here the user is the client.
            EndpointError::BadLogin => EndpointError::BadClient,
            other => other,
        })
    }

    /// RFC 6749 section 4.3: the app has the user's password.
    async fn by_password(
        &self,
        client: &AppWithOwner,
        form: &Form,
    ) -> Result<Granted, EndpointError> {
        let name = form
            .get("username")
            .ok_or(EndpointError::Missing("username"))?;
        let password = form
            .get("password")
            .ok_or(EndpointError::Missing("password"))?;
        let requested = self.requested(form)?;
        let user = self.user_with_password(name, password.to_owned()).await;
        let mut user = user.map_err(|refusal| match refusal {
            // At this endpoint it is the client that 401 is about.
            EndpointError::BadLogin => EndpointError::BadPasswordGrant,
            other => other,
        })?;
        // The app was read earlier: what was taken back from it in between is beyond this.
        user.as_of = user.as_of.min(client.owner.as_of);
        let rights = self.within(&requested, Some(&client.scopes()), &user.scopes)?;
        let refreshable = self.settings.grants.refresh_token;
        self.begin_grant(&user, Some(client), &rights, refreshable)
            .await
    }

    /// RFC 6749 section 6: the party's own token, and no more scopes than it had.
    async fn by_refresh_token(&self, party: &Party, form: &Form) -> Result<Granted, EndpointError> {
        let token = form
            .get("refresh_token")
            .ok_or(EndpointError::Missing("refresh_token"))?;
        let requested = self.requested(form)?;
        match party {
            Party::App(client) => self.refresh(token, Some(client), &requested).await,
            Party::User(user) => {
                let digest = PlainSecret::claimed(token).digest();
                let found = self.store.refresh_token(&digest, self.clock.now()).await?;
                if found.is_none_or(|found| found.user != user.id) {
                    return Err(EndpointError::BadRefreshToken);
                }
                self.refresh(token, None, &requested).await
            }
        }
    }

    /// Whether credentials that can be used again are answered with a refresh token.
    fn refreshable(&self) -> bool {
        self.settings.grants.refresh_token && self.settings.refresh_token.with_client_credentials
    }

    /// What is granted of it, of what app and user may have.
    fn within(
        &self,
        requested: &RequestedRights,
        app: Option<&ScopeSet>,
        user: &ScopeSet,
    ) -> Result<Rights, EndpointError> {
        let asked = RightsRequest {
            scopes: &requested.scopes,
            audiences: &requested.audiences,
            means: app.map_or(Means::Login, |_| Means::App),
        };
        Ok(self.rights(grant(&requested.scopes, app, user)?, asked)?)
    }

    fn requested(&self, form: &Form) -> Result<RequestedRights, EndpointError> {
        let offered: Vec<&str> = self.settings.audiences().collect();
        Ok(RequestedRights {
            scopes: RequestedScopes::parse(form.get("scope"))?,
            audiences: Audiences::parse(form.all("resource"), &offered)?,
        })
    }
}
