//! The filters of a connection manager, in their order.

use super::providers::Providers;
use crate::doctor::envoy::FoundManager;
use crate::doctor::field::{field, is_true, items, message, text};
use crate::migration::Notes;
use crate::migration::formula::HostView;
use crate::problem::{Problem, closest, quoted};
use crate::yaml::Tree;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Jwt,
    Rbac,
    /// One of the two, in something that chooses by requests whether it is asked.
    Wrapped,
    Other,
}

pub(super) fn kind_of(filter: &Tree) -> Kind {
    let Some((kind, config)) = field(filter, "typed_config").and_then(message) else {
        return Kind::Other;
    };
    match kind {
        "JwtAuthentication" => Kind::Jwt,
        "RBAC" => Kind::Rbac,
        "ExtensionWithMatcher" | "Composite" => {
            let inner = field(config, "extension_config")
                .and_then(|inner| field(inner, "typed_config"))
                .and_then(message);
            match inner {
                Some(("JwtAuthentication" | "RBAC", _)) => Kind::Wrapped,
                _ => Kind::Other,
            }
        }
        _ => Kind::Other,
    }
}

/// A filter of the chain that decides.
pub(super) struct Filter<'t> {
    pub(super) index: usize,
    pub(super) name: &'t str,
    pub(super) kind: Kind,
    pub(super) config: &'t Tree,
    pub(super) is_disabled: bool,
}

/// The filters of a connection manager, in their order.
pub(super) struct Chain<'t> {
    pub(super) filters: Vec<Filter<'t>>,
    pub(super) providers: Providers,
}

impl<'t> Chain<'t> {
    #[expect(clippy::result_large_err, reason = "made once, for a file")]
    pub(super) fn read(manager: &FoundManager<'t>, notes: &mut Notes) -> Result<Self, Problem> {
        let mut chain = Self {
            filters: Vec::new(),
            providers: Providers::default(),
        };
        chain.providers.hosts = HostView {
            removes_port: is_true(manager.tree, &["strip_any_host_port"]),
            removes_dot: is_true(manager.tree, &["strip_trailing_host_dot"]),
            ignores_case: false,
        };
        around(manager.chain, notes);
        for (index, one) in items(manager.tree, &["http_filters"]).iter().enumerate() {
            if let Some(problem) = misspelt(one) {
                return Err(problem);
            }
            chain.add(index, one, notes);
        }
        Ok(chain)
    }

    fn add(&mut self, index: usize, tree: &'t Tree, notes: &mut Notes) {
        let name = text(tree, &["name"]).unwrap_or_default();
        let place = format!("filter {name}");
        let Some((type_name, config)) = field(tree, "typed_config").and_then(message) else {
            notes.add(
                &place,
                "not carried over: its configuration is elsewhere; leave it in the proxy",
            );
            return;
        };
        let kind = kind_of(tree);
        if kind == Kind::Other {
            if type_name != "Router" {
                let advice = format!("`{type_name}` is not carried over: leave it in the proxy");
                notes.add(&place, advice);
            }
            return;
        }
        if kind == Kind::Jwt {
            self.providers.read(index, config, &place, notes);
        }
        self.filters.push(Filter {
            index,
            name,
            kind,
            config,
            is_disabled: is_true(tree, &["disabled"]),
        });
    }
}

/// A filter that may be meant as one of the two: without it the policy could let in what it refuses.
fn misspelt(filter: &Tree) -> Option<Problem> {
    const TYPES: [&str; 2] = ["JwtAuthentication", "RBAC"];
    const NAMES: [&str; 2] = ["envoy.filters.http.jwt_authn", "envoy.filters.http.rbac"];
    let name = text(filter, &["name"]).unwrap_or_default();
    let Some((type_name, _)) = field(filter, "typed_config").and_then(message) else {
        let is_elsewhere = field(filter, "config_discovery").is_some();
        return (NAMES.contains(&name) && !is_elsewhere).then(|| {
            Problem::new(format!(
                "the filter {} has no `typed_config` with a type",
                quoted(name)
            ))
            .help("write its configuration as `typed_config`, with `@type`")
        });
    };
    if kind_of(filter) != Kind::Other {
        return None;
    }
    let near = closest(type_name, TYPES);
    (near.is_some() || NAMES.contains(&name)).then(|| {
        let message = format!("the filter {}: unknown type {}", quoted(name), quoted(type_name));
        Problem::new(message).help(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "known are `JwtAuthentication` and `RBAC`; give a filter of another type another name".to_owned(),
        })
    })
}

/// Notes on what decides about connections.
fn around(chain: &Tree, notes: &mut Notes) {
    for one in items(chain, &["filters"]) {
        if let Some((kind, _)) = field(one, "typed_config").and_then(message)
            && kind != "HttpConnectionManager"
        {
            let name = text(one, &["name"]).unwrap_or_default();
            notes.add(
                &format!("network filter {name}"),
                "not carried over: it decides about connections; leave it in the proxy",
            );
        }
    }
    if field(chain, "filter_chain_match").is_some() {
        notes.add(
            "filter chain",
            "`filter_chain_match` is not carried over: the policy answers for every connection",
        );
    }
}
