//! When a proof made earlier still holds.

use serde_json::json;

use super::forge::{KEY_ID, NOW, Signer, key_set, rules, trust, verify};
use crate::token::{
    Algorithm, ClaimPath, ClaimRules, IssuerIndex, IssuerRules, KeySet, RecheckError,
    RequiredClaim, Trust, WantedValue,
};

const ES256: &[Algorithm] = &[Algorithm::Es256];

fn es256() -> &'static Signer {
    Signer::shared(Algorithm::Es256)
}

#[test]
fn the_same_rules_and_keys_keep_proofs_good() {
    let other = Signer::new(Algorithm::Es256);
    let keys = [es256().jwk(KEY_ID), other.jwk("key-2")];
    let before = trust(rules(ES256), key_set(&keys, ES256));
    let token = verify(&before, &es256().right_token()).unwrap();
    assert_eq!(before.recheck(&token, NOW), Ok(()));
    assert_eq!(before.clone().recheck(&token, NOW), Ok(()));
    // Read again, in another order, through another document.
    let keys = [
        other.jwk("key-2"),
        es256().jwk(KEY_ID),
        json!({"kty": "oct"}),
    ];
    let again = before
        .clone()
        .with_keys(IssuerIndex(0), key_set(&keys, ES256));
    assert_eq!(again.recheck(&token, NOW), Ok(()));
    assert_eq!(
        trust(rules(ES256), key_set(&keys, ES256)).recheck(&token, NOW),
        Ok(())
    );
}

#[test]
fn other_keys_end_every_proof() {
    let before = es256().trust();
    let token = verify(&before, &es256().right_token()).unwrap();
    let other = Signer::new(Algorithm::Es256);
    for keys in [
        vec![other.jwk(KEY_ID)],
        vec![es256().jwk("renamed")],
        vec![es256().jwk(KEY_ID), other.jwk("key-2")],
        vec![es256().bare_jwk()],
    ] {
        let after = before
            .clone()
            .with_keys(IssuerIndex(0), key_set(&keys, ES256));
        assert_eq!(after.recheck(&token, NOW), Err(RecheckError::TrustChanged));
    }
    assert_eq!(before.recheck(&token, NOW), Ok(()));
}

#[test]
fn other_rules_end_every_proof() {
    let token = verify(&es256().trust(), &es256().right_token()).unwrap();
    let same = || rules(ES256);
    for changed in [
        IssuerRules {
            audiences: vec!["orders-api".into(), "more".into()],
            ..same()
        },
        IssuerRules {
            audiences: vec!["other".into()],
            ..same()
        },
        IssuerRules {
            algorithms: vec![Algorithm::Es256, Algorithm::Es384],
            ..same()
        },
        IssuerRules {
            leeway_seconds: 1,
            ..same()
        },
        IssuerRules {
            types: vec!["at+jwt".into()],
            ..same()
        },
        IssuerRules {
            types: vec!["at+jwtjwt".into()],
            ..same()
        },
        IssuerRules {
            claims: ClaimRules {
                scopes: vec![ClaimPath::named("scp")],
                ..ClaimRules::default()
            },
            ..same()
        },
        IssuerRules {
            claims: ClaimRules {
                client: vec![ClaimPath::named("azp")],
                ..ClaimRules::default()
            },
            ..same()
        },
        IssuerRules {
            claims: ClaimRules {
                require: vec![RequiredClaim {
                    path: ClaimPath::named("sub"),
                    any_of: vec![WantedValue::text("user*")],
                }],
                ..ClaimRules::default()
            },
            ..same()
        },
        IssuerRules {
            name: "other".into(),
            ..same()
        },
        IssuerRules {
            max_lifetime_seconds: 86_401,
            ..same()
        },
        IssuerRules {
            issuer: "https://other".into(),
            ..same()
        },
        IssuerRules {
            token_header: Some("x-token".into()),
            ..same()
        },
        IssuerRules {
            spiffe_trust_domain: Some("shop.example".into()),
            ..same()
        },
    ] {
        let after = trust(changed.clone(), es256().key_set());
        assert_eq!(
            after.recheck(&token, NOW),
            Err(RecheckError::TrustChanged),
            "{changed:?}"
        );
    }
    assert_eq!(
        Trust::default().recheck(&token, NOW),
        Err(RecheckError::TrustChanged)
    );
    let not_loaded = Trust::new(vec![(same(), None)]).unwrap();
    assert_eq!(
        not_loaded.recheck(&token, NOW),
        Err(RecheckError::TrustChanged)
    );
}

#[test]
fn keys_of_one_issuer_do_not_touch_the_proofs_of_another() {
    let other = IssuerRules {
        issuer: "https://other".into(),
        ..rules(ES256)
    };
    let before = Trust::new(vec![(rules(ES256), Some(es256().key_set())), (other, None)]).unwrap();
    let token = verify(&before, &es256().right_token()).unwrap();
    let theirs = Signer::new(Algorithm::Es256);
    let after = before.clone().with_keys(IssuerIndex(1), theirs.key_set());
    assert_eq!(after.recheck(&token, NOW), Ok(()));
    let unchanged = after.clone().with_keys(IssuerIndex(7), theirs.key_set());
    assert_eq!(unchanged.recheck(&token, NOW), Ok(()));
    let issuers: Vec<_> = after
        .issuers()
        .map(|(index, rules)| (index.0, &*rules.issuer))
        .collect();
    assert_eq!(
        issuers,
        [(0, "https://id.shop.example"), (1, "https://other")]
    );
    assert_eq!(
        &*after.rules(IssuerIndex(1)).unwrap().issuer,
        "https://other"
    );
    assert!(after.rules(IssuerIndex(2)).is_none());
}

#[test]
fn an_issuer_listed_twice_is_refused() {
    let error = Trust::new(vec![(rules(ES256), None), (rules(ES256), None)]).unwrap_err();
    let told = "the issuer `https://id.shop.example` is listed twice";
    assert!(error.to_string().starts_with(told), "{error}");
}

#[test]
fn changed_secrets_end_every_proof() {
    let signer = Signer::new(Algorithm::Hs256);
    let token = verify(&signer.trust(), &signer.right_token()).unwrap();
    let other =
        KeySet::from_hmac_secret(Signer::new(Algorithm::Hs256).secret(), &[Algorithm::Hs256]);
    let after = signer.trust().with_keys(IssuerIndex(0), other.unwrap());
    assert_eq!(after.recheck(&token, NOW), Err(RecheckError::TrustChanged));
    assert_eq!(signer.trust().recheck(&token, NOW), Ok(()));
}
