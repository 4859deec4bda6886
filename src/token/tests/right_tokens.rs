//! Tokens that must be accepted, and what is read from them.

use serde_json::json;

use super::forge::{
    AUDIENCE, ISSUER, KEY_ID, NOW, Signer, claims, key_set, rules, trust, verify, verify_at, with,
};
use crate::clock::UnixSeconds;
use crate::token::fingerprint::Fields;
use crate::token::key::{Key, KeyName};
use crate::token::{
    Algorithm, Claim, ClaimPath, ClaimRules, IssuerIndex, KeySet, TokenError, Trust, VerifiedToken,
};

fn es256() -> &'static Signer {
    Signer::shared(Algorithm::Es256)
}

#[track_caller]
fn accepted(changes: serde_json::Value) -> VerifiedToken {
    verify(&es256().trust(), &es256().token_with(changes)).unwrap()
}

#[test]
fn a_right_token_of_every_algorithm_is_accepted() {
    for algorithm in Algorithm::ALL {
        let signer = Signer::shared(algorithm);
        let token = verify(&signer.trust(), &signer.right_token()).unwrap();
        assert_eq!(token.subject(), "user-7", "{algorithm}");
    }
}

#[test]
fn ed25519_and_eddsa_are_one_algorithm() {
    let signer = Signer::shared(Algorithm::EdDsa);
    for key_name in ["EdDSA", "Ed25519"] {
        for token_name in ["EdDSA", "Ed25519"] {
            let jwk = with(signer.jwk(KEY_ID), json!({"alg": key_name}));
            let trust = trust(
                rules(&[Algorithm::EdDsa]),
                key_set(&[jwk], &[Algorithm::EdDsa]),
            );
            let header = with(signer.header(), json!({"alg": token_name}));
            let token = signer.token(header.to_string(), claims().to_string());
            assert!(verify(&trust, &token).is_ok(), "{key_name} {token_name}");
        }
    }
}

#[test]
fn the_claims_are_read() {
    let token = accepted(json!({"tenant": {"id": 7}, "iat": NOW.0 - 5}));
    assert_eq!(token.issuer(), ISSUER);
    assert_eq!(token.subject(), "user-7");
    assert_eq!(token.client(), Some("app-3"));
    assert_eq!(token.id(), Some("token-1"));
    assert_eq!(
        token.scopes().collect::<Vec<_>>(),
        ["orders.read", "orders.write"]
    );
    assert_eq!(token.scopes_text(), "orders.read orders.write");
    assert_eq!(token.claim("tenant"), Some(&json!({"id": 7})));
    assert_eq!(token.claim("sub"), Some(&json!("user-7")));
    assert_eq!(token.claim("role"), None);
    assert_eq!(token.claims().count(), 9);
    assert_eq!(token.expires_at(), NOW.plus(600));
    assert_eq!(token.issued_at(), Some(NOW.plus(-5)));
    assert_eq!(token.issuer_index(), IssuerIndex(0));
    assert!(
        (100..4000).contains(&token.heap_bytes()),
        "{}",
        token.heap_bytes()
    );
}

#[test]
fn a_token_needs_no_more_than_the_required_claims() {
    let token = accepted(json!({
        "client_id": "<absent>", "jti": "<absent>", "iat": "<absent>", "scope": "<absent>",
    }));
    assert_eq!(
        (token.client(), token.id(), token.issued_at()),
        (None, None, None)
    );
    assert_eq!(token.scopes().count(), 0);
    assert!(!token.has_scope(""));
}

#[test]
fn the_client_is_client_id_or_else_azp() {
    assert_eq!(accepted(json!({"azp": "other"})).client(), Some("app-3"));
    assert_eq!(
        accepted(json!({"azp": "a", "client_id": "<absent>"})).client(),
        Some("a")
    );
}

#[test]
fn scopes_are_a_string_or_an_array_and_match_exactly() {
    for scopes in [
        json!("read:all write"),
        json!("  read:all   write  "),
        json!("read:all write read:all"),
        json!(["read:all", "write"]),
        json!(["read:all", "", "write", "write"]),
    ] {
        let token = accepted(json!({"scope": scopes}));
        assert_eq!(token.scopes_text(), "read:all write", "{scopes}");
        assert!(token.has_scope("read:all") && token.has_scope("write"));
        for other in [
            "read",
            "read:",
            "read:al",
            "read:all ",
            "READ:ALL",
            "",
            " ",
            "all",
            "writ",
        ] {
            assert!(!token.has_scope(other), "{other}");
        }
        assert!(!token.has_scope("read:all write"));
    }
    for none in [json!(""), json!([]), json!("  "), json!([""])] {
        assert_eq!(accepted(json!({"scope": none})).scopes().count(), 0);
    }
}

#[test]
fn the_scope_claim_is_the_configured_one() {
    let scp = crate::token::IssuerRules {
        claims: ClaimRules {
            scopes: vec![ClaimPath::named("scp")],
            ..ClaimRules::default()
        },
        ..rules(&[Algorithm::Es256])
    };
    let trust = trust(scp, es256().key_set());
    let token = es256().token_with(json!({"scp": ["a"], "scope": 5}));
    assert_eq!(verify(&trust, &token).unwrap().scopes_text(), "a");
}

#[test]
fn one_of_several_audiences_is_enough() {
    for audience in [
        json!([AUDIENCE]),
        json!(["x", AUDIENCE]),
        json!([AUDIENCE, AUDIENCE, "y", ""]),
        json!(AUDIENCE),
    ] {
        accepted(json!({"aud": audience}));
    }
}

#[test]
fn every_accepted_type_is_accepted_in_any_case() {
    for kind in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/AT+jwt",
        "JWT",
        "jwt",
    ] {
        let header = with(es256().header(), json!({"typ": kind}));
        let token = es256().token(header.to_string(), claims().to_string());
        assert!(verify(&es256().trust(), &token).is_ok(), "{kind}");
    }
    let without = with(es256().header(), json!({"typ": "<absent>"}));
    let token = es256().token(without.to_string(), claims().to_string());
    assert!(verify(&es256().trust(), &token).is_ok());
}

#[test]
fn names_need_not_be_ascii() {
    assert_eq!(
        accepted(json!({"sub": "Jürgen Žižka 株"})).subject(),
        "Jürgen Žižka 株"
    );
}

#[test]
fn a_secret_is_tried_whatever_key_the_token_names() {
    let signer = Signer::shared(Algorithm::Hs256);
    for key_id in [json!("anything"), json!(""), json!("<absent>")] {
        let header = with(signer.header(), json!({"kid": key_id}));
        let token = signer.token(header.to_string(), claims().to_string());
        assert!(verify(&signer.trust(), &token).is_ok());
    }
}

const KNOWN_TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI5N2JkNDUzYjdlMDZlOWFlMDQxNi00YmY2MWFiYjg4MDJjZmRmOWZmN2UyNDg4OTNmNzYyYmU5Njc5MGUzYTk4NDQ3MDEtYjNkYTk1MDYyNCIsImlhdCI6MTQ5MTE2NzIzNiwiZXhwIjoxNDkxMTcwODM2LCJuYW1lIjoidGVzdCJ9.T49Af5wnPIFYbPer3rOn-KV5PcN0FLcBVykUMCIAuwI";
const KNOWN_SECRET: &[u8] = b"42eec18ffdbffc9fda6110dcc705d6ce";

/// The one token whose signature others made: it names neither issuer nor audience, so the gate
/// refuses it, and its key, which is public, cannot be loaded.
#[test]
fn the_known_answer_is_verified_but_refused() {
    let (message, signature) = KNOWN_TOKEN.rsplit_once('.').unwrap();
    let ours = Signer::hmac_with(Algorithm::Hs256, KNOWN_SECRET).sign(message.as_bytes());
    assert_eq!(super::forge::encode(&ours), signature);
    let key = Key::new(
        KeyName::Any,
        Algorithm::Hs256,
        jsonwebtoken::DecodingKey::from_secret(KNOWN_SECRET),
        Fields::new().finish(),
    );
    assert!(key.verifies(message.as_bytes(), &ours));

    let claims = crate::token::claims::Claims::parse(message.split_once('.').unwrap().1).unwrap();
    let times = claims.times().unwrap();
    let rules = rules(&[Algorithm::Hs256]);
    assert_eq!(
        times.check(&rules, UnixSeconds(1_491_167_235)),
        Err(TokenError::IssuedInTheFuture)
    );
    assert_eq!(times.check(&rules, UnixSeconds(1_491_167_236)), Ok(()));
    assert_eq!(times.check(&rules, UnixSeconds(1_491_170_835)), Ok(()));
    assert_eq!(
        times.check(&rules, UnixSeconds(1_491_170_836)),
        Err(TokenError::Expired)
    );
    assert_eq!(claims.text("sub").unwrap().len(), 20 + 1 + 48 + 1 + 10);
    assert_eq!(
        claims.check_audience(&rules.claims.audience, &rules.audiences),
        Err(TokenError::Missing(Claim::Audience))
    );

    assert!(KeySet::from_hmac_secret(KNOWN_SECRET, &[Algorithm::Hs256]).is_err());
    let trust = Signer::shared(Algorithm::Hs256).trust();
    for now in [UnixSeconds(1_491_167_240), NOW] {
        assert_eq!(
            verify_at(&trust, KNOWN_TOKEN, now).err(),
            Some(TokenError::Missing(Claim::Issuer))
        );
    }
    assert!(verify_at(&Trust::default(), KNOWN_TOKEN, NOW).is_err());
}
