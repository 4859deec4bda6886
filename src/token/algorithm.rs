//! The signature algorithms that can be allowed, and the kinds of keys that fit them.

use std::fmt;
use std::str::FromStr;

/// One row for each algorithm: its variant, its `alg` value, what the cryptography calls it, and the
/// kind of key that it takes. All that lists algorithms follows from here.
macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $implementation:ident, $family:expr;)+) => {
        /// A signature algorithm that Portcullis verifies (RFC 7518 section 3.1, RFC 8037, RFC 9864).
        /// `none` cannot be said.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Algorithm {
            $($(#[$doc])* $variant,)+
        }

        impl Algorithm {
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The `alg` value, for headers and keys.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            pub(super) fn family(self) -> Family {
                match self {
                    $(Self::$variant => $family,)+
                }
            }

            /// The same algorithm, as the cryptography calls it.
            pub(super) fn implementation(self) -> jsonwebtoken::Algorithm {
                match self {
                    $(Self::$variant => jsonwebtoken::Algorithm::$implementation,)+
                }
            }
        }
    };
}

algorithms! {
    /// HMAC with SHA-256.
    Hs256, "HS256", HS256, Family::Hmac;
    /// HMAC with SHA-384.
    Hs384, "HS384", HS384, Family::Hmac;
    /// HMAC with SHA-512.
    Hs512, "HS512", HS512, Family::Hmac;
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256, "RS256", RS256, Family::Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384, "RS384", RS384, Family::Rsa;
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512, "RS512", RS512, Family::Rsa;
    /// RSASSA-PSS with SHA-256.
    Ps256, "PS256", PS256, Family::Rsa;
    /// RSASSA-PSS with SHA-384.
    Ps384, "PS384", PS384, Family::Rsa;
    /// RSASSA-PSS with SHA-512.
    Ps512, "PS512", PS512, Family::Rsa;
    /// ECDSA on P-256 with SHA-256.
    Es256, "ES256", ES256, Family::Ec(Curve::P256);
    /// ECDSA on P-384 with SHA-384.
    Es384, "ES384", ES384, Family::Ec(Curve::P384);
    /// Ed25519; the names `EdDSA` and `Ed25519` mean the same.
    EdDsa, "EdDSA", EdDSA, Family::Ed25519;
}

/// A name that is no supported algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a supported algorithm: use one of {list}", list = Algorithm::list(&Algorithm::ALL))]
pub struct AlgorithmError(pub String);

/// What kind of key an algorithm takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Hmac,
    Rsa,
    Ec(Curve),
    Ed25519,
}

/// A curve of ECDSA keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Algorithm {
    /// The algorithm that an `alg` value means; case matters (RFC 7515 section 4.1.1).
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Whether one secret both signs and verifies.
    pub fn is_symmetric(self) -> bool {
        self.family() == Family::Hmac
    }

    /// The algorithms that a shared secret serves.
    pub fn symmetric() -> Vec<Self> {
        let all = Self::ALL.into_iter();
        all.filter(|algorithm| algorithm.is_symmetric()).collect()
    }

    /// Names for a sentence, such as `HS256, HS384 or HS512`.
    pub fn list(algorithms: &[Self]) -> String {
        let names: Vec<_> = algorithms.iter().map(|one| one.name()).collect();
        match names.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => names.concat(),
        }
    }

    /// The least length of an HMAC secret: that of the hash (RFC 7518 section 3.2).
    pub(super) fn least_secret_bytes(self) -> Option<usize> {
        match self {
            Self::Hs256 => Some(32),
            Self::Hs384 => Some(48),
            Self::Hs512 => Some(64),
            Self::Rs256
            | Self::Rs384
            | Self::Rs512
            | Self::Ps256
            | Self::Ps384
            | Self::Ps512
            | Self::Es256
            | Self::Es384
            | Self::EdDsa => None,
        }
    }
}

impl Family {
    /// The kind of key that a JWK says it is (RFC 7518 section 6.1, RFC 8037 section 2); none where
    /// no algorithm takes it. A JWK never holds a secret.
    pub(super) fn of_jwk(kind: &str, curve: Option<&str>) -> Option<Self> {
        let families = Algorithm::ALL.into_iter().map(Algorithm::family);
        families.into_iter().find(|family| match family {
            Self::Hmac => false,
            Self::Rsa => kind == "RSA",
            Self::Ec(ours) => kind == "EC" && curve == Some(ours.name()),
            Self::Ed25519 => kind == "OKP" && curve == Some("Ed25519"),
        })
    }
}

impl Curve {
    /// The `crv` of a JWK (RFC 7518 section 6.2.1.1).
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// The length of each of the two coordinates of a point.
    pub(super) fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = AlgorithmError;

    fn from_str(name: &str) -> Result<Self, AlgorithmError> {
        Self::from_name(name).ok_or_else(|| AlgorithmError(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(algorithm));
        }
        assert_eq!("Ed25519".parse(), Ok(Algorithm::EdDsa));
    }

    #[test]
    fn other_names_are_unknown() {
        for name in [
            "none", "None", "", "hs256", "Hs256", "eddsa", "ES512", "ES256K", "Ed448",
        ] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_those_that_are_known() {
        assert_eq!(
            "ES512".parse::<Algorithm>().unwrap_err().to_string(),
            "`ES512` is not a supported algorithm: use one of HS256, HS384, HS512, RS256, RS384, \
             RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA"
        );
        assert_eq!(Algorithm::list(&[Algorithm::Es256]), "ES256");
        assert_eq!(Algorithm::list(&[]), "");
    }

    #[test]
    fn a_jwk_is_of_the_kind_that_it_says_and_never_a_secret() {
        for (kind, curve, family) in [
            ("RSA", None, Some(Family::Rsa)),
            ("RSA", Some("P-256"), Some(Family::Rsa)),
            ("EC", Some("P-256"), Some(Family::Ec(Curve::P256))),
            ("EC", Some("P-384"), Some(Family::Ec(Curve::P384))),
            ("EC", Some("P-521"), None),
            ("EC", None, None),
            ("OKP", Some("Ed25519"), Some(Family::Ed25519)),
            ("OKP", Some("Ed448"), None),
            ("oct", None, None),
        ] {
            assert_eq!(Family::of_jwk(kind, curve), family, "{kind} {curve:?}");
        }
    }
}
