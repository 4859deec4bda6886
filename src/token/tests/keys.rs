//! Keys that may be loaded, and keys that may not (rows 38 to 41 of the catalogue).

use serde_json::{Value, json};

use super::forge::{
    KEY_ID, Signer, assert_refused, encode, from_hex, jwks, rules, trust, verify, with,
};
use crate::token::{
    Algorithm, KeySet, KeySetError, MAX_JWKS_BYTES, MAX_KEYS, SecretError, SkipReason, SkippedKey,
    TokenError,
};

const ALL_PUBLIC: &[Algorithm] = &[
    Algorithm::Rs256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

fn signer(algorithm: Algorithm) -> &'static Signer {
    Signer::shared(algorithm)
}

/// Reads one key that must be left out, and says why it was.
#[track_caller]
fn reason(key: Value, allowed: &[Algorithm]) -> String {
    let good = Signer::shared(Algorithm::EdDsa).jwk("good");
    let allowed_too = [allowed, &[Algorithm::EdDsa]].concat();
    let (keys, skipped) = KeySet::from_jwks(&jwks(&[key.clone(), good]), &allowed_too).unwrap();
    assert_eq!((keys.len(), skipped.len()), (1, 1), "{key} {skipped:?}");
    assert_eq!(skipped[0].position, 0);
    let alone = KeySet::from_jwks(&jwks(&[key]), allowed).unwrap_err();
    assert!(matches!(alone, KeySetError::NoUsableKey(_)), "{alone}");
    skipped[0].reason.to_string()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "so that callers can write `json!` in place"
)]
#[track_caller]
fn left_out(algorithm: Algorithm, changes: Value, expected: &str) {
    let key = with(signer(algorithm).jwk(KEY_ID), changes.clone());
    let reason = reason(key, &[algorithm]);
    assert!(reason.contains(expected), "{changes}: {reason}");
}

#[test]
fn a_set_of_all_kinds_is_read() {
    let keys: Vec<Value> = ALL_PUBLIC
        .iter()
        .map(|one| signer(*one).jwk(one.name()))
        .collect();
    let (keys, skipped) = KeySet::from_jwks(&jwks(&keys), ALL_PUBLIC).unwrap();
    assert_eq!((keys.len(), skipped), (4, vec![]));
}

#[test]
fn what_is_no_jwks_is_refused() {
    for (text, expected) in [
        (
            "",
            "this is not a JWKS: expected a JSON object with the member `keys`",
        ),
        (
            "[]",
            "this is not a JWKS: expected a JSON object with the member `keys`",
        ),
        (
            "<html>",
            "this is not a JWKS: expected a JSON object with the member `keys`",
        ),
        ("{}", "this is not a JWKS: the member `keys` is missing"),
        (
            r#"{"keys":{}}"#,
            "this is not a JWKS: the member `keys` is not an array",
        ),
        (
            r#"{"keys":[],"keys":[]}"#,
            "this is not a JWKS: the member `keys` appears twice",
        ),
        (r#"{"keys":[]}"#, "the JWKS has no usable key"),
        (
            r#"{"keys":[{"kid":"a","kty":"oct"},5,{}]}"#,
            "the JWKS has no usable key: key 0 (`a`): it is a symmetric key: whoever reads the \
             JWKS could sign; key 1: it is not a JSON object; key 2: it has no `kty`",
        ),
    ] {
        let error = KeySet::from_jwks(text.as_bytes(), ALL_PUBLIC).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let long = vec![b' '; MAX_JWKS_BYTES + 1];
    let error = KeySet::from_jwks(&long, ALL_PUBLIC).unwrap_err();
    assert_eq!(error, KeySetError::TooLong(MAX_JWKS_BYTES + 1));
}

#[test]
fn one_bad_key_spoils_no_other() {
    let good = signer(Algorithm::Es256).jwk(KEY_ID).to_string();
    let text = format!(
        r#"{{"keys":[null,{{"kid":"a","kid":"a"}},{},{good},[{{}}],{{"kid":5,"kty":"EC"}}]}}"#,
        "[".repeat(60) + &"]".repeat(60)
    );
    let (keys, skipped) = KeySet::from_jwks(text.as_bytes(), ALL_PUBLIC).unwrap();
    assert_eq!(keys.len(), 1);
    let reasons: Vec<_> = skipped
        .iter()
        .map(|key| (key.position, key.reason.to_string()))
        .collect();
    assert_eq!(
        reasons,
        [
            (0, "it is not a JSON object"),
            (1, "a member appears twice in it"),
            (2, "it is nested too deeply"),
            (4, "it is not a JSON object"),
            (5, "its `kid` is not a string of at most 256 bytes"),
        ]
        .map(|(position, reason)| (position, reason.to_owned()))
    );
}

#[test]
fn weak_rsa_keys_are_left_out() {
    let modulus = |bytes: usize| {
        let mut modulus = vec![0xab; bytes];
        *modulus.last_mut().unwrap() |= 1;
        encode(&modulus)
    };
    let bits = "2048 to 8192 are accepted";
    for bytes in [0, 1, 64, 128, 255, 1025, 2048] {
        let modulus = if bytes == 0 {
            String::new()
        } else {
            modulus(bytes)
        };
        left_out(Algorithm::Rs256, json!({"n": modulus}), bits);
    }
    let mut nearly = vec![0x7f; 256];
    *nearly.last_mut().unwrap() |= 1;
    left_out(Algorithm::Rs256, json!({"n": encode(&nearly)}), "2047 bits");
    left_out(
        Algorithm::Rs256,
        json!({"n": encode(&[0xaa; 256])}),
        "modulus is even",
    );
    for exponent in [
        &[1][..],
        &[0],
        &[],
        &[2],
        &[4],
        &[1, 0, 0],
        &[3, 0, 0, 0, 1],
        &[0xff; 256],
    ] {
        left_out(Algorithm::Rs256, json!({"e": encode(exponent)}), "exponent");
    }
    for member in ["n", "e"] {
        let absent = json!({member: "<absent>"});
        left_out(Algorithm::Rs256, absent, &format!("it has no `{member}`"));
        let certified = json!({member: "<absent>", "x5c": ["MIIB"]});
        left_out(
            Algorithm::Rs256,
            certified,
            "certificates (`x5c`) are not read",
        );
        for value in [json!(5), json!("A"), json!("AQAB="), json!("A+/B")] {
            left_out(Algorithm::Rs256, json!({member: value}), "base64url");
        }
    }
}

#[test]
fn leading_zeros_of_rsa_numbers_are_dropped() {
    use base64::Engine;
    let rs256 = signer(Algorithm::Rs256);
    let padded = |name: &str| {
        let text = rs256.bare_jwk()[name].as_str().unwrap().to_owned();
        let number = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .unwrap();
        encode(&[&[0], &number[..]].concat())
    };
    let key = with(
        rs256.jwk(KEY_ID),
        json!({"n": padded("n"), "e": padded("e")}),
    );
    let (keys, _) = KeySet::from_jwks(&jwks(&[key]), &[Algorithm::Rs256]).unwrap();
    assert_eq!(keys, rs256.key_set());
    assert!(
        verify(
            &trust(rules(&[Algorithm::Rs256]), keys),
            &rs256.right_token()
        )
        .is_ok()
    );
}

#[test]
fn points_that_are_not_on_the_curve_are_left_out() {
    for (algorithm, length) in [(Algorithm::Es256, 32), (Algorithm::Es384, 48)] {
        let (zero, one) = (encode(&vec![0; length]), encode(&vec![1; length]));
        left_out(algorithm, json!({"x": zero, "y": zero}), "not on the curve");
        left_out(algorithm, json!({"x": one}), "not on the curve");
        left_out(
            algorithm,
            json!({"y": encode(&vec![0xff; length])}),
            "not on the curve",
        );
        for wrong in [0, 1, length - 1, length + 1, 2 * length] {
            left_out(
                algorithm,
                json!({"y": encode(&vec![1; wrong])}),
                "bytes instead of",
            );
        }
        for member in ["x", "y"] {
            left_out(
                algorithm,
                json!({member: "<absent>"}),
                &format!("it has no `{member}`"),
            );
        }
    }
    let p256_point = signer(Algorithm::Es256).bare_jwk();
    left_out(
        Algorithm::Es384,
        json!({"x": p256_point["x"], "y": p256_point["y"]}),
        "32 bytes",
    );
}

#[test]
fn weak_ed25519_keys_are_left_out() {
    let small = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let not_canonical = [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let left_out = |point: &str, expected: &str| {
        let mut bytes = from_hex(point);
        for sign in [0, 0x80] {
            bytes[31] = bytes[31] & 0x7f | sign;
            let key = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&bytes)});
            let reason = reason(key, &[Algorithm::EdDsa]);
            assert!(reason.contains(expected), "{point}: {reason}");
        }
    };
    for point in small {
        left_out(point, "small order");
    }
    for point in not_canonical {
        left_out(point, "not in canonical form");
    }
    for length in [0, 31, 33, 57] {
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&vec![7; length])});
        assert!(reason(key, &[Algorithm::EdDsa]).contains("bytes instead of 32"));
    }
}

#[test]
fn keys_for_something_else_are_left_out() {
    let es256 = Algorithm::Es256;
    for purpose in [
        json!("enc"),
        json!("SIG"),
        json!(""),
        json!(null),
        json!(["sig"]),
    ] {
        left_out(es256, json!({"use": purpose}), "its `use`");
    }
    for operations in [
        json!(["encrypt"]),
        json!(["sign"]),
        json!([]),
        json!("verify"),
        json!(["verify", 5]),
    ] {
        left_out(es256, json!({"key_ops": operations}), "its `key_ops`");
    }
    left_out(es256, json!({"alg": "ES384"}), "does not fit");
    left_out(es256, json!({"alg": "HS256"}), "does not fit");
    left_out(es256, json!({"crv": "P-384"}), "bytes instead of");
    for name in [
        json!("ECDH-ES"),
        json!("none"),
        json!("es256"),
        json!(null),
        json!(5),
    ] {
        left_out(
            es256,
            json!({"alg": name}),
            "not a supported signature algorithm",
        );
    }
    for algorithm in ["RSA-OAEP", "RSA1_5", "RS1"] {
        left_out(
            Algorithm::Rs256,
            json!({"alg": algorithm}),
            "not a supported signature algorithm",
        );
    }
    left_out(
        Algorithm::Rs256,
        json!({"alg": "RS512"}),
        "not among the issuer's `algorithms`",
    );
    left_out(Algorithm::Rs256, json!({"alg": "ES256"}), "does not fit");
    for (kind, curve) in [
        (json!("EC"), json!("P-521")),
        (json!("EC"), json!("secp256k1")),
        (json!("EC"), json!("<absent>")),
        (json!("OKP"), json!("X25519")),
        (json!("OKP"), json!("Ed448")),
        (json!("ec"), json!("P-256")),
        (json!("AKP"), json!("P-256")),
    ] {
        left_out(
            es256,
            json!({"kty": kind, "crv": curve}),
            "are not supported",
        );
    }
    left_out(es256, json!({"kty": 5}), "no `kty`");
    let with_operations = with(
        signer(es256).jwk(KEY_ID),
        json!({"key_ops": ["sign", "verify"]}),
    );
    assert!(KeySet::from_jwks(&jwks(&[with_operations]), &[es256]).is_ok());
}

#[test]
fn symmetric_and_private_keys_are_left_out() {
    let oct = signer(Algorithm::Hs256).jwk(KEY_ID);
    assert!(reason(oct, &[Algorithm::Hs256]).contains("symmetric"));
    left_out(Algorithm::Es256, json!({"d": "AA"}), "private members");
    left_out(Algorithm::Es256, json!({"d": null}), "private members");
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        left_out(Algorithm::Rs256, json!({member: "AA"}), "private members");
    }
}

#[test]
fn a_key_without_algorithm_serves_the_first_that_fits() {
    let bare = signer(Algorithm::Rs256).bare_jwk();
    for (allowed, serves) in [
        (&[Algorithm::Rs256, Algorithm::Ps256][..], Algorithm::Rs256),
        (&[Algorithm::Ps256, Algorithm::Rs256], Algorithm::Ps256),
        (
            &[Algorithm::Es256, Algorithm::Rs512, Algorithm::Rs256],
            Algorithm::Rs512,
        ),
    ] {
        let (keys, _) = KeySet::from_jwks(&jwks(std::slice::from_ref(&bare)), allowed).unwrap();
        let trust = trust(rules(allowed), keys);
        for algorithm in allowed
            .iter()
            .copied()
            .filter(|one| *one != Algorithm::Es256)
        {
            let rsa = signer(algorithm);
            let header = with(rsa.header(), json!({"kid": "<absent>"})).to_string();
            let token = rsa.token(header, super::forge::claims().to_string());
            assert_eq!(
                verify(&trust, &token).is_ok(),
                algorithm == serves,
                "{algorithm}"
            );
        }
    }
    let reason = reason(bare, &[Algorithm::Es256]);
    assert_eq!(reason, "none of the issuer's `algorithms` fits its type");
}

#[test]
fn keys_with_one_name_and_algorithm_are_all_left_out() {
    let (one, other) = (Signer::new(Algorithm::Es256), Signer::new(Algorithm::Es256));
    let eddsa = signer(Algorithm::EdDsa);
    let keys = [
        one.jwk("a"),
        eddsa.jwk("a"),
        other.jwk("a"),
        one.jwk("a"),
        other.jwk("b"),
    ];
    let (keys, skipped) = KeySet::from_jwks(&jwks(&keys), ALL_PUBLIC).unwrap();
    assert_eq!(
        keys.len(),
        2,
        "one algorithm each: EdDSA as `a`, ES256 as `b`"
    );
    let skip = |position, reason| SkippedKey {
        position,
        key_id: Some("a".to_owned()),
        reason,
    };
    assert_eq!(
        skipped,
        [
            skip(0, SkipReason::Ambiguous),
            skip(2, SkipReason::Ambiguous),
            skip(3, SkipReason::Duplicate),
        ]
    );
}

#[test]
fn a_key_without_a_name_serves_tokens_that_name_one_where_it_stands_alone() {
    let es256 = signer(Algorithm::Es256);
    let (keys, _) = KeySet::from_jwks(&jwks(&[es256.bare_jwk()]), &[Algorithm::Es256]).unwrap();
    let alone = trust(rules(&[Algorithm::Es256]), keys);
    assert!(verify(&alone, &es256.right_token()).is_ok());
    let other = Signer::new(Algorithm::Es256);
    assert_refused(&alone, &other.right_token(), TokenError::WrongSignature);
    // One that is left out may be the one that is meant.
    let set = jwks(&[es256.bare_jwk(), json!({"kty": "oct"})]);
    let (keys, _) = KeySet::from_jwks(&set, &[Algorithm::Es256]).unwrap();
    let trust = trust(rules(&[Algorithm::Es256]), keys);
    assert!(verify(&trust, &es256.right_token()).is_err());
}

#[test]
fn keys_without_a_name_serve_only_tokens_without() {
    let es256 = signer(Algorithm::Es256);
    let set = jwks(&[es256.bare_jwk(), Signer::new(Algorithm::Es256).bare_jwk()]);
    let (keys, _) = KeySet::from_jwks(&set, &[Algorithm::Es256]).unwrap();
    let trust = trust(rules(&[Algorithm::Es256]), keys);
    let header = with(es256.header(), json!({"kid": "<absent>"})).to_string();
    assert!(
        verify(
            &trust,
            &es256.token(header, super::forge::claims().to_string())
        )
        .is_ok()
    );
    assert!(verify(&trust, &es256.right_token()).is_err());
}

#[test]
fn a_key_without_a_name_is_not_one_with_an_empty_name() {
    let es256 = signer(Algorithm::Es256);
    let keys = [es256.bare_jwk(), with(es256.bare_jwk(), json!({"kid": ""}))];
    let (keys, skipped) = KeySet::from_jwks(&jwks(&keys), &[Algorithm::Es256]).unwrap();
    assert_eq!((keys.len(), skipped), (2, vec![]));
}

#[test]
fn no_more_keys_than_the_bound_are_used() {
    let keys: Vec<Value> = (0..MAX_KEYS + 3)
        .map(|number| Signer::new(Algorithm::EdDsa).jwk(&number.to_string()))
        .collect();
    let (keys, skipped) = KeySet::from_jwks(&jwks(&keys), ALL_PUBLIC).unwrap();
    assert_eq!((keys.len(), skipped.len()), (MAX_KEYS, 3));
    assert_eq!(skipped[0].reason, SkipReason::TooMany);
}

#[test]
fn a_set_of_countless_entries_costs_no_more_than_its_first() {
    let mut entries = vec![Signer::new(Algorithm::EdDsa).jwk("first")];
    entries.extend((0..300_000).map(|_| json!({})));
    let (keys, skipped) = KeySet::from_jwks(&jwks(&entries), ALL_PUBLIC).unwrap();
    assert_eq!((keys.len(), skipped.len()), (1, 1024));
    let last = skipped.last().unwrap();
    assert_eq!(last.reason, SkipReason::TooManyEntries);
}

#[test]
fn secrets_are_long_enough_or_refused() {
    let secret = signer(Algorithm::Hs256).secret();
    for (algorithm, least) in [
        (Algorithm::Hs256, 32),
        (Algorithm::Hs384, 48),
        (Algorithm::Hs512, 64),
    ] {
        assert!(KeySet::from_hmac_secret(&secret[..least], &[algorithm]).is_ok());
        let error = KeySet::from_hmac_secret(&secret[..least - 1], &[algorithm]).unwrap_err();
        let short = SecretError::TooShort {
            algorithm,
            bytes: least - 1,
            least,
        };
        assert_eq!(error, KeySetError::Secret(short));
    }
    let first = KeySet::from_hmac_secret(&secret[..32], &[Algorithm::Hs256, Algorithm::Hs512]);
    assert_eq!(first.unwrap().len(), 1);
    let none = KeySet::from_hmac_secret(secret, &[Algorithm::Es256]).unwrap_err();
    assert_eq!(none, KeySetError::NoHmacAlgorithm);
}

#[test]
fn the_errors_of_secrets_say_what_to_do() {
    let message = |secret: &[u8]| {
        KeySet::from_hmac_secret(secret, &[Algorithm::Hs256])
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        message(b"short"),
        "the HMAC secret has 5 bytes and HS256 needs at least 32: make one with `portcullis key \
         generate --algorithm HS256`"
    );
    assert_eq!(
        message(b"42eec18ffdbffc9fda6110dcc705d6ce"),
        "the HMAC secret is a published example, so anybody can sign with it: make one with \
         `portcullis key generate`"
    );
    assert_eq!(
        message(&[7; 32]),
        "the HMAC secret is not random: it repeats itself or has few different bytes; make one \
         with `portcullis key generate`"
    );
}
