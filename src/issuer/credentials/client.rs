//! Which app calls the token endpoint, and whether it is that app (RFC 6749 section 2.3).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::refused_app::{RefusedApp, RefusedProof};
use super::{Credentials, UsersAtTokenEndpoint};
use crate::identity::{AppKey, AppWithOwner, BasicCredentials, Form, SecretDigest, User};
use crate::issuer::endpoint_error::EndpointError;
use crate::store::StoreError;

/// Who asks for a token.
pub(in crate::issuer) enum Party {
    App(Box<AppWithOwner>),
    /// By name and password, where that is configured.
    User(Box<User>),
}

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

impl Credentials {
    /// Who the request proves to come from: an app, else, where that is configured, a user by HTTP
    /// Basic with name or e-mail address and password.
    pub(in crate::issuer) async fn party(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<Party, EndpointError> {
        let by_name = self.users_at_token_endpoint == UsersAtTokenEndpoint::Accepted
            && headers.contains_key(AUTHORIZATION)
            && !self.names_app(headers, form).await?;
        if by_name {
            let user = self.user_by_basic(headers, form).await?;
            return Ok(Party::User(Box::new(user)));
        }
        let client = self.client(headers, form).await?;
        Ok(Party::App(Box::new(client)))
    }

    /// Whether the credentials are those of an app, right or wrong: each attempt is counted once, as
    /// what it is.
    async fn names_app(&self, headers: &HeaderMap, form: &Form) -> Result<bool, EndpointError> {
        let Some(presented) = Presented::read(headers, form) else {
            return Ok(false);
        };
        let key = AppKey::known(&presented.key);
        Ok(self.store.app(&key, self.clock.now()).await?.is_some())
    }

    /// Takes as long for names that there are not.
    async fn user_by_basic(&self, headers: &HeaderMap, form: &Form) -> Result<User, EndpointError> {
        let value = headers.get(AUTHORIZATION).ok_or(EndpointError::BadClient)?;
        let credentials = BasicCredentials::read(value.as_bytes());
        let credentials = credentials.ok().flatten().ok_or(EndpointError::BadClient)?;
        for (name, password) in credentials.readings() {
            match self
                .user_with_password_alone(name, password.to_owned())
                .await
            {
                Ok(_) if form.get("client_id").is_some_and(|other| other != name) => {
                    return Err(EndpointError::SeveralClientCredentials);
                }
                // The next reading. Each wrong one counts as a guess; nearly all headers have one reading.
                Err(EndpointError::BadLogin) => {}
                outcome => return outcome,
            }
        }
        Err(EndpointError::BadClient)
    }

    /// The app that the request proves to come from: by Basic, or by its key and secret in the
    /// body, never by both.
    pub(in crate::issuer) async fn client(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<AppWithOwner, EndpointError> {
        let check = self.check_client(headers, form);
        match Presented::read(headers, form) {
            Some(Presented { key, secret }) => {
                self.attempts.by_app(&key, secret.as_bytes(), check).await
            }
            // Nothing that could be guessed right.
            None => check.await.map_err(|refused| refused.error),
        }
    }

    async fn check_client(
        &self,
        headers: &HeaderMap,
        form: &Form,
    ) -> Result<AppWithOwner, RefusedProof> {
        // The gate has refused requests with several.
        let Some(value) = headers.get(AUTHORIZATION) else {
            let (Some(key), Some(secret)) = (form.get("client_id"), form.get("client_secret"))
            else {
                return Err(EndpointError::BadClient.into());
            };
            return self.app_with_secret(key, secret).await?.map_err(bad_client);
        };
        // RFC 6749 section 2.3: no more than one method in a request. Which of two counts is what
        // proxies and servers see differently.
        if form.get("client_secret").is_some() {
            return Err(EndpointError::SeveralClientCredentials.into());
        }
        let credentials = BasicCredentials::read(value.as_bytes())
            .ok()
            .flatten()
            .ok_or(EndpointError::BadClient)?;
        // RFC 6749 section 2.3.1 has both parts form-encoded before they become Basic, which many
        // clients leave out: every reading is tried.
        let mut existing = None;
        for (key, secret) in credentials.readings() {
            match self.app_with_secret(key, secret).await? {
                Ok(_) if form.get("client_id").is_some_and(|other| other != key) => {
                    return Err(EndpointError::SeveralClientCredentials.into());
                }
                Ok(found) => return Ok(found),
                Err(refused) => existing = existing.or(refused),
            }
        }
        Err(bad_client(existing))
    }

    /// The app with this key and secret, which somebody has typed; counted as an attempt of the app.
    pub(in crate::issuer) async fn typed_app(
        &self,
        key: &str,
        secret: &str,
    ) -> Result<AppWithOwner, EndpointError> {
        let check = async {
            let found = self.app_with_secret(key, secret).await?;
            found.map_err(bad_client)
        };
        self.attempts.by_app(key, secret.as_bytes(), check).await
    }

    /// The app, if the secret is one of its own and neither it nor its owner is disabled. Else why not, where
    /// there is an app with this key.
    async fn app_with_secret(
        &self,
        key: &str,
        secret: &str,
    ) -> Result<Result<AppWithOwner, Option<RefusedApp>>, StoreError> {
        let presented = SecretDigest::of(secret.as_bytes());
        let found = self
            .store
            .app(&AppKey::known(key), self.clock.now())
            .await?;
        let Some(found) = found else {
            return Ok(Err(None));
        };
        // Every digest is compared, so that the time tells nothing.
        let matching = found
            .secrets
            .iter()
            .filter(|digest| digest.matches(&presented))
            .count();
        Ok(match RefusedApp::of(&found, matching > 0) {
            Some(refused) => Err(Some(refused)),
            None => Ok(found),
        })
    }
}

/// The same answer for every reason: its caller has not proven to be anybody.
fn bad_client(app: Option<RefusedApp>) -> RefusedProof {
    RefusedProof {
        app,
        ..EndpointError::BadClient.into()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// What the throttle counts a request as.
    fn presented(authorization: Option<&str>, form: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        let form = Form::parse(form.as_bytes()).unwrap();
        let read = Presented::read(&headers, &form)?;
        Some((read.key, read.secret))
    }

    #[test]
    fn an_attempt_counts_for_the_key_that_is_checked() {
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let (plain, encoded) = (basic("app:secret"), basic("a%20b:c%3Ad"));
        let (no_colon, bearer) = (basic("app"), "Bearer app".to_owned());
        let body = "client_id=app&client_secret=other";
        let rows = [
            (Some(&plain), "", Some(("app", "secret"))),
            // The header is what is checked, so it is what counts.
            (Some(&plain), body, Some(("app", "secret"))),
            (Some(&encoded), "", Some(("a b", "c:d"))),
            (None, body, Some(("app", "other"))),
            (None, "client_id=app", None),
            (None, "client_secret=other", None),
            (Some(&no_colon), body, None),
            (Some(&bearer), body, None),
            (None, "", None),
        ];
        for (authorization, form, expected) in rows {
            let expected = expected.map(|(key, secret)| (key.to_owned(), secret.to_owned()));
            let read = presented(authorization.map(String::as_str), form);
            assert_eq!(read, expected, "{authorization:?} {form}");
        }
    }
}
