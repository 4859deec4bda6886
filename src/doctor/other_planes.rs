//! Objects of Contour, Emissary, kgateway and agentgateway.

use super::field::{duration, is_true, items, text};
use super::timing::{examine_status, examine_timeout};
use super::{Object, Report, Trouble};
use crate::yaml::Tree;

/// Whether this is an object of theirs.
pub(super) fn examine(object: &Object<'_>, report: &mut Report) -> bool {
    match object.kind {
        "HTTPProxy" => examine_proxy(object, report),
        "AuthService" => examine_auth_service(object, report),
        "Mapping" => {
            if object.spec(&["bypass_auth"]).is_some_and(Tree::is_true) {
                report.add(Trouble::RouteWithoutGate, object.label());
            }
        }
        "GatewayExtension" => examine_extension(object, report),
        "TrafficPolicy" => {
            if object.spec(&["extAuth", "disable"]).is_some() {
                report.add(Trouble::RouteWithoutGate, object.label());
            }
        }
        "AgentgatewayPolicy" => examine_agentgateway(object, report),
        _ => return false,
    }
    true
}

/// Contour: `authorization` of a root proxy, and routes that do without.
fn examine_proxy(object: &Object<'_>, report: &mut Report) {
    let place = object.label();
    if let Some(gate) = object.spec(&["virtualhost", "authorization"]) {
        if is_true(gate, &["failOpen"]) {
            report.add(Trouble::FailOpen, &place);
        }
        examine_timeout(
            gate.get("responseTimeout").and_then(duration),
            &place,
            report,
        );
        if is_true(gate, &["authPolicy", "disabled"]) {
            report.add(Trouble::GateNotAsked, &place);
        }
    }
    let routes = object
        .spec(&["routes"])
        .map(Tree::items)
        .unwrap_or_default();
    for (index, route) in routes.iter().enumerate() {
        if is_true(route, &["authPolicy", "disabled"]) {
            report.add(Trouble::RouteWithoutGate, format!("{place}, route {index}"));
        }
        if route.get("pathRewritePolicy").is_some() {
            report.add(Trouble::PathRewritten, format!("{place}, route {index}"));
        }
    }
}

fn examine_auth_service(object: &Object<'_>, report: &mut Report) {
    let place = object.label();
    let Some(gate) = object.tree.get("spec") else {
        return;
    };
    if text(gate, &["proto"]) != Some("grpc") {
        report.add(Trouble::AskedOverHttp, &place);
    } else if text(gate, &["protocol_version"]) != Some("v3") {
        report.add(Trouble::OldProtocol, &place);
    }
    if is_true(gate, &["failure_mode_allow"]) {
        report.add(Trouble::FailOpen, &place);
    }
    let timeout = gate.get("timeout_ms").and_then(Tree::number);
    examine_timeout(
        timeout.map(|milliseconds| milliseconds / 1000.0),
        &place,
        report,
    );
    let status = gate.at(&["status_on_error", "code"]);
    examine_status(status.and_then(Tree::number), &place, report);
    if gate.get("include_body").is_some() {
        report.add(Trouble::BodyLimit, place);
    }
}

fn examine_extension(object: &Object<'_>, report: &mut Report) {
    let Some(gate) = object.spec(&["extAuth"]) else {
        return;
    };
    let place = object.label();
    if gate.get("grpcService").is_none() {
        report.add(Trouble::AskedOverHttp, &place);
    }
    if is_true(gate, &["failOpen"]) {
        report.add(Trouble::FailOpen, &place);
    }
    let timeout = gate.at(&["grpcService", "requestTimeout"]);
    examine_timeout(timeout.and_then(duration), &place, report);
    let status = gate.get("statusOnError").and_then(Tree::number);
    examine_status(status, &place, report);
    if !items(gate, &["headersToForward"]).is_empty() {
        report.add_with(Trouble::HeadersHidden, &place, "headersToForward");
    }
    if is_true(gate, &["clearRouteCache"]) {
        report.add(Trouble::RouteCacheCleared, &place);
    }
    if gate.get("withRequestBody").is_some() {
        report.add(Trouble::BodyLimit, place);
    }
}

fn examine_agentgateway(object: &Object<'_>, report: &mut Report) {
    let Some(gate) = object.spec(&["traffic", "extAuth"]) else {
        return;
    };
    let place = object.label();
    if text(gate, &["failureMode"]) == Some("FailOpen") {
        report.add(Trouble::FailOpen, &place);
    }
    if gate.get("cache").is_some() {
        report.add(Trouble::AnswerCached, &place);
    }
    if gate.get("conditional").is_some() {
        report.add(Trouble::RulesLeaveOut, &place);
    }
    if gate.get("grpc").is_none() {
        report.add(Trouble::AskedOverHttp, place);
    }
}
