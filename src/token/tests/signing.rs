//! Keys that are made and read here, and the tokens that they issue.

use serde_json::Value;

use super::forge::{claims, key_set, rules, trust, verify};
use crate::token::{
    Algorithm, KeySet, KeySetError, SecretError, SigningKey, SigningKeyError, generate_key,
    secret_in_file,
};

fn generated(algorithm: Algorithm) -> (String, SigningKey) {
    let text = generate_key(algorithm).unwrap().reveal().to_owned();
    let key = SigningKey::read(text.as_bytes(), algorithm).unwrap();
    (text, key)
}

fn issue(key: &SigningKey) -> String {
    key.issue("at+jwt", claims().as_object().unwrap()).unwrap()
}

/// All but RSA, whose keys are slow to make.
const QUICK: [Algorithm; 6] = [
    Algorithm::Hs256,
    Algorithm::Hs384,
    Algorithm::Hs512,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

#[test]
fn what_a_generated_key_issues_is_verified_by_its_public_key() {
    for algorithm in QUICK.into_iter().chain([Algorithm::Ps256]) {
        let (text, key) = generated(algorithm);
        let keys = match key.public_jwk() {
            Some(jwk) => key_set(&[jwk], &[algorithm]),
            None => {
                KeySet::from_hmac_secret(secret_in_file(text.as_bytes()), &[algorithm]).unwrap()
            }
        };
        let trust = trust(rules(&[algorithm]), keys);
        assert_eq!(
            verify(&trust, &issue(&key)).unwrap().subject(),
            "user-7",
            "{algorithm}"
        );
        assert!(verify(&trust, &issue(&generated(algorithm).1.with_id("x"))).is_err());
    }
}

#[test]
fn keys_of_one_process_verify_by_their_ids_and_algorithms_secrets_too() {
    let secret = |id: &str| generated(Algorithm::Hs256).1.with_id(id);
    let keys = [
        secret("one"),
        secret("other"),
        generated(Algorithm::Es256).1,
        generated(Algorithm::EdDsa).1,
    ];
    let set = KeySet::of_signing_keys(&keys).unwrap();
    let algorithms = [Algorithm::Hs256, Algorithm::Es256, Algorithm::EdDsa];
    assert_eq!((set.len(), set.algorithms()), (4, algorithms.to_vec()));
    let trusting = trust(rules(&algorithms), set.clone());
    for key in &keys {
        assert_eq!(verify(&trusting, &issue(key)).unwrap().subject(), "user-7");
    }
    let es256 = keys[2].id().unwrap();
    for wrong in [secret("one"), secret("another"), secret(es256)] {
        assert!(verify(&trusting, &issue(&wrong)).is_err());
    }
    // The set holds more than the rules allow.
    let narrow = trust(rules(&[Algorithm::Es256]), set);
    let accepted = keys.iter().map(|key| verify(&narrow, &issue(key)).is_ok());
    assert_eq!(accepted.collect::<Vec<_>>(), [false, false, true, false]);
}

#[test]
fn keys_of_one_process_that_cannot_be_told_apart_are_refused() {
    let nameless = || generated(Algorithm::Hs256).1;
    let (text, key) = generated(Algorithm::Es256);
    let twice = SigningKey::read(text.as_bytes(), Algorithm::Es256).unwrap();
    for keys in [
        vec![],
        vec![nameless(), nameless()],
        vec![nameless().with_id("a"), nameless().with_id("a")],
        vec![key, twice],
    ] {
        let refused = KeySet::of_signing_keys(&keys).unwrap_err();
        assert!(matches!(refused, KeySetError::NoUsableKey(_)));
    }
    assert!(KeySet::of_signing_keys(&[nameless()]).is_ok());
}

#[test]
fn an_rsa_key_serves_every_rsa_algorithm_and_only_as_it_is_told() {
    let (text, _) = generated(Algorithm::Rs256);
    for algorithm in [
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps384,
        Algorithm::Ps512,
    ] {
        let key = SigningKey::read(text.as_bytes(), algorithm).unwrap();
        let trust = trust(
            rules(&[algorithm]),
            key_set(&[key.public_jwk().unwrap()], &[algorithm]),
        );
        assert!(verify(&trust, &issue(&key)).is_ok(), "{algorithm}");
    }
    let error = SigningKey::read(text.as_bytes(), Algorithm::Es256).unwrap_err();
    assert_eq!(error, SigningKeyError::DoesNotFit(Algorithm::Es256));
}

#[test]
fn the_public_key_holds_nothing_private() {
    for algorithm in QUICK {
        let (_, key) = generated(algorithm);
        let Some(Value::Object(members)) = key.public_jwk() else {
            assert!(algorithm.name().starts_with("HS"));
            continue;
        };
        let mut names: Vec<_> = members.keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected: &[_] = if algorithm == Algorithm::EdDsa {
            &["alg", "crv", "kid", "kty", "use", "x"]
        } else {
            &["alg", "crv", "kid", "kty", "use", "x", "y"]
        };
        assert_eq!(names, expected);
        assert_eq!(members["kid"].as_str(), key.id());
    }
}

/// The private key of RFC 8037 appendix A.1, and its thumbprint of appendix A.3.
#[test]
fn the_id_is_the_thumbprint_of_the_public_key() {
    let der = [
        super::forge::from_hex("302e020100300506032b657004220420"),
        super::forge::from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
    ]
    .concat();
    let text = crate::token::pem::write("PRIVATE KEY", &der);
    let key = SigningKey::read(text.as_bytes(), Algorithm::EdDsa).unwrap();
    assert_eq!(
        key.id(),
        Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    );
    assert_eq!(
        key.public_jwk().unwrap()["x"],
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    );
}

#[test]
fn files_that_hold_no_private_key_are_told_apart() {
    let (pem, _) = generated(Algorithm::Es256);
    let relabelled = |label: &str| pem.replace("PRIVATE KEY", label);
    let broken = pem.replace("MIG", "MIH");
    let legacy = pem.replace(
        "KEY-----\nM",
        "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\nM",
    );
    for (text, expected) in [
        (
            relabelled("ENCRYPTED PRIVATE KEY"),
            SigningKeyError::Encrypted,
        ),
        (legacy, SigningKeyError::Encrypted),
        (
            relabelled("PUBLIC KEY"),
            SigningKeyError::NotAPrivateKey("PUBLIC KEY".to_owned()),
        ),
        (
            relabelled("CERTIFICATE"),
            SigningKeyError::NotAPrivateKey("CERTIFICATE".to_owned()),
        ),
        (
            relabelled("OPENSSH PRIVATE KEY"),
            SigningKeyError::NotAPrivateKey("OPENSSH PRIVATE KEY".to_owned()),
        ),
        (broken, SigningKeyError::DoesNotFit(Algorithm::Es256)),
        (
            generated(Algorithm::Es384).0,
            SigningKeyError::DoesNotFit(Algorithm::Es256),
        ),
        (
            generated(Algorithm::EdDsa).0,
            SigningKeyError::DoesNotFit(Algorithm::Es256),
        ),
        (generated(Algorithm::Hs256).0, SigningKeyError::NotPem),
        (String::new(), SigningKeyError::NotPem),
        (pem.replace("-----END", "-----FIN"), SigningKeyError::NotPem),
        (pem.replace('\n', "\n*"), SigningKeyError::NotPem),
    ] {
        assert_eq!(
            SigningKey::read(text.as_bytes(), Algorithm::Es256).unwrap_err(),
            expected
        );
    }
    assert!(SigningKey::read(b"\xff\xfe", Algorithm::Es256).is_err());
}

#[test]
fn files_that_hold_no_secret_are_told_apart() {
    let read = |text: &str| SigningKey::read(text.as_bytes(), Algorithm::Hs256).map(|_| ());
    let (pem, _) = generated(Algorithm::Es256);
    assert_eq!(
        read(&pem),
        Err(SigningKeyError::NotASecret(Algorithm::Hs256))
    );
    assert_eq!(
        read("42eec18ffdbffc9fda6110dcc705d6ce\n"),
        Err(SigningKeyError::Secret(SecretError::Published))
    );
    assert!(read("").is_err());
    assert!(read("short\n").is_err());
    // The line break does not count.
    assert!(read("3f0c9a7be1d2485566a1c0ffee90d1e\n").is_err());
    assert!(read("3f0c9a7be1d2485566a1c0ffee90d1e2\n").is_ok());
}

#[test]
fn debug_output_shows_no_key() {
    let text = generate_key(Algorithm::Hs256).unwrap();
    let key = SigningKey::read(text.reveal().as_bytes(), Algorithm::Hs256).unwrap();
    assert_eq!(
        format!("{text:?} {key:?}"),
        "KeyText(..) SigningKey { algorithm: Hs256, id: None, .. }"
    );
}
