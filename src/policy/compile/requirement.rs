//! What one route asks of the caller: what it says itself, and the requirements that it names.

use std::rc::Rc;

use super::demand::{Demand, WrittenDemand};
use super::list::WrittenList;
use super::named::NamedRequirement;
use super::{Compiler, RouteDocument, WhenDocument};
use crate::policy::{RequiredScopes, Requirement, RouteIssuers};
use crate::problem::{Mistake, Place, Problem, Source, closest, quoted};
use crate::yaml::Located;

/// The most requirements that a route names.
const MAX_NAMED: usize = 16;

/// What a route asks, all in all.
pub(super) struct RouteDemand<'d> {
    pub(super) requirement: Requirement,
    pub(super) issuers: RouteIssuers,
    pub(super) says_issuers: bool,
    pub(super) when: Vec<WrittenWhen<'d>>,
}

/// Conditions, and where they are written.
pub(super) struct WrittenWhen<'d> {
    pub(super) source: &'d Source,
    pub(super) document: &'d Located<WhenDocument>,
    pub(super) origin: Origin,
}

/// A list of issuers, and where it is written.
struct WrittenIssuers<'d> {
    source: &'d Source,
    entries: &'d Located<Vec<Located<String>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Route,
    NamedRequirement,
}

impl<'f> Compiler<'f> {
    /// All that a route asks; absent only if a problem was told.
    pub(super) fn route_demand(
        &mut self,
        source: &'f Source,
        route: &'f RouteDocument,
        place: &Place,
    ) -> Option<RouteDemand<'f>> {
        let own = self.demand(WrittenDemand::of_route(source, route));
        let named = self.named_of(source, route);
        // After both were read: one run shows what is wrong in either.
        let (own, named) = (own?, named?);
        let mut demands: Vec<&Demand<'f>> = vec![&own];
        demands.extend(named.iter().map(|named| &named.demand));
        let requirement = self.combined(&demands, route, place)?;
        let lists = demands.iter().filter_map(|demand| {
            Some(WrittenIssuers {
                source: demand.written.source,
                entries: demand.written.issuers?,
            })
        });
        let lists: Vec<_> = lists.collect();
        if let [first, second, ..] = lists.as_slice() {
            self.two_issuer_lists(first, second);
            return None;
        }
        let issuers = lists.first();
        let when = written_conditions(&demands);
        // A condition there looks as if it let somebody through who meets it.
        if let (Requirement::Nobody, Some(first)) = (&requirement, when.first()) {
            self.complain(
                "`when` has no effect on a route that nobody may use",
                "remove `when`",
                first.document.place(first.source),
            );
            return None;
        }
        let says_issuers = issuers.is_some();
        let issuers = self.route_issuers(
            issuers.map_or(source, |issuers| issuers.source),
            issuers.map(|issuers| issuers.entries),
            &requirement,
        )?;
        Some(RouteDemand {
            requirement,
            issuers,
            says_issuers,
            when,
        })
    }

    /// The requirements that a route names.
    fn named_of(
        &mut self,
        source: &Source,
        route: &RouteDocument,
    ) -> Option<Vec<Rc<NamedRequirement<'f>>>> {
        let Some(entries) = &route.requires else {
            return Some(Vec::new());
        };
        if entries.value.len() > MAX_NAMED {
            let message = format!("`requires` has more than {MAX_NAMED} entries");
            let help = "put what they ask into one requirement";
            self.complain(message, help, entries.place(source));
            return None;
        }
        let list = WrittenList {
            source,
            key: "requires",
            entries,
            if_empty: "remove `requires`, or name a requirement",
            if_long: "put what they ask into one requirement",
        };
        let known = &self.named;
        let is_whole = !self.parts_missing.requirements;
        let names: Vec<Box<str>> = list.read(&mut self.problems, |name| {
            // What could not be read of the requirements may have it.
            if known.contains_key(name) || !is_whole {
                return Ok(name.into());
            }
            let near = closest(name, known.keys().map(|known| &**known));
            Err(Mistake::new(
                format!("unknown requirement {}", quoted(name)),
                match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "add it to `requirements` of the policy".to_owned(),
                },
            ))
        })?;
        // One with a mistake was told of where it stands.
        let found = names.iter().map(|name| {
            let entry = self.named.get(name)?.clone()?;
            entry.is_used.set(true);
            Some(entry)
        });
        found.collect()
    }

    /// What all of them ask together.
    fn combined(
        &mut self,
        demands: &[&Demand<'f>],
        route: &RouteDocument,
        place: &Place,
    ) -> Option<Requirement> {
        let mut access: Option<&Demand<'f>> = None;
        let mut any: Option<&Demand<'f>> = None;
        let mut all: Vec<Box<str>> = Vec::new();
        for demand in demands {
            if let (Some(written), Some(first)) = (demand.written.access, access)
                && demand.access != first.access
            {
                self.contradiction("access", (demand.written.source, written), first);
                return None;
            }
            if let (Some(written), Some(first)) = (demand.written.any_scope, any) {
                let place = written.place(demand.written.source);
                let first = first
                    .written
                    .any_scope
                    .map(|any| any.place(first.written.source));
                let problem = Problem::new("the route asks for `any_scope` twice")
                    .help("keep one of them, or write `scopes` for those that are always needed")
                    .at(place);
                self.problems.push(match first {
                    Some(first) => problem.related(first, "first asked for here"),
                    None => problem,
                });
                return None;
            }
            access = access.or(demand.access.as_ref().map(|_| *demand));
            any = any.or(demand.written.any_scope.map(|_| *demand));
            // Scopes of several demands add up: a named requirement can make a route stricter, and
            // never less strict.
            all.extend(demand.all.iter().cloned());
        }
        all.sort();
        all.dedup();
        let asks_for_scopes = demands
            .iter()
            .any(|demand| demand.written.asks_for_scopes());
        if let Some(demand) = access {
            if !asks_for_scopes {
                return demand.access.clone();
            }
            let access = demand.written.access?;
            self.complain(
                "the route has both `access` and scopes",
                "remove `access` to ask for the scopes, or remove the scopes",
                access.place(demand.written.source),
            );
            return None;
        }
        if asks_for_scopes {
            // An empty list is a problem of its own, so one of the two has an entry.
            let any = any.map(|demand| demand.any.clone()).unwrap_or_default();
            let scopes = RequiredScopes::new(all.into(), any)?;
            return Some(Requirement::Scopes(if self.parent_scopes() {
                scopes.met_by_parents()
            } else {
                scopes
            }));
        }
        // No default, and least of all `public`: whoever forgets the line must be told and not be open.
        let name = route.name.as_ref().map(|name| quoted(&name.value));
        self.complain(
            match name {
                Some(name) => format!("the route {name} does not say who may use it"),
                None => "the route does not say who may use it".to_owned(),
            },
            "add `access: public` for everybody, `access: authenticated` for any valid token \
             (`access: nobody` closes it), or `scopes: [...]` for tokens with them",
            place.clone(),
        );
        None
    }

    /// Two lists of issuers would leave open which of them counts.
    fn two_issuer_lists(&mut self, first: &WrittenIssuers<'_>, second: &WrittenIssuers<'_>) {
        self.problems.push(
            Problem::new("the route has two lists of `issuers`")
                .help("keep one `issuers`")
                .at(second.entries.place(second.source))
                .related(first.entries.place(first.source), "first said here"),
        );
    }

    fn contradiction(
        &mut self,
        key: &str,
        (source, second): (&Source, &Located<String>),
        first: &Demand<'_>,
    ) {
        let problem = Problem::new(format!("the route has two values of `{key}`"))
            .help("keep one of them")
            .at(second.place(source));
        self.problems.push(match first.written.access {
            Some(access) => problem.related(access.place(first.written.source), "the other one"),
            None => problem,
        });
    }
}

/// The conditions of a route, which is the first of the demands, and of the requirements that it
/// names.
fn written_conditions<'d>(demands: &[&Demand<'d>]) -> Vec<WrittenWhen<'d>> {
    let origins = std::iter::once(Origin::Route).chain(std::iter::repeat(Origin::NamedRequirement));
    let written = demands.iter().zip(origins).filter_map(|(demand, origin)| {
        Some(WrittenWhen {
            source: demand.written.source,
            document: demand.written.when?,
            origin,
        })
    });
    written.collect()
}
