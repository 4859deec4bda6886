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

/// Writes random bytes as a number in base 62: every way in which clients encode credentials leaves
/// `[A-Za-z0-9]` alone, and no bit of randomness is lost.
pub fn alphanumeric(random: &[u8]) -> String {
    let mut number = random.to_vec();
    // A digit in base 62 holds a little less than six bits.
    let digits = (random.len() * 8).div_ceil(6);
    let mut text = Vec::with_capacity(digits);
    while number.iter().any(|byte| *byte != 0) || text.len() < digits {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        let digit = usize::try_from(remainder).unwrap_or_default();
        text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
    }
    text.iter().rev().collect()
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

    /// What is kept of it.
    pub fn digest(&self) -> SecretDigest {
        SecretDigest::of(self.0.as_bytes())
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
