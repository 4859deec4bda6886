//! Random objects of Istio.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

fn values(pool: &'static [&'static str]) -> impl Strategy<Value = Value> {
    subsequence(pool, 1..=pool.len().min(2)).prop_map(|values| json!(values))
}

fn operation() -> impl Strategy<Value = Value> {
    let paths = values(&[
        "/a", "/a/*", "/a*", "*", "*.html", "/a/b", "/", "/*", "/{*}/b", "/a/{*}", "/a/{**}",
        "*/b", "/A/*",
    ]);
    let fields = prop_oneof![
        4 => (select(&["paths", "notPaths"][..]), paths),
        3 => (select(&["methods", "methods", "notMethods"][..]), values(&["GET", "HEAD", "POST", "P*", "*"])),
        2 => (select(&["hosts", "notHosts"][..]), values(&["a.example", "*.example", "a.*", "*"])),
        1 => (select(&["ports", "notPorts"][..]), values(&["80"])),
    ];
    prop::collection::vec(fields, 1..3).prop_map(|fields| {
        let fields: BTreeMap<_, _> = fields.into_iter().collect();
        json!({"operation": fields})
    })
}

fn from() -> impl Strategy<Value = Value> {
    let principals = values(&[
        "*",
        "https://one/alice",
        "https://one/*",
        "https://two*",
        "*ob",
        "https://one/a*",
    ]);
    let field = prop_oneof![
        4 => (select(&["requestPrincipals", "requestPrincipals", "notRequestPrincipals"][..]), principals),
        1 => (select(&["principals", "notIpBlocks", "namespaces"][..]), values(&["x"])),
    ];
    field.prop_map(|(name, values)| json!({"source": {name: values}}))
}

fn when() -> impl Strategy<Value = Value> {
    let keyed = prop_oneof![
        (
            Just("request.headers[x-region]"),
            values(&["eu", "e*", "*"])
        ),
        (
            Just("request.auth.claims[role]"),
            values(&["admin", "a*", "*"])
        ),
        (Just("request.auth.claims[groups]"), values(&["dev", "*"])),
        (
            Just("request.auth.claims[scope]"),
            values(&["read", "read write", "w*"])
        ),
        (Just("request.auth.claims[realm][roles]"), values(&["dev"])),
        (Just("request.auth.principal"), values(&["https://two/*"])),
        (Just("request.auth.audiences"), values(&["api", "x"])),
        (Just("source.ip"), values(&["10.0.0.0/8"])),
    ];
    (keyed, prop::bool::weighted(0.25)).prop_map(|((key, values), is_negated)| {
        if is_negated {
            json!({"key": key, "notValues": values})
        } else {
            json!({"key": key, "values": values})
        }
    })
}

fn rule() -> impl Strategy<Value = Value> {
    let list =
        |strategy: BoxedStrategy<Value>| prop::option::of(prop::collection::vec(strategy, 1..3));
    (
        prop::option::weighted(0.8, prop::collection::vec(operation(), 1..3)),
        list(from().boxed()),
        prop::option::weighted(0.3, prop::collection::vec(when(), 1..2)),
    )
        .prop_map(|(to, from, when)| {
            let mut rule = serde_json::Map::new();
            for (key, list) in [("to", to), ("from", from), ("when", when)] {
                if let Some(list) = list {
                    rule.insert(key.to_owned(), json!(list));
                }
            }
            Value::Object(rule)
        })
}

pub(super) fn objects() -> impl Strategy<Value = Vec<Value>> {
    let policy = (
        select(&["ALLOW", "ALLOW", "DENY", "CUSTOM"][..]),
        prop::collection::vec(rule(), 0..3),
    )
        .prop_map(|(action, rules)| {
            json!({"kind": "AuthorizationPolicy", "metadata": {"name": "p"}, "spec": {"action": action, "rules": rules}})
        });
    let authentication = subsequence(vec!["https://one", "https://two"], 0..=2).prop_map(|issuers| {
        let rules: Vec<Value> = issuers.iter().map(|issuer| json!({"issuer": issuer})).collect();
        json!({"kind": "RequestAuthentication", "metadata": {"name": "r"}, "spec": {"jwtRules": rules}})
    });
    (prop::collection::vec(policy, 0..4), authentication).prop_map(
        |(mut objects, authentication)| {
            objects.push(authentication);
            objects
        },
    )
}

pub(super) fn text_of(objects: &[Value]) -> String {
    json!({"kind": "List", "items": objects}).to_string()
}
