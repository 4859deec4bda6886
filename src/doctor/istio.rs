//! Objects of Istio.

use super::field::{duration, is_true, items, message, text};
use super::filter::examine_settings;
use super::timing::examine_timeout;
use super::{Assumptions, Object, Report, Trouble};
use crate::problem::Source;
use crate::yaml::{Tree, parse_foreign};

/// Whether this is an object of Istio.
pub(super) fn examine(object: &Object<'_>, assumptions: &Assumptions, report: &mut Report) -> bool {
    match object.kind {
        "AuthorizationPolicy" => examine_policy(object, report),
        "RequestAuthentication" => examine_authentication(object, assumptions, report),
        "EnvoyFilter" => {
            let patches = object
                .spec(&["configPatches"])
                .map(Tree::items)
                .unwrap_or_default();
            for patch in patches {
                examine_patch(patch, &object.label(), report);
            }
        }
        "IstioOperator" => {
            if let Some(mesh) = object.spec(&["meshConfig"]) {
                examine_mesh(mesh, &object.label(), report);
            }
        }
        // The mesh's configuration as istiod reads it.
        "ConfigMap" => {
            let Some(mesh) = object.tree.at(&["data", "mesh"]).and_then(Tree::text) else {
                return false;
            };
            let source = Source {
                name: object.label(),
                text: mesh.to_owned(),
            };
            let Ok(trees) = parse_foreign(&source) else {
                return false;
            };
            for tree in &trees {
                examine_mesh(tree, &object.label(), report);
            }
        }
        _ => return false,
    }
    true
}

/// Whether this is a mesh's configuration by itself, as `istioctl` and Helm take it.
pub(super) fn examine_mesh_settings(document: &Tree, report: &mut Report) -> bool {
    let is_mesh = document.get("kind").is_none() && document.get("extensionProviders").is_some();
    let mesh = document.get("meshConfig").or(is_mesh.then_some(document));
    if let Some(mesh) = mesh {
        examine_mesh(mesh, "meshConfig", report);
    }
    mesh.is_some()
}

/// Whether the objects that say who may do what say that the gate is asked.
pub(super) fn examine_whether_asked(objects: &[Object<'_>], report: &mut Report) {
    let has = |kinds: &[&str]| objects.iter().any(|object| kinds.contains(&object.kind));
    let is_asked = objects.iter().any(is_custom) || has(&["EnvoyFilter"]);
    if !is_asked && has(&["AuthorizationPolicy", "RequestAuthentication"]) {
        report.add(Trouble::NoCustomPolicy, "objects of Istio");
    }
}

fn is_custom(object: &Object<'_>) -> bool {
    object.kind == "AuthorizationPolicy"
        && object.spec(&["action"]).and_then(Tree::text) == Some("CUSTOM")
}

/// An `AuthorizationPolicy`: with `CUSTOM`, its rules say for which requests the gate is asked.
fn examine_policy(object: &Object<'_>, report: &mut Report) {
    if !is_custom(object) {
        return;
    }
    let place = object.label();
    let dry_run = object
        .tree
        .at(&["metadata", "annotations", "istio.io/dry-run"]);
    if dry_run.is_some_and(|value| value.text() == Some("true") || value.is_true()) {
        report.add(Trouble::DryRunRefuses, &place);
    }
    let rules = object.spec(&["rules"]).map(Tree::items).unwrap_or_default();
    if rules.is_empty() {
        report.add_with(Trouble::RulesNeverMatch, place, "there are no rules");
        return;
    }
    if rules.iter().any(|rule| rule.entries().is_empty()) {
        return;
    }
    let claims = |rule: &Tree| {
        let from = items(rule, &["from"]).iter();
        let mut principals = from.filter_map(|one| one.at(&["source", "requestPrincipals"]));
        let keys = items(rule, &["when"]).iter();
        let mut keys = keys.filter_map(|one| text(one, &["key"]));
        principals.next().is_some() || keys.any(|key| key.starts_with("request.auth."))
    };
    if rules.iter().all(claims) {
        let detail = "they ask for what Istio reads from the token, which it does later";
        report.add_with(Trouble::RulesNeverMatch, place, detail);
    } else {
        report.add(Trouble::RulesLeaveOut, place);
    }
}

fn examine_authentication(object: &Object<'_>, assumptions: &Assumptions, report: &mut Report) {
    let rules = object
        .spec(&["jwtRules"])
        .map(Tree::items)
        .unwrap_or_default();
    let headers = rules
        .iter()
        .flat_map(|rule| items(rule, &["outputClaimToHeaders"]));
    let mut names = headers.filter_map(|one| text(one, &["header"]));
    match names.find(|name| assumptions.identity.include(name)) {
        Some(name) => report.add_with(Trouble::IdentityOverwritten, object.label(), name),
        None if !rules.is_empty() => report.add(Trouble::ChangesAfterGate, object.label()),
        None => {}
    }
}

/// What a patch adds to an `ext_authz` filter, wherever it stands within.
fn examine_patch(tree: &Tree, place: &str, report: &mut Report) {
    if let Some(("ExtAuthz", config)) = message(tree) {
        examine_settings(config, place, report);
    }
    for (_, value) in tree.entries() {
        examine_patch(value, place, report);
    }
    for item in tree.items() {
        examine_patch(item, place, report);
    }
}

fn examine_mesh(mesh: &Tree, place: &str, report: &mut Report) {
    match mesh
        .at(&["pathNormalization", "normalization"])
        .and_then(Tree::text)
    {
        Some("NONE") => report.add(Trouble::PathNotNormalized, place),
        Some("DECODE_AND_MERGE_SLASHES") => report.add(Trouble::SlashesUnescaped, place),
        Some("MERGE_SLASHES") => {}
        _ => report.add(Trouble::SlashesNotMerged, place),
    }
    for provider in items(mesh, &["extensionProviders"]) {
        let place = format!(
            "{place}, provider {}",
            text(provider, &["name"]).unwrap_or_default()
        );
        let settings = if let Some(settings) = provider.get("envoyExtAuthzGrpc") {
            settings
        } else if let Some(settings) = provider.get("envoyExtAuthzHttp") {
            report.add(Trouble::AskedOverHttp, &place);
            settings
        } else {
            continue;
        };
        if is_true(settings, &["failOpen"]) {
            report.add(Trouble::FailOpen, &place);
        }
        examine_timeout(settings.get("timeout").and_then(duration), &place, report);
        if matches!(
            settings.get("statusOnError").and_then(Tree::text),
            None | Some("403")
        ) {
            report.add(Trouble::ErrorLooksLikeRefusal, &place);
        }
        if settings.get("includeRequestBodyInCheck").is_some() {
            report.add(Trouble::BodyLimit, place);
        }
    }
}
