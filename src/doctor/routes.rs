//! Routes: on which of them the gate is asked, and what they do to a request afterwards.

use super::field::{at, field, is_true, items, message, text};
use super::filter::Gate;
use super::{Assumptions, Report, Trouble};
use crate::yaml::Tree;

/// What a route does after the gate has answered, so far as it is a trouble; with the settings of what
/// it stands in.
struct Level<'t> {
    tree: &'t Tree,
    place: String,
}

/// Whether any route leads to an upstream.
pub(super) fn lead_somewhere(routes: &Tree) -> bool {
    let mut hosts = items(routes, &["virtual_hosts"]).iter();
    // What is looked up elsewhere may lead anywhere.
    field(routes, "vhds").is_some()
        || hosts.any(|host| {
            let mut routes = items(host, &["routes"]).iter();
            field(host, "matcher").is_some() || routes.any(leads_somewhere)
        })
}

fn leads_somewhere(route: &Tree) -> bool {
    ["route", "filter_action", "non_forwarding_action"]
        .iter()
        .any(|action| field(route, action).is_some())
}

pub(super) fn examine(
    routes: &Tree,
    gates: &[Gate<'_>],
    place: &str,
    assumptions: &Assumptions,
    report: &mut Report,
) {
    let all = Level {
        tree: routes,
        place: format!(
            "{place}, routes {}",
            text(routes, &["name"]).unwrap_or("(without a name)")
        ),
    };
    examine_headers(&all, assumptions, report);
    for host in items(routes, &["virtual_hosts"]) {
        let host = Level {
            tree: host,
            place: format!(
                "{place}, virtual host {}",
                text(host, &["name"]).unwrap_or_default()
            ),
        };
        examine_headers(&host, assumptions, report);
        for (index, route) in items(host.tree, &["routes"]).iter().enumerate() {
            if !leads_somewhere(route) {
                continue;
            }
            let name = text(route, &["name"]).filter(|name| !name.is_empty());
            let name = name.map_or_else(|| format!("{index} ({})", matched(route)), str::to_owned);
            let route = Level {
                tree: route,
                place: format!("{}, route {name}", host.place),
            };
            examine_route(&route, &host, &all, gates, report);
            examine_headers(&route, assumptions, report);
            examine_match(&route, assumptions, report);
            if changes_path(route.tree) {
                report.add(Trouble::PathRewritten, route.place);
            }
        }
    }
}

/// The path that a route matches, for its place.
fn matched(route: &Tree) -> String {
    let keys = ["prefix", "path", "path_separated_prefix"];
    let written = keys
        .iter()
        .find_map(|key| text(route, &["match", key]).map(|path| format!("{key} {path}")));
    written.unwrap_or_else(|| "by expression".to_owned())
}

/// Whether the gate is asked, on the route as a whole and on each of its clusters.
fn examine_route(
    route: &Level<'_>,
    host: &Level<'_>,
    all: &Level<'_>,
    gates: &[Gate<'_>],
    report: &mut Report,
) {
    let around = [route.tree, host.tree, all.tree];
    if !is_asked(&around, gates) {
        report.add(Trouble::RouteWithoutGate, &route.place);
        return;
    }
    for cluster in items(route.tree, &["route", "weighted_clusters", "clusters"]) {
        let [route_tree, host_tree, all_tree] = around;
        if !is_asked(&[cluster, route_tree, host_tree, all_tree], gates) {
            let name = text(cluster, &["name"]).unwrap_or_default();
            report.add(
                Trouble::RouteWithoutGate,
                format!("{}, cluster {name}", route.place),
            );
        }
    }
}

/// Whether one of the gates is asked, by the most specific of these levels that says anything.
fn is_asked(levels: &[&Tree], gates: &[Gate<'_>]) -> bool {
    gates.iter().any(|gate| {
        let mut configs = levels
            .iter()
            .filter_map(|level| field(level, "typed_per_filter_config")?.get(gate.name));
        match configs.next().and_then(message) {
            None => gate.is_enabled,
            Some((_, config)) => {
                let inner = field(config, "config").and_then(message);
                let is_off = |config: &Tree| is_true(config, &["disabled"]);
                !is_off(config) && !inner.is_some_and(|(_, inner)| is_off(inner))
            }
        }
    })
}

/// Headers that are set or removed when the request leaves, after the gate.
fn examine_headers(level: &Level<'_>, assumptions: &Assumptions, report: &mut Report) {
    let clusters = items(level.tree, &["route", "weighted_clusters", "clusters"]);
    for tree in std::iter::once(level.tree).chain(clusters) {
        let added = items(tree, &["request_headers_to_add"]).iter();
        let added = added.filter_map(|one| text(one, &["header", "key"]));
        let removed = items(tree, &["request_headers_to_remove"])
            .iter()
            .filter_map(Tree::text);
        if let Some(name) = added
            .chain(removed)
            .find(|name| assumptions.identity.include(name))
        {
            report.add_with(Trouble::IdentityOverwritten, &level.place, name);
        }
    }
}

fn examine_match(route: &Level<'_>, assumptions: &Assumptions, report: &mut Report) {
    let headers = items(route.tree, &["match", "headers"]).iter();
    let mut names = headers.filter_map(|one| text(one, &["name"]));
    if let Some(name) = names.find(|name| assumptions.identity.include(name)) {
        report.add_with(Trouble::RouteByIdentity, &route.place, name);
    }
}

fn changes_path(route: &Tree) -> bool {
    let keys = [
        "prefix_rewrite",
        "regex_rewrite",
        "path_rewrite_policy",
        "path_rewrite",
    ];
    keys.iter()
        .any(|key| at(route, &["route", key]).is_some_and(|rewrite| rewrite.text() != Some("")))
}
