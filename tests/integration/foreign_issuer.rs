//! An issuer that is not ours: it signs whatever header and claims it likes, and publishes keys that look
//! as it likes.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use portcullis::clock::{Clock, SystemClock};
use portcullis::token::{Algorithm, SigningKey, generate_key};
use serde_json::{Map, Value, json};

/// A key pair.
pub(crate) struct ForeignKey {
    encoding: EncodingKey,
    /// The public half, without `kid`, `alg` and `use`.
    public: Map<String, Value>,
}

impl ForeignKey {
    /// A new key for this algorithm.
    pub(crate) fn generate(algorithm: Algorithm) -> Self {
        let text = generate_key(algorithm).unwrap();
        let pem = text.reveal().as_bytes();
        let encoding = match algorithm {
            Algorithm::Es256 => EncodingKey::from_ec_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        let key = SigningKey::read(pem, algorithm).unwrap();
        let mut public = key.public_jwk().unwrap().as_object().unwrap().clone();
        for name in ["kid", "alg", "use"] {
            public.remove(name);
        }
        Self {
            encoding: encoding.unwrap(),
            public,
        }
    }

    /// RSA with 2048 bits, the same in every test: it takes long to make.
    pub(crate) fn rsa() -> &'static Self {
        static KEY: OnceLock<ForeignKey> = OnceLock::new();
        KEY.get_or_init(|| Self::generate(Algorithm::Rs256))
    }

    /// P-256, the same in every test.
    pub(crate) fn p256() -> &'static Self {
        static KEY: OnceLock<ForeignKey> = OnceLock::new();
        KEY.get_or_init(|| Self::generate(Algorithm::Es256))
    }

    /// The one that signs by this algorithm.
    pub(crate) fn of(algorithm: &str) -> &'static Self {
        if algorithm.starts_with("ES") {
            Self::p256()
        } else {
            Self::rsa()
        }
    }

    /// The public key with these members besides its own.
    pub(crate) fn jwk(&self, members: &Value) -> Value {
        let mut jwk = self.public.clone();
        jwk.extend(members.as_object().unwrap().clone());
        jwk.into()
    }

    /// Signs these bytes of JSON by the algorithm that the header names.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let algorithm = header["alg"].as_str().unwrap().parse().unwrap();
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding, algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

/// A key set with these keys.
pub(crate) fn key_set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// The claims with `changes`, of which null removes a claim.
pub(crate) fn changed(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// `iat` five seconds ago and `exp` in five minutes.
pub(crate) fn times() -> Value {
    let now = SystemClock.now().0;
    json!({"iat": now - 5, "exp": now + 300})
}
