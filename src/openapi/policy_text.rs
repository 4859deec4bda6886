//! The policy file that an import writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::NewRoute;
use super::security::Asked;
use super::shown;
use crate::yaml::{double_quoted, flow_list, scalar};

pub(super) struct Contents<'a> {
    pub(super) title: &'a str,
    pub(super) file: &'a str,
    pub(super) operations: usize,
    pub(super) scopes: &'a BTreeMap<String, String>,
    pub(super) has_trailing_slash: bool,
    pub(super) routes: &'a [NewRoute],
}

pub(super) fn write(contents: &Contents<'_>) -> String {
    let Contents {
        title,
        file,
        operations,
        scopes,
        has_trailing_slash,
        routes,
    } = contents;
    let for_review = routes
        .iter()
        .filter(|route| matches!(route.asked, Asked::Review(_)));
    let head = format!(
        "# Imported from {} ({title}): {operations} operations, {} routes, {} of them for review.\n",
        shown(file),
        routes.len(),
        for_review.count(),
    );
    head + &routes_with_lines(scopes, *has_trailing_slash, routes).0
}

/// The policy without its head, and the line at which each route begins.
pub(super) fn routes_with_lines(
    scopes: &BTreeMap<String, String>,
    has_trailing_slash: bool,
    routes: &[NewRoute],
) -> (String, Vec<usize>) {
    let mut text = "version: 1\n".to_owned();
    if has_trailing_slash {
        text.push_str("paths:\n  trailing_slash: true\n");
    }
    if !scopes.is_empty() {
        text.push_str("scopes:\n");
        for (scope, description) in scopes {
            let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "  {}: {}", scalar(scope), double_quoted(&description));
        }
    }
    text.push_str(if routes.is_empty() {
        "routes: []\n"
    } else {
        "routes:\n"
    });
    // Counted while writing, so that what is said of a route can name the line at which it will be.
    let mut line = text.lines().count() + 1;
    let mut lines = Vec::with_capacity(routes.len());
    for route in routes {
        let written = write_route(route);
        lines.push(line);
        line += written.lines().count();
        text.push_str(&written);
    }
    (text, lines)
}

fn write_route(route: &NewRoute) -> String {
    let list = |names: &[String]| flow_list(names.iter().map(String::as_str));
    let mut text = format!("  - name: {}\n", scalar(&route.name));
    if !route.hosts.is_empty() {
        let _ = writeln!(text, "    hosts: {}", list(&route.hosts));
    }
    let _ = writeln!(
        text,
        "    methods: {}",
        list(std::slice::from_ref(&route.method))
    );
    let _ = writeln!(text, "    path: {}", scalar(&route.path));
    match &route.asked {
        Asked::Public => text.push_str("    access: public\n"),
        Asked::Authenticated => text.push_str("    access: authenticated\n"),
        // Closed until somebody has looked: an import must not open what its author never decided on.
        Asked::Review(reason) => {
            let _ = writeln!(text, "    access: nobody # for review: {reason}");
        }
        Asked::Scopes { all, any } => {
            if !all.is_empty() {
                let _ = writeln!(text, "    scopes: {}", list(all));
            }
            if !any.is_empty() {
                let _ = writeln!(text, "    any_scope: {}", list(any));
            }
        }
    }
    text
}
