//! What claims mean under the rules of providers, and what must not be read into them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::forge::{Signer, rules, trust, verify};
use crate::token::{
    Algorithm, Claim, ClaimPath, ClaimRules, IssuerRules, RequiredClaim, TokenError, VerifiedToken,
    WantedValue,
};

fn es256() -> &'static Signer {
    Signer::shared(Algorithm::Es256)
}

fn down(names: &[&str]) -> ClaimPath {
    ClaimPath::down(names.iter().map(|name| (*name).into()).collect()).unwrap()
}

fn verified(claims: ClaimRules, changes: Value) -> Result<VerifiedToken, TokenError> {
    let rules = IssuerRules {
        claims,
        ..rules(&[Algorithm::Es256])
    };
    let trust = trust(rules, es256().key_set());
    verify(&trust, &es256().token_with(changes))
}

fn requiring(required: &[(&[&str], &[WantedValue])]) -> ClaimRules {
    let require = required.iter().map(|(path, any_of)| RequiredClaim {
        path: down(path),
        any_of: any_of.to_vec(),
    });
    ClaimRules {
        require: require.collect(),
        ..ClaimRules::default()
    }
}

#[test]
fn scopes_of_all_claims_are_united() {
    let rules = ClaimRules {
        scopes: vec![
            ClaimPath::named("scp"),
            ClaimPath::named("roles"),
            down(&["realm_access", "roles"]),
            ClaimPath::named("urn:zitadel:iam:org:project:roles"),
            ClaimPath::named("admin"),
            ClaimPath::named("a.b"),
        ],
        scope_names: [
            ("Domain Users", vec!["orders.read", "orders.list"]),
            ("orders-admin", vec!["orders.write"]),
            ("nothing", vec![]),
        ]
        .map(|(name, scopes)| (name.into(), scopes.into_iter().map(Box::from).collect()))
        .into(),
        ..ClaimRules::default()
    };
    for (claims, scopes) in [
        (json!({"scp": "a b", "roles": ["c", "a"]}), "a b c"),
        (
            json!({"roles": ["x", "two words", "Domain Users"]}),
            "x orders.read orders.list",
        ),
        (json!({"scp": "Domain Users"}), "orders.read orders.list"),
        (json!({"scp": "x Domain Users"}), "x Domain Users"),
        (
            json!({"realm_access": {"roles": ["orders-admin", "nothing"]}}),
            "orders.write",
        ),
        (json!({"realm_access": ["roles"], "scp": null}), ""),
        (json!({"realm_access.roles": ["x"]}), ""),
        (
            json!({"urn:zitadel:iam:org:project:roles": {"viewer": {"1": "x"}, "b c": 1}}),
            "viewer",
        ),
        (
            json!({"urn:zitadel:iam:org:project:roles": {"a": null, "b": false, "c": {}, "d": 0}}),
            "c d",
        ),
        (json!({"admin": {"x": true, "y": false}}), "x"),
        (json!({"admin": true}), "admin"),
        (json!({"admin": "true"}), "true"),
        (json!({"admin": 1}), ""),
        (json!({"a": {"b": ["no"]}, "a.b": ["yes"]}), "yes"),
        (json!({"scope": "not asked for"}), ""),
    ] {
        let token = verified(rules.clone(), claims.clone()).unwrap();
        assert_eq!(token.scopes_text(), scopes, "{claims}");
    }
}

#[test]
fn subject_and_client_are_the_first_that_is_there() {
    let rules = || ClaimRules {
        subject: vec![ClaimPath::named("sub"), ClaimPath::named("client_id")],
        client: vec![ClaimPath::named("cid"), down(&["app", "id"])],
        ..ClaimRules::default()
    };
    for (claims, subject, client) in [
        (json!({"cid": "web"}), "user-7", Some("web")),
        (json!({"sub": null, "client_id": "batch"}), "batch", None),
        (json!({"cid": "", "app": {"id": "a"}}), "user-7", Some("a")),
        (json!({"cid": 5, "app": {"id": "a"}}), "user-7", None),
    ] {
        let token = verified(rules(), claims.clone()).unwrap();
        assert_eq!(
            (token.subject(), token.client()),
            (subject, client),
            "{claims}"
        );
    }
    for (claims, refusal) in [
        (
            json!({"sub": null, "client_id": null}),
            TokenError::Missing(Claim::Subject),
        ),
        (
            json!({"sub": "", "client_id": "batch"}),
            TokenError::Unacceptable(Claim::Subject),
        ),
        (
            json!({"sub": 5, "client_id": "batch"}),
            TokenError::Unacceptable(Claim::Subject),
        ),
    ] {
        assert_eq!(
            verified(rules(), claims.clone()).err(),
            Some(refusal),
            "{claims}"
        );
    }
}

#[test]
fn what_is_required_must_hold_by_value_and_type() {
    let text = WantedValue::text;
    let number = |number: i64| WantedValue::Number(number.into());
    let rules = requiring(&[
        (&["token_use"], &[text("access")]),
        (&["sub"], &[text("user-*"), text("root")]),
        (&["email_verified"], &[WantedValue::Flag(true)]),
        (&["ver"], &[number(2)]),
        (&["kubernetes.io", "namespace"], &[text("shop")]),
    ]);
    let right = json!({
        "token_use": "access", "email_verified": true, "ver": 2,
        "kubernetes.io": {"namespace": "shop"},
    });
    assert!(verified(rules.clone(), right.clone()).is_ok());
    for (claim, good, bad) in [
        (
            "token_use",
            vec![json!(["id", "access"])],
            vec![
                json!("id"),
                json!("Access"),
                json!("access "),
                json!(["id"]),
                json!([["access"]]),
                json!(null),
                json!({"access": 1}),
            ],
        ),
        (
            "sub",
            vec![json!("user-"), json!("root")],
            vec![json!("user"), json!("xuser-1"), json!("root2")],
        ),
        (
            "email_verified",
            vec![json!([false, true])],
            vec![json!("true"), json!(false), json!(1)],
        ),
        (
            "ver",
            vec![json!(2.0)],
            vec![json!("2"), json!(2.5), json!(20)],
        ),
        (
            "kubernetes.io",
            vec![json!({"namespace": ["shop"]})],
            vec![json!("shop"), json!({"namespace": "shopping"}), json!({})],
        ),
    ] {
        let with = |value: &Value| {
            let mut claims = right.clone();
            claims[claim] = value.clone();
            verified(rules.clone(), claims)
        };
        for value in good {
            assert!(with(&value).is_ok(), "{claim} {value}");
        }
        let absent = (claim != "sub").then(|| json!("<absent>"));
        for value in bad.into_iter().chain(absent) {
            let refused = with(&value).err();
            assert_eq!(
                refused,
                Some(TokenError::RequirementNotMet),
                "{claim} {value}"
            );
        }
    }
}

#[test]
fn the_audience_is_in_the_claim_that_is_named() {
    let rules = ClaimRules {
        audience: ClaimPath::named("client_id"),
        ..ClaimRules::default()
    };
    let api = super::forge::AUDIENCE;
    let outcome = |claims: Value| verified(rules.clone(), claims).err();
    assert_eq!(outcome(json!({"client_id": api, "aud": "<absent>"})), None);
    assert_eq!(
        outcome(json!({"client_id": "other", "aud": api})),
        Some(TokenError::WrongAudience)
    );
    assert_eq!(
        outcome(json!({"client_id": "<absent>", "aud": api})),
        Some(TokenError::Missing(Claim::Audience))
    );
}

#[test]
fn what_nothing_relies_on_refuses_nothing() {
    for claims in [
        json!({"scope": null}),
        json!({"azp": null, "client_id": "<absent>"}),
        json!({"client_id": ""}),
        json!({"nbf": null}),
        json!({"jti": null}),
        json!({"groups": ["Domain Users", "\u{0}", 5, null]}),
        json!({"scope": ["Domain Users"]}),
        json!({"\u{1}": {"": [[[]]]}}),
    ] {
        let token = verified(ClaimRules::default(), claims.clone());
        assert!(token.is_ok(), "{claims}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "[a-c \\t\u{e9}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-c .]{0,3}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

/// Whether a text stands anywhere in the claims: as a value, a part of one, or a member's name.
fn holds(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text.contains(wanted),
        Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| name.contains(wanted) || holds(value, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

proptest! {
    #[test]
    fn no_claims_refuse_what_relies_on_none_of_them_or_make_a_scope_of_nothing(
        values in proptest::collection::vec(any_json(), 5)
    ) {
        let names = ["scope", "client_id", "azp", "jti", "roles"];
        let claims: Value = names.into_iter().zip(values).map(|(name, value)| (name.to_owned(), value)).collect();
        let rules = ClaimRules {
            scopes: vec![ClaimPath::named("scope"), down(&["roles", "a"]), ClaimPath::named("jti")],
            ..ClaimRules::default()
        };
        let token = verified(rules, claims.clone());
        prop_assert!(token.is_ok(), "{claims}");
        for scope in token.unwrap().scopes() {
            prop_assert!(!scope.is_empty() && !scope.contains([' ', '\t']));
            prop_assert!(holds(&claims, scope), "{scope} {claims}");
        }
    }
}
