//! The catalogue of attacks: what each must come to.

mod claims;
mod form;
mod header;

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
