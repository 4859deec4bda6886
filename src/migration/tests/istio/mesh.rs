//! What Istio itself would do, by the documentation of its objects.

use serde_json::Value;

use crate::migration::tests::world::{Carried, Request, Token};

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
pub(super) struct Mesh<'a> {
    pub(super) objects: &'a [Value],
    pub(super) tokens: &'a [Token],
}

impl Mesh<'_> {
    pub(super) fn issuers(&self) -> Vec<&str> {
        let rules = self
            .objects
            .iter()
            .filter(|one| one["kind"] == "RequestAuthentication");
        let rules = rules.flat_map(|one| one["spec"]["jwtRules"].as_array().unwrap());
        rules.map(|rule| rule["issuer"].as_str().unwrap()).collect()
    }

    pub(super) fn passes(&self, request: &Request) -> bool {
        let issuers = self.issuers();
        let claims = match request.found() {
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
