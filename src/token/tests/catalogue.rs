//! The catalogue of attacks, row by row: what each must come to.

use serde_json::{Value, json};

use super::forge::{
    AUDIENCE, ISSUER, KEY_ID, NOW, Signer, assert_refused, claims, encode, from_hex, key_set,
    rules, trust, verify, verify_at, with, without_last_character,
};
use crate::token::{
    Algorithm, Claim, IssuerIndex, IssuerRules, KeySet, TokenError, Trust, UnverifiedToken,
};

const FIRST: IssuerIndex = IssuerIndex(0);

fn es256() -> &'static Signer {
    Signer::shared(Algorithm::Es256)
}

/// Refused with these header members and right claims, signed.
#[track_caller]
fn refused_header(changes: Value, expected: TokenError) {
    let header = with(es256().header(), changes).to_string();
    assert_refused(
        &es256().trust(),
        &es256().token(header, claims().to_string()),
        expected,
    );
}

/// Refused with these claims and a right header, signed.
#[track_caller]
fn refused_claims(changes: Value, expected: TokenError) {
    assert_refused(&es256().trust(), &es256().token_with(changes), expected);
}

/// Refused with this text in the place of the claims, signed.
#[track_caller]
fn refused_claims_text(text: impl AsRef<[u8]>, expected: TokenError) {
    let token = es256().token(es256().header().to_string(), text);
    assert_refused(&es256().trust(), &token, expected);
}

/// The right claims as text, with more members before the closing brace.
fn claims_text_with(more: &str) -> String {
    format!(
        "{},{more}}}",
        claims().to_string().strip_suffix('}').unwrap()
    )
}

#[test]
fn row_01_no_algorithm() {
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
fn row_02_algorithm_in_lower_case() {
    for name in [
        "hs256", "es256", "Es256", "ES256 ", " ES256", "ES256\0", "eddsa", "ed25519",
    ] {
        refused_header(json!({"alg": name}), TokenError::UnsupportedAlgorithm);
    }
}

#[test]
fn row_03_public_key_taken_for_a_secret() {
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
fn row_04_algorithm_of_the_same_family() {
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
fn row_05_key_ids_that_mean_something_elsewhere() {
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
fn row_06_unknown_key_id_tells_the_issuer_to_look_up() {
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
fn row_07_no_key_id() {
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
fn row_08_keys_brought_along() {
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
fn row_09_signatures_that_are_no_numbers_in_range() {
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
fn row_10_the_other_signature_of_the_same_token() {
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
fn row_11_critical_extensions() {
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
fn row_12_unencoded_payload() {
    for value in [json!(false), json!(true), json!("false")] {
        refused_header(json!({"b64": value}), TokenError::Extension);
        refused_header(
            json!({"b64": value, "crit": ["b64"]}),
            TokenError::Extension,
        );
    }
}

#[test]
fn row_13_tokens_of_another_type() {
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
fn row_14_nested_compressed_or_encrypted() {
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
fn row_15_nested_and_encrypted_tokens() {
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
fn row_16_json_serialization() {
    let json = br#"{"payload":"AA","protected":"AA","signature":"AA"}"#;
    assert!(UnverifiedToken::parse(json).is_err());
}

#[test]
fn row_17_header_member_twice() {
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

#[test]
fn rows_18_and_19_claim_twice() {
    for more in [
        r#""exp":99999999999"#,
        r#""e\u0078p":99999999999"#,
        r#""sub":"root""#,
        r#""\u0073ub":"root""#,
        r#""iss":"https://id.shop.example""#,
        r#""aud":"orders-api""#,
        r#""scope":"admin""#,
        r#""role":"user","role":"admin""#,
        r#""tenant":{"id":1,"id":2}"#,
        r#""tenants":[{"id":1},{"id":1,"i\u0064":2}]"#,
    ] {
        refused_claims_text(claims_text_with(more), TokenError::DuplicateMember);
    }
}

#[test]
fn row_20_expiry_of_the_wrong_type_or_range() {
    let unacceptable = TokenError::Unacceptable(Claim::ExpiresAt);
    refused_claims(json!({"exp": null}), TokenError::Missing(Claim::ExpiresAt));
    for value in [
        json!("1700000600"),
        json!(true),
        json!({}),
        json!([NOW.0 + 600]),
        json!(-1),
        json!(-0.5),
        json!(i64::MIN),
    ] {
        refused_claims(json!({"exp": value}), unacceptable);
    }
    let open = with(claims(), json!({"exp": "<absent>"})).to_string();
    let open = open.strip_suffix('}').unwrap();
    for number in [
        "1e30",
        "18446744073709551616",
        "253402300800",
        "253402300799.5",
        "1e308",
    ] {
        refused_claims_text(format!("{open},\"exp\":{number}}}"), unacceptable);
    }
    for number in [
        "1e400",
        "NaN",
        "Infinity",
        "-Infinity",
        "0x1",
        "01",
        "+1",
        "1.",
        ".5",
    ] {
        refused_claims_text(format!("{open},\"exp\":{number}}}"), TokenError::Json);
    }
}

#[test]
fn row_21_expiry_far_away() {
    refused_claims(
        json!({"exp": u64::MAX}),
        TokenError::Unacceptable(Claim::ExpiresAt),
    );
    refused_claims(
        json!({"exp": i64::MAX}),
        TokenError::Unacceptable(Claim::ExpiresAt),
    );
    refused_claims(json!({"exp": 10_000_000_000_i64}), TokenError::LivesTooLong);
    refused_claims(json!({"exp": 9_999_999_999.5}), TokenError::LivesTooLong);
    refused_claims(
        json!({"exp": 253_402_300_799_i64}),
        TokenError::LivesTooLong,
    );
    refused_claims(json!({"exp": NOW.0 + 86_401}), TokenError::LivesTooLong);
    refused_claims(
        json!({"exp": NOW.0 + 86_401, "iat": "<absent>"}),
        TokenError::LivesTooLong,
    );
    let unlimited = IssuerRules {
        max_lifetime_seconds: u64::MAX,
        ..rules(&[Algorithm::Es256])
    };
    let trust = trust(unlimited, es256().key_set());
    for value in [
        json!(10_000_000_000_i64),
        json!(9_999_999_999.5),
        json!(253_402_300_799_i64),
    ] {
        assert!(verify(&trust, &es256().token_with(json!({"exp": value}))).is_ok());
    }
}

#[test]
fn row_22_no_expiry() {
    refused_claims(
        json!({"exp": "<absent>"}),
        TokenError::Missing(Claim::ExpiresAt),
    );
}

#[test]
fn row_23_expired() {
    refused_claims(json!({"exp": NOW.0}), TokenError::Expired);
    refused_claims(json!({"exp": NOW.0 - 1}), TokenError::Expired);
    refused_claims(json!({"exp": 0}), TokenError::Expired);
    refused_claims(json!({"exp": -0.0}), TokenError::Expired);
    // A fraction is dropped: it buys no time.
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let half_a_second_later = NOW.0 as f64 + 0.5;
    refused_claims(json!({"exp": half_a_second_later}), TokenError::Expired);
    assert!(
        verify(
            &es256().trust(),
            &es256().token_with(json!({"exp": NOW.0 + 1}))
        )
        .is_ok()
    );
}

#[test]
fn rows_24_and_25_not_yet_valid() {
    #[expect(clippy::cast_precision_loss, reason = "small enough to be exact")]
    let half_a_second_later = NOW.0 as f64 + 0.5;
    for (name, early, claim) in [
        ("nbf", TokenError::NotYetValid, Claim::NotBefore),
        ("iat", TokenError::IssuedInTheFuture, Claim::IssuedAt),
    ] {
        refused_claims(json!({name: NOW.0 + 1}), early);
        refused_claims(json!({name: half_a_second_later}), early);
        refused_claims(json!({name: 253_402_300_799_i64}), early);
        for value in [json!("1700000000"), json!(-1), json!([1]), json!(1e30)] {
            refused_claims(json!({name: value}), TokenError::Unacceptable(claim));
        }
        for right in [json!(NOW.0), json!(null)] {
            assert!(verify(&es256().trust(), &es256().token_with(json!({name: right}))).is_ok());
        }
    }
    // Without `iat` the rest of the lifetime counts.
    refused_claims(
        json!({"iat": null, "exp": NOW.0 + 86_401}),
        TokenError::LivesTooLong,
    );
    refused_claims(
        json!({"iat": NOW.0 - 86_000, "exp": NOW.0 + 401}),
        TokenError::LivesTooLong,
    );
}

#[test]
fn rows_23_to_25_leeway_moves_every_limit_by_as_much() {
    let lenient = IssuerRules {
        leeway_seconds: 30,
        ..rules(&[Algorithm::Es256])
    };
    let trust = trust(lenient, es256().key_set());
    for (changes, expected) in [
        (json!({"exp": NOW.0 - 29}), Ok(())),
        (json!({"exp": NOW.0 - 30}), Err(TokenError::Expired)),
        (json!({"nbf": NOW.0 + 30}), Ok(())),
        (json!({"nbf": NOW.0 + 31}), Err(TokenError::NotYetValid)),
        (json!({"iat": NOW.0 + 30}), Ok(())),
        (
            json!({"iat": NOW.0 + 31}),
            Err(TokenError::IssuedInTheFuture),
        ),
        (json!({"exp": NOW.0 + 86_400}), Ok(())),
        (
            json!({"exp": NOW.0 + 86_401}),
            Err(TokenError::LivesTooLong),
        ),
        (json!({"exp": NOW.0 + 86_430, "iat": "<absent>"}), Ok(())),
        (
            json!({"exp": NOW.0 + 86_431, "iat": "<absent>"}),
            Err(TokenError::LivesTooLong),
        ),
    ] {
        let verdict = verify(&trust, &es256().token_with(changes.clone())).map(|_| ());
        assert_eq!(verdict, expected, "{changes}");
    }
}

#[test]
fn row_26_issuer_missing_or_of_the_wrong_type() {
    for absent in [json!("<absent>"), json!(null)] {
        refused_claims(json!({"iss": absent}), TokenError::Missing(Claim::Issuer));
    }
    for value in [json!(5), json!({}), json!([ISSUER]), json!(true)] {
        refused_claims(
            json!({"iss": value}),
            TokenError::Unacceptable(Claim::Issuer),
        );
    }
    for issuer in [
        "",
        "https://id.shop.example/",
        "https://ID.shop.example",
        "https://id.shop.example\0",
    ] {
        refused_claims(json!({"iss": issuer}), TokenError::UnknownIssuer);
    }
}

#[test]
fn row_27_audience_missing_or_of_the_wrong_type() {
    for absent in [json!("<absent>"), json!(null)] {
        refused_claims(json!({"aud": absent}), TokenError::Missing(Claim::Audience));
    }
    for value in [
        json!(5),
        json!({}),
        json!([]),
        json!([AUDIENCE, 1]),
        json!([1, AUDIENCE]),
        json!([AUDIENCE, null]),
        json!([[AUDIENCE]]),
        json!({"0": AUDIENCE}),
    ] {
        refused_claims(
            json!({"aud": value}),
            TokenError::Unacceptable(Claim::Audience),
        );
    }
}

#[test]
fn row_28_key_of_another_issuer() {
    let theirs = Signer::new(Algorithm::Es256);
    let other = IssuerRules {
        issuer: "https://other".into(),
        ..rules(&[Algorithm::Es256])
    };
    let trust = Trust::new(vec![
        (rules(&[Algorithm::Es256]), Some(es256().key_set())),
        (
            other,
            Some(key_set(&[theirs.jwk("theirs")], &[Algorithm::Es256])),
        ),
    ])
    .unwrap();
    let token = |key_id: Value, issuer: &str| {
        theirs.token(
            with(theirs.header(), json!({"kid": key_id})).to_string(),
            with(claims(), json!({"iss": issuer})).to_string(),
        )
    };
    assert!(verify(&trust, &token(json!("theirs"), "https://other")).is_ok());
    assert_refused(
        &trust,
        &token(json!("theirs"), ISSUER),
        TokenError::UnknownKey(FIRST),
    );
    assert_refused(
        &trust,
        &token(json!(KEY_ID), ISSUER),
        TokenError::WrongSignature,
    );
    assert_refused(
        &trust,
        &token(json!("<absent>"), ISSUER),
        TokenError::WrongSignature,
    );
}

#[test]
fn row_29_audience_that_is_nearly_ours() {
    for audience in [
        "orders-ap",
        "orders-api2",
        "Orders-api",
        "orders-api/",
        " orders-api",
        "",
        "*",
        "orders",
    ] {
        refused_claims(json!({"aud": audience}), TokenError::WrongAudience);
        refused_claims(json!({"aud": ["x", audience]}), TokenError::WrongAudience);
    }
}

#[test]
fn row_30_names_that_cannot_be_forwarded() {
    for absent in [json!("<absent>"), json!(null)] {
        refused_claims(json!({"sub": absent}), TokenError::Missing(Claim::Subject));
    }
    for name in ["sub", "client_id", "azp", "jti"] {
        for value in [
            json!(""),
            json!("a\r\nx-auth-subject: root"),
            json!("a\nb"),
            json!("a\0"),
            json!("\u{7f}"),
            json!("a\u{85}b"),
            json!("\tb"),
            json!(" root"),
            json!("root "),
            json!("a".repeat(1025)),
            json!(5),
            json!(["a"]),
            json!({"a": "b"}),
        ] {
            if name == "sub" {
                refused_claims(
                    json!({name: value}),
                    TokenError::Unacceptable(Claim::Subject),
                );
                continue;
            }
            // No check relies on these; what cannot be forwarded is nobody's name.
            let others = json!({"client_id": "<absent>", "azp": "<absent>", "jti": "<absent>"});
            let mut claims = others;
            claims[name] = value;
            let token = verify(&es256().trust(), &es256().token_with(claims)).unwrap();
            assert_eq!((token.client(), token.id()), (None, None));
        }
        let longest = json!({name: "a".repeat(1024)});
        assert!(verify(&es256().trust(), &es256().token_with(longest)).is_ok());
    }
    for value in [
        json!("read\r\nx: y"),
        json!(["read\0"]),
        json!("a\tb"),
        json!("a\u{9b}"),
    ] {
        assert_eq!(scopes_of(&value), "");
    }
}

#[test]
fn row_31_claims_that_are_not_json() {
    for text in [
        claims_text_with(r#""x":"\ud800""#).into_bytes(),
        claims_text_with(r#""\udc00":1"#).into_bytes(),
        [b"\xef\xbb\xbf".as_slice(), claims().to_string().as_bytes()].concat(),
        [claims().to_string().as_bytes(), b" x"].concat(),
        [claims().to_string().as_bytes(), b"{}"].concat(),
        [claims().to_string().as_bytes(), b"\0"].concat(),
        claims()
            .to_string()
            .replace("user-7", "user-\u{1}")
            .into_bytes(),
        [claims_text_with("\"x\":\"").as_bytes(), b"\xff\xfe\"}"].concat(),
        b"".to_vec(),
    ] {
        let message = format!(
            "{}.{}",
            encode(es256().header().to_string().as_bytes()),
            encode(&text)
        );
        let refusal = verify(&es256().trust(), &es256().sign_message(&message)).unwrap_err();
        let expected = if text.is_empty() {
            TokenError::Parts
        } else {
            TokenError::Json
        };
        assert_eq!(refusal, expected, "{}", text.escape_ascii());
    }
    let deep =
        |depth| claims_text_with(&format!("\"x\":{}{}", "[".repeat(depth), "]".repeat(depth)));
    refused_claims_text(deep(200), TokenError::TooDeep);
    refused_claims_text(deep(100), TokenError::TooDeep);
    assert!(
        verify(
            &es256().trust(),
            &es256().token(es256().header().to_string(), deep(20))
        )
        .is_ok()
    );
}

#[test]
fn row_32_whitespace_around_json_is_accepted() {
    let header = format!(" \r\n{}\t", es256().header());
    let token = es256().token(header, format!("\n {:#} \n", claims()));
    assert!(verify(&es256().trust(), &token).is_ok());
}

#[test]
fn row_33_claims_that_are_no_object() {
    let values: Vec<Value> = claims().as_object().unwrap().values().cloned().collect();
    for text in [
        json!(values),
        json!([claims()]),
        json!("a"),
        json!(5),
        json!(null),
        json!(true),
    ] {
        refused_claims_text(text.to_string(), TokenError::NotAnObject);
    }
}

#[test]
fn row_34_base64url_in_other_forms() {
    let token = es256().right_token();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!()
    };
    for other in ["=", "==", "+", "/", " ", "\n", "\t", "\0", "%3D"] {
        let header = format!("{header}{other}.{claims}.{signature}");
        assert!(UnverifiedToken::parse(header.as_bytes()).is_err());
        let signature = format!("{token}{other}");
        assert!(UnverifiedToken::parse(signature.as_bytes()).is_err());
    }
    // 64 bytes end in a character of which four bits count: 15 others decode to the same.
    let trailing_bits = |part: &str| {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let last = *part.as_bytes().last().unwrap();
        let value = ALPHABET.iter().position(|byte| *byte == last).unwrap();
        format!(
            "{}{}",
            without_last_character(part),
            ALPHABET[value | 1] as char
        )
    };
    let changed = trailing_bits(signature);
    assert_ne!(changed, signature);
    assert_refused(
        &es256().trust(),
        &format!("{header}.{claims}.{changed}"),
        TokenError::Base64Url,
    );
    // Signed as it stands, so that only the form is wrong.
    let padded_claims = (0..3)
        .map(|spaces| {
            encode(format!("{}{}", super::forge::claims(), " ".repeat(spaces)).as_bytes())
        })
        .find(|part| part.len() % 4 != 0)
        .unwrap();
    let message = format!("{header}.{}", trailing_bits(&padded_claims));
    assert_refused(
        &es256().trust(),
        &es256().sign_message(&message),
        TokenError::Base64Url,
    );
    let impossible_length = format!("{header}.{claims}.{}", without_last_character(signature));
    assert_refused(&es256().trust(), &impossible_length, TokenError::Base64Url);
}

#[test]
fn row_35_parts_missing_or_too_many() {
    let token = es256().right_token();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    for text in [
        message.to_owned(),
        format!("{message}."),
        format!(".{token}"),
        format!("{token}."),
        format!("{token}.AA"),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        "..".to_owned(),
        ".".to_owned(),
    ] {
        assert_refused(&es256().trust(), &text, TokenError::Parts);
    }
    assert_refused(&es256().trust(), header, TokenError::Opaque);
    let five = format!("{token}.AA.AA");
    assert_refused(&es256().trust(), &five, TokenError::Encrypted);
    for algorithm in [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512] {
        let signer = Signer::shared(algorithm);
        let token = signer.right_token();
        let message = token.rsplit_once('.').unwrap().0;
        let signature = signer.sign(message.as_bytes());
        for length in 1..signature.len() {
            let truncated = format!("{message}.{}", encode(&signature[..length]));
            assert_refused(&signer.trust(), &truncated, TokenError::WrongSignature);
        }
        let extended = format!("{message}.{}", encode(&[&signature[..], &[0]].concat()));
        assert_refused(&signer.trust(), &extended, TokenError::WrongSignature);
    }
}

#[test]
fn rows_36_and_37_huge_tokens() {
    for huge in [
        "a".repeat(10 << 20),
        ".".repeat(10 << 20),
        es256().token_with(json!({"x": "a".repeat(6 << 20)})),
    ] {
        assert!(UnverifiedToken::parse(huge.as_bytes()).is_err());
    }
    assert_refused(&es256().trust(), &".".repeat(16 * 1024), TokenError::Parts);
    let large = es256().token_with(json!({"x": "a".repeat(11_000)}));
    assert!(verify(&es256().trust(), &large).is_ok());
    let longest = es256().token_with(json!({"x": "a".repeat(45_000)}));
    assert_refused(&es256().trust(), &longest, TokenError::TooLong);
    // What one issuer may is not what another may.
    let allowing = |issuer: &str, bytes| {
        let rules = IssuerRules {
            issuer: issuer.into(),
            max_token_bytes: bytes,
            ..rules(&[Algorithm::Es256])
        };
        (rules, Some(es256().key_set()))
    };
    for (ours, others, outcome) in [
        (61_440, 1024, None),
        (16_384, 61_440, Some(TokenError::TooLong)),
    ] {
        let issuers = vec![allowing(ISSUER, ours), allowing("https://other", others)];
        let trust = Trust::new(issuers).unwrap();
        assert_eq!(verify(&trust, &longest).err(), outcome);
    }
}

#[test]
fn row_42_expired_since_it_was_verified() {
    let trust = es256().trust();
    let token = verify(&trust, &es256().right_token()).unwrap();
    for (seconds, expected) in [
        (0, Ok(())),
        (599, Ok(())),
        (600, Err(TokenError::Expired)),
        (1 << 40, Err(TokenError::Expired)),
        // The clock was set back.
        (-1, Err(TokenError::IssuedInTheFuture)),
        (i64::MIN, Err(TokenError::IssuedInTheFuture)),
    ] {
        let expected = expected.map_err(crate::token::RecheckError::Times);
        assert_eq!(
            trust.recheck(&token, NOW.plus(seconds)),
            expected,
            "{seconds}"
        );
    }
}

#[test]
fn row_50_scopes_of_the_wrong_type_are_none() {
    for (value, scopes) in [
        (json!(5), ""),
        (json!(null), ""),
        (json!(false), ""),
        (json!([["read"]]), ""),
        (json!([{"read": true}]), ""),
        (json!(["read write"]), ""),
        (json!(["read", 5]), "read"),
        (json!(["read", null, "a\tb"]), "read"),
        // What providers without a list of scopes write.
        (json!(true), "scope"),
        (json!({"read": {"1": "shop.example"}, "a b": 1}), "read"),
    ] {
        assert_eq!(scopes_of(&value), scopes);
    }
}

/// The scopes of a token whose claim `scope` is this.
fn scopes_of(value: &Value) -> String {
    let token = es256().token_with(json!({ "scope": value }));
    let token = verify(&es256().trust(), &token).unwrap();
    token.scopes_text().to_owned()
}

#[test]
fn row_51_a_client_is_not_the_user_of_the_same_name() {
    let token = es256().token_with(json!({"sub": "app-3", "client_id": "user-7"}));
    let token = verify(&es256().trust(), &token).unwrap();
    assert_eq!((token.subject(), token.client()), ("app-3", Some("user-7")));
}

#[test]
fn row_52_tokens_bound_to_a_key() {
    for confirmation in [
        json!({"jkt": "a"}),
        json!({"x5t#S256": "a"}),
        json!({}),
        json!(null),
        json!("x"),
    ] {
        refused_claims(json!({"cnf": confirmation}), TokenError::SenderConstrained);
    }
}

#[test]
fn keys_that_are_not_loaded_are_told_apart() {
    let trust = Trust::new(vec![(rules(&[Algorithm::Es256]), None)]).unwrap();
    assert_refused(
        &trust,
        &es256().right_token(),
        TokenError::KeysNotLoaded(FIRST),
    );
    // Only a token that is otherwise right is told so.
    let expired = es256().token_with(json!({"exp": NOW.0}));
    assert_refused(&trust, &expired, TokenError::Expired);
}

#[test]
fn nobody_is_trusted_by_default() {
    assert_refused(
        &Trust::default(),
        &es256().right_token(),
        TokenError::UnknownIssuer,
    );
}

#[test]
fn a_clock_at_its_end_refuses_and_does_not_panic() {
    use crate::clock::UnixSeconds;
    let lenient = IssuerRules {
        leeway_seconds: u32::MAX,
        max_lifetime_seconds: u64::MAX,
        ..rules(&[Algorithm::Es256])
    };
    let trust = trust(lenient, es256().key_set());
    let token = es256().right_token();
    assert_eq!(
        verify_at(&trust, &token, UnixSeconds(i64::MAX)).err(),
        Some(TokenError::Expired)
    );
    assert_eq!(
        verify_at(&trust, &token, UnixSeconds(i64::MIN)).err(),
        Some(TokenError::IssuedInTheFuture)
    );
}

#[test]
fn debug_and_display_show_neither_tokens_nor_keys() {
    let signer = Signer::shared(Algorithm::Hs256);
    let keys = KeySet::from_hmac_secret(signer.secret(), &[Algorithm::Hs256]).unwrap();
    let token = verify(&signer.trust(), &signer.right_token()).unwrap();
    let shown = format!(
        "{keys:?} {:?} {token:?} {}",
        signer.trust(),
        TokenError::WrongSignature
    );
    let secret = encode(signer.secret());
    assert!(!shown.contains(&secret) && !shown.contains("user-7"));
    assert!(
        !shown.contains(&format!("{:?}", signer.secret())),
        "{shown}"
    );
}
