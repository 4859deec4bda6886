//! Access tokens (RFC 9068): the key that signs them, and its public side.

use serde_json::{Map, Value, json};

use super::{Issuer, IssuerError, random};
use crate::clock::UnixSeconds;
use crate::identity::{AppKey, Audiences, ScopeSet, SecretDigest, User, alphanumeric};
use crate::store::Store;
use crate::token::{
    Algorithm, CryptographyFailed, GRANT_CLAIM, KeySet, KeySetError, LogPosition, POSITION_CLAIM,
    SigningKey, generate_key,
};

const ALGORITHM: Algorithm = Algorithm::Es256;

/// The client of tokens that users get without an app. No app has so short a key.
pub(super) const LOGIN_CLIENT: &str = "portcullis";

/// For whom a token is made, and what may take it back.
#[derive(Clone, Copy)]
pub(super) struct Bearer<'a> {
    pub(super) user: &'a User,
    /// The app through which it acts; none by its own login.
    pub(super) app: Option<&'a AppKey>,
    /// The grant that the token belongs to, where it has a refresh token.
    pub(super) grant: Option<&'a str>,
    /// Who may accept it.
    pub(super) audiences: &'a Audiences,
    /// How much of the revocation log had happened when user, app and grant were read.
    pub(super) as_of: LogPosition,
}

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
    /// Signs an access token with these scopes.
    pub(super) fn access_token(
        &self,
        bearer: &Bearer<'_>,
        scopes: &ScopeSet,
    ) -> Result<String, CryptographyFailed> {
        let Bearer { user, app, .. } = *bearer;
        let now = self.clock.now();
        let audiences = bearer.audiences.among(self.settings.audiences());
        let expiry = now.plus(i64::from(self.settings.access_token_seconds));
        let mut claims = Map::new();
        let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        claim("iss", self.settings.url.as_str().into());
        claim("sub", user.id.as_str().into());
        claim("aud", audiences.into());
        claim("client_id", app.map_or(LOGIN_CLIENT, AppKey::as_str).into());
        claim("iat", now.0.into());
        claim("exp", expiry.0.into());
        claim("jti", alphanumeric(&random::<16>()?).into());
        claim("scope", scopes.to_string().into());
        claim("name", user.username.as_str().into());
        claim(POSITION_CLAIM, bearer.as_of.0.into());
        if let Some(grant) = bearer.grant {
            claim(GRANT_CLAIM, grant.into());
        }
        self.signer.key.issue("at+jwt", &claims)
    }

    /// The app that a token was made for.
    pub(super) fn app_of_token(client: Option<&str>) -> Option<&str> {
        client.filter(|client| *client != LOGIN_CLIENT)
    }
}
