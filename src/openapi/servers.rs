//! Where an API is: `servers`, with the values that their variables can have.

use std::collections::BTreeSet;

use super::shown;
use crate::problem::{Problem, quoted};
use crate::yaml::Tree;

/// The most servers of a list, each value of their variables counted.
pub(super) const MAX_SERVERS: usize = 100;

/// Where an API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// In lower case, without port; nothing for every host.
    pub(super) host: Option<String>,
    /// The path in front of all paths; without a slash at the end.
    pub(super) base: String,
    /// Whether it stands for the values of a variable that can have any: these are parameters of the host or
    /// the path.
    pub(super) is_open: bool,
}

/// The servers of an operation that have one path in front of all others.
pub(super) struct Base {
    pub(super) path: String,
    /// Every host where there is none.
    pub(super) hosts: Vec<String>,
    pub(super) is_open: bool,
}

pub(super) fn bases(servers: &[Server]) -> Vec<Base> {
    let mut bases: Vec<Base> = Vec::new();
    for server in servers {
        let is_same = |base: &&mut Base| base.path == server.base && base.is_open == server.is_open;
        match (bases.iter_mut().find(is_same), &server.host) {
            (None, host) => bases.push(Base {
                path: server.base.clone(),
                hosts: host.iter().cloned().collect(),
                is_open: server.is_open,
            }),
            // The hosts of the others are among all hosts.
            (Some(base), None) => base.hosts.clear(),
            (Some(base), Some(_)) if base.hosts.is_empty() => {}
            (Some(base), Some(host)) => base.hosts.push(host.clone()),
        }
    }
    bases
}

/// The servers of a list; one at the root where there is none.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub(super) fn servers(
    list: Option<&Tree>,
    place: &str,
    notes: &mut Vec<String>,
) -> Result<Vec<Server>, Problem> {
    let mut servers = Vec::new();
    for written in list.map(Tree::items).unwrap_or_default() {
        for (url, is_open) in urls(written, place, notes) {
            let server = server_at(&url, is_open);
            if !servers.contains(&server) {
                servers.push(server);
            }
            // An operation at a server that is not read would be left to the routes of others.
            if servers.len() > MAX_SERVERS {
                return Err(Problem::new(format!(
                    "{}: more than {MAX_SERVERS} servers, each value of their variables counted",
                    shown(place)
                ))
                .help("keep the servers that the policy is for, or give them a variable without `enum`"));
            }
        }
    }
    // Without `servers` the API is where the document is (OpenAPI 3.1 section 4.8.1).
    if servers.is_empty() {
        servers.push(server_at("/", false));
    }
    Ok(servers)
}

/// The addresses that a server stands for, and whether a variable is still in them because it can have any
/// value. Variables of a port say nothing to a route.
fn urls(server: &Tree, place: &str, notes: &mut Vec<String>) -> Vec<(String, bool)> {
    let written = server.get("url").and_then(Tree::text).unwrap_or("/");
    let variables = server.get("variables").map(Tree::entries);
    let mut known = vec![written.to_owned()];
    let mut open = known.clone();
    let mut has_open = false;
    for (name, variable) in variables.unwrap_or_default() {
        let braced = format!("{{{name}}}");
        if !written.contains(&braced) {
            continue;
        }
        let default = variable.get("default").and_then(scalar).unwrap_or_default();
        let values = listed(variable, &default);
        let values = values.filter(|values| values.len() * known.len() <= MAX_SERVERS);
        if let Some(values) = values {
            known = each(&known, &braced, &values);
            open = each(&open, &braced, &values);
        } else {
            notes.push(format!(
                "{}: the server variable {} is taken as its default, {}",
                shown(place),
                quoted(name),
                quoted(&default)
            ));
            has_open = true;
            open = each(&open, &braced, &[any_like(&default, name)]);
            known = each(&known, &braced, &[default]);
        }
    }
    let open = open.into_iter().filter(|_| has_open).map(|url| (url, true));
    known
        .into_iter()
        .map(|url| (url, false))
        .chain(open)
        .collect()
}

/// Each address with each value in the place of what is in braces.
fn each(urls: &[String], braced: &str, values: &[String]) -> Vec<String> {
    let of_one = |url: &String| {
        values
            .iter()
            .map(|value| url.replace(braced, value))
            .collect::<Vec<_>>()
    };
    urls.iter().flat_map(of_one).collect()
}

/// The values that a variable can have; nothing where it can have any.
fn listed(variable: &Tree, default: &str) -> Option<Vec<String>> {
    let values = variable.get("enum")?.items().iter().map(scalar);
    let mut values: Vec<String> = values.collect::<Option<_>>()?;
    if values.is_empty() {
        return None;
    }
    if !default.is_empty() {
        values.insert(0, default.to_owned());
    }
    let mut seen = BTreeSet::new();
    values.retain(|value| seen.insert(value.clone()));
    Some(values)
}

/// A value as text. Numbers have lost how they were written.
fn scalar(value: &Tree) -> Option<String> {
    match value {
        Tree::Text(text) => Some(text.clone()),
        Tree::Number(number) if number.fract() == 0.0 => Some(number.to_string()),
        _ => None,
    }
}

/// Any value of a variable, with parameters where this one has text.
fn any_like(value: &str, name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let (scheme, value) = match value.split_once("://") {
        Some((scheme, value)) => (format!("{scheme}://"), value),
        None => (String::new(), value),
    };
    if value.trim_matches('/').is_empty() {
        return format!("{scheme}{{{name}}}");
    }
    let parts = value.split('/').map(|part| match part {
        "" => String::new(),
        _ => format!("{{{name}}}"),
    });
    scheme + &parts.collect::<Vec<_>>().join("/")
}

fn server_at(url: &str, is_open: bool) -> Server {
    // Without a scheme it is that of the document (RFC 3986 section 4.2).
    let behind_scheme = url
        .split_once("://")
        .map(|(_, rest)| rest)
        .or_else(|| url.strip_prefix("//"));
    let (host, path) = match behind_scheme {
        None => (None, url),
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
            // The last `@`: user names may hold one as well, and the host may not.
            let host = authority.rsplit('@').next().unwrap_or(authority);
            let is_port = |port: &str| {
                port.bytes().all(|byte| byte.is_ascii_digit())
                    || port.starts_with('{') && port.ends_with('}')
            };
            let host = match host.rsplit_once(':') {
                Some((host, port)) if is_port(port) => host,
                _ => host,
            };
            (
                Some(host.to_ascii_lowercase()).filter(|host| !host.is_empty()),
                path,
            )
        }
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.trim_start_matches("./").trim_matches('/');
    Server {
        is_open: is_open
            && (path.contains('{') || host.as_ref().is_some_and(|host| host.contains('{'))),
        host,
        base: if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        },
    }
}
