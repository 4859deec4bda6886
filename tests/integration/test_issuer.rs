//! An issuer of tokens, made anew in each test.

use serde_json::{Value, json};

use portcullis::clock::{Clock, SystemClock};

use crate::es256::{Es256Key, signed_part};

pub(crate) const ISSUER: &str = "https://id.shop.example";
pub(crate) const AUDIENCE: &str = "orders-api";

/// Signs with one ES256 key.
pub(crate) struct TestIssuer {
    key: Es256Key,
    key_id: String,
    jwk: Value,
}

impl TestIssuer {
    pub(crate) fn new(key_id: &str) -> Self {
        let key = Es256Key::generate();
        Self {
            jwk: key.jwk(key_id),
            key,
            key_id: key_id.to_owned(),
        }
    }

    /// The public keys of these issuers as one set.
    pub(crate) fn jwks<'i>(issuers: impl IntoIterator<Item = &'i Self>) -> String {
        let keys: Vec<&Value> = issuers.into_iter().map(|issuer| &issuer.jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Signs these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": self.key_id});
        self.key.sign(&signed_part(&header, claims))
    }

    /// A token that holds for an hour.
    pub(crate) fn token(&self, subject: &str, scope: &str) -> String {
        self.sign(&claims(subject, scope))
    }
}

/// The claims of a good token.
pub(crate) fn claims(subject: &str, scope: &str) -> Value {
    let now = SystemClock.now().0;
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "client_id": "web-shop", "scope": scope,
        "iat": now, "exp": now + 3600, "jti": format!("{subject}-1"),
    })
}
