//! Envoy's filters.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use regex::Regex;
use serde_json::{Value, json};

use super::world::{Carried, Request, Token, compiled, passes, requests};
use super::{source, told};
use crate::migration::{EnvoySettings, Migrated, Publicity, import_envoy};

fn import(text: &str, publicity: Publicity) -> Result<Migrated, String> {
    let settings = EnvoySettings {
        publicity,
        listener: None,
    };
    import_envoy(&source(text), &settings).map_err(|problem| problem.to_string())
}

fn text_matches(matcher: &Value, text: &str) -> bool {
    let fold = |text: &str| match matcher["ignore_case"].as_bool() {
        Some(true) => text.to_ascii_lowercase(),
        _ => text.to_owned(),
    };
    let text = &fold(text);
    if let Some(expression) = matcher["safe_regex"]["regex"].as_str() {
        return Regex::new(&format!("^(?:{expression})$"))
            .unwrap()
            .is_match(text);
    }
    let of = |key: &str| matcher[key].as_str().map(fold);
    of("exact").is_some_and(|one| *text == one)
        || of("prefix").is_some_and(|one| text.starts_with(&one))
        || of("suffix").is_some_and(|one| text.ends_with(&one))
        || of("contains").is_some_and(|one| text.contains(&one))
}

fn header_matches(matcher: &Value, request: &Request) -> bool {
    let value = match matcher["name"].as_str().unwrap() {
        ":method" => Some(request.method),
        ":path" => Some(request.path),
        ":authority" => Some(request.host),
        name => request.header(name),
    };
    let Some(value) = value else { return false };
    let holds = matcher["present_match"] == true || text_matches(&matcher["string_match"], value);
    holds != (matcher["invert_match"] == true)
}

fn route_matches(matcher: &Value, request: &Request) -> bool {
    let ignores_case = matcher["case_sensitive"] == false;
    let fold = |text: &str| {
        if ignores_case {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        }
    };
    let path = fold(request.path_alone());
    let of = |key: &str| matcher[key].as_str().map(fold);
    let by_path = of("prefix").is_some_and(|one| path.starts_with(&one))
        || of("path").is_some_and(|one| path == one)
        || of("path_separated_prefix").is_some_and(|one| {
            path.strip_prefix(&one)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        || matcher["safe_regex"]["regex"]
            .as_str()
            .is_some_and(|expression| {
                Regex::new(&format!("^(?:{expression})$"))
                    .unwrap()
                    .is_match(request.path_alone())
            });
    let headers = matcher["headers"].as_array();
    let by_headers = headers.is_none_or(|all| all.iter().all(|one| header_matches(one, request)));
    by_path && by_headers && (matcher.get("runtime_fraction").is_none() || request.unknown)
}

/// Envoy's own judgement, by the documentation of its filters.
struct Proxy<'a> {
    bootstrap: &'a Value,
    tokens: &'a [Token],
}

impl Proxy<'_> {
    fn manager(&self) -> &Value {
        &self.bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    }

    fn passes(&self, request: &Request) -> bool {
        let hosts = self.manager()["route_config"]["virtual_hosts"]
            .as_array()
            .unwrap();
        let of = |matches: &dyn Fn(&str) -> bool| {
            hosts.iter().find(|host| {
                let mut domains = host["domains"].as_array().unwrap().iter();
                domains.any(|domain| matches(domain.as_str().unwrap()))
            })
        };
        let exact = of(&|domain| domain == request.host);
        let suffix = || {
            of(&|domain| {
                domain.len() > 1
                    && domain.strip_prefix('*').is_some_and(|end| {
                        request.host.ends_with(end) && request.host.len() > end.len()
                    })
            })
        };
        let Some(host) = exact
            .or_else(suffix)
            .or_else(|| of(&|domain| domain == "*"))
        else {
            // The proxy answers 404 by itself, whatever its filters say.
            return true;
        };
        let routes = host["routes"].as_array().unwrap();
        let Some(route) = routes
            .iter()
            .find(|route| route_matches(&route["match"], request))
        else {
            // Likewise 404; for the names alone, imports are stricter than that.
            return request.host.contains(':') || request.host.ends_with('.');
        };
        // Of which issuers payloads are there.
        let mut payloads: Vec<&str> = Vec::new();
        let filters = self.manager()["http_filters"].as_array().unwrap();
        filters.iter().all(|filter| {
            let config = &filter["typed_config"];
            let own = &route["typed_per_filter_config"][filter["name"].as_str().unwrap()];
            if own["disabled"] == true {
                return true;
            }
            if filter["name"] == "jwt" {
                let requirement = if let Some(name) = own["requirement_name"].as_str() {
                    Some(&config["requirement_map"][name])
                } else {
                    let mut rules = config["rules"].as_array().unwrap().iter();
                    let rule = rules.find(|rule| route_matches(&rule["match"], request));
                    rule.map(|rule| &rule["requires"])
                };
                return match requirement {
                    None | Some(Value::Null) => true,
                    Some(requirement) => self.meets(requirement, request, &mut payloads),
                };
            }
            let rbac = if own.is_object() {
                &own["rbac"]
            } else {
                config
            };
            self.rbac_passes(&rbac["rules"], request, &payloads)
        })
    }

    fn issuer_of(&self, request: &Request) -> Option<&'static str> {
        match request.carried {
            Carried::Token(position) => Some(self.tokens[position].issuer_name),
            _ => None,
        }
    }

    fn meets<'v>(
        &self,
        requirement: &'v Value,
        request: &Request,
        payloads: &mut Vec<&'v str>,
    ) -> bool {
        let (key, value) = requirement.as_object().unwrap().iter().next().unwrap();
        match key.as_str() {
            "provider_name" => {
                let name = value.as_str().unwrap();
                let holds = self.issuer_of(request) == Some(name);
                payloads.extend(holds.then_some(name));
                holds
            }
            "provider_and_audiences" => {
                let name = value["provider_name"].as_str().unwrap();
                let audience = value["audiences"][0].as_str().unwrap();
                let holds =
                    self.issuer_of(request) == Some(name) && ["api", "other"].contains(&audience);
                payloads.extend(holds.then_some(name));
                holds
            }
            "requires_all" => {
                let mut all = value["requirements"].as_array().unwrap().iter();
                all.all(|one| self.meets(one, request, payloads))
            }
            // Within others, what need not be there is not looked at.
            "requires_any" => {
                let mut all = value["requirements"].as_array().unwrap().iter();
                all.any(
                    |one| match one.as_object().unwrap().keys().next().unwrap().as_str() {
                        "allow_missing_or_failed" => true,
                        "allow_missing" => request.carried == Carried::Nothing,
                        _ => self.meets(one, request, payloads),
                    },
                )
            }
            "allow_missing" => {
                let all = ["one", "two"];
                payloads.extend(
                    all.iter()
                        .filter(|name| self.issuer_of(request) == Some(**name)),
                );
                request.carried != Carried::BadToken
            }
            _ => {
                let all = ["one", "two"];
                payloads.extend(
                    all.iter()
                        .filter(|name| self.issuer_of(request) == Some(**name)),
                );
                true
            }
        }
    }

    fn rbac_passes(&self, rules: &Value, request: &Request, payloads: &[&str]) -> bool {
        if rules.is_null() {
            return true;
        }
        let policies = rules["policies"].as_object().unwrap();
        let matched = policies.values().any(|policy| {
            let any = |key: &str| {
                let all = policy[key].as_array().unwrap();
                all.iter()
                    .any(|one| self.rule_matches(one, request, payloads))
            };
            any("permissions") && any("principals")
        });
        match rules["action"].as_str() {
            Some("DENY") => !matched,
            Some("LOG") => true,
            _ => matched,
        }
    }

    fn rule_matches(&self, rule: &Value, request: &Request, payloads: &[&str]) -> bool {
        let (key, value) = rule.as_object().unwrap().iter().next().unwrap();
        let list = |name: &str| value[name].as_array().unwrap().iter();
        match key.as_str() {
            "any" => true,
            "header" => header_matches(value, request),
            "url_path" => text_matches(&value["path"], request.path_alone()),
            "not_rule" | "not_id" => !self.rule_matches(value, request, payloads),
            "and_rules" => list("rules").all(|one| self.rule_matches(one, request, payloads)),
            "or_rules" => list("rules").any(|one| self.rule_matches(one, request, payloads)),
            "and_ids" => list("ids").all(|one| self.rule_matches(one, request, payloads)),
            "or_ids" => list("ids").any(|one| self.rule_matches(one, request, payloads)),
            "metadata" => {
                let issuer = value["path"][0]["key"].as_str().unwrap();
                let Carried::Token(position) = request.carried else {
                    return false;
                };
                let token = &self.tokens[position];
                if token.issuer_name != issuer || !payloads.contains(&issuer) {
                    return false;
                }
                let mut claim = token.claims.clone();
                for (depth, step) in value["path"].as_array().unwrap().iter().enumerate().skip(1) {
                    claim = claim[step["key"].as_str().unwrap()].clone();
                    // The provider `one` makes a list of the words of this claim.
                    if depth == 1 && issuer == "one" && step["key"] == "scope" {
                        claim = claim
                            .as_str()
                            .map_or(Value::Null, |text| text.split(' ').collect());
                    }
                }
                claim_matches(&value["value"], &claim)
            }
            _ => request.unknown,
        }
    }
}

fn claim_matches(matcher: &Value, claim: &Value) -> bool {
    if matcher["bool_match"].is_boolean() {
        return *claim == matcher["bool_match"];
    }
    if let Some(matcher) = matcher.get("string_match") {
        return claim
            .as_str()
            .is_some_and(|text| text_matches(matcher, text));
    }
    let matcher = &matcher["list_match"]["one_of"]["string_match"];
    let items = claim.as_array();
    items.is_some_and(|items| {
        items.iter().any(|item| {
            item.as_str()
                .is_some_and(|text| text_matches(matcher, text))
        })
    })
}

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
    prop_oneof![
        4 => select(&["one", "two"][..]).prop_map(provider),
        1 => select(&["api", "x"][..]).prop_map(|audience| json!({"provider_and_audiences": {"provider_name": "one", "audiences": [audience]}})),
        2 => Just(json!({"requires_any": {"requirements": [{"provider_name": "one"}, {"provider_name": "two"}]}})),
        1 => Just(json!({"requires_any": {"requirements": [{"provider_name": "one"}, {"allow_missing_or_failed": {}}]}})),
        1 => Just(json!({"requires_any": {"requirements": [{"provider_name": "two"}, {"allow_missing": {}}]}})),
        1 => Just(json!({"requires_all": {"requirements": [{"provider_name": "one"}, {"provider_name": "two"}]}})),
        1 => Just(json!({"allow_missing": {}})),
        1 => Just(json!({"allow_missing_or_failed": {}})),
    ]
}

fn bootstrap() -> impl Strategy<Value = Value> {
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
    let routes = || prop::collection::vec((route_match(), own.clone()), 1..3);
    let hosts = subsequence(vec!["a.example", "*.example", "*"], 1..=2);
    (jwt, rbac(), prop::option::weighted(0.4, rbac()), routes(), routes(), hosts, requirement())
        .prop_map(|(jwt, rbac, second, routes, others, hosts, named)| {
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
            let lists = [routes, others].into_iter();
            let hosts: Vec<Value> = hosts.into_iter().zip(lists).map(|(domain, routes)| {
                let routes: Vec<Value> = routes.into_iter().map(|(matched, own)| {
                    json!({"match": matched, "route": {"cluster": "c"}, "typed_per_filter_config": own})
                }).collect();
                json!({"name": domain, "domains": [domain], "routes": routes})
            }).collect();
            wrapped(json!({"http_filters": filters, "route_config": {"virtual_hosts": hosts}}))
        })
}

fn wrapped(mut manager: Value) -> Value {
    manager["@type"] = json!("x/envoy.HttpConnectionManager");
    json!({"static_resources": {"listeners": [{"name": "main", "filter_chains": [{"filters": [
        {"name": "http", "typed_config": manager},
    ]}]}]}})
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
fn ten_thousand_rules_end() {
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
    match import(&with_rbac("ALLOW", &json!(permissions)), Publicity::Allow) {
        Ok(migrated) => assert!(
            migrated
                .text
                .contains("path: /\n    access: nobody # for review"),
            "{}",
            migrated.text
        ),
        Err(error) => assert!(error.starts_with("the rules are too many"), "{error}"),
    }
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
