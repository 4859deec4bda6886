//! An issuer of tokens, made anew in each test.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use portcullis::clock::{Clock, SystemClock};

pub(crate) const ISSUER: &str = "https://id.shop.example";
pub(crate) const AUDIENCE: &str = "orders-api";

/// Signs with one ES256 key.
pub(crate) struct TestIssuer {
    key: EncodingKey,
    key_id: String,
    jwk: Value,
}

impl TestIssuer {
    pub(crate) fn new(key_id: &str) -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let document =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": key_id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..65]),
        });
        Self {
            key: EncodingKey::from_ec_der(document.as_ref()),
            key_id: key_id.to_owned(),
            jwk,
        }
    }

    /// The public keys of these issuers as one set.
    pub(crate) fn jwks<'i>(issuers: impl IntoIterator<Item = &'i Self>) -> String {
        let keys: Vec<&Value> = issuers.into_iter().map(|issuer| &issuer.jwk).collect();
        json!({ "keys": keys }).to_string()
    }

    /// Signs these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.key_id.clone());
        header.typ = Some("at+jwt".to_owned());
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
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
