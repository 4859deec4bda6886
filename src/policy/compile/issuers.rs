//! `issuers`, of the policy and of its routes: whose tokens count where.

use super::list::WrittenList;
use super::route::ParsedRoute;
use super::{Compiler, File};
use crate::policy::{Requirement, RouteIssuers};
use crate::problem::{Mistake, Place, Problem, Source, closest, quoted};
use crate::yaml::Located;

/// The issuers of the policy: those of every route that does not name its own.
pub(super) struct PolicyIssuers {
    names: Option<Box<[Box<str>]>>,
    place: Place,
}

impl Compiler<'_> {
    pub(super) fn collect_issuers(&mut self, file: &File<'_>) {
        let Some(entries) = &file.document.issuers else {
            return;
        };
        let place = entries.place(file.source);
        if let Some(first) = &self.issuers {
            self.problems.push(
                Problem::new("`issuers` appears in more than one file")
                    .help("keep it in one file; it holds for the whole policy")
                    .at(place)
                    .related(first.place.clone(), "first appears here"),
            );
            return;
        }
        let names = self.issuer_names(file.source, entries);
        self.issuers = Some(PolicyIssuers { names, place });
    }

    /// The issuers of a route; absent only if a problem was told.
    pub(super) fn route_issuers(
        &mut self,
        source: &Source,
        entries: Option<&Located<Vec<Located<String>>>>,
        requirement: &Requirement,
    ) -> Option<RouteIssuers> {
        if let Some(entries) = entries {
            if *requirement == Requirement::Nobody {
                self.complain(
                    "`issuers` has no effect on a route that nobody may use",
                    "remove `issuers`",
                    entries.place(source),
                );
                return None;
            }
            return self.issuer_names(source, entries).map(RouteIssuers::Named);
        }
        self.unsaid_issuers()
    }

    /// The issuers where a route does not say; absent only if a problem was told.
    pub(super) fn unsaid_issuers(&self) -> Option<RouteIssuers> {
        match (&self.issuers, self.trusted) {
            (Some(policy), _) => policy.names.clone().map(RouteIssuers::Named),
            (None, Some([_, _, ..])) => Some(RouteIssuers::Named(Box::default())),
            (None, None | Some([] | [_])) => Some(RouteIssuers::Trusted),
        }
    }

    /// With more than one trusted issuer, adding one must never open a route by accident.
    pub(super) fn check_issuers_are_said(&mut self, routes: &[ParsedRoute<'_>]) {
        let (None, Some(trusted @ [_, _, ..])) = (&self.issuers, self.trusted) else {
            return;
        };
        if self.parts_missing.issuers || self.parts_missing.routes {
            return;
        }
        let silent = routes.iter().filter(|parsed| {
            let route = &parsed.route;
            !parsed.says_issuers() && route.requirement.asks_for_token()
        });
        let mut silent: Vec<_> = silent.collect();
        silent.sort_by_key(|parsed| {
            let place = parsed.place();
            (place.file, place.line)
        });
        let Some((first, others)) = silent.split_first() else {
            return;
        };
        let name = &first.route.name;
        let message = match others.len() {
            0 => format!("the route `{name}` does not say whose tokens count"),
            others => format!(
                "{} routes, `{name}` first, do not say whose tokens count",
                others + 1
            ),
        };
        let example = trusted.first().map_or("staff", |name| name);
        let help = format!(
            "`trust` has {} issuers ({}): add `issuers: [{example}]` to the policy for all routes, \
             or `issuers` to each of these routes",
            trusted.len(),
            some_of(trusted),
        );
        self.problems
            .push(Problem::new(message).help(help).at(first.place()));
    }

    fn issuer_names(
        &mut self,
        source: &Source,
        entries: &Located<Vec<Located<String>>>,
    ) -> Option<Box<[Box<str>]>> {
        let list = WrittenList {
            source,
            key: "issuers",
            entries,
            if_empty: "list at least one name of `trust`; for no token at all, write \
                         `access: nobody`",
            if_long: "split the route",
        };
        let trusted = self.trusted;
        let names: Vec<Box<str>> = list.read(&mut self.problems, |name| {
            let Some(trusted) = trusted else {
                return Ok(name.into());
            };
            if trusted.iter().any(|known| **known == *name) {
                return Ok(name.into());
            }
            let known = || trusted.iter().map(|known| &**known);
            Err(Mistake::new(
                format!("unknown issuer {}", quoted(name)),
                match (closest(name, known()), trusted) {
                    (Some(near), _) => format!("did you mean `{near}`?"),
                    (None, []) => "`trust` of the configuration has no issuer".to_owned(),
                    (None, _) => format!(
                        "write the `name` of an entry of `trust`: {}",
                        some_of(trusted)
                    ),
                },
            ))
        })?;
        Some(names.into())
    }
}

/// The first names of a list that may be long.
fn some_of(names: &[Box<str>]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).map(|name| format!("`{name}`"));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(", ...");
    }
    text
}
