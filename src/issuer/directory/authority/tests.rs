//! Truth tables of what a token's scopes allow.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::clock::UnixSeconds;
use crate::token::{
    Algorithm, ClaimRules, DEFAULT_TOKEN_BYTES, IssuerRules, KeySet, Trust, UnverifiedToken,
};

const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
const ISSUER: &str = "https://id.shop.example";
const NOW: UnixSeconds = UnixSeconds(1_700_000_000);

/// All `backend.*` scopes.
const ADMINISTRATOR: &str = "backend.app backend.introspect backend.role backend.scope backend.token \
                             backend.user";

/// The rules here look at none of its claims.
fn token() -> VerifiedToken {
    let rules = IssuerRules {
        name: "own".into(),
        issuer: ISSUER.into(),
        audiences: vec![ISSUER.into()],
        algorithms: vec![Algorithm::Hs256],
        leeway_seconds: 0,
        types: vec!["at+jwt".into()],
        claims: ClaimRules::default(),
        max_lifetime_seconds: 3600,
        max_token_bytes: DEFAULT_TOKEN_BYTES,
        token_header: None,
        spiffe_trust_domain: None,
    };
    let keys = KeySet::from_hmac_secret(SECRET, &[Algorithm::Hs256]).unwrap();
    let trust = Trust::new(vec![(rules, Some(keys))]).unwrap();
    let header = json!({"alg": "HS256", "typ": "at+jwt"}).to_string();
    let claims = json!({"iss": ISSUER, "aud": ISSUER, "sub": "alice", "exp": NOW.0 + 600});
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let message = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.to_string().as_bytes())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET);
    let signature = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    let signed = format!("{message}.{}", encode(signature.as_ref()));
    let unverified = UnverifiedToken::parse(signed.as_bytes()).unwrap();
    trust.verify(unverified, NOW).unwrap()
}

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// What somebody is refused with a token of alice that has `scopes`.
fn refused(
    scopes: &str,
    login: Login,
    operation: impl FnOnce(&Authority<'_>) -> Result<(), DirectoryError>,
) -> String {
    let (user, scopes, token) = (UserId::known("alice"), set(scopes), token());
    let allowed = operation(&Authority::Bearer {
        user: &user,
        scopes: &scopes,
        token: &token,
        app: None,
        session: None,
        login,
    });
    match allowed {
        Ok(()) => String::new(),
        Err(DirectoryError::Beyond(scopes)) => scopes.to_string(),
        Err(DirectoryError::NotFresh { .. }) => "a login".to_owned(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn only_tokens_that_have_a_backend_scope_pass_it_on() {
    // What the token has; what passes through its hands; what it lacks for that.
    let rows = [
        ("backend.role", "orders.read", ""),
        ("backend.role", "orders.read backend.role", ""),
        ("backend.role", "backend.user", "backend.user"),
        (
            "backend.role",
            "backend.role backend.user backend.app orders.read",
            "backend.app backend.user",
        ),
        ("", "consumer.account", ""),
        (ADMINISTRATOR, ADMINISTRATOR, ""),
    ];
    for (has, passes, expected) in rows {
        let found = refused(has, Login::Fresh, |by| by.may_pass_on(&set(passes)));
        assert_eq!(found, expected, "{has}: {passes}");
    }
    assert!(Authority::Machine.may_pass_on(&set(ADMINISTRATOR)).is_ok());
}

#[test]
fn scopes_by_which_somebody_acts_in_anothers_name_are_for_those_who_have_them() {
    let rows = [
        ("backend.app", "orders.read", ""),
        ("backend.app", "consumer.app", "consumer.app"),
        ("backend.app consumer.app", "consumer.app", ""),
        ("backend.app", "backend.user a", "backend.user"),
    ];
    for (has, takes, expected) in rows {
        let found = refused(has, Login::Fresh, |by| by.has_own(&set(takes)));
        assert_eq!(found, expected, "{has}: {takes}");
    }
}

#[test]
fn an_administrators_tokens_end_by_whoever_could_disable_it() {
    let old = Login::Old {
        max_age_seconds: 300,
    };
    // What the token has; whose tokens are to end; what it lacks.
    let rows = [
        ("backend.token", Login::Fresh, "orders.read", ""),
        ("backend.token", old, "orders.read consumer.account", ""),
        (
            "backend.token",
            Login::Fresh,
            "backend.token backend.user",
            "backend.user",
        ),
        (
            "backend.token backend.user",
            Login::Fresh,
            "backend.user",
            "",
        ),
        ("backend.token backend.user", old, "backend.user", "a login"),
    ];
    for (has, login, whose, expected) in rows {
        let found = refused(has, login, |by| by.may_revoke(&set(whose)));
        assert_eq!(found, expected, "{has}: {whose}");
    }
    let may = |by: &Authority<'_>| -> Result<(), DirectoryError> {
        by.may_revoke_all()?;
        Ok(())
    };
    let all = |has, login| refused(has, login, may);
    assert_eq!(all(ADMINISTRATOR, Login::Fresh), "");
    assert_eq!(all(ADMINISTRATOR, old), "a login");
    let lacks = "backend.app backend.introspect backend.role backend.scope";
    assert_eq!(all("backend.token backend.user", Login::Fresh), lacks);
}
