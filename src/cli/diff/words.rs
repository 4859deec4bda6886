//! The words for the parts of a comparison, in text and in Markdown.

use super::trial::{Decided, Trial};
use crate::comparison::{Access, Caller, Comparison, Difference, Effect, Requests};
use crate::policy::{Answer, ExampleRequest, Mode, Requirement, Route, RouteIssuers};

/// The effects in the order of a report, each with its heading.
pub(super) const HEADINGS: [(Effect, &str); 6] = [
    (Effect::MoreOpen, "more open"),
    (Effect::Changed, "open to other callers"),
    (Effect::Unclear, "cannot tell"),
    (Effect::MoreClosed, "more closed"),
    (Effect::Identity, "the upstream is told of other callers"),
    (Effect::Refusal, "refused for another reason"),
];

/// How many differences there are of each effect, in one line.
pub(super) fn summary(comparison: &Comparison<'_>) -> String {
    let counts = HEADINGS.iter().filter_map(|(effect, heading)| {
        let count = comparison.count(*effect);
        (count > 0).then(|| format!("{count} {heading}"))
    });
    let counts: Vec<String> = counts.collect();
    if counts.is_empty() {
        "no difference: both policies answer every request alike".to_owned()
    } else {
        format!("classes of requests: {}", counts.join(", "))
    }
}

/// Who may send a request, in the words of a policy.
fn access(access: &Access<'_>) -> String {
    match access.answer() {
        Answer::Unlisted if access.mode() == Mode::Shadow => {
            "no route, let through (the policy is in shadow)".to_owned()
        }
        Answer::Unlisted => "no route".to_owned(),
        Answer::Preflight(route) => format!("preflight: true (`{}`)", route.name),
        Answer::Route(route) if route.mode == Mode::Shadow => {
            format!("{}, mode: shadow (`{}`)", requirement(route), route.name)
        }
        Answer::Route(route) => format!("{} (`{}`)", requirement(route), route.name),
    }
}

/// What holds under the old policy.
pub(super) fn before(difference: &Difference<'_>) -> String {
    match &difference.requests {
        Requests::Class { .. } | Requests::Readings { .. } => access(&difference.before),
        Requests::Spelling { rule, old, .. } => format!("{}: {old}", rule.name()),
    }
}

/// What holds under the new policy.
pub(super) fn after(difference: &Difference<'_>) -> String {
    match &difference.requests {
        Requests::Class { .. } | Requests::Readings { .. } => access(&difference.after),
        Requests::Spelling { rule, new, .. } => format!("{}: {new}", rule.name()),
    }
}

fn requirement(route: &Route) -> String {
    let mut text = match &route.requirement {
        Requirement::Public => "access: public".to_owned(),
        Requirement::Authenticated => "access: authenticated".to_owned(),
        Requirement::Nobody => return "access: nobody".to_owned(),
        Requirement::Scopes(scopes) => {
            let mut parts = Vec::new();
            let (all, any) = (scopes.all().join(", "), scopes.any().join(", "));
            if !all.is_empty() {
                parts.push(format!("scopes: [{all}]"));
            }
            if !any.is_empty() {
                parts.push(format!("any_scope: [{any}]"));
            }
            parts.join(", ")
        }
    };
    if let RouteIssuers::Named(names) = &route.issuers {
        let names = names.join(", ");
        text = format!("{text}, issuers: [{names}]");
    }
    for condition in route.conditions.iter() {
        text = format!("{text}, when: {}", on_one_line(condition.text()));
    }
    text
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Which requests, such as `GET /orders on api.shop.example`.
pub(super) fn requests(requests: &Requests) -> String {
    match requests {
        Requests::Class {
            hosts,
            methods,
            path,
            ..
        } if path.is_empty() => format!("{methods} on {hosts}"),
        Requests::Class {
            hosts,
            methods,
            path,
            more_paths,
        } => {
            let more = match more_paths {
                0 => String::new(),
                1 => " and 1 more path".to_owned(),
                more => format!(" and {more} more paths"),
            };
            format!("{methods} {path}{more} on {hosts}")
        }
        Requests::Readings { path } => format!("{path} where the path has several readings"),
        Requests::Spelling { rule, .. } => rule.requests().to_owned(),
    }
}

/// A request as people write it, such as `GET api.shop.example/orders`.
pub(super) fn example(example: &ExampleRequest) -> String {
    let ExampleRequest {
        method,
        host,
        path,
        preflight,
    } = example;
    let request = match &**path {
        // What `CONNECT` asks for is in the host, `*` stands for the server.
        path if path == &**host => format!("{method} {host}"),
        "*" => format!("{method} * at {host}"),
        path => format!("{method} {host}{path}"),
    };
    match preflight {
        None => request,
        Some(requested) => format!("{request} as a CORS preflight for {requested}"),
    }
}

pub(super) fn caller(caller: &Caller) -> String {
    match caller {
        Caller::Anonymous => "without a token".to_owned(),
        Caller::Holder { issuer, scopes } => {
            let issuer = match issuer {
                None => String::new(),
                Some(issuer) => format!(" of `{issuer}`"),
            };
            match scopes.as_slice() {
                [] => format!("with a token{issuer} without scopes"),
                scopes => format!("with a token{issuer} for {}", scopes.join(" ")),
            }
        }
    }
}

/// What came of a trial: `refused (no_token), now allowed (public)`.
pub(super) fn outcome(trial: &Trial) -> String {
    let word = |decided: Decided| {
        let word = if decided.is_allowed {
            "allowed"
        } else {
            "refused"
        };
        format!("{word} ({})", decided.reason)
    };
    format!("{} before, {} after", word(trial.before), word(trial.after))
}
