//! Access tokens (RFC 9068): the key that signs them, and its public side.

use serde_json::{Map, Value, json};

use super::{Issuer, IssuerError, random};
use crate::clock::UnixSeconds;
use crate::identity::{ScopeSet, SecretDigest, User, alphanumeric};
use crate::store::Store;
use crate::token::{Algorithm, CryptographyFailed, KeySet, KeySetError, SigningKey, generate_key};

const ALGORITHM: Algorithm = Algorithm::Es256;

/// The client of tokens that users get without an app. No app has so short a key.
const LOGIN_CLIENT: &str = "portcullis";

/// The signing key, parsed once.
pub(super) struct Signer {
    key: SigningKey,
    /// RFC 7517 section 5.
    jwks: String,
    /// A validator of the set (RFC 9110 section 8.8.3), with its quotation marks.
    etag: String,
}

impl Signer {
    /// Takes the key from the store, which keeps a new one where it has none.
    pub(super) async fn load(store: &Store, now: UnixSeconds) -> Result<Self, IssuerError> {
        let fresh = generate_key(ALGORITHM)?;
        let stored = store.signing_key(ALGORITHM, &fresh, now).await?;
        let key = SigningKey::read(stored.private_key.as_bytes(), stored.algorithm)?;
        let keys: Vec<Value> = key.public_jwk().into_iter().collect();
        let jwks = json!({ "keys": keys }).to_string();
        let etag = format!("\"{}\"", SecretDigest::of(jwks.as_bytes()).to_text());
        Ok(Self { key, jwks, etag })
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    pub(super) fn jwks(&self) -> &str {
        &self.jwks
    }

    pub(super) fn etag(&self) -> &str {
        &self.etag
    }

    pub(super) fn key_set(&self) -> Result<KeySet, KeySetError> {
        let (keys, _) = KeySet::from_jwks(self.jwks.as_bytes(), &[self.algorithm()])?;
        Ok(keys)
    }
}

impl Issuer {
    /// Signs an access token for `user`, through the app `client` or by its own login.
    pub(super) fn access_token(
        &self,
        user: &User,
        client: Option<&str>,
        scopes: &ScopeSet,
    ) -> Result<String, CryptographyFailed> {
        let now = self.clock.now();
        let mut audiences = vec![self.settings.url.as_str()];
        let others = self.settings.audiences.iter().map(String::as_str);
        audiences.extend(others.filter(|audience| *audience != self.settings.url));
        let expiry = now.plus(i64::from(self.settings.access_token_seconds));
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", self.settings.url.as_str().into());
        claim("sub", user.id.as_str().into());
        claim("aud", audiences.into());
        claim("client_id", client.unwrap_or(LOGIN_CLIENT).into());
        claim("iat", now.0.into());
        claim("exp", expiry.0.into());
        claim("jti", alphanumeric(&random::<16>()?).into());
        claim("scope", scopes.to_string().into());
        claim("name", user.username.as_str().into());
        self.signer.key.issue("at+jwt", &claims)
    }

    /// The app that a token was made for.
    pub(super) fn app_of_token(client: Option<&str>) -> Option<&str> {
        client.filter(|client| *client != LOGIN_CLIENT)
    }
}
