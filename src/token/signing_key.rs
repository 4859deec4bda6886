//! Private keys and secrets: made, read from a file, and used to issue tokens.

use std::fmt;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::algorithm::{Algorithm, Curve, Family};
use super::jwk::{self, JwkError};
use super::key::{Key, KeyName};
use super::key_file::secret_in_file;
use super::pem;
use super::secret::{self, SecretError};

/// The text of a file that holds a private key (PKCS#8 in PEM, RFC 7468 section 10) or an HMAC
/// secret.
pub struct KeyText(String);

impl KeyText {
    /// The text, to be written where nobody else can read it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyText(..)")
    }
}

/// What signs tokens: a private key or a secret, and the one algorithm that it serves. Parsed once.
pub struct SigningKey {
    algorithm: Algorithm,
    id: Option<Box<str>>,
    material: Material,
}

/// Why the text of a file is no key for an algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// The key would have to be decrypted first.
    #[error(
        "the private key is encrypted: decrypt it with `openssl pkcs8 -in FILE -out NEW` and \
         protect the file instead"
    )]
    Encrypted,
    /// A PEM block of another kind.
    #[error("the file holds `{0}` and not a private key: expected `PRIVATE KEY` (PKCS#8 in PEM)")]
    NotAPrivateKey(String),
    /// No PEM block.
    #[error("the file holds no key in PEM: expected a block `-----BEGIN PRIVATE KEY-----`")]
    NotPem,
    /// A key that is broken, or of another type, curve or size.
    #[error(
        "the private key does not fit {0}: make one with `portcullis key generate --algorithm {0}`"
    )]
    DoesNotFit(Algorithm),
    /// A PEM block where a secret was expected.
    #[error(
        "the file holds a key in PEM and {0} needs a secret: make one with `portcullis key \
         generate --algorithm {0}`"
    )]
    NotASecret(Algorithm),
    /// A secret that is none.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// The cryptographic library failed, for want of randomness or memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed")]
pub struct CryptographyError;

enum Material {
    Hmac {
        key: Box<hmac::Key>,
        secret: Box<[u8]>,
    },
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair, Curve),
    Ed25519(Ed25519KeyPair),
}

/// Makes a new key for an algorithm; RSA keys have 2048 bits. A secret is as long as the hash, in
/// base64url, and is used as it is written.
pub fn generate_key(algorithm: Algorithm) -> Result<KeyText, CryptographyError> {
    let pkcs8 = match algorithm.family() {
        Family::Hmac => {
            let mut secret = vec![0; algorithm.least_secret_bytes().unwrap_or(64)];
            rand::fill(&mut secret).map_err(|_| CryptographyError)?;
            return Ok(KeyText(format!("{}\n", URL_SAFE_NO_PAD.encode(secret))));
        }
        Family::Rsa => RsaKeyPair::generate(KeySize::Rsa2048)
            .and_then(|pair| pair.as_der())
            .map(|der| der.as_ref().to_vec()),
        Family::Ec(curve) => EcdsaKeyPair::generate(signing(curve))
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|der| der.as_ref().to_vec()),
        Family::Ed25519 => Ed25519KeyPair::generate()
            .and_then(|pair| pair.to_pkcs8v1())
            .map(|der| der.as_ref().to_vec()),
    };
    pkcs8
        .map(|der| KeyText(pem::write("PRIVATE KEY", &der)))
        .map_err(|_| CryptographyError)
}

impl SigningKey {
    /// Reads the text of a key file. A private key's id is its thumbprint (RFC 7638); a secret has
    /// none, since its thumbprint would let others test guesses.
    pub fn read(text: &[u8], algorithm: Algorithm) -> Result<Self, SigningKeyError> {
        let block = std::str::from_utf8(text).ok().and_then(pem::Block::read);
        if let (Some(least), Some(hash)) = (algorithm.least_secret_bytes(), hash_of(algorithm)) {
            if block.is_some() {
                return Err(SigningKeyError::NotASecret(algorithm));
            }
            let secret = secret_in_file(text);
            secret::check(secret, algorithm, least)?;
            let material = Material::Hmac {
                key: Box::new(hmac::Key::new(hash, secret)),
                secret: secret.into(),
            };
            return Ok(Self {
                algorithm,
                id: None,
                material,
            });
        }
        let block = block.ok_or(SigningKeyError::NotPem)?;
        if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
            return Err(SigningKeyError::Encrypted);
        }
        if !["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"].contains(&block.label) {
            return Err(SigningKeyError::NotAPrivateKey(block.label.to_owned()));
        }
        let material = Material::from_der(&block.bytes, algorithm)
            .ok_or(SigningKeyError::DoesNotFit(algorithm))?;
        let id = material.thumbprint().map(Box::from);
        Ok(Self {
            algorithm,
            id,
            material,
        })
    }

    /// The same key under another id.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self {
            id: Some(id.into()),
            ..self
        }
    }

    /// The one algorithm that it serves.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of the tokens that it signs.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The public key as a JWK (RFC 7517) with `kid`, `use` and `alg`; a secret has none.
    pub fn public_jwk(&self) -> Option<Value> {
        let Value::Object(mut members) = self.material.public_members()? else {
            return None;
        };
        if let Some(id) = self.id() {
            members.insert("kid".to_owned(), id.into());
        }
        members.insert("use".to_owned(), "sig".into());
        members.insert("alg".to_owned(), self.algorithm.name().into());
        Some(Value::Object(members))
    }

    /// The key that verifies what this one signs; that of a secret is the secret.
    pub(super) fn verification_key(&self) -> Result<Key, JwkError> {
        if let Material::Hmac { key: _, secret } = &self.material {
            let name = match self.id() {
                Some(id) => KeyName::Id(id.into()),
                None => KeyName::Any,
            };
            return Ok(Key::of_secret(name, self.algorithm, secret));
        }
        match self.public_jwk() {
            Some(Value::Object(members)) => jwk::read(&members, &[self.algorithm]),
            Some(_) | None => Err(JwkError::NoPublicSide),
        }
    }

    /// A signed token in compact form (RFC 7515 section 7.1) of the type `kind`, such as `at+jwt`.
    pub fn issue(
        &self,
        kind: &str,
        claims: &Map<String, Value>,
    ) -> Result<String, CryptographyError> {
        let mut header = json!({"alg": self.algorithm.name(), "typ": kind});
        if let (Some(members), Some(id)) = (header.as_object_mut(), self.id()) {
            members.insert("kid".to_owned(), id.into());
        }
        let claims = serde_json::to_string(claims).map_err(|_| CryptographyError)?;
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.material.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Material {
    /// Reads PKCS#8, or the older forms of RFC 5915 and RFC 8017.
    fn from_der(der: &[u8], algorithm: Algorithm) -> Option<Self> {
        let rsa = |encoding| {
            let pair = RsaKeyPair::from_pkcs8(der)
                .or_else(|_| RsaKeyPair::from_der(der))
                .ok()?;
            Some(Self::Rsa(pair, encoding))
        };
        let ec = |curve| {
            let pair = EcdsaKeyPair::from_private_key_der(signing(curve), der).ok()?;
            Some(Self::Ec(pair, curve))
        };
        match algorithm {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => None,
            Algorithm::Rs256 => rsa(&RSA_PKCS1_SHA256),
            Algorithm::Rs384 => rsa(&RSA_PKCS1_SHA384),
            Algorithm::Rs512 => rsa(&RSA_PKCS1_SHA512),
            Algorithm::Ps256 => rsa(&RSA_PSS_SHA256),
            Algorithm::Ps384 => rsa(&RSA_PSS_SHA384),
            Algorithm::Ps512 => rsa(&RSA_PSS_SHA512),
            Algorithm::Es256 => ec(Curve::P256),
            Algorithm::Es384 => ec(Curve::P384),
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CryptographyError> {
        let random = SystemRandom::new();
        match self {
            Self::Hmac { key, secret: _ } => Ok(hmac::sign(key, message).as_ref().to_vec()),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)
                    .map_err(|_| CryptographyError)?;
                Ok(signature)
            }
            Self::Ec(pair, _) => pair
                .sign(&random, message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| CryptographyError),
            Self::Ed25519(pair) => pair
                .try_sign(message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| CryptographyError),
        }
    }

    /// The members that make the public key, and no others (RFC 7518 section 6, RFC 8037 section
    /// 2).
    fn public_members(&self) -> Option<Value> {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Hmac { .. } => None,
            Self::Rsa(pair, _) => {
                let utilities = &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.key_utils;
                let der = pair.public_key().as_ref();
                let (modulus, exponent) =
                    (utilities.rsa_pub_components_from_public_key)(der).ok()?;
                Some(json!({"kty": "RSA", "n": encode(&modulus), "e": encode(&exponent)}))
            }
            Self::Ec(pair, curve) => {
                // 4, x, y (SEC 1 section 2.3.3).
                let point = pair.public_key().as_ref().get(1..)?;
                let (x, y) = point.split_at_checked(curve.coordinate_bytes())?;
                let curve = curve.name();
                Some(json!({"kty": "EC", "crv": curve, "x": encode(x), "y": encode(y)}))
            }
            Self::Ed25519(pair) => {
                let point = pair.public_key().as_ref();
                Some(json!({"kty": "OKP", "crv": "Ed25519", "x": encode(point)}))
            }
        }
    }

    /// SHA-256 over the public members in lexicographic order without spaces (RFC 7638 section 3),
    /// which is how a sorted map is written.
    fn thumbprint(&self) -> Option<String> {
        let Value::Object(members) = self.public_members()? else {
            return None;
        };
        let sorted: std::collections::BTreeMap<_, _> = members.iter().collect();
        let text = serde_json::to_string(&sorted).ok()?;
        Some(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
    }
}

fn signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
    }
}

fn hash_of(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::Hs256 => Some(hmac::HMAC_SHA256),
        Algorithm::Hs384 => Some(hmac::HMAC_SHA384),
        Algorithm::Hs512 => Some(hmac::HMAC_SHA512),
        Algorithm::Rs256
        | Algorithm::Rs384
        | Algorithm::Rs512
        | Algorithm::Ps256
        | Algorithm::Ps384
        | Algorithm::Ps512
        | Algorithm::Es256
        | Algorithm::Es384
        | Algorithm::EdDsa => None,
    }
}
