//! The filters of a connection manager: the gate's own, and those before and behind it.

use super::field::{at, field, is_true, items, message, seconds, text};
use super::timing::examine_timeout;
use super::{Assumptions, Report, Trouble};
use crate::yaml::Tree;

/// An `ext_authz` filter that asks the gate.
pub(super) struct Gate<'t> {
    pub(super) name: &'t str,
    pub(super) position: usize,
    /// Whether it is asked on routes that say nothing about it.
    pub(super) is_enabled: bool,
    config: &'t Tree,
}

/// The filters that ask the gate, by their type: their names are free.
pub(super) fn gates<'t>(filters: &'t [Tree], assumptions: &Assumptions) -> Vec<Gate<'t>> {
    let gates = filters.iter().enumerate().filter_map(|(position, one)| {
        let (kind, config) = message(field(one, "typed_config")?)?;
        (kind == "ExtAuthz").then(|| Gate {
            name: text(one, &["name"]).unwrap_or_default(),
            position,
            is_enabled: !is_true(one, &["disabled"]),
            config,
        })
    });
    gates
        .filter(|gate| {
            let wanted = assumptions.cluster.as_deref();
            wanted.is_none_or(|wanted| gate.cluster() == Some(wanted))
        })
        .collect()
}

impl Gate<'_> {
    pub(super) fn cluster(&self) -> Option<&str> {
        text(self.config, &["grpc_service", "envoy_grpc", "cluster_name"])
    }

    pub(super) fn examine(&self, place: &str, report: &mut Report) {
        let place = format!("{place}, filter {}", self.name);
        examine_settings(self.config, &place, report);
        self.examine_omissions(&place, report);
    }

    /// What ought to be there.
    fn examine_omissions(&self, place: &str, report: &mut Report) {
        let config = self.config;
        if field(config, "http_service").is_none() {
            let timeout = at(config, &["grpc_service", "timeout"]).and_then(seconds);
            examine_timeout(timeout, place, report);
            match text(config, &["transport_api_version"]) {
                Some("V3") => {}
                version => {
                    let version = version.unwrap_or("not set");
                    report.add_with(Trouble::OldProtocol, place, version);
                }
            }
        }
        if matches!(
            text(config, &["status_on_error", "code"]),
            None | Some("Forbidden")
        ) {
            report.add(Trouble::ErrorLooksLikeRefusal, place);
        }
        if !is_true(config, &["encode_raw_headers"]) {
            report.add(Trouble::RawHeadersOff, place);
        }
        if !is_true(config, &["validate_mutations"]) {
            report.add(Trouble::AnswerAppliedInPart, place);
        }
    }
}

/// What ought not to be there.
pub(super) fn examine_settings(config: &Tree, place: &str, report: &mut Report) {
    if is_true(config, &["failure_mode_allow"]) {
        report.add(Trouble::FailOpen, place);
    }
    if field(config, "filter_enabled").is_some()
        && !is_true(config, &["deny_at_disable", "default_value"])
    {
        report.add(Trouble::PartlyAsked, place);
    }
    if let Some(metadata) = field(config, "filter_enabled_metadata") {
        // Istio marks the requests by the rules of its policies, which are examined themselves.
        if text(metadata, &["filter"]) != Some("envoy.filters.http.rbac") {
            report.add(Trouble::AskedByMetadata, place);
        }
    }
    if is_true(config, &["shadow_mode"]) {
        report.add(Trouble::ShadowMode, place);
    }
    for key in ["allowed_headers", "disallowed_headers"] {
        if field(config, key).is_some() {
            report.add_with(Trouble::HeadersHidden, place, key);
        }
    }
    if let Some(rules) = field(config, "decoder_header_mutation_rules") {
        let may_leave_out =
            is_true(rules, &["disallow_all"]) || field(rules, "disallow_expression").is_some();
        if may_leave_out && !is_true(rules, &["disallow_is_error"]) {
            report.add(Trouble::AnswerIgnored, place);
        }
    }
    if field(config, "http_service").is_some() {
        report.add(Trouble::AskedOverHttp, place);
    }
    if is_true(config, &["clear_route_cache"]) {
        report.add(Trouble::RouteCacheCleared, place);
    }
    if field(config, "with_request_body").is_some() {
        report.add(Trouble::BodyLimit, place);
    }
}

/// Filters before the gate. In Istio one of them says for which requests it is asked.
pub(super) fn examine_before(filters: &[Tree], place: &str, report: &mut Report) {
    for one in filters {
        let Some(("RBAC", config)) = field(one, "typed_config").and_then(message) else {
            continue;
        };
        let prefix = text(config, &["shadow_rules_stat_prefix"]).unwrap_or_default();
        if !prefix.contains("ext_authz") {
            continue;
        }
        let policies = at(config, &["shadow_rules", "policies"]);
        let all: Vec<&Tree> = policies
            .map(Tree::entries)
            .unwrap_or_default()
            .iter()
            .map(|(_, one)| one)
            .collect();
        let place = format!(
            "{place}, filter {}",
            text(one, &["name"]).unwrap_or_default()
        );
        if all.is_empty() {
            report.add(Trouble::RulesNeverMatch, place);
        } else if all.iter().any(|policy| matches_all(policy)) {
            // Everything is marked.
        } else if all.iter().all(|policy| asks_for_claims(policy)) {
            report.add(Trouble::RulesNeverMatch, place);
        } else {
            report.add(Trouble::RulesLeaveOut, place);
        }
    }
}

/// Whether a rule of `RBAC` matches every request.
fn matches_all(policy: &Tree) -> bool {
    let any = |key: &str| items(policy, &[key]).iter().any(is_any);
    any("permissions") && any("principals")
}

fn is_any(rule: &Tree) -> bool {
    is_true(rule, &["any"])
        || [["and_rules", "rules"], ["and_ids", "ids"]]
            .iter()
            .any(|path| {
                let all = items(rule, path);
                !all.is_empty() && all.iter().all(is_any)
            })
        || [["or_rules", "rules"], ["or_ids", "ids"]]
            .iter()
            .any(|path| items(rule, path).iter().any(is_any))
}

/// Whether a rule asks for what the token's verification has found, which runs later.
fn asks_for_claims(tree: &Tree) -> bool {
    match tree {
        Tree::Text(text) => text.contains("jwt_authn") || text.starts_with("request.auth."),
        Tree::List(items) => items.iter().any(asks_for_claims),
        Tree::Map(entries) => entries.iter().any(|(_, value)| asks_for_claims(value)),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) => false,
    }
}

/// Filters behind the gate.
pub(super) fn examine_after(
    filters: &[Tree],
    place: &str,
    assumptions: &Assumptions,
    report: &mut Report,
) {
    for one in filters {
        let Some((kind, config)) = field(one, "typed_config").and_then(message) else {
            continue;
        };
        let place = format!(
            "{place}, filter {}",
            text(one, &["name"]).unwrap_or_default()
        );
        match kind {
            "Cors" | "CorsPolicy" => report.add(Trouble::CorsAfterGate, place),
            "JwtAuthentication" => {
                let providers = field(config, "providers")
                    .map(Tree::entries)
                    .unwrap_or_default();
                let claims = providers
                    .iter()
                    .flat_map(|(_, one)| items(one, &["claim_to_headers"]));
                let mut names = claims.filter_map(|one| text(one, &["header_name"]));
                match names.find(|name| assumptions.identity.include(name)) {
                    Some(name) => {
                        report.add_with(Trouble::IdentityOverwritten, place, name);
                    }
                    None => report.add(Trouble::ChangesAfterGate, place),
                }
            }
            "HeaderMutation" => {
                let mutations = items(config, &["mutations", "request_mutations"]);
                if let Some(name) = mutations.iter().find_map(|one| changed(one, assumptions)) {
                    report.add_with(Trouble::IdentityOverwritten, place, name);
                }
            }
            "Lua"
            | "LuaPerRoute"
            | "Wasm"
            | "ExternalProcessor"
            | "OAuth2"
            | "Config"
            | "DynamicModuleFilter"
            | "GrpcJsonTranscoder"
            | "SetFilterState"
            | "AwsLambda"
            | "CustomInlineHeader" => {
                report.add_with(Trouble::ChangesAfterGate, place, kind);
            }
            _ => {}
        }
    }
}

/// The identity header that a mutation sets or removes.
fn changed<'t>(mutation: &'t Tree, assumptions: &Assumptions) -> Option<&'t str> {
    let name =
        text(mutation, &["remove"]).or_else(|| text(mutation, &["append", "header", "key"]))?;
    assumptions.identity.include(name).then_some(name)
}
