//! The policy file that an import writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::asked::{Asked, Demand, NARROWED};
use super::routes::NewRoute;
use crate::problem::quoted;
use crate::yaml::{double_quoted, flow_list, scalar};

/// The longest name of a route.
const MAX_NAME_BYTES: usize = 64;
/// The longest comment.
const MAX_COMMENT_CHARS: usize = 300;

/// The policy without its head, and the line at which each route begins.
pub(super) fn write(routes: &[NewRoute], closed_hosts: &[String]) -> (String, Vec<usize>) {
    let mut text = "version: 1\n".to_owned();
    if !closed_hosts.is_empty() {
        let hosts = flow_list(closed_hosts.iter().map(String::as_str));
        let _ = writeln!(text, "closed_hosts: {hosts}");
    }
    text.push_str(if routes.is_empty() {
        "routes: []\n"
    } else {
        "routes:\n"
    });
    let mut line = text.lines().count() + 1;
    let mut lines = Vec::with_capacity(routes.len());
    let mut names = BTreeMap::new();
    for route in routes {
        let written = write_route(route, &name(route, &mut names));
        lines.push(line);
        line += written.lines().count();
        text.push_str(&written);
    }
    (text, lines)
}

fn write_route(route: &NewRoute, name: &str) -> String {
    let mut text = format!("  - name: {}\n", scalar(name));
    if !route.hosts.is_empty() {
        let hosts = flow_list(route.hosts.iter().map(String::as_str));
        let _ = writeln!(text, "    hosts: {hosts}");
    }
    if route.methods.is_empty() {
        text.push_str("    methods: [\"*\"]\n");
    } else {
        let methods = flow_list(route.methods.iter().map(String::as_str));
        let _ = writeln!(text, "    methods: {methods}");
    }
    let _ = writeln!(text, "    path: {}", path(&route.path.text()));
    match &route.asked {
        Asked::Nobody(None) => text.push_str("    access: nobody\n"),
        Asked::Nobody(Some(reason)) => {
            let _ = writeln!(text, "    access: nobody # for review: {}", comment(reason));
        }
        Asked::Public(demand) => write_demand(&mut text, "public", demand),
        Asked::Token(demand) => write_demand(&mut text, "authenticated", demand),
    }
    text
}

fn write_demand(text: &mut String, access: &str, demand: &Demand) {
    let _ = write!(text, "    access: {access}");
    if demand.is_narrowed {
        let _ = write!(text, " # for review: {NARROWED}");
    }
    text.push('\n');
    if !demand.issuers.is_empty() {
        let issuers = flow_list(demand.issuers.iter().map(|name| &**name));
        let _ = writeln!(text, "    issuers: {issuers}");
    }
    match demand.when.as_slice() {
        [] => {}
        [only] => {
            let _ = writeln!(text, "    when: {}", condition(only));
        }
        several => {
            text.push_str("    when:\n");
            for one in several {
                let _ = writeln!(text, "      - {}", condition(one));
            }
        }
    }
}

/// A path in quotation marks where flow YAML could take its braces or its other signs for something else.
fn path(text: &str) -> String {
    scalar(text)
}

/// A condition in single quotation marks, in which nothing but these is special.
fn condition(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return double_quoted(text);
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// Text of the source on one line.
pub(super) fn comment(text: &str) -> String {
    let shown = text.chars().map(|character| {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{85}') {
            ' '
        } else {
            character
        }
    });
    shown.take(MAX_COMMENT_CHARS).collect()
}

/// The name of a file or of something in it, for a comment.
pub(super) fn shown(text: &str) -> String {
    quoted(text).trim_matches('`').to_owned()
}

/// A name made of method and path; each once.
fn name(route: &NewRoute, known: &mut BTreeMap<String, usize>) -> String {
    let method = match route.methods.as_slice() {
        [only] => only.to_ascii_lowercase(),
        [] => "any".to_owned(),
        _ => route.methods.join("-").to_ascii_lowercase(),
    };
    let mut name = method;
    for character in route.path.text().chars() {
        if character.is_ascii_alphanumeric() || "._".contains(character) {
            name.push(character);
        } else if !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(MAX_NAME_BYTES);
    let trimmed = name.trim_end_matches('-').to_owned();
    let mut unique = trimmed.clone();
    // Where the last one of this name left off.
    let mut number = known.get(&trimmed).copied().unwrap_or(2);
    while known.contains_key(&unique) {
        let suffix = format!("-{number}");
        let kept = trimmed.get(..trimmed.len().min(MAX_NAME_BYTES - suffix.len()));
        unique = format!("{}{suffix}", kept.unwrap_or_default());
        number += 1;
    }
    known.insert(unique.clone(), 2);
    known.insert(trimmed, number);
    unique
}
