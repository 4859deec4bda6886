//! Which app calls the token endpoint, and whether it is that app (RFC 6749 section 2.3).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::Issuer;
use super::refusal::Refusal;
use super::throttle::Claimant;
use crate::identity::{AppKey, BasicCredentials, Form, SecretDigest, Status};
use crate::store::AppWithOwner;

/// A key and a secret as the throttle counts them, wherever they stand.
struct Presented {
    key: String,
    secret: String,
}

impl Presented {
    fn read(headers: &HeaderMap, form: &Form) -> Option<Self> {
        if let Some(value) = headers.get(AUTHORIZATION) {
            let credentials = BasicCredentials::read(value.as_bytes()).ok().flatten()?;
            let (key, secret) = credentials.readings().next()?;
            return Some(Self::new(key, secret));
        }
        Some(Self::new(
            form.get("client_id")?,
            form.get("client_secret")?,
        ))
    }

    fn new(key: &str, secret: &str) -> Self {
        Self {
            key: key.to_owned(),
            secret: secret.to_owned(),
        }
    }
}

impl Issuer {
    /// The app that the request proves to come from: by Basic, or by its key and secret in the
    /// body, never by both.
    pub(super) async fn client(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<AppWithOwner, Refusal> {
        let check = self.check_client(headers, form);
        match Presented::read(headers, form) {
            Some(Presented { key, secret }) => {
                let claimant = Claimant::App(&key);
                self.attempt(claimant, secret.as_bytes(), check).await
            }
            // Nothing that could be guessed right.
            None => check.await,
        }
    }

    async fn check_client(
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
