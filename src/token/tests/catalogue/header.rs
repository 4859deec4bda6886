//! What the header may say, and which key verifies the token.

use super::*;

#[test]
fn a_token_without_an_algorithm_is_refused() {
    let names = [
        json!("none"),
        json!("None"),
        json!("nOnE"),
        json!("NONE"),
        json!(""),
        json!(null),
    ];
    for name in names
        .into_iter()
        .chain([json!(["ES256"]), json!({}), json!(0), json!("<absent>")])
    {
        let header = with(es256().header(), json!({"alg": name}));
        let message = format!(
            "{}.{}",
            encode(header.to_string().as_bytes()),
            encode(claims().to_string().as_bytes())
        );
        assert_refused(&es256().trust(), &format!("{message}."), TokenError::Parts);
        assert_refused(
            &es256().trust(),
            &format!("{message}.AA"),
            TokenError::UnsupportedAlgorithm,
        );
        refused_header(json!({"alg": name}), TokenError::UnsupportedAlgorithm);
    }
}

#[test]
fn algorithm_names_are_compared_exactly() {
    for name in [
        "hs256", "es256", "Es256", "ES256 ", " ES256", "ES256\0", "eddsa", "ed25519",
    ] {
        refused_header(json!({"alg": name}), TokenError::UnsupportedAlgorithm);
    }
}

#[test]
fn a_public_key_is_never_taken_for_a_secret() {
    let rsa = Signer::shared(Algorithm::Rs256);
    let jwk = rsa.jwk(KEY_ID);
    let modulus = jwk["n"].as_str().unwrap().to_owned();
    for both_allowed in [false, true] {
        let allowed: &[Algorithm] = if both_allowed {
            &[Algorithm::Rs256, Algorithm::Hs256]
        } else {
            &[Algorithm::Rs256]
        };
        let trust = trust(rules(allowed), key_set(std::slice::from_ref(&jwk), allowed));
        let expected = if both_allowed {
            TokenError::KeyOfAnotherAlgorithm
        } else {
            TokenError::AlgorithmNotAllowed
        };
        for secret in [jwk.to_string(), modulus.clone(), String::new()] {
            let forger = Signer::hmac_with(Algorithm::Hs256, secret.as_bytes());
            assert_refused(&trust, &forger.right_token(), expected);
        }
    }
}

#[test]
fn another_algorithm_of_the_same_family_is_refused() {
    let rs256 = Signer::shared(Algorithm::Rs256);
    let all_rsa = [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ];
    for other in all_rsa.into_iter().skip(1) {
        let token = Signer::shared(other).right_token();
        assert_refused(&rs256.trust(), &token, TokenError::AlgorithmNotAllowed);
        // All are allowed, but the key serves RS256: by its `alg`, or as the first that fits.
        for jwk in [
            rs256.jwk(KEY_ID),
            with(rs256.bare_jwk(), json!({"kid": KEY_ID})),
        ] {
            let trust = trust(rules(&all_rsa), key_set(&[jwk], &all_rsa));
            assert!(verify(&trust, &rs256.right_token()).is_ok());
            assert_refused(&trust, &token, TokenError::KeyOfAnotherAlgorithm);
        }
    }
}

#[test]
fn key_ids_that_mean_something_elsewhere_mean_nothing_here() {
    for key_id in [
        "../../dev/null",
        "' OR 1=1 --",
        "key-1\0",
        "key-1 ",
        "",
        "KEY-1",
        "http://evil",
    ] {
        refused_header(json!({"kid": key_id}), TokenError::UnknownKey(FIRST));
    }
    refused_header(
        json!({"kid": "a".repeat(256)}),
        TokenError::UnknownKey(FIRST),
    );
    for key_id in [
        json!("a".repeat(257)),
        json!("a".repeat(10_000)),
        json!(1),
        json!(null),
    ] {
        refused_header(json!({"kid": key_id}), TokenError::HeaderMember);
    }
    for key_id in [json!([KEY_ID]), json!({"a": 1}), json!(true)] {
        refused_header(json!({"kid": key_id}), TokenError::HeaderMember);
    }
}

#[test]
fn an_unknown_key_id_names_the_issuer_to_ask() {
    let other = IssuerRules {
        issuer: "https://other".into(),
        ..rules(&[Algorithm::Es256])
    };
    let trust = Trust::new(vec![
        (other, Some(es256().key_set())),
        (rules(&[Algorithm::Es256]), Some(es256().key_set())),
    ])
    .unwrap();
    let header = with(es256().header(), json!({"kid": "new"})).to_string();
    let token = es256().token(&header, claims().to_string());
    assert_refused(&trust, &token, TokenError::UnknownKey(IssuerIndex(1)));
    // Only a token that is otherwise right is worth a look-up.
    let expired = es256().token(
        &header,
        with(claims(), json!({"exp": NOW.0 - 1})).to_string(),
    );
    assert_refused(&trust, &expired, TokenError::Expired);
}

#[test]
fn without_a_key_id_few_keys_are_tried() {
    let signers: Vec<Signer> = (0..5).map(|_| Signer::new(Algorithm::Es256)).collect();
    let keys = |count: usize| -> Vec<Value> {
        signers
            .iter()
            .take(count)
            .enumerate()
            .map(|(n, key)| key.jwk(&n.to_string()))
            .collect()
    };
    let es256_and_eddsa = [Algorithm::Es256, Algorithm::EdDsa];
    let trust_in = |keys: &[Value]| trust(rules(&es256_and_eddsa), key_set(keys, &es256_and_eddsa));
    let token = |signer: &Signer| {
        let header = with(signer.header(), json!({"kid": "<absent>"}));
        signer.token(header.to_string(), claims().to_string())
    };
    for signer in &signers[..4] {
        assert!(verify(&trust_in(&keys(4)), &token(signer)).is_ok());
    }
    assert_refused(
        &trust_in(&keys(4)),
        &token(&signers[4]),
        TokenError::WrongSignature,
    );
    assert_refused(
        &trust_in(&keys(5)),
        &token(&signers[0]),
        TokenError::TooManyKeysToTry,
    );
    let eddsa = Signer::shared(Algorithm::EdDsa);
    assert_refused(
        &trust_in(&keys(5)),
        &token(eddsa),
        TokenError::UnknownKey(FIRST),
    );
    let with_eddsa = [keys(5), vec![eddsa.jwk("ed")]].concat();
    assert!(verify(&trust_in(&with_eddsa), &token(eddsa)).is_ok());
}

#[test]
fn keys_that_a_token_brings_along_are_ignored() {
    let thief = Signer::new(Algorithm::Es256);
    let brought = json!({
        "jwk": thief.jwk(KEY_ID),
        "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/cert.pem",
        "x5c": ["MIIB"],
    });
    for key_id in [json!(KEY_ID), json!("<absent>")] {
        let changes = with(brought.clone(), json!({"kid": key_id}));
        let header = with(thief.header(), changes.clone()).to_string();
        let token = thief.token(&header, claims().to_string());
        assert_refused(&es256().trust(), &token, TokenError::WrongSignature);
    }
    // They are ignored, whatever they look like: ours decides.
    for odd in [
        brought,
        json!({"jwk": 5, "jku": null, "x5u": [], "x5c": "x", "nonce": 7}),
    ] {
        let header = with(es256().header(), odd).to_string();
        assert!(
            verify(
                &es256().trust(),
                &es256().token(header, claims().to_string())
            )
            .is_ok()
        );
    }
}

#[test]
fn signatures_out_of_range_are_refused() {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order = from_hex(ORDER);
    let token = es256().right_token();
    let message = token.rsplit_once('.').unwrap().0;
    let (zero, one, most) = ([0; 32], [[0; 31].as_slice(), &[1]].concat(), [0xff; 32]);
    for r in [&zero[..], &one, &order, &most] {
        for s in [&zero[..], &one, &order, &most] {
            let forged = format!("{message}.{}", encode(&[r, s].concat()));
            assert_refused(&es256().trust(), &forged, TokenError::WrongSignature);
        }
    }
    // DER instead of the two numbers, too short, too long.
    for length in [1, 32, 63, 65, 70, 72, 96, 128] {
        let forged = format!("{message}.{}", encode(&vec![1; length]));
        assert_refused(&es256().trust(), &forged, TokenError::WrongSignature);
    }
}

/// Legal, and the reason why neither cache nor revocation may take a token's text for its identity.
#[test]
fn the_other_signature_of_the_same_token_is_as_good() {
    let order = from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let (header, claims) = (es256().header().to_string(), claims().to_string());
    let message = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    );
    let mut signature = es256().sign(message.as_bytes());
    let mut borrow = 0;
    for (byte, order) in signature[32..].iter_mut().zip(&order).rev() {
        let difference = i16::from(*order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let other = verify(
        &es256().trust(),
        &format!("{message}.{}", encode(&signature)),
    )
    .unwrap();
    assert_eq!(other.id(), Some("token-1"));
}

#[test]
fn critical_extensions_are_refused() {
    for value in [
        json!(["exp"]),
        json!([]),
        json!(["alg"]),
        json!(["b64"]),
        json!(["unknown", "unknown"]),
        json!("b64"),
        json!(null),
        json!({}),
    ] {
        refused_header(json!({"crit": value}), TokenError::Extension);
    }
    refused_header(json!({"crit": ["exp"], "exp": 1}), TokenError::Extension);
}

#[test]
fn an_unencoded_payload_is_refused() {
    for value in [json!(false), json!(true), json!("false")] {
        refused_header(json!({"b64": value}), TokenError::Extension);
        refused_header(
            json!({"b64": value, "crit": ["b64"]}),
            TokenError::Extension,
        );
    }
}

#[test]
fn tokens_of_another_type_are_refused() {
    for kind in [
        "refresh+jwt",
        "logout+jwt",
        "dpop+jwt",
        "id+jwt",
        "ID",
        "application/logout+jwt",
        "application/application/at+jwt",
        "text/jwt",
        "application/jwt; x=y",
        " at+jwt",
        "",
        "application/",
    ] {
        refused_header(json!({"typ": kind}), TokenError::TypeNotAccepted);
    }
    for kind in [json!(null), json!(1), json!(["at+jwt"])] {
        refused_header(json!({"typ": kind}), TokenError::HeaderMember);
    }
    let only_access = IssuerRules {
        types: vec!["at+jwt".into()],
        ..rules(&[Algorithm::Es256])
    };
    let trust = trust(only_access, es256().key_set());
    for kind in [json!("JWT"), json!("<absent>")] {
        let header = with(es256().header(), json!({"typ": kind})).to_string();
        let token = es256().token(header, claims().to_string());
        assert_refused(&trust, &token, TokenError::TypeNotAccepted);
    }
}

#[test]
fn headers_of_nested_compressed_or_encrypted_tokens_are_refused() {
    for member in ["cty", "zip", "enc"] {
        for value in [
            json!("JWT"),
            json!("DEF"),
            json!("A128GCM"),
            json!(""),
            json!(null),
        ] {
            refused_header(json!({member: value}), TokenError::Extension);
        }
    }
}

#[test]
fn nested_and_encrypted_tokens_are_refused() {
    refused_claims_text(es256().right_token(), TokenError::Json);
    let header = encode(br#"{"alg":"dir","enc":"A128GCM"}"#);
    assert_refused(
        &es256().trust(),
        &format!("{header}..AA.AA.AA"),
        TokenError::Encrypted,
    );
    assert_refused(
        &es256().trust(),
        &format!("{header}.AA.AA.AA.AA"),
        TokenError::Encrypted,
    );
    assert_refused(
        &es256().trust(),
        &format!("{header}.AA.AA"),
        TokenError::Extension,
    );
}

#[test]
fn the_json_serialization_is_refused() {
    let json = br#"{"payload":"AA","protected":"AA","signature":"AA"}"#;
    assert!(UnverifiedToken::parse(json).is_err());
}

#[test]
fn a_header_member_twice_is_refused() {
    let header = es256().header().to_string();
    let open = header.strip_suffix('}').unwrap();
    for more in [
        r#""alg":"ES256""#,
        r#""alg":"none""#,
        r#""\u0061lg":"none""#,
        r#""kid":"key-1""#,
        r#""ki\u0064":"x""#,
        r#""typ":"at+jwt""#,
        r#""x":1,"x":1"#,
        r#""x":{"y":1,"\u0079":1}"#,
    ] {
        let token = es256().token(format!("{open},{more}}}"), claims().to_string());
        assert_refused(&es256().trust(), &token, TokenError::DuplicateMember);
    }
}
