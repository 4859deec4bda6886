//! Envoy's bootstrap and config dump.

use super::clusters::Clusters;
use super::field::{at, field, items, message, text};
use super::manager::Manager;
use super::{Assumptions, Report};
use crate::yaml::Tree;

/// What an Envoy is configured with.
pub(crate) struct Envoy<'t> {
    pub(crate) kind: &'static str,
    listeners: Vec<&'t Tree>,
    clusters: Clusters<'t>,
    route_configs: Vec<&'t Tree>,
}

/// A connection manager and what is around it.
pub(crate) struct FoundManager<'t> {
    /// The name of its listener.
    pub(crate) listener: &'t str,
    /// The filter chain that it stands in.
    pub(crate) chain: &'t Tree,
    pub(crate) tree: &'t Tree,
    /// Nothing where they are not in the document.
    pub(crate) routes: Option<&'t Tree>,
}

impl<'t> Envoy<'t> {
    /// Reads a document; nothing where it is neither.
    pub(crate) fn read(document: &'t Tree) -> Option<Self> {
        let mut envoy = Self {
            kind: "an Envoy bootstrap",
            listeners: Vec::new(),
            clusters: Clusters::default(),
            route_configs: Vec::new(),
        };
        if let Some(resources) = field(document, "static_resources") {
            envoy.add_static(resources);
            return Some(envoy);
        }
        let configs = document
            .get("configs")
            .filter(|configs| !configs.items().is_empty())?;
        envoy.kind = "an Envoy config dump";
        for config in configs.items() {
            envoy.add_dump(config);
        }
        Some(envoy)
    }

    fn add_static(&mut self, resources: &'t Tree) {
        self.listeners.extend(items(resources, &["listeners"]));
        self.clusters.0.extend(items(resources, &["clusters"]));
    }

    fn add_dump(&mut self, config: &'t Tree) {
        let Some((kind, config)) = message(config) else {
            return;
        };
        match kind {
            "ListenersConfigDump" => {
                let fixed = items(config, &["static_listeners"]).iter();
                self.listeners
                    .extend(fixed.filter_map(|one| field(one, "listener")));
                let dynamic = items(config, &["dynamic_listeners"]).iter();
                self.listeners
                    .extend(dynamic.filter_map(|one| at(one, &["active_state", "listener"])));
            }
            "ClustersConfigDump" => {
                for key in ["static_clusters", "dynamic_active_clusters"] {
                    let clusters = items(config, &[key]).iter();
                    self.clusters
                        .0
                        .extend(clusters.filter_map(|one| field(one, "cluster")));
                }
            }
            "RoutesConfigDump" => {
                for key in ["static_route_configs", "dynamic_route_configs"] {
                    let routes = items(config, &[key]).iter();
                    self.route_configs
                        .extend(routes.filter_map(|one| field(one, "route_config")));
                }
            }
            _ => {}
        }
    }

    pub(super) fn examine(&self, assumptions: &Assumptions, report: &mut Report) {
        for found in self.managers() {
            let manager = Manager {
                tree: found.tree,
                place: format!("listener {}", found.listener),
                routes: found.routes,
            };
            manager.examine(&self.clusters, assumptions, report);
        }
    }

    /// Every connection manager of every listener.
    pub(crate) fn managers(&self) -> Vec<FoundManager<'t>> {
        let mut found = Vec::new();
        for listener in &self.listeners {
            let listener_name = text(listener, &["name"]).unwrap_or("(without a name)");
            let chains = items(listener, &["filter_chains"]).iter();
            for chain in chains.chain(field(listener, "default_filter_chain")) {
                for network_filter in items(chain, &["filters"]) {
                    let config = field(network_filter, "typed_config").and_then(message);
                    if let Some(("HttpConnectionManager", tree)) = config {
                        found.push(FoundManager {
                            listener: listener_name,
                            chain,
                            tree,
                            routes: self.routes_of(tree),
                        });
                    }
                }
            }
        }
        found
    }

    /// The routes of a connection manager: its own, or those of the name that it asks for.
    fn routes_of(&self, manager: &'t Tree) -> Option<&'t Tree> {
        let named = || {
            let wanted = text(manager, &["rds", "route_config_name"])?;
            let mut all = self.route_configs.iter();
            all.find(|routes| text(routes, &["name"]) == Some(wanted))
                .copied()
        };
        field(manager, "route_config").or_else(named)
    }
}
