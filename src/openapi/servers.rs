//! Where an API is: `servers` of a description.

use super::MAX_SERVERS;
use super::description::shown;
use crate::problem::quoted;
use crate::yaml::Tree;

/// Where an API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// In lower case, without port.
    pub(super) host: Option<String>,
    /// The path in front of all paths; without a slash at the end.
    pub(super) base: String,
}

/// The servers of a list; one at the root where there is none.
pub(super) fn servers(list: Option<&Tree>, place: &str, notes: &mut Vec<String>) -> Vec<Server> {
    let mut servers = Vec::new();
    let listed = list.map(Tree::items).unwrap_or_default();
    if let Some(more) = listed
        .len()
        .checked_sub(MAX_SERVERS)
        .filter(|more| *more > 0)
    {
        notes.push(format!(
            "{}: {more} servers are left out: of a list, the first {MAX_SERVERS} are read",
            shown(place)
        ));
    }
    for server in listed.iter().take(MAX_SERVERS) {
        let mut url = server
            .get("url")
            .and_then(Tree::text)
            .unwrap_or("/")
            .to_owned();
        let variables = server
            .get("variables")
            .map(Tree::entries)
            .unwrap_or_default();
        for (name, variable) in variables {
            let value = variable
                .get("default")
                .and_then(Tree::text)
                .unwrap_or_default();
            let written = format!("{{{name}}}");
            if url.contains(&written) {
                url = url.replace(&written, value);
                notes.push(format!(
                    "{}: the server variable {} is taken as its default, {}",
                    shown(place),
                    quoted(name),
                    quoted(value)
                ));
            }
        }
        let server = server_at(&url);
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    // Without `servers` the API is where the document is (OpenAPI 3.1 section 4.8.1).
    if servers.is_empty() {
        servers.push(server_at("/"));
    }
    servers
}

fn server_at(url: &str) -> Server {
    let (host, path) = match url.split_once("://") {
        None => (None, url),
        Some((_, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            // The last `@`: user names may hold one as well, and the host may not.
            let host = authority.rsplit('@').next().unwrap_or(authority);
            let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
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
        host,
        base: if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        },
    }
}
