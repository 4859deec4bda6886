//! One public key of a JWKS (RFC 7517 section 4), checked before it may verify anything.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, Curve, Family};
use super::fingerprint::Fields;
use super::header::MAX_KEY_ID_BYTES;
use super::key::{Key, KeyName};

/// The RSA moduli that the cryptography accepts (RFC 7518 section 3.3 asks for at least 2048).
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Members of private and symmetric keys (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why a JWK cannot verify tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    #[error("its `kid` is not a string of at most {MAX_KEY_ID_BYTES} bytes")]
    KeyId,
    #[error("its `use` is not `sig`")]
    Use,
    #[error("its `key_ops` are not strings with `verify` among them")]
    Operations,
    #[error("none of the issuer's `algorithms` fits its type")]
    NoAlgorithm,
    #[error("its `alg` is not a supported signature algorithm")]
    UnknownAlgorithm,
    #[error("its `alg` {0} does not fit its `kty` and `crv`")]
    WrongAlgorithm(Algorithm),
    #[error("its `alg` {0} is not among the issuer's `algorithms`")]
    AlgorithmNotAllowed(Algorithm),
    #[error("it has no `kty`")]
    NoType,
    #[error("its `kty` and `crv` are not supported")]
    UnsupportedType,
    #[error("it is a symmetric key: whoever reads the JWKS could sign")]
    Symmetric,
    #[error(
        "it holds private members: publish the public key only, and replace it, because it is no \
         longer a secret"
    )]
    Private,
    #[error("it has no `{0}`")]
    Missing(&'static str),
    #[error("it has no `{0}`: certificates (`x5c`) are not read, publish the key itself")]
    CertificateOnly(&'static str),
    #[error("its `{0}` is not canonical base64url without padding")]
    NotBase64Url(&'static str),
    #[error("its `{member}` has {bytes} bytes instead of {expected}")]
    Length {
        member: &'static str,
        bytes: usize,
        expected: usize,
    },
    #[error("its modulus has {0} bits: {least} to {most} are accepted", least = RSA_BITS.start(), most = RSA_BITS.end())]
    ModulusBits(usize),
    #[error("its modulus is even, or its exponent is even, 1 or too large")]
    RsaNumbers,
    #[error("its point is not on the curve")]
    NotOnCurve,
    #[error("its point is of small order: anybody can sign under it")]
    SmallOrder,
    #[error("its point is not in canonical form")]
    NotCanonical,
    /// A private key whose public side cannot be computed.
    #[error("it has no public key")]
    NoPublicSide,
}

pub(super) fn read(members: &Map<String, Value>, allowed: &[Algorithm]) -> Result<Key, JwkError> {
    let name = match key_id(members)? {
        Some(id) => KeyName::Id(id.into()),
        None => KeyName::Unnamed,
    };
    let public = PublicKey::read(members)?;
    check_use(members)?;
    let algorithm = algorithm(members, public.family(), allowed)?;
    let mut fields = Fields::new();
    public.add_to(&mut fields);
    Ok(Key::new(
        name,
        algorithm,
        public.into_decoding_key(),
        fields.finish(),
    ))
}

/// `kid`, where it is one that a token could name.
pub(super) fn key_id(members: &Map<String, Value>) -> Result<Option<&str>, JwkError> {
    match members.get("kid") {
        None => Ok(None),
        Some(Value::String(id)) if id.len() <= MAX_KEY_ID_BYTES => Ok(Some(id)),
        Some(_) => Err(JwkError::KeyId),
    }
}

/// `use` and `key_ops`, which must not speak against verifying (RFC 7517 sections 4.2 and 4.3).
fn check_use(members: &Map<String, Value>) -> Result<(), JwkError> {
    match members.get("use") {
        None => {}
        // SPIFFE's bundles have a word of their own for it (SPIFFE JWT-SVID section 4).
        Some(Value::String(purpose)) if purpose == "sig" || purpose == "jwt-svid" => {}
        Some(_) => return Err(JwkError::Use),
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations))
            if operations.iter().all(Value::is_string)
                && operations.iter().any(|operation| operation == "verify") =>
        {
            Ok(())
        }
        Some(_) => Err(JwkError::Operations),
    }
}

/// The one algorithm that the key serves: its `alg`, else the first allowed one that fits it. Never
/// that of a token: a token must not choose how it is checked (CVE-2026-22817).
fn algorithm(
    members: &Map<String, Value>,
    family: Family,
    allowed: &[Algorithm],
) -> Result<Algorithm, JwkError> {
    let Some(name) = members.get("alg") else {
        let mut fitting = allowed.iter().filter(|one| one.family() == family);
        return fitting.next().copied().ok_or(JwkError::NoAlgorithm);
    };
    let algorithm = name
        .as_str()
        .and_then(Algorithm::from_name)
        .ok_or(JwkError::UnknownAlgorithm)?;
    if algorithm.family() != family {
        Err(JwkError::WrongAlgorithm(algorithm))
    } else if !allowed.contains(&algorithm) {
        Err(JwkError::AlgorithmNotAllowed(algorithm))
    } else {
        Ok(algorithm)
    }
}

/// Key material that was found sound.
enum PublicKey {
    /// Big-endian, without leading zeros.
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// 4, x, y (SEC 1 section 2.3.3).
    Ec(Curve, Vec<u8>),
    Ed25519(Vec<u8>),
}

impl PublicKey {
    fn read(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let kind = members
            .get("kty")
            .and_then(Value::as_str)
            .ok_or(JwkError::NoType)?;
        // A secret that is published is none: whoever reads the set could sign.
        if kind == "oct" {
            return Err(JwkError::Symmetric);
        }
        if PRIVATE_MEMBERS
            .iter()
            .any(|name| members.contains_key(*name))
        {
            return Err(JwkError::Private);
        }
        let curve = members.get("crv").and_then(Value::as_str);
        match Family::of_jwk(kind, curve).ok_or(JwkError::UnsupportedType)? {
            Family::Hmac => Err(JwkError::Symmetric),
            Family::Rsa => Self::read_rsa(members),
            Family::Ec(curve) => Self::read_ec(members, curve),
            Family::Ed25519 => {
                let point = bytes_of(members, "x", 32)?;
                check_ed25519(&point)?;
                Ok(Self::Ed25519(point))
            }
        }
    }

    fn read_rsa(members: &Map<String, Value>) -> Result<Self, JwkError> {
        let modulus = number(members, "n")?;
        let exponent = number(members, "e")?;
        let bits = bit_length(&modulus);
        if !RSA_BITS.contains(&bits) {
            return Err(JwkError::ModulusBits(bits));
        }
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        // The cryptography takes exponents of up to 33 bits.
        if !odd(&modulus) || !odd(&exponent) || !(2..=33).contains(&bit_length(&exponent)) {
            return Err(JwkError::RsaNumbers);
        }
        Ok(Self::Rsa { modulus, exponent })
    }

    fn read_ec(members: &Map<String, Value>, curve: Curve) -> Result<Self, JwkError> {
        let mut point = vec![4];
        point.extend(bytes_of(members, "x", curve.coordinate_bytes())?);
        point.extend(bytes_of(members, "y", curve.coordinate_bytes())?);
        // Here and not at the first signature, so that the log says which key is of no use, and why.
        ParsedPublicKey::new(verification(curve), &point).map_err(|_| JwkError::NotOnCurve)?;
        Ok(Self::Ec(curve, point))
    }

    fn family(&self) -> Family {
        match self {
            Self::Rsa { .. } => Family::Rsa,
            Self::Ec(curve, _) => Family::Ec(*curve),
            Self::Ed25519(_) => Family::Ed25519,
        }
    }

    fn add_to(&self, fields: &mut Fields) {
        match self {
            Self::Rsa { modulus, exponent } => {
                fields.add(modulus);
                fields.add(exponent);
            }
            Self::Ec(_, point) | Self::Ed25519(point) => fields.add(point),
        }
    }

    fn into_decoding_key(self) -> DecodingKey {
        match self {
            Self::Rsa { modulus, exponent } => {
                DecodingKey::from_rsa_raw_components(&modulus, &exponent)
            }
            Self::Ec(_, point) => DecodingKey::from_ec_der(&point),
            Self::Ed25519(point) => DecodingKey::from_ed_der(&point),
        }
    }
}

fn verification(curve: Curve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED,
    }
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let Some(value) = members.get(name) else {
        return Err(if members.contains_key("x5c") {
            JwkError::CertificateOnly(name)
        } else {
            JwkError::Missing(name)
        });
    };
    value
        .as_str()
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        .ok_or(JwkError::NotBase64Url(name))
}

fn bytes_of(
    members: &Map<String, Value>,
    member: &'static str,
    expected: usize,
) -> Result<Vec<u8>, JwkError> {
    let bytes = bytes(members, member)?;
    if bytes.len() == expected {
        return Ok(bytes);
    }
    Err(JwkError::Length {
        member,
        bytes: bytes.len(),
        expected,
    })
}

/// A big-endian number. Leading zeros, which RFC 7518 section 2 forbids and some libraries write,
/// are dropped: they change nothing.
fn number(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    let bytes = bytes(members, name)?;
    Ok(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

fn bit_length(number: &[u8]) -> usize {
    number
        .first()
        .map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// The `y` of every Ed25519 point whose order divides 8, little-endian. Under such a key anybody
/// can make signatures (RFC 8032 section 5.1.7 does not exclude them).
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    [
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// Refuses points of small order and encodings that are not canonical (`y` at or above the prime).
/// A `y` off the curve is not noticed here; no signature ever verifies under it.
fn check_ed25519(point: &[u8]) -> Result<(), JwkError> {
    let mut y = point.to_vec();
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    if SMALL_ORDER.iter().any(|small| small.as_slice() == y) {
        return Err(JwkError::SmallOrder);
    }
    let mut from_the_top = y.iter().rev();
    let top_is_full = from_the_top.next() == Some(&0x7f)
        && from_the_top.by_ref().take(30).all(|byte| *byte == 0xff);
    if top_is_full && from_the_top.next().is_some_and(|byte| *byte >= 0xed) {
        return Err(JwkError::NotCanonical);
    }
    Ok(())
}
