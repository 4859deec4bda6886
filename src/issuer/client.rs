//! Which app calls the token endpoint, and whether it is that app (RFC 6749 section 2.3).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::Issuer;
use super::refusal::Refusal;
use crate::identity::{AppKey, BasicCredentials, Form, SecretDigest, Status, User};
use crate::store::AppWithOwner;

/// Who asks for a token.
pub(super) enum Party {
    App(Box<AppWithOwner>),
    /// By name and password, where that is configured.
    User(Box<User>),
}

impl Issuer {
    /// Who the request proves to come from: an app, else, where that is configured, a user by HTTP
    /// Basic with name or e-mail address and password.
    pub(super) async fn party(&self, headers: &HeaderMap, form: &Form) -> Result<Party, Refusal> {
        match self.client(headers, form).await {
            Ok(client) => Ok(Party::App(Box::new(client))),
            Err(Refusal::BadClient) if self.settings.user_credentials_at_token_endpoint => {
                let user = self.user_by_basic(headers, form).await?;
                Ok(Party::User(Box::new(user)))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Takes as long for names that there are not.
    async fn user_by_basic(&self, headers: &HeaderMap, form: &Form) -> Result<User, Refusal> {
        let value = headers.get(AUTHORIZATION).ok_or(Refusal::BadClient)?;
        let credentials = BasicCredentials::read(value.as_bytes());
        let credentials = credentials.ok().flatten().ok_or(Refusal::BadClient)?;
        for (name, password) in credentials.readings() {
            match self.user_with_password(name, password.to_owned()).await {
                Ok(_) if form.get("client_id").is_some_and(|other| other != name) => {
                    return Err(Refusal::SeveralClientCredentials);
                }
                Err(Refusal::BadLogin) => {}
                outcome => return outcome,
            }
        }
        Err(Refusal::BadClient)
    }

    /// The app that the request proves to come from: by Basic, or by its key and secret in the
    /// body, never by both.
    pub(super) async fn client(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<AppWithOwner, Refusal> {
        // The gate has refused requests with several.
        let Some(value) = headers.get(AUTHORIZATION) else {
            let (Some(key), Some(secret)) = (form.get("client_id"), form.get("client_secret"))
            else {
                return Err(Refusal::BadClient);
            };
            return self
                .app_with_secret(key, secret)
                .await?
                .ok_or(Refusal::BadClient);
        };
        if form.get("client_secret").is_some() {
            return Err(Refusal::SeveralClientCredentials);
        }
        let credentials = BasicCredentials::read(value.as_bytes())
            .ok()
            .flatten()
            .ok_or(Refusal::BadClient)?;
        for (key, secret) in credentials.readings() {
            if let Some(found) = self.app_with_secret(key, secret).await? {
                return match form.get("client_id") {
                    Some(other) if other != key => Err(Refusal::SeveralClientCredentials),
                    Some(_) | None => Ok(found),
                };
            }
        }
        Err(Refusal::BadClient)
    }

    /// The app, if the secret is one of its own and neither it nor its owner is disabled.
    async fn app_with_secret(
        &self,
        key: &str,
        secret: &str,
    ) -> Result<Option<AppWithOwner>, Refusal> {
        let presented = SecretDigest::of(secret.as_bytes());
        let found = self
            .store
            .app(&AppKey::known(key), self.clock.now())
            .await?;
        Ok(found.filter(|found| {
            // Every digest is compared, so that the time tells nothing.
            let matching = found
                .secrets
                .iter()
                .filter(|digest| digest.matches(&presented))
                .count();
            let active = [found.app.status, found.owner.status] == [Status::Active; 2];
            matching > 0 && active
        }))
    }
}
