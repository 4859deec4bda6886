//! A comparison for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::trial::{Decided, Tried};
use crate::comparison::{Access, Caller, Comparison, Difference, Effect, Requests};
use crate::condition::Condition;
use crate::labels::Label;
use crate::policy::{Answer, Mode, OtherHosts, Policy, Requirement, RouteIssuers};

pub(super) fn write(
    comparison: &Comparison<'_>,
    tried: &Tried,
    [old, new]: [&Policy; 2],
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary: Map<String, Value> = Effect::ALL
        .iter()
        .map(|effect| (effect.label().to_owned(), comparison.count(*effect).into()))
        .collect();
    let differences = comparison.differences.iter().enumerate();
    let differences: Vec<Value> = differences
        .map(|(position, one)| difference(one, position, tried))
        .collect();
    let all = json!({
        "old": {"digest": old.digest(), "routes": old.routes().len()},
        "new": {"digest": new.digest(), "routes": new.routes().len()},
        "more_open": comparison.is_more_open(),
        "summary": summary,
        "differences": differences,
    });
    writeln!(out, "{all}")
}

fn difference(difference: &Difference<'_>, position: usize, tried: &Tried) -> Value {
    let example = difference.example.as_ref().map(|example| {
        json!({
            "method": example.method,
            "host": example.host,
            "path": example.path,
            "preflight": example.preflight,
        })
    });
    let trials: Vec<Value> = tried
        .of(position)
        .iter()
        .map(|trial| {
            json!({
                "caller": caller(&trial.caller),
                "before": decided(trial.before),
                "after": decided(trial.after),
            })
        })
        .collect();
    json!({
        "effect": difference.effect.label(),
        "requests": requests(&difference.requests),
        "before": access(&difference.before),
        "after": access(&difference.after),
        "unclear": difference.unclear,
        "example": example,
        "trials": trials,
    })
}

fn requests(requests: &Requests) -> Value {
    match requests {
        Requests::Readings { path } => json!({"several_readings_of": path}),
        Requests::Spelling { rule, old, new } => {
            json!({"paths_rule": rule.name(), "old": old, "new": new})
        }
        Requests::Class {
            hosts,
            methods,
            path,
            more_paths,
        } => {
            let named: Vec<String> = hosts.named.iter().map(ToString::to_string).collect();
            let others = match hosts.others {
                OtherHosts::Every => "every",
                OtherHosts::Included => "unnamed",
                OtherHosts::Excluded => "none",
            };
            json!({
                "hosts": named,
                "other_hosts": others,
                "methods": methods.listed,
                "every_method_but": methods.all_but,
                "preflights_for": methods.preflights_of,
                "other_preflights": methods.other_preflights,
                "path": path,
                "more_paths": more_paths,
            })
        }
    }
}

fn access(access: &Access<'_>) -> Value {
    let Some(route) = access.route() else {
        return Value::Null;
    };
    let issuers = match &route.issuers {
        RouteIssuers::Trusted => None,
        RouteIssuers::Named(names) => Some(names),
    };
    let when: Vec<&str> = route.conditions.iter().map(Condition::text).collect();
    let nothing: &[Box<str>] = &[];
    let (name, all, any) = match &route.requirement {
        Requirement::Public => ("public", nothing, nothing),
        Requirement::Authenticated => ("authenticated", nothing, nothing),
        Requirement::Nobody => ("nobody", nothing, nothing),
        Requirement::Scopes(scopes) => ("scopes", scopes.all(), scopes.any()),
    };
    json!({
        "route": route.name,
        "access": name,
        "scopes": all,
        "any_scope": any,
        "issuers": issuers,
        "when": when,
        "in_shadow": access.mode() == Mode::Shadow,
        "preflight": matches!(access.answer(), Answer::Preflight(_)),
    })
}

fn caller(caller: &Caller) -> Value {
    match caller {
        Caller::Anonymous => Value::Null,
        Caller::Holder { issuer, scopes } => json!({"issuer": issuer, "scopes": scopes}),
    }
}

fn decided(decided: Decided) -> Value {
    let decision = if decided.is_allowed { "allow" } else { "deny" };
    json!({"decision": decision, "reason": decided.reason})
}
