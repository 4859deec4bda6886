//! Istio's objects.

mod documents;
mod kinds;
mod mesh;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{Carried, Token, compiled, passes, requests};
use super::{source, told};
use crate::migration::{IstioSettings, Migrated, Publicity, import_istio};
use crate::problem::Problem;
use documents::{objects, text_of};
use mesh::Mesh;

fn import(text: &str, publicity: Publicity) -> Result<Migrated, String> {
    let settings = IstioSettings {
        publicity,
        root_namespace: "istio-system".to_owned(),
        ..IstioSettings::default()
    };
    import_istio(&[source(text)], &settings).map_err(|problem| problem.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What the mesh refuses, the imported policy refuses.
    #[test]
    fn an_import_is_never_wider(objects in objects(), allow_public in any::<bool>()) {
        let publicity = if allow_public { Publicity::Allow } else { Publicity::Review };
        let migrated = import(&text_of(&objects), publicity).unwrap();
        let tokens = Token::several();
        let mesh = Mesh { objects: &objects, tokens: &tokens };
        let issuers = mesh.issuers();
        let trusted: Vec<&str> = ["one", "two"]
            .into_iter()
            .filter(|name| issuers.contains(&format!("https://{name}").as_str()))
            .collect();
        let policy = compiled(&migrated.text, &trusted);
        for request in requests() {
            if passes(&policy, &request, &tokens, &trusted) {
                prop_assert!(mesh.passes(&request), "{request:?}\n{}\n{}", text_of(&objects), migrated.text);
            }
        }
    }
}

/// Simple rules are carried over as a whole: the policy is not stricter either, for canonical paths.
#[test]
fn what_has_an_equal_is_carried_over_exactly() {
    let objects = [
        json!({"kind": "RequestAuthentication", "metadata": {"name": "r"}, "spec": {"jwtRules": [
            {"issuer": "https://one", "jwksUri": "https://one/keys", "audiences": ["api"]},
        ]}}),
        json!({"kind": "AuthorizationPolicy", "metadata": {"name": "allow"}, "spec": {"action": "ALLOW", "rules": [
            {"to": [{"operation": {"methods": ["GET"], "paths": ["/a", "/a/*"]}}],
             "from": [{"source": {"requestPrincipals": ["https://one/*"]}}]},
            {"to": [{"operation": {"methods": ["POST"], "paths": ["/c/*"]}}],
             "from": [{"source": {"requestPrincipals": ["*"]}}],
             "when": [{"key": "request.auth.claims[groups]", "values": ["ops"]}]},
        ]}}),
        json!({"kind": "AuthorizationPolicy", "metadata": {"name": "deny"}, "spec": {"action": "DENY", "rules": [
            {"to": [{"operation": {"paths": ["/a/b/*"]}}]},
        ]}}),
    ];
    let migrated = import(&text_of(&objects), Publicity::Review).unwrap();
    let tokens = Token::several();
    let mesh = Mesh {
        objects: &objects,
        tokens: &tokens,
    };
    let policy = compiled(&migrated.text, &["one"]);
    let mut count = 0;
    for request in requests()
        .iter()
        .filter(|request| !request.path.contains('|'))
    {
        let passes = passes(&policy, request, &tokens, &["one"]);
        // A claim that is no list is an error, which refuses.
        assert_eq!(
            passes,
            mesh.passes(request),
            "{request:?}\n{}",
            migrated.text
        );
        count += usize::from(passes);
    }
    assert!(count > 50, "{count}");
    insta::assert_snapshot!(migrated.text);
    insta::assert_snapshot!(migrated.trust.as_deref().unwrap());
}

#[test]
fn what_has_no_equal_is_named() {
    let migrated = import(
        "kind: AuthorizationPolicy\nmetadata: {name: mesh, namespace: shop}\nspec:\n  rules:\n\
         \x20 - from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]\n    to: [{operation: {paths: [/internal/*]}}]\n\
         \x20 - from: [{source: {ipBlocks: [10.0.0.0/8]}}]\n    to: [{operation: {paths: [/metrics], ports: ['80']}}]\n\
         \x20 - to: [{operation: {paths: ['/a/{**}/b']}}]\n",
        Publicity::Allow,
    )
    .unwrap();
    insta::assert_snapshot!(told(&migrated));
    insta::assert_snapshot!(migrated.text);
}

#[test]
fn objects_of_several_workloads_need_one_to_be_named() {
    let text = "kind: AuthorizationPolicy\nmetadata: {name: a, namespace: shop}\nspec: {selector: {matchLabels: {app: a}}, rules: [{}]}\n---\n\
        kind: AuthorizationPolicy\nmetadata: {name: b, namespace: shop}\nspec: {selector: {matchLabels: {app: b}}, action: DENY, rules: [{}]}\n";
    let error = import(text, Publicity::Allow).unwrap_err();
    assert!(
        error.starts_with("the objects are for 2 different sets of workloads: "),
        "{error}"
    );
    for (app, expected) in [("a", true), ("b", false)] {
        let settings = IstioSettings {
            publicity: Publicity::Allow,
            labels: Some(BTreeMap::from([("app".to_owned(), app.to_owned())])),
            root_namespace: "istio-system".to_owned(),
            ..IstioSettings::default()
        };
        let migrated = import_istio(&[source(text)], &settings).unwrap();
        let policy = compiled(&migrated.text, &[]);
        let request = &requests()[0];
        assert_eq!(
            passes(&policy, request, &[], &[]),
            expected,
            "{}",
            migrated.text
        );
    }
}

#[test]
fn broken_input_has_its_place() {
    for (text, expected) in [
        ("kind: [\n", "rules.yaml:"),
        ("{\"kind\": }", "rules.yaml:1:10: this is not valid JSON"),
        (
            "kind: Service\nmetadata: {name: x}\n",
            "there is no `AuthorizationPolicy`",
        ),
    ] {
        let error = import(text, Publicity::Review).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

/// Each rule against each path: bounded, however many there are.
#[test]
fn too_many_rules_are_refused() {
    let rules: Vec<Value> = (0..10_000)
        .map(|index| {
            json!({"to": [{"operation": {"paths": [format!("/p{index}/*")], "methods": ["GET"]}}],
                   "when": [{"key": "request.headers[x-region]", "values": ["eu"]}]})
        })
        .collect();
    let object = json!({"kind": "AuthorizationPolicy", "metadata": {"name": "bomb"}, "spec": {"rules": rules}});
    let error = import(&object.to_string(), Publicity::Allow).unwrap_err();
    assert!(error.starts_with("the rules are too many"), "{error}");
}

/// Whether a request of this method and path without a token passes, at `a.example`.
fn is_open(text: &str, path: &'static str) -> bool {
    let migrated = import(text, Publicity::Allow).unwrap();
    let mut request = requests().remove(0);
    request.path = path;
    request.carried = Carried::Nothing;
    passes(&compiled(&migrated.text, &[]), &request, &[], &[])
}

#[test]
fn a_template_of_everything_is_the_root_as_well() {
    let text = "kind: AuthorizationPolicy\nmetadata: {name: a}\n\
        spec: {action: DENY, rules: [{to: [{operation: {paths: ['/{**}']}}]}]}\n";
    for path in ["/", "/a", "/a/b"] {
        assert!(!is_open(text, path), "{path}");
    }
}

#[test]
fn dry_runs_are_read_as_go_reads_truth_values() {
    for (value, is_dry) in [
        ("1", true),
        ("t", true),
        ("T", true),
        ("TRUE", true),
        ("true", true),
        ("True", true),
        ("0", false),
        ("f", false),
        ("false", false),
        ("yes", false),
        ("tRUE", false),
        ("", false),
    ] {
        let text = format!(
            "kind: AuthorizationPolicy\nmetadata: {{name: a, annotations: {{istio.io/dry-run: \"{value}\"}}}}\n\
             spec: {{action: DENY, rules: [{{}}]}}\n"
        );
        assert_eq!(is_open(&text, "/a"), is_dry, "{value}");
    }
}

#[test]
fn a_header_that_is_empty_is_there_where_that_refuses() {
    for (action, expected) in [
        ("DENY", "when: '!(\"x-a\" in request.headers)'"),
        (
            "ALLOW",
            "when: '\"x-a\" in request.headers && request.headers[\"x-a\"] != \"\"'",
        ),
    ] {
        let text = format!(
            "kind: AuthorizationPolicy\nmetadata: {{name: a}}\nspec:\n  action: {action}\n\
             \x20 rules: [{{when: [{{key: 'request.headers[x-a]', values: ['*']}}]}}]\n"
        );
        let migrated = import(&text, Publicity::Allow).unwrap();
        assert!(migrated.text.contains(expected), "{}", migrated.text);
    }
}

/// Versions of Istio split principals at the last slash, or compare the whole.
#[test]
fn principals_that_versions_read_differently_let_nobody_in() {
    let rules = "kind: RequestAuthentication\nmetadata: {name: r}\n\
        spec: {jwtRules: [{issuer: 'https://one', jwksUri: 'https://one/keys'}]}\n---\n";
    for (action, principal, expected) in [
        ("ALLOW", "https://one*", false),
        ("ALLOW", "https://one/a/b", false),
        ("ALLOW", "https://one/*", true),
        ("ALLOW", "https://one/alice", true),
        ("DENY", "https://one*", false),
        ("DENY", "https://one/*", false),
        ("DENY", "https://one/bob", true),
    ] {
        let text = format!(
            "{rules}kind: AuthorizationPolicy\nmetadata: {{name: a}}\nspec:\n  action: {action}\n\
             \x20 rules: [{{from: [{{source: {{requestPrincipals: ['{principal}']}}}}]}}]\n"
        );
        let migrated = import(&text, Publicity::Allow).unwrap();
        let tokens = Token::several();
        let mut request = requests().remove(0);
        request.carried = Carried::Token(0);
        let policy = compiled(&migrated.text, &["one"]);
        assert_eq!(
            passes(&policy, &request, &tokens, &["one"]),
            expected,
            "{action} {principal}\n{}",
            migrated.text
        );
    }
}

/// Two objects of which the second asks for a label more, and what `--workload` says.
fn of_version(kind: &str, spec: &str, labels: &[(&str, &str)]) -> Result<Migrated, Box<Problem>> {
    let text = format!(
        "kind: AuthorizationPolicy\nmetadata: {{name: a, namespace: shop}}\nspec: {{selector: {{matchLabels: {{app: a}}}}, action: DENY, rules: []}}\n---\n\
         kind: {kind}\nmetadata: {{name: b, namespace: shop}}\n\
         spec: {{selector: {{matchLabels: {{app: a, version: v1}}}}, {spec}}}\n"
    );
    let labels = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = IstioSettings {
        publicity: Publicity::Allow,
        labels: Some(labels.collect()),
        root_namespace: "istio-system".to_owned(),
        ..IstioSettings::default()
    };
    import_istio(&[source(&text)], &settings).map_err(Box::new)
}

/// Without the only `ALLOW`, or without the tokens that are checked, more would be let in than by Istio.
#[test]
fn a_workload_must_say_its_labels() {
    let rules = "jwtRules: [{issuer: 'https://one'}]";
    for (kind, spec, named) in [
        (
            "AuthorizationPolicy",
            "action: DENY, rules: [{}]",
            "AuthorizationPolicy shop/b (`DENY`)",
        ),
        (
            "AuthorizationPolicy",
            "action: CUSTOM, rules: [{}]",
            "AuthorizationPolicy shop/b (`CUSTOM`)",
        ),
        (
            "AuthorizationPolicy",
            "action: ALLOW, rules: []",
            "AuthorizationPolicy shop/b (`ALLOW`)",
        ),
        (
            "AuthorizationPolicy",
            "rules: []",
            "AuthorizationPolicy shop/b",
        ),
        (
            "RequestAuthentication",
            rules,
            "RequestAuthentication shop/b",
        ),
    ] {
        let error = of_version(kind, spec, &[("app", "a")]).unwrap_err();
        let expected = format!(
            "{named} may hold for this workload: `--workload` does not say its label `version`"
        );
        assert_eq!(error.message, expected);
        let error = error.help.unwrap();
        let expected = "name all labels of the workload, for example `version=v1`, or `version=` where it has no such label";
        assert_eq!(error, expected);
    }
}

#[test]
fn an_object_holds_where_its_labels_are_those_of_the_workload() {
    for (version, expected) in [("v1", false), ("v2", true), ("", true)] {
        let labels = [("app", "a"), ("version", version)];
        let migrated = of_version("AuthorizationPolicy", "rules: []", &labels).unwrap();
        let mut request = requests().remove(0);
        request.carried = Carried::Nothing;
        let policy = compiled(&migrated.text, &[]);
        assert_eq!(
            passes(&policy, &request, &[], &[]),
            expected,
            "{version}\n{}",
            migrated.text
        );
    }
}

#[test]
fn a_selector_that_is_not_understood_ends_the_import() {
    let text = "kind: AuthorizationPolicy\nmetadata: {name: a}\n\
        spec: {selector: {matchExpressions: [{key: app, operator: Exists}]}, rules: [{}]}\n";
    let error = import(text, Publicity::Allow).unwrap_err();
    let expected =
        "AuthorizationPolicy a: its `selector` has `matchExpressions`, which is not understood";
    assert!(error.starts_with(expected), "{error}");
}

/// A host without its ports is compared as it is sent.
#[test]
fn a_host_without_its_ports_lets_nobody_in_and_refuses_by_name() {
    for (action, hosts, expected) in [
        ("ALLOW", "[a.example]", [false, false]),
        ("ALLOW", "[a.example, 'a.example:*']", [true, true]),
        ("DENY", "[a.example]", [false, false]),
        ("DENY", "[a.example, 'a.example:*']", [false, false]),
        ("DENY", "['*8080']", [false, false]),
        ("ALLOW", "['*.example', '*.example:*']", [false, false]),
        ("ALLOW", "['a.*', 'a.*:*']", [true, true]),
    ] {
        let text = format!(
            "kind: AuthorizationPolicy\nmetadata: {{name: a}}\nspec:\n  action: {action}\n\
             \x20 rules: [{{to: [{{operation: {{hosts: {hosts}}}}}]}}]\n"
        );
        let migrated = import(&text, Publicity::Allow).unwrap();
        let policy = compiled(&migrated.text, &[]);
        let passed = ["a.example", "a.example:8080"].map(|host| {
            let mut request = requests().remove(0);
            request.host = host;
            request.carried = Carried::Nothing;
            passes(&policy, &request, &[], &[])
        });
        assert_eq!(passed, expected, "{action} {hosts}\n{}", migrated.text);
    }
}

/// More hosts than a route may name, and than may be closed.
#[test]
fn many_hosts_alike_are_several_routes() {
    let hosts: Vec<String> = (0..300)
        .flat_map(|number| [format!("h{number}.example"), format!("h{number}.example:*")])
        .collect();
    let object = |rest: Value| {
        json!({"kind": "AuthorizationPolicy", "metadata": {"name": "a"}, "spec": {"rules": [
            {"to": [{"operation": {"hosts": hosts}}]}, rest,
        ]}})
    };
    let alike = object(json!({"to": [{"operation": {"hosts": ["h0.example", "h0.example:*"]}}]}));
    let migrated = import(&alike.to_string(), Publicity::Allow).unwrap();
    let policy = compiled(&migrated.text, &[]);
    for (host, expected) in [
        ("h0.example", true),
        ("h299.example", true),
        ("h300.example", false),
    ] {
        let mut request = requests().remove(0);
        request.host = host;
        request.carried = Carried::Nothing;
        assert_eq!(passes(&policy, &request, &[], &[]), expected, "{host}");
    }
    let others = object(json!({"to": [{"operation": {"paths": ["/a"]}}]}));
    let error = import(&others.to_string(), Publicity::Allow).unwrap_err();
    assert!(error.starts_with("the rules name 300 hosts"), "{error}");
}
