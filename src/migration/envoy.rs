//! Envoy's filters `jwt_authn` and RBAC, with what routes say of them.

mod chain;
mod jwt;
mod matcher;
mod providers;
mod rbac;
mod virtual_hosts;

use std::rc::Rc;

use super::asked::Terms;
use super::formula::{Formula, HostView};
use super::{Migrated, Notes, Publicity, Reading, finish};
use crate::doctor::envoy::{Envoy, FoundManager};
use crate::doctor::field::{field, is_true, items, message, text};
use crate::problem::{Problem, Source};
use crate::yaml::{self, Tree};
use chain::{Chain, Filter, Kind, kind_of};
pub(super) use matcher::{TextMatcher, header_condition};
use matcher::{route_match, unknown_key};
pub(super) use rbac::{claim_subject, in_list};
use virtual_hosts::VirtualHosts;

/// How a configuration of Envoy is imported.
#[derive(Debug, Clone, Default)]
pub struct EnvoySettings {
    pub publicity: Publicity,
    /// The name of the listener, where there are several with such filters.
    pub listener: Option<String>,
}

/// Makes a policy of a bootstrap or a config dump.
#[expect(clippy::result_large_err, reason = "made once, for a file")]
pub fn import_envoy(source: &Source, settings: &EnvoySettings) -> Result<Migrated, Problem> {
    let trees = yaml::parse_foreign(source)?;
    let envoy = envoy_of(&trees, source)?;
    let managers = envoy.managers();
    let manager = chosen(&managers, settings)?;
    let mut notes = Notes::default();
    let chain = Chain::read(manager, &mut notes)?;
    let Some(routes) = manager.routes else {
        return Err(Problem::new(format!(
            "the routes of the listener `{}` are not in the file, and they may change what the filters ask",
            manager.listener
        ))
        .help("import what `/config_dump` of the admin address answers, which has them"));
    };
    let mut reader = RouteReader {
        chain: &chain,
        notes: &mut notes,
        rules: 0,
        plain: None,
    };
    let formula = reader.routes(routes);
    let rules = reader.rules;
    finish(Reading {
        title: format!(
            "{} (listener {})",
            super::policy_text::shown(&source.name),
            super::policy_text::shown(manager.listener)
        ),
        formula,
        rules,
        trust: chain.providers.trust(),
        terms: Terms {
            publicity: settings.publicity,
            no_token: chain.providers.no_token(),
        },
        notes,
    })
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn envoy_of<'t>(trees: &'t [Tree], source: &Source) -> Result<Envoy<'t>, Problem> {
    let [tree] = trees else {
        return Err(
            Problem::new(format!("{} has more than one document", source.name))
                .help("keep one bootstrap or config dump in the file"),
        );
    };
    Envoy::read(tree).ok_or_else(|| {
        Problem::new("this is neither an Envoy bootstrap nor a config dump")
            .help("name a file with `static_resources`, or what `/config_dump` of the admin address answers")
    })
}

#[expect(clippy::result_large_err, reason = "made once, for a file")]
fn chosen<'m, 't>(
    managers: &'m [FoundManager<'t>],
    settings: &EnvoySettings,
) -> Result<&'m FoundManager<'t>, Problem> {
    let wanted = settings.listener.as_deref();
    let with_rules: Vec<&FoundManager<'t>> = managers
        .iter()
        .filter(|manager| {
            let mut filters = items(manager.tree, &["http_filters"]).iter();
            wanted.is_none_or(|wanted| wanted == manager.listener)
                && filters.any(|filter| kind_of(filter) != Kind::Other)
        })
        .collect();
    match with_rules.as_slice() {
        [only] => Ok(only),
        [] => Err(Problem::new(match wanted {
            Some(wanted) => format!("no listener `{wanted}` has a filter `jwt_authn` or RBAC"),
            None => "no listener has an HTTP filter `jwt_authn` or RBAC".to_owned(),
        })
        .help("name the file in which these filters are configured")),
        several => {
            let names: Vec<String> = several
                .iter()
                .map(|manager| format!("`{}`", super::policy_text::shown(manager.listener)))
                .collect();
            Err(Problem::new(format!(
                "{} connection managers have such filters, of the listeners {}",
                several.len(),
                names.join(", ")
            ))
            .help(
                "choose one by `--listener NAME`; of a listener with several, keep one in the file",
            ))
        }
    }
}

/// What a route says of a filter.
enum Override<'t> {
    /// Nothing: the filter's own configuration holds.
    Nothing,
    Off,
    Config(&'t Tree),
    /// A requirement of `jwt_authn`, by its name.
    Requirement(&'t str),
    /// It cannot be read.
    Unclear,
}

struct RouteReader<'r, 't> {
    chain: &'r Chain<'t>,
    notes: &'r mut Notes,
    rules: usize,
    /// What the filters ask where routes say nothing of them.
    plain: Option<Rc<Formula>>,
}

impl<'t> RouteReader<'_, 't> {
    /// What the routes of a connection manager let in.
    fn routes(&mut self, tree: &'t Tree) -> Formula {
        let mut all = Vec::new();
        if field(tree, "vhds").is_some() {
            all.push(
                self.notes
                    .unknown("routes", "`vhds`: virtual hosts are elsewhere"),
            );
        }
        let mut hosts = VirtualHosts::new(HostView {
            removes_port: self.chain.providers.hosts.removes_port
                || is_true(tree, &["ignore_port_in_host_matching"]),
            ignores_case: true,
            ..self.chain.providers.hosts
        });
        for host in items(tree, &["virtual_hosts"]) {
            let domains = items(host, &["domains"]).iter().filter_map(Tree::text);
            let domains = domains.map(str::to_ascii_lowercase).collect();
            match self.virtual_host(host, tree) {
                Ok(routes) => hosts.add(domains, routes),
                Err(unknown) => hosts.add(domains, vec![(Formula::True, unknown)]),
            }
        }
        all.push(hosts.formula(self.notes));
        Formula::All(all)
    }

    /// The routes of a virtual host, in their order.
    fn virtual_host(
        &mut self,
        host: &'t Tree,
        all: &'t Tree,
    ) -> Result<Vec<(Formula, Formula)>, Formula> {
        let name = text(host, &["name"]).unwrap_or_default();
        let place = format!("virtual host {name}");
        if field(host, "matcher").is_some() {
            return Err(self.notes.unknown(&place, "`matcher` has no equal"));
        }
        let mut cases = Vec::new();
        for (index, route) in items(host, &["routes"]).iter().enumerate() {
            let label =
                text(route, &["name"]).map_or_else(|| (index + 1).to_string(), str::to_owned);
            let place = format!("{place}, route {label}");
            let case = match field(route, "match") {
                Some(matched) => self.route_match(matched, &place),
                None => self.notes.unknown(&place, "it has no `match`"),
            };
            let then = self.route(&[route, host, all], &place);
            cases.push((case, then));
        }
        Ok(cases)
    }

    fn route_match(&mut self, tree: &Tree, place: &str) -> Formula {
        // The routes stay in the proxy: what they do not tell apart for the filters needs no note.
        route_match(tree, self.chain.providers.hosts, place, self.notes)
    }

    /// What the filters let in on a route, by the levels that may say something of them.
    fn route(&mut self, levels: &[&'t Tree], place: &str) -> Formula {
        let clusters = levels
            .first()
            .map(|route| items(route, &["route", "weighted_clusters", "clusters"]))
            .unwrap_or_default();
        let names: Vec<&str> = self
            .chain
            .filters
            .iter()
            .map(|filter| filter.name)
            .collect();
        let is_named = |tree: &Tree| {
            let own = field(tree, "typed_per_filter_config");
            own.is_some_and(|own| names.iter().any(|name| own.get(name).is_some()))
        };
        if clusters.iter().any(is_named) {
            return self
                .notes
                .unknown(place, "its clusters have settings of these filters");
        }
        if !levels.iter().any(|level| is_named(level)) {
            if self.plain.is_none() {
                let formula = self.filters(0, &[], "");
                self.plain = Some(Rc::new(formula));
            }
            return match &self.plain {
                Some(plain) => Formula::Shared(Rc::clone(plain)),
                None => Formula::False,
            };
        }
        self.filters(0, levels, place)
    }

    /// What the filters from this one on let in.
    fn filters(&mut self, from: usize, levels: &[&'t Tree], place: &str) -> Formula {
        let chain = self.chain;
        let Some(filter) = chain.filters.get(from) else {
            return Formula::True;
        };
        let behind = self.filters(from + 1, levels, place);
        let own_place = if place.is_empty() {
            format!("filter {}", filter.name)
        } else {
            format!("{place}, filter {}", filter.name)
        };
        let config = match override_of(filter.name, levels) {
            Override::Nothing if filter.is_disabled => return behind,
            Override::Off => return behind,
            Override::Nothing => filter.config,
            Override::Config(config) => config,
            Override::Requirement(name) => {
                return self
                    .jwt(filter)
                    .named(filter.config, name, &own_place, behind);
            }
            Override::Unclear => {
                return self
                    .notes
                    .unknown(&own_place, "what the route says of it has no equal");
            }
        };
        match filter.kind {
            Kind::Jwt => self.jwt(filter).filter(config, &own_place, behind),
            Kind::Rbac => {
                let mut reader = rbac::Reader {
                    providers: &chain.providers,
                    notes: self.notes,
                    rules: &mut self.rules,
                };
                Formula::All(vec![reader.filter(config, &own_place), behind])
            }
            Kind::Wrapped | Kind::Other => self.notes.unknown(
                &own_place,
                "a matcher chooses whether it is asked, which has no equal",
            ),
        }
    }

    fn jwt(&mut self, filter: &Filter<'_>) -> jwt::Reader<'_> {
        jwt::Reader {
            filter: filter.index,
            providers: &self.chain.providers,
            notes: self.notes,
            rules: &mut self.rules,
        }
    }
}

/// What the most specific of these levels that says anything says of a filter.
fn override_of<'t>(name: &str, levels: &[&'t Tree]) -> Override<'t> {
    let mut own = levels
        .iter()
        .filter_map(|level| field(level, "typed_per_filter_config")?.get(name));
    let Some(any) = own.next() else {
        return Override::Nothing;
    };
    let Some((kind, config)) = message(any) else {
        return Override::Unclear;
    };
    let (kind, config) = if kind == "FilterConfig" {
        if is_true(config, &["disabled"]) {
            return Override::Off;
        }
        match field(config, "config").and_then(message) {
            Some(inner) => inner,
            None => return Override::Unclear,
        }
    } else {
        (kind, config)
    };
    match kind {
        "PerRouteConfig" if is_true(config, &["disabled"]) => Override::Off,
        "PerRouteConfig" => match text(config, &["requirement_name"]) {
            Some(name) => Override::Requirement(name),
            None => Override::Unclear,
        },
        "RBACPerRoute" if unknown_key(config, &["rbac"]).is_some() => Override::Unclear,
        "RBACPerRoute" => match field(config, "rbac") {
            Some(rbac) => Override::Config(rbac),
            None => Override::Off,
        },
        _ => Override::Unclear,
    }
}
