//! What holds for claims of any shape: what nothing relies on refuses nobody, and no scope comes from
//! nowhere.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::forge::{Signer, claims, rules, trust, verify};
use crate::token::{Algorithm, ClaimPath, ClaimRules, IssuerRules, Trust, VerifiedToken};

/// What these rules read. `cnf` binds a token to a key, whatever it holds.
const RELIED_ON: [&str; 9] = [
    "iss",
    "aud",
    "sub",
    "exp",
    "nbf",
    "iat",
    "cnf",
    "scope",
    "realm_access",
];

/// What tokens of the field have beside them, and what only informs.
const OTHERS: [&str; 12] = [
    "client_id",
    "azp",
    "jti",
    "sid",
    "name",
    "email",
    "roles",
    "groups",
    "act",
    "acr",
    "resource_access",
    "https://shop.example/roles",
];

fn es256() -> &'static Signer {
    Signer::shared(Algorithm::Es256)
}

/// Scopes from a claim of words or names, and from one below another.
fn scoped() -> Trust {
    let below = ClaimPath::down(vec!["realm_access".into(), "roles".into()]);
    let claims = ClaimRules {
        scopes: vec![ClaimPath::named("scope"), below.unwrap()],
        ..ClaimRules::default()
    };
    let rules = IssuerRules {
        claims,
        ..rules(&[Algorithm::Es256])
    };
    trust(rules, es256().key_set())
}

/// A good token with these claims in place of its own.
fn token_with(changes: Map<String, Value>) -> String {
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(changes);
    es256().token(es256().header().to_string(), claims.to_string())
}

/// Any JSON, a few levels deep.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c. :\u{7}\u{e9}\"\\\\]{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let members = prop::collection::btree_map("[a-c.: \u{7}]{0,6}", inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every word and name in it, at any depth.
fn words(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            into.insert(text.clone());
            into.extend(text.split(' ').map(str::to_owned));
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, into)),
        Value::Object(members) => {
            for (name, value) in members {
                into.insert(name.clone());
                words(value, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn scopes(token: &VerifiedToken) -> BTreeSet<String> {
    token.scopes().map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn what_nothing_relies_on_refuses_nobody_and_gives_nothing(
        known in prop::collection::btree_map(prop::sample::select(OTHERS.to_vec()), json(), 0..6),
        made_up in prop::collection::btree_map("[a-z_.]{0,9}", json(), 0..3),
    ) {
        let named = known.into_iter().map(|(name, value)| (name.to_owned(), value));
        let changes = named.chain(made_up);
        let changes = changes.filter(|(name, _)| !RELIED_ON.contains(&&**name));
        let verified = verify(&scoped(), &token_with(changes.collect()));
        prop_assert!(verified.is_ok(), "{:?}", verified.err());
        let expected = ["orders.read", "orders.write"].map(str::to_owned);
        prop_assert_eq!(scopes(&verified.unwrap()), BTreeSet::from(expected));
    }

    #[test]
    fn scopes_are_words_or_names_of_the_claims_that_have_them(
        scope in json(), roles in json(), around in json(),
    ) {
        let mut contained = BTreeSet::from(["scope".to_owned(), "roles".to_owned()]);
        words(&scope, &mut contained);
        words(&roles, &mut contained);
        let below = Value::Object(Map::from_iter([("roles".to_owned(), roles)]));
        for realm_access in [below, around] {
            let changes = [("scope", scope.clone()), ("realm_access", realm_access.clone())];
            words(&realm_access, &mut contained);
            let changes = changes.map(|(name, value)| (name.to_owned(), value));
            let verified = verify(&scoped(), &token_with(changes.into_iter().collect()));
            prop_assert!(verified.is_ok(), "{:?}", verified.err());
            for scope in scopes(&verified.unwrap()) {
                prop_assert!(contained.contains(&scope), "`{}` comes from nowhere", scope);
                prop_assert!(!scope.is_empty() && !scope.contains(' '));
            }
        }
    }

    #[test]
    fn what_is_relied_on_has_one_shape_or_the_token_is_refused(
        name in prop::sample::select(vec!["iss", "aud", "sub", "exp", "nbf", "iat"]),
        value in json(),
    ) {
        let changes = Map::from_iter([(name.to_owned(), value.clone())]);
        if let Ok(token) = verify(&scoped(), &token_with(changes)) {
            let is_right = match name {
                // Absent: neither is required.
                "nbf" | "iat" => value.is_null() || value.is_number(),
                "exp" => value.is_number(),
                "sub" => value.as_str() == Some(token.subject()),
                _ => false,
            };
            prop_assert!(is_right, "{}: {}", name, value);
        }
    }
}
