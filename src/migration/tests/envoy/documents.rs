//! Random configurations of Envoy.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

fn text_matcher(pool: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let how = select(&["exact", "exact", "prefix", "prefix", "suffix", "contains"][..]);
    (how, select(pool), prop::bool::weighted(0.15)).prop_map(|(how, text, ignores_case)| {
        if ignores_case {
            json!({how: text, "ignore_case": true})
        } else {
            json!({how: text})
        }
    })
}

fn path_matcher() -> impl Strategy<Value = Value> {
    let expression = select(
        &[
            "/a/.*",
            "/a/b",
            "/c/[a-z]+",
            "/a|/b",
            "/a/?",
            ".*html",
            "/x\\.html",
        ][..],
    );
    prop_oneof![
        5 => text_matcher(&["/", "/a", "/a/", "/a/b", "/A", "/ab", ".html", "b", "/b/"]),
        1 => expression.prop_map(|regex| json!({"safe_regex": {"regex": regex}})),
    ]
}

fn header() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => select(&["GET", "HEAD", "POST"][..]).prop_map(|text| json!({"name": ":method", "string_match": {"exact": text}})),
        1 => Just(json!({"name": ":method", "string_match": {"prefix": "P"}})),
        2 => text_matcher(&["/a", "/a/b", "/a/b?x=1", "html"]).prop_map(|matcher| json!({"name": ":path", "string_match": matcher})),
        1 => text_matcher(&["a.example", ".example", "a."]).prop_map(|matcher| json!({"name": ":authority", "string_match": matcher})),
        2 => text_matcher(&["eu", "e"]).prop_map(|matcher| json!({"name": "x-region", "string_match": matcher})),
        1 => Just(json!({"name": "x-region", "present_match": true})),
        1 => Just(json!({"name": "x-region", "string_match": {"exact": "eu"}, "invert_match": true})),
    ]
}

fn metadata() -> impl Strategy<Value = Value> {
    let claim = prop_oneof![
        Just(vec!["role"]),
        Just(vec!["groups"]),
        Just(vec!["scope"]),
        Just(vec!["sub"]),
        Just(vec!["admin"]),
        Just(vec!["realm", "roles"]),
    ];
    let text = text_matcher(&["admin", "dev", "read", "alice", "a"]);
    (select(&["one", "two"][..]), claim, text, 0..5_u8).prop_map(|(payload, claim, text, kind)| {
        let path = std::iter::once(payload).chain(claim);
        let path: Vec<Value> = path.map(|key| json!({"key": key})).collect();
        let value = match kind {
            0 | 1 => json!({"string_match": text}),
            2 => json!({"bool_match": true}),
            _ => json!({"list_match": {"one_of": {"string_match": text}}}),
        };
        json!({"metadata": {"filter": "envoy.filters.http.jwt_authn", "path": path, "value": value}})
    })
}

/// Permissions (`rules`) or principals (`ids`).
fn rule(of: &'static str) -> impl Strategy<Value = Value> {
    let path = path_matcher()
        .prop_map(|matcher| json!({"url_path": {"path": matcher}}))
        .boxed();
    let own = if of == "rules" {
        prop_oneof![path.clone(), path].boxed()
    } else {
        prop_oneof![3 => metadata(), 1 => Just(json!({"source_ip": {"address_prefix": "10.0.0.0"}})), 1 => path].boxed()
    };
    let leaf = prop_oneof![
        2 => Just(json!({"any": true})),
        3 => header().prop_map(|header| json!({"header": header})),
        5 => own,
    ];
    let (all, any, not) = if of == "rules" {
        ("and_rules", "or_rules", "not_rule")
    } else {
        ("and_ids", "or_ids", "not_id")
    };
    leaf.prop_recursive(2, 6, 2, move |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 1..3).prop_map(move |list| json!({all: {of: list}})),
            1 => prop::collection::vec(inner.clone(), 1..3).prop_map(move |list| json!({any: {of: list}})),
            1 => inner.prop_map(move |one| json!({not: one})),
        ]
    })
}

fn rbac() -> impl Strategy<Value = Value> {
    let policy = (prop::collection::vec(rule("rules"), 1..3), prop::collection::vec(rule("ids"), 1..3))
        .prop_map(|(permissions, principals)| json!({"permissions": permissions, "principals": principals}));
    let policies = prop::collection::vec(policy, 0..4);
    (select(&["ALLOW", "ALLOW", "DENY", "LOG"][..]), policies).prop_map(|(action, policies)| {
        let named = policies.into_iter().enumerate();
        let policies: serde_json::Map<_, _> = named
            .map(|(index, one)| (format!("p{index}"), one))
            .collect();
        json!({"rules": {"action": action, "policies": policies}})
    })
}

fn route_match() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        4 => select(&["/", "/a", "/a/", "/b", "/c/"][..]).prop_map(|text| json!({"prefix": text})),
        3 => select(&["/a", "/a/b", "/", "/x.html"][..]).prop_map(|text| json!({"path": text})),
        1 => select(&["/a", "/a/b"][..]).prop_map(|text| json!({"path_separated_prefix": text})),
        1 => select(&["/a/.*", "/c/[a-z]+", "/a|/b"][..]).prop_map(|text| json!({"safe_regex": {"regex": text}})),
    ];
    (
        path,
        prop::bool::weighted(0.1),
        prop::option::weighted(0.25, header()),
        prop::bool::weighted(0.05),
    )
        .prop_map(|(mut matched, ignores_case, header, is_sampled)| {
            if ignores_case && matched.get("safe_regex").is_none() {
                matched["case_sensitive"] = json!(false);
            }
            if let Some(header) = header {
                matched["headers"] = json!([header]);
            }
            if is_sampled {
                matched["runtime_fraction"] = json!({"default_value": {"numerator": 50}});
            }
            matched
        })
}

fn requirement() -> impl Strategy<Value = Value> {
    let provider = |name: &str| json!({"provider_name": name});
    let leaf = prop_oneof![
        6 => select(&["one", "two"][..]).prop_map(provider),
        2 => select(&["api", "x"][..]).prop_map(|audience| json!({"provider_and_audiences": {"provider_name": "one", "audiences": [audience]}})),
        2 => Just(json!({"allow_missing": {}})),
        2 => Just(json!({"allow_missing_or_failed": {}})),
        1 => Just(json!({})),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 2..4);
        prop_oneof![
            2 => list().prop_map(|list| json!({"requires_any": {"requirements": list}})),
            1 => list().prop_map(|list| json!({"requires_all": {"requirements": list}})),
        ]
    })
}

/// Domains of virtual hosts, none of them twice.
fn domains() -> impl Strategy<Value = Vec<Vec<&'static str>>> {
    let named = select(vec![
        vec!["a.example"],
        vec!["a.example", "a.example:*"],
        vec!["a.example", "a.example:*", "a.example."],
        vec!["a.example", "a.example:*", "a.example.", "a.example.:*"],
        vec!["a.example", "a.example:*", "a.example.", "a.example.:*"],
    ]);
    let others = vec![
        vec!["*.example"],
        vec!["*.example", "*.example:*"],
        vec!["a.*"],
        vec!["a.example:8080"],
        vec!["*8080"],
        vec!["*"],
    ];
    // Both lists of the same suffix would name a domain twice.
    let others = subsequence(others, 1..=2).prop_filter("a domain twice", |lists| {
        lists
            .iter()
            .filter(|list| list.contains(&"*.example"))
            .count()
            < 2
    });
    (prop::option::weighted(0.6, named), others).prop_map(|(named, others)| {
        let mut all: Vec<_> = named.into_iter().collect();
        all.extend(others);
        all
    })
}

pub(super) fn bootstrap() -> impl Strategy<Value = Value> {
    let jwt = prop::collection::vec(
        (route_match(), prop::option::weighted(0.9, requirement())),
        0..4,
    );
    let own = prop_oneof![
        6 => Just(json!({})),
        1 => Just(json!({"jwt": {"@type": "x/PerRouteConfig", "disabled": true}})),
        1 => Just(json!({"jwt": {"@type": "x/PerRouteConfig", "requirement_name": "named"}})),
        1 => Just(json!({"rbac": {"@type": "x/FilterConfig", "disabled": true}})),
        1 => rbac().prop_map(|rbac| json!({"rbac": {"@type": "x/RBACPerRoute", "rbac": rbac}})),
    ];
    let own = own.boxed();
    let routes = prop::collection::vec((route_match(), own.clone()), 1..3);
    let routes = prop::collection::vec(routes, 3);
    (jwt, rbac(), prop::option::weighted(0.4, rbac()), routes, domains(), requirement())
        .prop_map(|(jwt, rbac, second, routes, domains, named)| {
            let rules: Vec<Value> = jwt
                .into_iter()
                .map(|(matched, requires)| json!({"match": matched, "requires": requires}))
                .collect();
            let provider = |name: &str| json!({"issuer": format!("https://{name}"), "payload_in_metadata": name});
            let mut one = provider("one");
            one["normalize_payload_in_metadata"] = json!({"space_delimited_claims": ["scope"]});
            let mut filters = vec![json!({"name": "jwt", "typed_config": {
                "@type": "x/envoy.JwtAuthentication", "rules": rules, "requirement_map": {"named": named},
                "providers": {"one": one, "two": provider("two")},
            }})];
            for (name, rbac) in [("rbac", Some(rbac)), ("second", second)] {
                if let Some(mut config) = rbac {
                    config["@type"] = json!("x/envoy.RBAC");
                    filters.push(json!({"name": name, "typed_config": config}));
                }
            }
            let hosts: Vec<Value> = domains.into_iter().zip(routes).map(|(domains, routes)| {
                let routes: Vec<Value> = routes.into_iter().map(|(matched, own)| {
                    json!({"match": matched, "route": {"cluster": "c"}, "typed_per_filter_config": own})
                }).collect();
                json!({"name": domains[0], "domains": domains, "routes": routes})
            }).collect();
            wrapped(json!({"http_filters": filters, "route_config": {"virtual_hosts": hosts}}))
        })
}

pub(super) fn wrapped(mut manager: Value) -> Value {
    manager["@type"] = json!("x/envoy.HttpConnectionManager");
    json!({"static_resources": {"listeners": [{"name": "main", "filter_chains": [{"filters": [
        {"name": "http", "typed_config": manager},
    ]}]}]}})
}
