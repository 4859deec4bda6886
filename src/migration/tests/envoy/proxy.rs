//! What Envoy itself would do, by the documentation of its filters.

use regex::Regex;
use serde_json::Value;

use crate::migration::tests::world::{Carried, Request, Token};

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
pub(super) struct Proxy<'a> {
    pub(super) bootstrap: &'a Value,
    pub(super) tokens: &'a [Token],
}

impl Proxy<'_> {
    fn manager(&self) -> &Value {
        &self.bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    }

    /// The virtual host: an exact name first, then the longest suffix, the longest prefix, and `*`.
    fn virtual_host(&self, host: &str) -> Option<&Value> {
        let hosts = self.manager()["route_config"]["virtual_hosts"].as_array();
        let rank = |domain: &str| match (domain.strip_prefix('*'), domain.strip_suffix('*')) {
            (Some(""), _) => Some((0, 0)),
            (Some(end), _) if host.ends_with(end) && host.len() > end.len() => Some((2, end.len())),
            (None, Some(start)) if host.starts_with(start) && host.len() > start.len() => {
                Some((1, start.len()))
            }
            _ => (domain == host).then_some((3, 0)),
        };
        let ranked = hosts.unwrap().iter().flat_map(|one| {
            let domains = one["domains"].as_array().unwrap().iter();
            domains.filter_map(move |domain| Some((rank(domain.as_str()?)?, one)))
        });
        let best = ranked.max_by_key(|(rank, _)| *rank);
        best.map(|(_, host)| host)
    }

    pub(super) fn passes(&self, request: &Request) -> bool {
        let Some(host) = self.virtual_host(request.host) else {
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
        match request.found() {
            Carried::Token(position) => Some(self.tokens[position].issuer_name),
            _ => None,
        }
    }

    /// What `jwt_authn` does with a requirement, and whose payloads it puts into the metadata meanwhile.
    fn meets<'v>(
        &self,
        requirement: &'v Value,
        request: &Request,
        payloads: &mut Vec<&'v str>,
    ) -> bool {
        let Some((key, value)) = requirement.as_object().unwrap().iter().next() else {
            return true;
        };
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
            "requires_any" => self.meets_any(value, request, payloads),
            _ => {
                let all = ["one", "two"];
                payloads.extend(
                    all.iter()
                        .filter(|name| self.issuer_of(request) == Some(**name)),
                );
                key == "allow_missing_or_failed" || request.found() != Carried::BadToken
            }
        }
    }

    /// What need not be there comes last, and is not looked at.
    fn meets_any<'v>(
        &self,
        list: &'v Value,
        request: &Request,
        payloads: &mut Vec<&'v str>,
    ) -> bool {
        let list = list["requirements"].as_array().unwrap();
        let has = |key: &str| list.iter().any(|one| one.get(key).is_some());
        let is_bypass = |one: &&Value| {
            one.get("allow_missing").is_some() || one.get("allow_missing_or_failed").is_some()
        };
        let mut regular = list.iter().filter(|one| !is_bypass(one));
        regular.any(|one| self.meets(one, request, payloads))
            || has("allow_missing_or_failed")
            || (has("allow_missing") && request.found() == Carried::Nothing)
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
                let Carried::Token(position) = request.found() else {
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
