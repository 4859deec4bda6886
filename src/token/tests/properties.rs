//! What holds for any bytes at all.

use proptest::prelude::*;
use serde_json::json;

use super::forge::{NOW, Signer, claims, encode, jwks, verify};
use crate::token::{Algorithm, Credential, KeySet, UnverifiedToken};

fn es256() -> &'static Signer {
    Signer::shared(Algorithm::Es256)
}

proptest! {
    #[test]
    fn reading_a_credential_never_panics(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..3)
    ) {
        let read = Credential::read(values.iter().map(Vec::as_slice));
        if let Credential::Token(token) = read {
            prop_assert_eq!(values.len(), 1);
            prop_assert!(values[0].ends_with(token.text().as_bytes()));
        }
    }

    #[test]
    fn what_looks_like_a_bearer_header_is_read_strictly(text in "[Bb]earer[ ,]{0,2}[a-cB.,= \t\"]{0,12}") {
        let rest = text.split_at("bearer".len()).1;
        let token = rest.trim_start_matches(' ');
        let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let expected = token.len() < rest.len() && !token.is_empty() && token.bytes().all(in_alphabet);
        let read = Credential::read([text.as_bytes()].into_iter());
        prop_assert_eq!(matches!(read, Credential::Token(_)), expected);
    }

    #[test]
    fn verifying_text_never_panics(text in "[A-Za-z0-9_.-]{1,80}") {
        let token = UnverifiedToken::parse(text.as_bytes()).unwrap();
        prop_assert!(es256().trust().verify(token, NOW).is_err());
    }

    #[test]
    fn verifying_any_header_and_claims_never_panics(
        header in proptest::collection::vec(any::<u8>(), 1..60),
        claims in proptest::collection::vec(any::<u8>(), 1..60),
    ) {
        let right = es256().header().to_string();
        prop_assert!(verify(&es256().trust(), &es256().token(&header, &claims)).is_err());
        prop_assert!(verify(&es256().trust(), &es256().token(&right, &claims)).is_err());
    }

    #[test]
    fn claims_of_any_type_never_panic(
        name in prop::sample::select(vec!["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "scope"]),
        number in any::<f64>(),
        integer in any::<i64>(),
        text in any::<String>(),
    ) {
        for value in [json!(number), json!(integer), json!(text), json!([text]), json!({"a": text})] {
            let _ = verify(&es256().trust(), &es256().token_with(json!({name: value})));
        }
    }

    #[test]
    fn reading_a_jwks_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = KeySet::from_jwks(&bytes, &Algorithm::ALL);
        let keys = br#"{"keys":["#;
        let _ = KeySet::from_jwks(&[keys.as_slice(), &bytes, b"]}"].concat(), &Algorithm::ALL);
    }

    #[test]
    fn keys_of_any_bytes_never_panic(
        kind in prop::sample::select(vec!["RSA", "EC", "OKP"]),
        curve in prop::sample::select(vec!["P-256", "P-384", "Ed25519"]),
        x in proptest::collection::vec(any::<u8>(), 0..50),
        y in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let key = json!({
            "kty": kind, "crv": curve, "x": encode(&x), "y": encode(&y), "n": encode(&y), "e": encode(&x),
        });
        let _ = KeySet::from_jwks(&jwks(&[key]), &Algorithm::ALL);
    }

    #[test]
    fn any_secret_is_judged(secret in proptest::collection::vec(any::<u8>(), 0..80)) {
        let keys = KeySet::from_hmac_secret(&secret, &[Algorithm::Hs256]);
        prop_assert!(secret.len() >= 32 || keys.is_err());
    }
}

/// Flips each bit of right tokens; what is no token any more counts as refused.
#[test]
fn a_token_with_any_bit_flipped_is_refused() {
    for algorithm in [
        Algorithm::Hs256,
        Algorithm::Es256,
        Algorithm::EdDsa,
        Algorithm::Rs256,
    ] {
        let signer = Signer::shared(algorithm);
        let trust = signer.trust();
        let small = json!({
            "iss": claims()["iss"], "aud": claims()["aud"], "sub": "a", "exp": NOW.0 + 9,
        });
        let token = signer.token(signer.header().to_string(), small.to_string());
        assert!(verify(&trust, &token).is_ok());
        for position in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone().into_bytes();
                bytes[position] ^= 1 << bit;
                if let Ok(changed) = UnverifiedToken::parse(&bytes) {
                    assert!(
                        trust.verify(changed, NOW).is_err(),
                        "{algorithm} {position} {bit}"
                    );
                }
            }
        }
    }
}
