//! Tokens in another form than the one.

use super::*;

#[test]
fn claims_that_are_not_json_are_refused() {
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
fn whitespace_around_json_is_accepted() {
    let header = format!(" \r\n{}\t", es256().header());
    let token = es256().token(header, format!("\n {:#} \n", claims()));
    assert!(verify(&es256().trust(), &token).is_ok());
}

#[test]
fn claims_that_are_no_object_are_refused() {
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
fn base64url_in_other_forms_is_refused() {
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
            encode(
                format!(
                    "{}{}",
                    crate::token::tests::forge::claims(),
                    " ".repeat(spaces)
                )
                .as_bytes(),
            )
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
fn parts_missing_or_too_many_are_refused() {
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
    for opaque in [
        header,
        "ya29.a0AfB",
        "ya29.c.b0Aa",
        "ory_at_key.signature",
        "a.b.c.d",
    ] {
        assert_refused(&es256().trust(), opaque, TokenError::Opaque);
    }
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
fn huge_tokens_are_refused() {
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
