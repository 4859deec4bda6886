//! Random rule sets of heimdall.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

/// Heimdall's own configuration, without its default rule.
pub(super) fn mechanisms() -> Value {
    let jwt = |id: &str, issuer: &str, more: Value| {
        let mut config = json!({
            "jwks_endpoint": {"url": format!("https://{issuer}/keys")},
            "assertions": {"issuers": [format!("https://{issuer}")]},
        });
        for (key, value) in more.as_object().unwrap() {
            match config[key].as_object_mut() {
                Some(known) => known.extend(value.as_object().unwrap().clone()),
                None => config[key] = value.clone(),
            }
        }
        json!({"id": id, "type": "jwt", "config": config})
    };
    json!({
        "authenticators": [
            {"id": "anyone", "type": "anonymous"},
            {"id": "none", "type": "unauthorized"},
            jwt("one", "one", json!({"assertions": {"scopes": ["read"]}})),
            jwt("two", "two", json!({"allow_fallback_on_error": true})),
            {"id": "session", "type": "generic"},
        ],
        "authorizers": [
            {"id": "ok", "type": "allow"},
            {"id": "no", "type": "deny"},
            {"id": "cel", "type": "cel"},
        ],
    })
}

fn execute() -> impl Strategy<Value = Value> {
    let ids = select(
        &[
            "one", "one", "two", "two", "anyone", "anyone", "none", "session",
        ][..],
    );
    let authenticator = (ids, prop::bool::weighted(0.05)).prop_map(|(id, has_principal)| {
        if has_principal {
            json!({"authenticator": id, "principal": "other"})
        } else {
            json!({"authenticator": id})
        }
    });
    let authorizer = prop_oneof![
        6 => Just(json!({"authorizer": "ok"})),
        1 => Just(json!({"authorizer": "no"})),
        1 => Just(json!({"authorizer": "no", "if": "Request.Method == 'GET'"})),
        1 => Just(json!({"authorizer": "cel"})),
    ];
    (
        prop::collection::vec(authenticator, 0..4),
        prop::collection::vec(authorizer, 0..2),
    )
        .prop_map(|(mut steps, authorizers)| {
            steps.extend(authorizers);
            json!(steps)
        })
}

const PATHS: [&str; 12] = [
    "/a", "/a/b", "/a/b/c", "/a/:*", "/a/**", "/:*/b", "/**", "/", "/:*", "/c/:*/e", "/a/:*/c",
    "/A/b",
];

fn rule() -> impl Strategy<Value = Value> {
    let methods = select(vec![
        json!(["GET"]),
        json!(["GET", "HEAD"]),
        json!(["POST", "PUT"]),
        json!(["ALL"]),
        json!(["ALL", "!GET"]),
        json!(["!GET"]),
        json!(["POST", "!POST"]),
    ]);
    let hosts = select(vec![
        json!([{"type": "exact", "value": "a.example"}]),
        json!([{"type": "exact", "value": "a.example"}, {"type": "exact", "value": "a.test"}]),
        json!([{"type": "glob", "value": "*.example"}]),
    ]);
    (
        subsequence(PATHS.to_vec(), 1..=2),
        prop::option::weighted(0.4, methods),
        prop::option::weighted(0.1, hosts),
        prop::option::weighted(0.1, select(&["http", "https"][..])),
        prop::option::weighted(0.2, any::<bool>()),
        execute(),
    )
        .prop_map(|(paths, methods, hosts, scheme, backtracks, execute)| {
            let routes: Vec<Value> = paths.iter().map(|path| json!({"path": path})).collect();
            let mut matched = json!({"routes": routes});
            let more = [
                ("methods", methods),
                ("hosts", hosts),
                ("scheme", scheme.map(|scheme| json!(scheme))),
                (
                    "backtracking_enabled",
                    backtracks.map(|backtracks| json!(backtracks)),
                ),
            ];
            for (key, value) in more {
                if let Some(value) = value {
                    matched[key] = value;
                }
            }
            json!({"match": matched, "execute": execute})
        })
}

/// A configuration with a default rule or without, and rules.
pub(super) fn rule_set() -> impl Strategy<Value = (Value, Vec<Value>)> {
    let default = prop::option::weighted(0.5, execute());
    (default, prop::collection::vec(rule(), 1..6)).prop_map(|(default, rules)| {
        let mut config = json!({"mechanisms": mechanisms()});
        if let Some(execute) = default {
            config["default_rule"] = json!({"execute": execute});
        }
        (config, rules)
    })
}
