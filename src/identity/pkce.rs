//! Proof key for code exchange (RFC 7636): who asked for a code and who redeems it are the same.

use super::secret::SecretDigest;

/// A challenge of the method `S256`: the SHA-256 of a verifier that only the client knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeChallenge(SecretDigest);

impl CodeChallenge {
    /// Reads a challenge: 43 characters of base64url (RFC 7636 section 4.2).
    pub fn parse(text: &str) -> Option<Self> {
        SecretDigest::from_text(text).map(Self)
    }

    pub fn to_text(&self) -> String {
        self.0.to_text()
    }

    /// Whether this is the verifier: 43 to 128 unreserved characters (RFC 7636 section 4.1) that
    /// hash to the challenge.
    pub fn accepts(&self, verifier: &str) -> bool {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        (43..=128).contains(&verifier.len())
            && verifier.bytes().all(unreserved)
            && self.0.matches(&SecretDigest::of(verifier.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_verifier_of_the_rfc_fits_its_challenge_alone() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        assert_eq!(challenge.to_text(), CHALLENGE);
        assert!(challenge.accepts(VERIFIER));
        // The challenge itself is what `plain` would compare with.
        let (longer, other) = (format!("{VERIFIER}k"), VERIFIER.replace('d', "e"));
        for wrong in ["", CHALLENGE, &longer, &other] {
            assert!(!challenge.accepts(wrong), "{wrong}");
        }
    }

    #[test]
    fn verifiers_have_a_length_and_an_alphabet() {
        let rows = [
            ("a".repeat(42), false),
            ("a".repeat(43), true),
            ("~".repeat(128), true),
            ("a".repeat(129), false),
            (format!("{}+", "a".repeat(43)), false),
            (format!("{} ", "a".repeat(43)), false),
            ("\u{e4}".repeat(43), false),
        ];
        for (verifier, expected) in rows {
            let challenge = CodeChallenge(SecretDigest::of(verifier.as_bytes()));
            assert_eq!(challenge.accepts(&verifier), expected, "{verifier}");
        }
    }

    #[test]
    fn challenges_are_digests() {
        let longer = format!("{CHALLENGE}A");
        let padded = format!("{CHALLENGE}=");
        let standard = CHALLENGE.replace('-', "+");
        // The last character has two bits too many.
        let loose = CHALLENGE.replace("cM", "cN");
        for bad in ["", "abc", &longer, &padded, &standard, &loose] {
            assert_eq!(CodeChallenge::parse(bad), None, "{bad}");
        }
    }
}
