//! Istio's objects.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::world::{Carried, Request, Token, compiled, passes, requests};
use super::{source, told};
use crate::migration::{IstioSettings, Migrated, Publicity, import_istio};

fn import(text: &str, publicity: Publicity) -> Result<Migrated, String> {
    let settings = IstioSettings {
        publicity,
        root_namespace: "istio-system".to_owned(),
        ..IstioSettings::default()
    };
    import_istio(&[source(text)], &settings).map_err(|problem| problem.to_string())
}

/// Istio's `*`: alone, at the beginning or at the end.
fn star(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return !text.is_empty();
    }
    if let Some(end) = pattern.strip_prefix('*') {
        return text.ends_with(end);
    }
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    if !pattern.contains('{') {
        return star(pattern, path);
    }
    let segment = "[-A-Za-z0-9._~%!$&'()+,;:@=]";
    let expression = regex::escape(pattern)
        .replace("\\{\\*\\*\\}", &format!("({segment}|/)*"))
        .replace("\\{\\*\\}", &format!("{segment}+"));
    regex::Regex::new(&format!("^{expression}$"))
        .unwrap()
        .is_match(path)
}

/// A mesh's own judgement, by the documentation of its objects.
struct Mesh<'a> {
    objects: &'a [Value],
    tokens: &'a [Token],
}

impl Mesh<'_> {
    fn issuers(&self) -> Vec<&str> {
        let rules = self
            .objects
            .iter()
            .filter(|one| one["kind"] == "RequestAuthentication");
        let rules = rules.flat_map(|one| one["spec"]["jwtRules"].as_array().unwrap());
        rules.map(|rule| rule["issuer"].as_str().unwrap()).collect()
    }

    fn passes(&self, request: &Request) -> bool {
        let issuers = self.issuers();
        let claims = match request.carried {
            Carried::Nothing => None,
            _ if issuers.is_empty() => None,
            Carried::BadToken => return false,
            Carried::Token(position) => {
                let claims = &self.tokens[position].claims;
                if !issuers.contains(&claims["iss"].as_str().unwrap()) {
                    return false;
                }
                Some(claims)
            }
        };
        let of = |action: &str| {
            let policies = self
                .objects
                .iter()
                .filter(|one| one["kind"] == "AuthorizationPolicy");
            let own = policies.filter(|one| one["spec"]["action"] == action);
            own.collect::<Vec<_>>()
        };
        let matches = |policy: &&Value| {
            let rules = policy["spec"]["rules"].as_array();
            rules.is_some_and(|rules| rules.iter().any(|rule| rule_matches(rule, request, claims)))
        };
        // The other service refuses everything.
        if of("CUSTOM").iter().any(matches) || of("DENY").iter().any(matches) {
            return false;
        }
        let allow = of("ALLOW");
        allow.is_empty() || allow.iter().any(matches)
    }
}

fn rule_matches(rule: &Value, request: &Request, claims: Option<&Value>) -> bool {
    let any = |key: &str, kind: &str| {
        rule[key].as_array().is_none_or(|list| {
            list.iter().any(|one| {
                let fields = one[kind].as_object().unwrap();
                fields
                    .iter()
                    .all(|(name, values)| field_matches(name, values, request, claims))
            })
        })
    };
    let when = rule["when"].as_array().is_none_or(|list| {
        list.iter().all(|one| {
            let key = one["key"].as_str().unwrap();
            let any = |values: &Value| {
                let values = values.as_array().unwrap();
                values
                    .iter()
                    .any(|value| attribute_matches(key, value.as_str().unwrap(), request, claims))
            };
            (one["values"].is_null() || any(&one["values"]))
                && (one["notValues"].is_null() || !any(&one["notValues"]))
        })
    });
    any("from", "source") && any("to", "operation") && when
}

fn principal(claims: Option<&Value>) -> Option<String> {
    let claims = claims?;
    Some(format!(
        "{}/{}",
        claims["iss"].as_str()?,
        claims["sub"].as_str()?
    ))
}

fn field_matches(name: &str, values: &Value, request: &Request, claims: Option<&Value>) -> bool {
    let any = |matches: &dyn Fn(&str) -> bool| {
        let values = values.as_array().unwrap();
        values.iter().any(|value| matches(value.as_str().unwrap()))
    };
    let by_name = |name: &str| match name {
        "paths" => any(&|value| path_matches(value, request.path_alone())),
        "methods" => any(&|value| star(value, request.method)),
        "hosts" => any(&|value| star(value, request.host)),
        "requestPrincipals" => {
            let principal = principal(claims);
            any(&|value| {
                principal
                    .as_deref()
                    .is_some_and(|principal| star(value, principal))
            })
        }
        _ => request.unknown,
    };
    match name.strip_prefix("not") {
        None => by_name(name),
        Some(rest) => {
            let (first, others) = rest.split_at(1);
            !by_name(&format!("{}{others}", first.to_ascii_lowercase()))
        }
    }
}

fn attribute_matches(key: &str, value: &str, request: &Request, claims: Option<&Value>) -> bool {
    if let Some(name) = key.strip_prefix("request.headers[") {
        let header = request.header(name.trim_end_matches(']'));
        return header.is_some_and(|header| star(value, header));
    }
    if let Some(names) = key.strip_prefix("request.auth.claims[") {
        let Some(mut claim) = claims else {
            return false;
        };
        for name in names.trim_end_matches(']').split("][") {
            claim = &claim[name];
        }
        return match claim {
            Value::String(text) if ["scope]", "permission]"].contains(&names) => {
                text.split(' ').any(|word| star(value, word))
            }
            Value::String(text) => star(value, text),
            Value::Array(items) => items
                .iter()
                .filter_map(Value::as_str)
                .any(|item| star(value, item)),
            _ => false,
        };
    }
    match key {
        "request.auth.principal" => {
            principal(claims).is_some_and(|principal| star(value, &principal))
        }
        "request.auth.audiences" => claims.is_some_and(|claims| {
            let audiences = claims["aud"].as_array().unwrap();
            audiences
                .iter()
                .any(|audience| star(value, audience.as_str().unwrap()))
        }),
        _ => request.unknown,
    }
}

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

fn objects() -> impl Strategy<Value = Vec<Value>> {
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

fn text_of(objects: &[Value]) -> String {
    json!({"kind": "List", "items": objects}).to_string()
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
fn ten_thousand_rules_end() {
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

#[test]
fn a_workload_must_say_its_labels() {
    let text = |action: &str| {
        format!(
            "kind: AuthorizationPolicy\nmetadata: {{name: a, namespace: shop}}\nspec: {{selector: {{matchLabels: {{app: a}}}}, rules: [{{}}]}}\n---\n\
             kind: AuthorizationPolicy\nmetadata: {{name: b, namespace: shop}}\n\
             spec: {{selector: {{matchLabels: {{app: a, version: v1}}}}, action: {action}, rules: [{{}}]}}\n"
        )
    };
    let settings = IstioSettings {
        publicity: Publicity::Allow,
        labels: Some(BTreeMap::from([("app".to_owned(), "a".to_owned())])),
        root_namespace: "istio-system".to_owned(),
        ..IstioSettings::default()
    };
    for action in ["DENY", "CUSTOM"] {
        let error = import_istio(&[source(&text(action))], &settings).unwrap_err();
        let expected = format!(
            "AuthorizationPolicy shop/b (`{action}`) may hold for this workload: `--workload` does not say its label `version`"
        );
        assert_eq!(error.message, expected);
    }
    let migrated = import_istio(&[source(&text("ALLOW"))], &settings).unwrap();
    assert!(
        told(&migrated).contains(
            "AuthorizationPolicy shop/b: left out: it is for workloads with the label `version=v1`"
        ),
        "{}",
        told(&migrated)
    );
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
