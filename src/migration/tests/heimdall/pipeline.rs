//! What heimdall itself would do, by its documentation, in which versions differ.

use std::cmp::Reverse;

use serde_json::Value;

use crate::migration::tests::world::{Carried, Request, Token};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// A refused token ends the pipeline, and a rule whose conditions do not hold ends the search for one, unless
    /// they say otherwise.
    Early,
    /// Every authenticator has the next one as its fallback, and the search goes on.
    Late,
}

pub(super) struct Heimdall<'a> {
    pub(super) version: Version,
    pub(super) config: &'a Value,
    pub(super) rules: &'a [Value],
    pub(super) tokens: &'a [Token],
}

/// What an authenticator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Yes,
    /// There is nothing for it in the request.
    Nothing,
    No,
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// How specific a path is that matches: by its segments, from the left.
fn rank(pattern: &str, path: &str) -> Option<Vec<u8>> {
    let mut rank = Vec::new();
    let mut rest = path.split('/').skip(1);
    for segment in pattern.split('/').skip(1) {
        if segment.starts_with('*') {
            let is_some = rest.next().is_some_and(|next| !next.is_empty());
            rank.push(0);
            return is_some.then_some(rank);
        }
        let next = rest.next()?;
        if segment.starts_with(':') {
            (!next.is_empty()).then_some(())?;
            rank.push(1);
        } else {
            (next == segment).then_some(())?;
            rank.push(2);
        }
    }
    rest.next().is_none().then_some(rank)
}

/// How specific the host is that matches. Its port and the dot at its end are not looked at.
fn host_rank(rule: &Value, request: &Request) -> Option<u8> {
    let host = request.host.split(':').next().unwrap();
    let host = host.trim_end_matches('.');
    let hosts = list(&rule["match"], "hosts");
    if hosts.is_empty() {
        return Some(0);
    }
    let ranks = hosts.iter().filter_map(|one| {
        let value = one["value"].as_str().unwrap();
        match value.strip_prefix('*') {
            Some(end) => host.ends_with(end).then_some(1),
            None => (host == value).then_some(2),
        }
    });
    ranks.max()
}

impl Heimdall<'_> {
    pub(super) fn passes(&self, request: &Request) -> bool {
        if let Some(rule) = self.found(request) {
            return self.lets_in(rule, request);
        }
        let default = &self.config["default_rule"];
        default.is_object() && self.lets_in(default, request)
    }

    /// The rule for a request. Later versions look for the host before the path, earlier ones after it.
    fn found(&self, request: &Request) -> Option<&Value> {
        let mut all = Vec::new();
        for (position, rule) in self.rules.iter().enumerate() {
            let host = host_rank(rule, request);
            if self.version == Version::Late && host.is_none() {
                continue;
            }
            let host_first = match self.version {
                Version::Early => 0,
                Version::Late => host.unwrap_or_default(),
            };
            for route in list(&rule["match"], "routes") {
                if let Some(path) = rank(route["path"].as_str().unwrap(), request.path_alone()) {
                    all.push(((Reverse(host_first), Reverse(path), position), rule));
                }
            }
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut dead_end = None;
        for ((host, path, _), rule) in all {
            if dead_end
                .as_ref()
                .is_some_and(|end| *end != (host, path.clone()))
            {
                return None;
            }
            if host_rank(rule, request).is_some() && holds(rule, request) {
                return Some(rule);
            }
            if self.version == Version::Early && rule["match"]["backtracking_enabled"] != true {
                dead_end = Some((host, path));
            }
        }
        None
    }

    fn steps<'s>(&'s self, rule: &'s Value, kind: &str) -> Vec<&'s Value> {
        let of = |rule: &'s Value| -> Vec<&'s Value> {
            let steps = list(rule, "execute").iter();
            steps.filter(|step| step.get(kind).is_some()).collect()
        };
        let own = of(rule);
        if own.is_empty() {
            of(&self.config["default_rule"])
        } else {
            own
        }
    }

    fn lets_in(&self, rule: &Value, request: &Request) -> bool {
        let authenticators = self.steps(rule, "authenticator");
        if authenticators.is_empty() || !self.authenticates(&authenticators, request) {
            return false;
        }
        self.steps(rule, "authorizer").iter().all(|step| {
            let is_asked = step.get("if").is_none() || request.unknown;
            match step["authorizer"].as_str() {
                Some("ok") => true,
                Some("no") => !is_asked,
                _ => !is_asked || request.unknown,
            }
        })
    }

    fn authenticates(&self, steps: &[&Value], request: &Request) -> bool {
        if self.version == Version::Early {
            // Such a rule set does not load.
            return steps.iter().any(|step| step.get("principal").is_some())
                || self.by_turns(steps, request);
        }
        // One of each principal.
        ["default", "other"].iter().all(|name| {
            let own = steps.iter().copied();
            let own = own.filter(|step| step["principal"].as_str().unwrap_or("default") == *name);
            let own: Vec<&Value> = own.collect();
            own.is_empty() || self.by_turns(&own, request)
        })
    }

    fn by_turns(&self, steps: &[&Value], request: &Request) -> bool {
        for step in steps {
            let id = step["authenticator"].as_str().unwrap();
            match self.says(id, request) {
                Said::Yes => return true,
                Said::Nothing => {}
                // Only `two` has `allow_fallback_on_error`.
                Said::No if self.version == Version::Late || id == "two" => {}
                Said::No => return false,
            }
        }
        false
    }

    fn says(&self, id: &str, request: &Request) -> Said {
        match id {
            "anyone" => return Said::Yes,
            "none" => return Said::No,
            "session" => {
                return match request.region {
                    None => Said::Nothing,
                    Some(_) if request.unknown => Said::Yes,
                    Some(_) => Said::No,
                };
            }
            _ => {}
        }
        let position = match request.found() {
            // There may be a bad one in the body.
            Carried::Nothing if request.content_type.is_none() => return Said::Nothing,
            Carried::Nothing | Carried::BadToken => return Said::No,
            Carried::Token(position) => position,
        };
        let token = &self.tokens[position];
        let scopes = token.claims["scope"].as_str().unwrap_or_default();
        let has_scope = id == "two" || scopes.split(' ').any(|scope| scope == "read");
        if token.issuer_name == id && has_scope {
            Said::Yes
        } else {
            Said::No
        }
    }
}

/// What a rule asks for beside path and host. A list that excludes all of its methods is one without methods.
fn holds(rule: &Value, request: &Request) -> bool {
    const ALL: [&str; 9] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    let matched = &rule["match"];
    let named: Vec<&str> = list(matched, "methods")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let mut methods = named.clone();
    if named.contains(&"ALL") {
        methods.extend(ALL);
    }
    methods.retain(|name| {
        !name.starts_with('!') && *name != "ALL" && !named.contains(&format!("!{name}").as_str())
    });
    (methods.is_empty() || methods.contains(&request.method))
        && (matched["scheme"].is_null() || matched["scheme"] == "https")
}
