//! Who may have made a request: as far as the log says, and else the least that is decided alike.

use serde_json::{Map, Value};

use super::observed::Observed;
use crate::cli::rehearsal::{Answer, AskedRequest, Caller, Grounds, Rehearsal, scopes_as_claims};
use crate::policy::{RequiredScopes, Route, RouteIssuers};
use crate::token::IssuerRules;

/// Somebody who makes a request, in the words of a file of tests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct WrittenCaller {
    /// Where several issuers are trusted.
    pub(super) issuer: Option<String>,
    /// Nothing stands for a request without a token.
    pub(super) scopes: Option<String>,
    pub(super) claims: Map<String, Value>,
}

/// The first caller for whom the request is decided as it was, and the answer.
pub(super) fn find(
    observed: &Observed,
    request: &AskedRequest,
    grounds: &Grounds,
    rehearsal: &Rehearsal,
) -> anyhow::Result<Option<(WrittenCaller, Answer)>> {
    let unknown = rehearsal.ask(request);
    let routes = grounds.policy.routes();
    let name = observed.route.as_deref().or(unknown.route.as_deref());
    let route = routes.iter().find(|route| Some(&*route.name) == name);
    let rules = issuer(observed, route.map(AsRef::as_ref), grounds);
    for written in candidates(observed, route.map(AsRef::as_ref), rules, grounds) {
        let caller = match (&written.scopes, rules) {
            (Some(scopes), Some(rules)) => {
                let mut claims = scopes_as_claims(rules, scopes);
                claims.extend(written.claims.clone());
                Caller::Claims {
                    issuer: Some(rules.name.to_string()),
                    claims,
                }
            }
            _ => Caller::AsInHeaders,
        };
        let asked = rehearsal.asked_by(request, &caller)?;
        let answer = rehearsal.ask(&asked);
        // What depends on something that the log does not have is a coincidence.
        if is_as_logged(observed, &answer) && asked.unsaid().is_empty() {
            return Ok(Some((written, answer)));
        }
    }
    Ok(None)
}

/// Whose token it was: the issuer that the log names, else the first that counts on the route.
fn issuer<'g>(
    observed: &Observed,
    route: Option<&Route>,
    grounds: &'g Grounds,
) -> Option<&'g IssuerRules> {
    let named = |name: &str| grounds.issuers.iter().find(|rules| *rules.name == *name);
    if let Some(name) = &observed.issuer {
        return named(name);
    }
    match route.map(|route| &route.issuers) {
        Some(RouteIssuers::Named(listed)) => listed.iter().find_map(|name| named(name)),
        _ => grounds.issuers.first(),
    }
}

fn candidates(
    observed: &Observed,
    route: Option<&Route>,
    rules: Option<&IssuerRules>,
    grounds: &Grounds,
) -> Vec<WrittenCaller> {
    let mut callers = Vec::new();
    let mut scopes: Vec<String> = Vec::new();
    if let Some(logged) = &observed.scopes {
        scopes.push(logged.clone());
    } else {
        callers.push(WrittenCaller::default());
        scopes.push(String::new());
        let required = route.and_then(|route| route.requirement.scopes());
        let sets = required.map(RequiredScopes::least_sets);
        scopes.extend(sets.into_iter().flatten().map(|set| set.join(" ")));
    }
    let Some(rules) = rules else {
        return callers;
    };
    let issuer = (grounds.issuers.len() > 1).then(|| rules.name.to_string());
    // Who it was is written only where something depends on it.
    for claims in [Map::new(), who(observed, rules)] {
        callers.extend(scopes.iter().map(|scopes| WrittenCaller {
            issuer: issuer.clone(),
            scopes: Some(scopes.clone()),
            claims: claims.clone(),
        }));
    }
    callers.dedup();
    callers
}

/// The claims that say who somebody is.
fn who(observed: &Observed, rules: &IssuerRules) -> Map<String, Value> {
    let mut claims = Map::new();
    let named = [
        (&observed.subject, rules.claims.subject.first()),
        (&observed.client, rules.claims.client.first()),
    ];
    for (value, path) in named {
        if let (Some(value), Some(path)) = (value, path) {
            path.put(&mut claims, value.as_str().into());
        }
    }
    claims
}

fn is_as_logged(observed: &Observed, answer: &Answer) -> bool {
    let reason = answer.disposition.reason();
    let is_same_route = observed.route.is_none() || observed.route == answer.route;
    observed.outcome.holds(answer)
        && observed.reason.is_none_or(|logged| logged == reason)
        && is_same_route
}
