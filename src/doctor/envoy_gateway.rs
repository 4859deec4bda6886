//! Objects of Envoy Gateway and of the Gateway API.

use super::field::{duration, is_true, items, text};
use super::timing::{examine_status, examine_timeout};
use super::{Assumptions, Object, Report, Trouble};
use crate::yaml::Tree;

/// What the objects of one run say together.
pub(super) struct Policies {
    /// Whether some `SecurityPolicy` has the gate asked.
    asks_gate: bool,
    /// Whether an `EnvoyProxy` orders the filters.
    orders_filters: bool,
    /// What those target that replace others, a name for each target.
    targets: Vec<(String, String)>,
}

impl Policies {
    pub(super) fn of(objects: &[Object<'_>]) -> Self {
        let of_kind = |kind: &'static str| objects.iter().filter(move |object| object.kind == kind);
        let replacing =
            of_kind("SecurityPolicy").filter(|object| object.spec(&["mergeType"]).is_none());
        let targets = replacing.flat_map(|object| {
            targets(object)
                .into_iter()
                .map(|target| (target, object.name.clone()))
        });
        Self {
            asks_gate: of_kind("SecurityPolicy").any(|object| object.spec(&["extAuth"]).is_some()),
            orders_filters: of_kind("EnvoyProxy")
                .any(|object| object.spec(&["filterOrder"]).is_some()),
            targets: targets.collect(),
        }
    }
}

/// What a policy is attached to.
fn targets(object: &Object<'_>) -> Vec<String> {
    let one = object.spec(&["targetRef"]).into_iter();
    let several = object
        .spec(&["targetRefs"])
        .map(Tree::items)
        .unwrap_or_default();
    let key = |target: &Tree, key| text(target, &[key]).unwrap_or_default().to_owned();
    one.chain(several)
        .map(|target| {
            [
                key(target, "kind"),
                key(target, "name"),
                key(target, "sectionName"),
            ]
            .join("/")
        })
        .collect()
}

/// Whether this is an object of theirs.
pub(super) fn examine(
    object: &Object<'_>,
    policies: &Policies,
    assumptions: &Assumptions,
    report: &mut Report,
) -> bool {
    match object.kind {
        "SecurityPolicy" => examine_security(object, policies, assumptions, report),
        "ClientTrafficPolicy" => examine_client_traffic(object, report),
        "HTTPRoute" | "GRPCRoute" => examine_route(object, assumptions, report),
        "EnvoyProxy" => {}
        _ => return false,
    }
    true
}

fn examine_security(
    object: &Object<'_>,
    policies: &Policies,
    assumptions: &Assumptions,
    report: &mut Report,
) {
    let place = object.label();
    match object.spec(&["extAuth"]) {
        Some(gate) => examine_gate(gate, &place, report),
        None if object.spec(&["mergeType"]).is_none() && policies.asks_gate => {
            report.add(Trouble::GateReplaced, &place);
        }
        None => {}
    }
    let own = targets(object);
    let rival = policies
        .targets
        .iter()
        .find(|(target, name)| *name != object.name && own.contains(target));
    if let (Some((target, name)), None) = (rival, object.spec(&["mergeType"])) {
        let detail = format!("{name} has the same target, {target}: only one of the two counts");
        report.add_with(Trouble::GateReplaced, &place, detail);
    }
    let providers = object
        .spec(&["jwt", "providers"])
        .map(Tree::items)
        .unwrap_or_default();
    let claims = providers
        .iter()
        .flat_map(|one| items(one, &["claimToHeaders"]));
    let mut names = claims.filter_map(|one| text(one, &["header"]));
    if let Some(name) = names.find(|name| assumptions.identity.include(name)) {
        report.add_with(Trouble::IdentityOverwritten, &place, name);
    }
    for filter in ["jwt", "oidc"] {
        if object.spec(&[filter]).is_some() && !policies.orders_filters {
            report.add_with(Trouble::ChangesAfterGate, &place, filter);
        }
    }
}

/// The `extAuth` of a `SecurityPolicy`.
fn examine_gate(gate: &Tree, place: &str, report: &mut Report) {
    if is_true(gate, &["failOpen"]) {
        report.add(Trouble::FailOpen, place);
    }
    if gate.get("http").is_some() {
        report.add(Trouble::AskedOverHttp, place);
    }
    if !items(gate, &["headersToExtAuth"]).is_empty() {
        report.add_with(Trouble::HeadersHidden, place, "headersToExtAuth");
    }
    if is_true(gate, &["recomputeRoute"]) {
        report.add(Trouble::RouteCacheCleared, place);
    }
    examine_timeout(gate.get("timeout").and_then(duration), place, report);
    let status = gate.get("statusOnError").and_then(Tree::number);
    examine_status(status, place, report);
    if gate.get("bodyToExtAuth").is_some() {
        report.add(Trouble::BodyLimit, place);
    }
}

fn examine_client_traffic(object: &Object<'_>, report: &mut Report) {
    let place = || object.label();
    match object
        .spec(&["path", "escapedSlashesAction"])
        .and_then(Tree::text)
    {
        Some("RejectRequest") => {}
        Some("UnescapeAndForward") => report.add(Trouble::SlashesUnescaped, place()),
        other => report.add_with(
            Trouble::EscapedSlashesKept,
            place(),
            other.unwrap_or("UnescapeAndRedirect"),
        ),
    }
    if object
        .spec(&["path", "disableMergeSlashes"])
        .is_some_and(Tree::is_true)
    {
        report.add(Trouble::SlashesNotMerged, place());
    }
    if object
        .spec(&["headers", "withUnderscoresAction"])
        .and_then(Tree::text)
        == Some("Allow")
    {
        report.add(Trouble::UnderscoresAllowed, place());
    }
    let early = object.spec(&["headers", "earlyRequestHeaders"]);
    if early
        .is_none_or(|early| early.get("remove").is_none() && early.get("removeOnMatch").is_none())
    {
        report.add(Trouble::IdentityNotRemovedEarly, place());
    }
}

fn examine_route(object: &Object<'_>, assumptions: &Assumptions, report: &mut Report) {
    let rules = object.spec(&["rules"]).map(Tree::items).unwrap_or_default();
    for (index, rule) in rules.iter().enumerate() {
        let place = format!("{}, rule {index}", object.label());
        let matches = items(rule, &["matches"]).iter();
        let headers = matches.flat_map(|one| items(one, &["headers"]));
        let mut names = headers.filter_map(|one| text(one, &["name"]));
        if let Some(name) = names.find(|name| assumptions.identity.include(name)) {
            report.add_with(Trouble::RouteByIdentity, &place, name);
        }
        let backends = items(rule, &["backendRefs"]).iter();
        let filters = backends.flat_map(|one| items(one, &["filters"]));
        for filter in items(rule, &["filters"]).iter().chain(filters) {
            match text(filter, &["type"]) {
                Some("URLRewrite") => report.add(Trouble::PathRewritten, &place),
                Some("RequestHeaderModifier") => {
                    let modifier = filter.get("requestHeaderModifier");
                    let list = |key| {
                        modifier
                            .and_then(|one| one.get(key))
                            .map(Tree::items)
                            .unwrap_or_default()
                    };
                    let set = list("set").iter().chain(list("add"));
                    let set = set.filter_map(|one| text(one, &["name"]));
                    let removed = list("remove").iter().filter_map(Tree::text);
                    if let Some(name) = set
                        .chain(removed)
                        .find(|name| assumptions.identity.include(name))
                    {
                        report.add_with(Trouble::IdentityOverwritten, &place, name);
                    }
                }
                _ => {}
            }
        }
    }
}
