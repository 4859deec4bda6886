//! Envoy's filters.

mod documents;
mod proxy;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Carried, Token, compiled, passes, requests};
use super::{source, told};
use crate::migration::{EnvoySettings, Migrated, Publicity, import_envoy};
use documents::{bootstrap, wrapped};
use proxy::Proxy;

fn import(text: &str, publicity: Publicity) -> Result<Migrated, String> {
    let settings = EnvoySettings {
        publicity,
        listener: None,
    };
    import_envoy(&source(text), &settings).map_err(|problem| problem.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What the filters refuse, the imported policy refuses.
    #[test]
    fn an_import_is_never_wider(bootstrap in bootstrap(), allow_public in any::<bool>()) {
        let publicity = if allow_public { Publicity::Allow } else { Publicity::Review };
        let migrated = import(&bootstrap.to_string(), publicity).unwrap();
        let tokens = Token::several();
        let proxy = Proxy { bootstrap: &bootstrap, tokens: &tokens };
        let trusted = ["one", "two"];
        let policy = compiled(&migrated.text, &trusted);
        for request in requests() {
            if passes(&policy, &request, &tokens, &trusted) {
                prop_assert!(proxy.passes(&request), "{request:?}\n{bootstrap}\n{}", migrated.text);
            }
        }
    }
}

const SHOP: &str = include_str!("../../../tests/fixtures/migration/envoy.yaml");

#[test]
fn a_bootstrap_becomes_a_policy() {
    let migrated = import(SHOP, Publicity::Review).unwrap();
    insta::assert_snapshot!(migrated.text);
    insta::assert_snapshot!(migrated.trust.as_deref().unwrap());
    insta::assert_snapshot!(told(&migrated));
}

#[test]
fn nothing_is_public_unless_that_is_asked_for() {
    let is_public = |publicity| {
        import(SHOP, publicity)
            .unwrap()
            .text
            .contains("access: public")
    };
    assert!(!is_public(Publicity::Review));
    assert!(is_public(Publicity::Allow));
}

#[test]
fn what_cannot_be_imported_says_why() {
    for (text, expected) in [
        ("a: [\n", "rules.yaml:"),
        (
            "{\"static_resources\": [}",
            "rules.yaml:1:23: this is not valid JSON",
        ),
        (
            "a: 1\n",
            "this is neither an Envoy bootstrap nor a config dump",
        ),
        (
            "static_resources: {listeners: []}\n",
            "no listener has an HTTP filter `jwt_authn` or RBAC",
        ),
    ] {
        let error = import(text, Publicity::Review).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let filter = json!({"name": "r", "typed_config": {"@type": "x/envoy.RBAC"}});
    let elsewhere = wrapped(json!({"http_filters": [filter], "rds": {"route_config_name": "r"}}));
    let error = import(&elsewhere.to_string(), Publicity::Review).unwrap_err();
    assert!(
        error.contains("the routes of the listener `main` are not in the file"),
        "{error}"
    );
}

/// Each rule against each path: bounded, however many there are.
#[test]
fn too_many_rules_are_refused() {
    let rules: Vec<Value> = (0..10_000)
        .map(|index| json!({"match": {"prefix": format!("/p{index}/")}, "requires": {"provider_name": "p"}}))
        .collect();
    let bootstrap = wrapped(json!({
        "http_filters": [{"name": "j", "typed_config": {
            "@type": "x/envoy.JwtAuthentication", "rules": rules,
            "providers": {"p": {"issuer": "https://p"}},
        }}],
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {}}]}]},
    }));
    let error = import(&bootstrap.to_string(), Publicity::Allow).unwrap_err();
    assert!(error.starts_with("the rules are too many"), "{error}");
}

/// A bootstrap with one RBAC filter and one virtual host.
fn with_rbac(action: &str, permissions: &Value) -> String {
    json!({"static_resources": {"listeners": [{"name": "l", "filter_chains": [{"filters": [{
        "name": "http", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "c"}},
            ]}]},
            "http_filters": [{"name": "rbac", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
                "rules": {"action": action, "policies": {"p": {
                    "permissions": permissions, "principals": [{"any": true}],
                }}},
            }}],
        },
    }]}]}]}})
    .to_string()
}

/// Virtual hosts, each of which lets everybody in or nobody.
fn of_hosts(hosts: &[(&[&str], bool)]) -> String {
    let off = json!({"rbac": {"@type": "x/FilterConfig", "disabled": true}});
    let hosts = hosts.iter().enumerate().map(|(index, (domains, is_open))| {
        let own = if *is_open { off.clone() } else { json!({}) };
        json!({"name": index.to_string(), "domains": domains, "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "c"}, "typed_per_filter_config": own},
        ]})
    });
    let hosts: Vec<Value> = hosts.collect();
    let rbac = json!({"name": "rbac", "typed_config": {"@type": "x/envoy.RBAC", "rules": {"action": "ALLOW"}}});
    wrapped(json!({"http_filters": [rbac], "route_config": {"virtual_hosts": hosts}})).to_string()
}

const WHOLE: &[&str] = &["a.example", "a.example:*", "a.example.", "a.example.:*"];
/// The domains of a virtual host that is open, those of one that is closed, and whether the host is open.
const SPELLINGS: &[(&[&str], &[&str], bool)] = &[
    (WHOLE, &["*"], true),
    (
        &["A.example", "a.Example:*", "a.example.", "a.example.:*"],
        &["*"],
        true,
    ),
    (&["a.example"], &["*"], false),
    (&["a.example", "a.example:*"], &["*"], false),
    (&["a.example", "a.example:*", "a.example."], &["*"], false),
    (&["a.example", "a.example.", "a.example.:*"], &["*"], false),
    // Each of these takes a port before `a.example:*` does.
    (WHOLE, &["*", "a.example:8080"], false),
    (WHOLE, &["*", "a.example.:8080"], false),
    (WHOLE, &["*", "a.example:80*"], false),
    (WHOLE, &["*", "*:8080"], false),
    (WHOLE, &["*", "*8080"], false),
    (WHOLE, &["*", "b.example:8080"], true),
    (WHOLE, &["*", "*.example"], true),
    // A star makes a pattern of the rest.
    (
        &["*.example", "*.example:*", "*.example.", "*.example.:*"],
        &["*"],
        false,
    ),
    (&["*"], &["a.example:*"], false),
    (&["*"], &["a.example."], false),
    (&["*"], &["a.example.:*"], false),
    (&["*"], &["b.example.:*"], true),
];

/// A port and a dot at the end belong to the host only where no other virtual host takes them.
#[test]
fn a_host_is_open_where_all_of_its_spellings_are() {
    for (open, closed, expected) in SPELLINGS {
        let text = of_hosts(&[(open, true), (closed, false)]);
        let migrated = import(&text, Publicity::Allow).unwrap();
        let mut request = requests().remove(0);
        request.host = "a.example";
        let is_open = passes(&compiled(&migrated.text, &[]), &request, &[], &[]);
        assert_eq!(is_open, *expected, "{open:?} {closed:?}\n{}", migrated.text);
        let is_told = told(&migrated).contains("may go to another virtual host");
        assert!(
            *expected || is_told,
            "{open:?} {closed:?}\n{}",
            told(&migrated)
        );
    }
}

/// Who passes `GET /` by a requirement, where a token of `one` has to be one of `alice`, but only tokens that
/// `jwt_authn` has looked at count.
fn passed_by(requirement: &Value) -> String {
    let alice = json!({"metadata": {"filter": "envoy.filters.http.jwt_authn",
        "path": [{"key": "one"}, {"key": "sub"}], "value": {"string_match": {"exact": "alice"}}}});
    let provider =
        |name: &str| json!({"issuer": format!("https://{name}"), "payload_in_metadata": name});
    let text = wrapped(json!({
        "http_filters": [
            {"name": "jwt", "typed_config": {"@type": "x/envoy.JwtAuthentication",
                "rules": [{"match": {"prefix": "/"}, "requires": requirement}],
                "providers": {"one": provider("one"), "two": provider("two"), "also": provider("two")}}},
            {"name": "rbac", "typed_config": {"@type": "x/envoy.RBAC", "rules": {"action": "DENY", "policies": {
                "p": {"permissions": [{"any": true}], "principals": [{"not_id": alice}]}}}}},
        ],
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "c"}},
        ]}]},
    }));
    let migrated = import(&text.to_string(), Publicity::Allow).unwrap();
    let (policy, tokens) = (compiled(&migrated.text, &["one", "two"]), Token::several());
    let named = [
        (Carried::Nothing, "none"),
        (Carried::Token(0), "alice"),
        (Carried::Token(1), "bob"),
        (Carried::Token(3), "two"),
    ];
    let passed = named.into_iter().filter(|(carried, _)| {
        let mut request = requests().remove(0);
        request.carried = *carried;
        passes(&policy, &request, &tokens, &["one", "two"])
    });
    let passed: Vec<&str> = passed.map(|(_, name)| name).collect();
    passed.join(" ")
}

/// Where a requirement is met before a token is looked at, its payload is not there.
#[test]
fn only_tokens_that_are_surely_looked_at_have_claims() {
    let (one, two) = (
        json!({"provider_name": "one"}),
        json!({"provider_name": "two"}),
    );
    let (missing, failed) = (
        json!({"allow_missing": {}}),
        json!({"allow_missing_or_failed": {}}),
    );
    let elsewhere = json!({"provider_and_audiences": {"provider_name": "one", "audiences": ["x"]}});
    let any = |list: &[&Value]| json!({"requires_any": {"requirements": list}});
    let all = |list: &[&Value]| json!({"requires_all": {"requirements": list}});
    for (requirement, expected) in [
        (one.clone(), "alice"),
        (failed.clone(), "alice"),
        (missing.clone(), "alice"),
        (any(&[&one, &two]), "alice"),
        (any(&[&two, &one]), "alice"),
        (any(&[&one, &missing]), "alice"),
        (any(&[&failed, &one]), "alice"),
        (any(&[&elsewhere, &failed]), ""),
        (any(&[&elsewhere, &one, &failed]), "alice"),
        // What is met comes first.
        (any(&[&json!({}), &one]), ""),
        (any(&[&all(&[&failed, &failed]), &one]), ""),
        (any(&[&any(&[&two, &failed]), &one]), ""),
        // The first that is not met ends the search.
        (any(&[&all(&[&two, &one]), &failed]), ""),
        (any(&[&all(&[&elsewhere, &one]), &failed]), ""),
        (all(&[&one, &any(&[&two, &failed])]), "alice"),
        (all(&[&any(&[&two, &failed]), &one]), "alice"),
        (all(&[&failed, &failed]), ""),
    ] {
        assert_eq!(passed_by(&requirement), expected, "{requirement}");
    }
}

/// Where no provider is named, Envoy finds one by the token's issuer: of two, either may check it.
#[test]
fn an_issuer_of_two_providers_lets_in_nobody_where_none_is_named() {
    let provider = |audience: &str| json!({"issuer": "https://one", "audiences": [audience]});
    for (requirement, expected) in [
        (json!({"allow_missing": {}}), false),
        (json!({"provider_name": "a"}), true),
    ] {
        let text = wrapped(json!({
            "http_filters": [{"name": "jwt", "typed_config": {"@type": "x/envoy.JwtAuthentication",
                "rules": [{"match": {"prefix": "/"}, "requires": requirement}],
                "providers": {"a": provider("api"), "b": provider("elsewhere")}}}],
            "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [
                {"match": {"prefix": "/"}, "route": {"cluster": "c"}},
            ]}]},
        }));
        let migrated = import(&text.to_string(), Publicity::Review).unwrap();
        let is_taken = migrated.text.contains("issuers: [a]");
        assert_eq!(is_taken, expected, "{requirement}\n{}", migrated.text);
    }
}

/// Few rules that multiply: what they come to is bounded by steps, not by their length.
#[test]
fn rules_that_multiply_are_open_to_nobody() {
    let header = |name: usize, value: usize| json!({"header": {"name": format!("x-{name}"), "string_match": {"exact": value.to_string()}}});
    let ors: Vec<Value> = (0..23)
        .map(|name| {
            let rules: Vec<Value> = (0..48).map(|value| header(name, value)).collect();
            json!({"or_rules": {"rules": rules}})
        })
        .collect();
    let mut permissions = vec![json!({"and_rules": {"rules": ors}})];
    permissions
        .extend((0..40).map(|path| json!({"url_path": {"path": {"exact": format!("/p{path}")}}})));
    let migrated = import(&with_rbac("ALLOW", &json!(permissions)), Publicity::Allow).unwrap();
    assert!(
        migrated
            .text
            .contains("path: /\n    access: nobody # for review"),
        "{}",
        migrated.text
    );
}

/// Paths and hosts multiply as well.
#[test]
fn many_paths_of_many_hosts_end_in_an_error() {
    let paths = (0..500).map(|path| json!({"url_path": {"path": {"exact": format!("/p{path}")}}}));
    let hosts = (0..500).map(|host| {
        json!({"header": {"name": ":authority", "string_match": {"exact": format!("h{host}.example")}}})
    });
    let permissions: Vec<Value> = paths.chain(hosts).collect();
    let error = import(&with_rbac("ALLOW", &json!(permissions)), Publicity::Allow).unwrap_err();
    assert!(error.starts_with("the rules are too many"), "{error}");
}

#[test]
fn a_filter_that_may_be_meant_as_one_of_the_two_ends_the_import() {
    let router =
        json!({"name": "router", "typed_config": {"@type": "type.googleapis.com/x.Router"}});
    let good = json!({"name": "rbac", "typed_config": {"@type": "type.googleapis.com/x.RBAC"}});
    for (filter, expected) in [
        (
            json!({"name": "mine", "typed_config": {"@type": "type.googleapis.com/x.Rbac"}}),
            "the filter `mine`: unknown type `Rbac`; help: did you mean `RBAC`?",
        ),
        (
            json!({"name": "mine", "typed_config": {"@type": "type.googleapis.com/x.JwtAuthentcation"}}),
            "the filter `mine`: unknown type `JwtAuthentcation`; help: did you mean `JwtAuthentication`?",
        ),
        (
            json!({"name": "envoy.filters.http.rbac", "typed_config": {"@type": "type.googleapis.com/x.Roles"}}),
            "the filter `envoy.filters.http.rbac`: unknown type `Roles`; help: known are",
        ),
        (
            json!({"name": "envoy.filters.http.jwt_authn", "typed_confg": {}}),
            "the filter `envoy.filters.http.jwt_authn` has no `typed_config` with a type; help: write",
        ),
    ] {
        let manager =
            json!({"http_filters": [good, filter, router], "route_config": {"virtual_hosts": []}});
        let error = import(&wrapped(manager).to_string(), Publicity::Allow).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}
