//! Claims that are missing, wrong, or not for us.

use super::*;

#[test]
fn a_claim_twice_is_refused() {
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
fn an_expiry_of_the_wrong_type_or_range_is_refused() {
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
fn an_expiry_far_away_is_refused() {
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
fn a_token_without_expiry_is_refused() {
    refused_claims(
        json!({"exp": "<absent>"}),
        TokenError::Missing(Claim::ExpiresAt),
    );
}

#[test]
fn an_expired_token_is_refused() {
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
fn a_token_that_is_not_yet_valid_is_refused() {
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
fn leeway_moves_every_limit_by_as_much() {
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
fn an_issuer_missing_or_of_the_wrong_type_is_refused() {
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
fn an_audience_missing_or_of_the_wrong_type_is_refused() {
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
fn a_key_of_another_issuer_is_refused() {
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
fn an_audience_that_is_nearly_ours_is_refused() {
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
fn names_that_cannot_be_forwarded_are_refused() {
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
fn a_token_that_expired_since_it_was_verified_is_refused() {
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
fn scopes_of_the_wrong_type_are_none() {
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
fn a_client_is_not_the_user_of_the_same_name() {
    let token = es256().token_with(json!({"sub": "app-3", "client_id": "user-7"}));
    let token = verify(&es256().trust(), &token).unwrap();
    assert_eq!((token.subject(), token.client()), ("app-3", Some("user-7")));
}

#[test]
fn tokens_bound_to_a_key_are_refused() {
    for confirmation in [
        json!({"jkt": "a"}),
        json!({"x5t#S256": "a"}),
        json!({}),
        json!([]),
        json!(false),
        json!("x"),
    ] {
        refused_claims(json!({"cnf": confirmation}), TokenError::SenderConstrained);
    }
    // No bond at all, as some providers write it.
    let token = es256().token_with(json!({"cnf": null}));
    verify(&es256().trust(), &token).unwrap();
}
