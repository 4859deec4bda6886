//! Secrets that we make: shown once, kept as digests.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A secret in clear: an app's secret or a refresh token. Never printed by accident.
pub struct PlainSecret(String);

/// The SHA-256 of a secret of 256 random bits, which no guessing finds again.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretDigest([u8; 32]);

/// The last characters of a secret, by which people tell which one it is: 24 of its 256 bits. Empty for one that
/// was made before they were kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretEnd(Box<str>);

/// What is kept of the secret of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptSecret {
    pub digest: SecretDigest,
    pub ends_with: SecretEnd,
}

/// Writes random bytes as a number in base 62: every way in which clients encode credentials leaves
/// `[A-Za-z0-9]` alone, and no bit of randomness is lost.
pub fn alphanumeric(random: &[u8]) -> String {
    /// As many digits as fit into a limb, which is divided by all of them at once.
    const AT_ONCE: usize = 5;
    const DIVISOR: u64 = 62_u64.pow(5);
    let mut limbs: Vec<u64> = random
        .rchunks(4)
        .rev()
        .map(|bytes| {
            bytes
                .iter()
                .fold(0, |limb, byte| limb << 8 | u64::from(*byte))
        })
        .collect();
    // A digit in base 62 holds a little less than six bits.
    let digits = (random.len() * 8).div_ceil(6);
    let mut text = Vec::with_capacity(digits + AT_ONCE);
    while text.len() < digits {
        let mut remainder = 0;
        for limb in &mut limbs {
            let value = remainder << 32 | *limb;
            *limb = value / DIVISOR;
            remainder = value % DIVISOR;
        }
        for _ in 0..AT_ONCE {
            let digit = usize::try_from(remainder % 62).unwrap_or_default();
            text.push(ALPHABET.get(digit).copied().unwrap_or(b'0'));
            remainder /= 62;
        }
    }
    // Those beyond are zero: the digits hold more than the bytes.
    text.truncate(digits);
    text.iter().rev().map(|digit| char::from(*digit)).collect()
}

impl PlainSecret {
    /// A new secret from 256 random bits (RFC 6749 section 10.10 asks for at least 128).
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(alphanumeric(&random))
    }

    /// What a caller says is a secret.
    pub fn claimed(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret, to be shown to whom it belongs.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What finds it again.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(self.0.as_bytes())
    }

    /// What is kept of it where people are to tell it from others.
    pub fn kept(&self) -> KeptSecret {
        KeptSecret {
            digest: self.digest(),
            ends_with: SecretEnd::of(&self.0),
        }
    }
}

impl SecretEnd {
    const CHARACTERS: usize = 4;

    fn of(secret: &str) -> Self {
        let rest = secret.chars().count().saturating_sub(Self::CHARACTERS);
        Self(secret.chars().skip(rest).collect())
    }

    /// What was kept earlier.
    pub fn known(text: &str) -> Self {
        Self(text.into())
    }

    /// None where it was not kept.
    pub fn shown(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PlainSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlainSecret(..)")
    }
}

impl SecretDigest {
    /// The digest of bytes that a caller sent.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        for (slot, byte) in hash
            .iter_mut()
            .zip(digest::digest(&digest::SHA256, bytes).as_ref())
        {
            *slot = *byte;
        }
        Self(hash)
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }

    /// A name for what this is the digest of, which tells nothing of it: one for each `purpose`.
    pub fn name_for(&self, purpose: &str) -> String {
        let named = Self::of(format!("{purpose}\n{}", self.to_text()).as_bytes());
        let (half, _) = named.0.split_at(16);
        alphanumeric(half)
    }

    /// As rows have it: base64url.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads what [`SecretDigest::to_text`] wrote.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_characters_of_a_secret_are_kept() {
        let secret = PlainSecret::from_random([7; 32]);
        let kept = secret.kept();
        assert!(kept.digest.matches(&secret.digest()));
        let end = kept.ends_with.as_str();
        assert_eq!(end.len(), 4);
        assert!(secret.reveal().ends_with(end), "{end}");
        assert_eq!(SecretEnd::known("").shown(), None);
    }

    #[test]
    fn alphanumeric_is_injective_of_one_length_and_plain() {
        let rows = [
            alphanumeric(&[0; 32]),
            alphanumeric(&[255; 32]),
            alphanumeric(&[1; 32]),
        ];
        for text in &rows {
            assert_eq!(text.len(), rows[0].len(), "{text}");
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_eq!(alphanumeric(&[0, 61]).trim_start_matches('0'), "z");
        assert_eq!(alphanumeric(&[0, 62]).trim_start_matches('0'), "10");
        assert_eq!(alphanumeric(&[255; 16]).len(), alphanumeric(&[0; 16]).len());
    }

    #[test]
    fn alphanumeric_is_the_number_in_base_62() {
        for seed in 0..200_u64 {
            let number = u128::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let text = alphanumeric(&number.to_be_bytes());
            let digit = |digit: u8| ALPHABET.iter().position(|other| *other == digit).unwrap();
            let read = text.bytes().fold(0_u128, |sum, byte| {
                let digit = u128::try_from(digit(byte)).unwrap();
                sum.checked_mul(62).unwrap().checked_add(digit).unwrap()
            });
            assert_eq!(read, number, "{text}");
        }
    }

    #[test]
    fn digests_tell_secrets_apart_and_survive_text() {
        let one = PlainSecret::from_random([1; 32]).digest();
        let other = PlainSecret::from_random([2; 32]).digest();
        assert!(one.matches(&one.clone()) && !one.matches(&other));
        assert!(
            SecretDigest::from_text(&one.to_text())
                .unwrap()
                .matches(&one)
        );
        assert!(SecretDigest::from_text("short").is_none());
    }

    #[test]
    fn debug_output_keeps_the_secret() {
        assert_eq!(
            format!("{:?}", PlainSecret::claimed("open sesame")),
            "PlainSecret(..)"
        );
    }
}
