//! Makes keys and tokens, right ones and wrong ones. Nothing here uses the code under test.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::clock::UnixSeconds;
use crate::token::{
    Algorithm, IssuerRules, KeySet, TokenError, Trust, UnverifiedToken, VerifiedToken,
};

pub(super) const NOW: UnixSeconds = UnixSeconds(1_700_000_000);
pub(super) const ISSUER: &str = "https://id.shop.example";
pub(super) const AUDIENCE: &str = "orders-api";
pub(super) const KEY_ID: &str = "key-1";

/// A private key and the algorithm to sign with.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    key: PrivateKey,
}

#[derive(Debug)]
enum PrivateKey {
    Hmac(Vec<u8>),
    Rsa(&'static RsaKeyPair, &'static dyn RsaEncoding),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// A new key. RSA keys are slow to make: all RSA signers have the same one.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let ecdsa = |algorithm| PrivateKey::Ecdsa(EcdsaKeyPair::generate(algorithm).unwrap());
        let key = match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => {
                let mut secret = vec![0; 64];
                rand::fill(&mut secret).unwrap();
                PrivateKey::Hmac(secret)
            }
            Algorithm::Rs256 => PrivateKey::Rsa(rsa_key(), &RSA_PKCS1_SHA256),
            Algorithm::Rs384 => PrivateKey::Rsa(rsa_key(), &RSA_PKCS1_SHA384),
            Algorithm::Rs512 => PrivateKey::Rsa(rsa_key(), &RSA_PKCS1_SHA512),
            Algorithm::Ps256 => PrivateKey::Rsa(rsa_key(), &RSA_PSS_SHA256),
            Algorithm::Ps384 => PrivateKey::Rsa(rsa_key(), &RSA_PSS_SHA384),
            Algorithm::Ps512 => PrivateKey::Rsa(rsa_key(), &RSA_PSS_SHA512),
            Algorithm::Es256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::Es384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::EdDsa => PrivateKey::Ed25519(Ed25519KeyPair::generate().unwrap()),
        };
        Self { algorithm, key }
    }

    /// The same key for every caller, for tests that do not care which.
    pub(super) fn shared(algorithm: Algorithm) -> &'static Self {
        static SIGNERS: OnceLock<Mutex<HashMap<Algorithm, &'static Signer>>> = OnceLock::new();
        let mut signers = SIGNERS.get_or_init(Mutex::default).lock().unwrap();
        signers
            .entry(algorithm)
            .or_insert_with(|| Box::leak(Box::new(Self::new(algorithm))))
    }

    pub(super) fn hmac_with(algorithm: Algorithm, secret: &[u8]) -> Self {
        Self {
            algorithm,
            key: PrivateKey::Hmac(secret.to_vec()),
        }
    }

    pub(super) fn secret(&self) -> &[u8] {
        match &self.key {
            PrivateKey::Hmac(secret) => secret,
            _ => panic!("not a secret"),
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            PrivateKey::Hmac(secret) => {
                let hash = match self.algorithm {
                    Algorithm::Hs256 => hmac::HMAC_SHA256,
                    Algorithm::Hs384 => hmac::HMAC_SHA384,
                    _ => hmac::HMAC_SHA512,
                };
                hmac::sign(&hmac::Key::new(hash, secret), message)
                    .as_ref()
                    .to_vec()
            }
            PrivateKey::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
            PrivateKey::Ecdsa(key) => key
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            PrivateKey::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The public key as a JWK with nothing but the key itself.
    pub(super) fn bare_jwk(&self) -> Value {
        match &self.key {
            PrivateKey::Hmac(secret) => json!({"kty": "oct", "k": encode(secret)}),
            PrivateKey::Rsa(key, _) => {
                let der = key.public_key().as_ref();
                json!({"kty": "RSA", "n": encode(&der[9..265]), "e": encode(&der[267..])})
            }
            PrivateKey::Ecdsa(key) => {
                let point = &key.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match x.len() {
                    32 => "P-256",
                    48 => "P-384",
                    66 => "P-521",
                    bytes => panic!("no curve has coordinates of {bytes} bytes"),
                };
                json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)})
            }
            PrivateKey::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(key.public_key().as_ref())})
            }
        }
    }

    /// The public key with the usual other members.
    pub(super) fn jwk(&self, key_id: &str) -> Value {
        with(
            self.bare_jwk(),
            json!({"kid": key_id, "alg": self.algorithm.name(), "use": "sig"}),
        )
    }

    /// A key set of this key alone.
    pub(super) fn key_set(&self) -> KeySet {
        match &self.key {
            PrivateKey::Hmac(secret) => {
                KeySet::from_hmac_secret(secret, &[self.algorithm]).unwrap()
            }
            _ => key_set(&[self.jwk(KEY_ID)], &[self.algorithm]),
        }
    }

    /// Trust in this key alone.
    pub(super) fn trust(&self) -> Trust {
        trust(rules(&[self.algorithm]), self.key_set())
    }

    pub(super) fn header(&self) -> Value {
        json!({"alg": self.algorithm.name(), "typ": "at+jwt", "kid": KEY_ID})
    }

    /// Signs any text in the place of header and claims.
    pub(super) fn token(&self, header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
        let message = format!("{}.{}", encode(header.as_ref()), encode(claims.as_ref()));
        self.sign_message(&message)
    }

    pub(super) fn sign_message(&self, message: &str) -> String {
        format!("{message}.{}", encode(&self.sign(message.as_bytes())))
    }

    /// A right token, but for these claims.
    pub(super) fn token_with(&self, changes: Value) -> String {
        self.token(
            self.header().to_string(),
            with(claims(), changes).to_string(),
        )
    }

    pub(super) fn right_token(&self) -> String {
        self.token_with(json!({}))
    }
}

fn rsa_key() -> &'static RsaKeyPair {
    static KEY: OnceLock<RsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
}

pub(super) fn from_hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap())
        .collect()
}

pub(super) fn without_last_character(text: &str) -> &str {
    text.split_at(text.len() - 1).0
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// An object with some members replaced; a member replaced by `"<absent>"` is left out.
pub(super) fn with(mut object: Value, changes: Value) -> Value {
    let members = object.as_object_mut().unwrap();
    let Value::Object(changes) = changes else {
        panic!("not an object")
    };
    for (name, value) in changes {
        if value == "<absent>" {
            members.remove(&name);
        } else {
            members.insert(name, value);
        }
    }
    object
}

pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "user-7",
        "client_id": "app-3",
        "jti": "token-1",
        "iat": NOW.0,
        "exp": NOW.0 + 600,
        "scope": "orders.read orders.write",
    })
}

pub(super) fn rules(algorithms: &[Algorithm]) -> IssuerRules {
    IssuerRules {
        types: vec!["at+jwt".into(), "jwt".into()],
        ..IssuerRules::of_access_tokens("staff", ISSUER, &[AUDIENCE], algorithms)
    }
}

pub(super) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

pub(super) fn key_set(keys: &[Value], allowed: &[Algorithm]) -> KeySet {
    KeySet::from_jwks(&jwks(keys), allowed).unwrap().0
}

pub(super) fn trust(rules: IssuerRules, keys: KeySet) -> Trust {
    Trust::new(vec![(rules, Some(keys))]).unwrap()
}

pub(super) fn verify_at(
    trust: &Trust,
    token: &str,
    now: UnixSeconds,
) -> Result<VerifiedToken, TokenError> {
    trust.verify(UnverifiedToken::parse(token.as_bytes()).unwrap(), now)
}

pub(super) fn verify(trust: &Trust, token: &str) -> Result<VerifiedToken, TokenError> {
    verify_at(trust, token, NOW)
}

#[track_caller]
pub(super) fn assert_refused(trust: &Trust, token: &str, expected: TokenError) {
    assert_eq!(verify(trust, token).err(), Some(expected), "{token}");
}
