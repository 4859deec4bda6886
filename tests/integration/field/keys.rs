//! Key sets as people have them.

use std::fs;

use portcullis::app;
use portcullis::config::{Config, Overrides};
use portcullis::token::Algorithm;
use serde_json::{Value, json};

use super::{Call, Case, check, entry, full, token_with};
use crate::foreign_issuer::{ForeignKey, key_set};
use crate::test_app::{Setup, write_files};
use crate::test_issuer::TestIssuer;

fn signing(key_id: &str) -> Value {
    json!({"kid": key_id, "alg": "RS256", "use": "sig"})
}

#[tokio::test(flavor = "multi_thread")]
async fn key_sets_that_are_not_by_the_book() {
    check(cases()).await;
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let me = "/me";
    let (key, other) = (ForeignKey::rsa(), ForeignKey::generate(Algorithm::Rs256));
    let third = ForeignKey::generate(Algorithm::Rs256);
    let named = |key: &ForeignKey, key_id: &str, algorithm: &str| key.sign(&json!({"alg": algorithm, "typ": "JWT", "kid": key_id}), &full(&json!({})));
    let six: Vec<Value> = (1..=6).map(|number| key.jwk(&signing(&format!("k{number}")))).collect();
    vec![
        Case::new("a_single_key_without_an_id_serves_tokens_that_name_one", "")
            .keys(vec![key.jwk(&json!({"alg": "RS256"}))])
            .call(Call::get("by the key", me).is(200).token(named(key, "some-name", "RS256")))
            .call(Call::get("by another key", me).is(401).token(named(&other, "some-name", "RS256")).explained("its signature is wrong")),
        Case::new("an_encryption_key_beside_the_signing_key", "")
            .keys(vec![key.jwk(&signing("k1")), other.jwk(&json!({"kid": "enc", "alg": "RSA-OAEP", "use": "enc"}))])
            .call(Call::get("by the signing key", me).is(200).token(named(key, "k1", "RS256")))
            .call(Call::get("by the encryption key", me).is(401).token(named(&other, "enc", "RS256"))),
        Case::new("two_keys_with_one_id_serve_nobody", "")
            .keys(vec![key.jwk(&signing("k1")), other.jwk(&signing("k1")), third.jwk(&signing("k3"))])
            .call(Call::get("a third key", me).is(200).token(named(&third, "k3", "RS256")))
            .call(Call::get("the first", me).is(401).token(named(key, "k1", "RS256")).explained("the issuer has no such key"))
            .call(Call::get("the second", me).is(401).token(named(&other, "k1", "RS256"))),
        Case::new("one_key_serves_one_algorithm", "algorithms: [RS256, PS256]")
            .keys(vec![key.jwk(&json!({"kid": "k1", "use": "sig"}))])
            .call(Call::get("the first of the list", me).is(200).token(named(key, "k1", "RS256")))
            .call(Call::get("the second", me).is(401).token(named(key, "k1", "PS256")).explained("serves another algorithm")),
        Case::new("a_token_without_an_id_and_six_keys", "").keys(six)
            .call(Call::get("no id", me).is(401).token(token_with(&json!({"kid": null}), &json!({}))).explained("have the issuer set `kid`"))
            .call(Call::get("with an id", me).is(200).token(token_with(&json!({"kid": "k3"}), &json!({})))),
    ]
}

#[test]
fn a_certificate_is_not_a_key() {
    let mut jwk = ForeignKey::rsa().jwk(&signing("k1"));
    jwk["x5c"] = json!(["MIIB"]);
    jwk.as_object_mut().unwrap().remove("n");
    let error = refused_at_start(&[jwk], "RS256");
    assert!(error.contains("key 0 (`k1`)"), "{error}");
    assert!(
        error.contains("certificates (`x5c`) are not read"),
        "{error}"
    );
}

/// Encoders that drop leading zeros make such a key once in 128 times.
#[test]
fn a_coordinate_without_its_leading_zero_is_not_one() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let mut jwk = ForeignKey::p256().jwk(&json!({"kid": "k1", "alg": "ES256", "use": "sig"}));
    let x = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
    jwk["x"] = URL_SAFE_NO_PAD.encode(&x[1..]).into();
    let error = refused_at_start(&[jwk], "ES256");
    assert!(
        error.contains("its `x` has 31 bytes instead of 32"),
        "{error}"
    );
}

/// Why a gate with these keys does not start.
fn refused_at_start(keys: &[Value], algorithm: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        trust: Some(entry(&format!("algorithms: [{algorithm}]"))),
        ..Setup::default()
    };
    let config = write_files(folder.path(), &setup, &TestIssuer::new("key-1"));
    fs::write(folder.path().join("jwks.json"), key_set(keys)).unwrap();
    let config = Config::load(&config, &Overrides::default()).unwrap();
    match app::build(&config, None) {
        Ok(_) => panic!("it starts"),
        Err(error) => format!("{error:#}"),
    }
}
