//! Public keys of passkeys: `COSE_Key` (RFC 9052 section 7, RFC 9053) of ES256, `EdDSA` and RS256.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents,
};

use super::PasskeyError;
use super::cbor::{self, Item};

/// The algorithms in the order in which browsers are asked for them, by their numbers in COSE.
pub const ALGORITHMS: [i64; 3] = [ES256, EDDSA, RS256];

const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// The members of a key (RFC 9052 section 7.1).
const KIND: i64 = 1;
const ALGORITHM: i64 = 3;

/// Bytes of an RSA modulus: 2048 to 4096 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// The first byte of the shortest: without its highest bit the modulus has fewer than 2048 bits.
const FULL: u8 = 0x80;

/// The public key of a passkey, as its authenticator gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyKey {
    /// As it was sent, which is what is kept.
    cose: Box<[u8]>,
    key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    /// A point of P-256, uncompressed (SEC 1 section 2.3.3).
    Es256([u8; 65]),
    EdDsa([u8; 32]),
    Rs256 {
        modulus: Box<[u8]>,
        exponent: Box<[u8]>,
    },
}

impl PasskeyKey {
    /// Reads a key that is one whole item of CBOR.
    pub fn parse(cose: &[u8]) -> Result<Self, PasskeyError> {
        let map = cbor::only(cose).map_err(|_| PasskeyError::Key)?;
        let key = Key::of(&map).ok_or(PasskeyError::Key)?;
        let cose = cose.into();
        Ok(Self { cose, key })
    }

    /// What is kept of it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.cose
    }

    pub(super) fn algorithm(&self) -> i64 {
        match &self.key {
            Key::Es256(_) => ES256,
            Key::EdDsa(_) => EDDSA,
            Key::Rs256 { .. } => RS256,
        }
    }

    /// Whether this key has signed `message`.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), PasskeyError> {
        let verified = match &self.key {
            Key::Es256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
                .ok()
                .map(|key| key.verify_sig(message, signature)),
            Key::EdDsa(point) => ParsedPublicKey::new(&ED25519, point)
                .ok()
                .map(|key| key.verify_sig(message, signature)),
            Key::Rs256 { modulus, exponent } => {
                let components = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                Some(components.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature))
            }
        };
        match verified {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(PasskeyError::Signature),
        }
    }
}

impl Key {
    /// Exactly the members that its kind has: further ones would be a private key, or nonsense.
    fn of(map: &Item<'_>) -> Option<Self> {
        let integer = |key| map.at(key)?.integer();
        let bytes = |key| map.at(key)?.bytes();
        let key = match (integer(ALGORITHM)?, integer(KIND)?, map.entries()?) {
            (ES256, 2, 5) if integer(-1) == Some(1) => {
                let (x, y): ([u8; 32], [u8; 32]) =
                    (bytes(-2)?.try_into().ok()?, bytes(-3)?.try_into().ok()?);
                let point = [&[4][..], &x, &y].concat();
                // Off the curve it is refused here, and not at the first login.
                ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point).ok()?;
                Self::Es256(point.try_into().ok()?)
            }
            (EDDSA, 1, 4) if integer(-1) == Some(6) => {
                let point: [u8; 32] = bytes(-2)?.try_into().ok()?;
                ParsedPublicKey::new(&ED25519, point).ok()?;
                Self::EdDsa(point)
            }
            (RS256, 3, 4) => {
                let (modulus, exponent) = (bytes(-1)?, bytes(-2)?);
                let plain = MODULUS_BYTES.contains(&modulus.len())
                    && modulus.first().is_some_and(|first| *first != 0)
                    && (modulus.len() > *MODULUS_BYTES.start()
                        || modulus.first().is_some_and(|first| *first >= FULL))
                    && modulus.last().is_some_and(|last| last & 1 == 1)
                    && [&[3][..], &[1, 0, 1]].contains(&exponent);
                if !plain {
                    return None;
                }
                Self::Rs256 {
                    modulus: modulus.into(),
                    exponent: exponent.into(),
                }
            }
            _ => return None,
        };
        Some(key)
    }
}
