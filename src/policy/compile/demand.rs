//! What a route or a named requirement asks, by itself.

use super::list::WrittenList;
use super::{Compiler, RequirementDocument, RouteDocument, WhenDocument};
use crate::policy::{Requirement, ScopeName};
use crate::problem::{Mistake, Source, closest, quoted};
use crate::yaml::Located;

const ACCESS: [&str; 3] = ["public", "authenticated", "nobody"];

/// What to write instead of what is none of them.
pub(super) const ACCESS_HELP: &str = "write `public`, `authenticated` or `nobody`";

/// What a route or a named requirement asks, as it is written.
#[derive(Clone, Copy)]
pub(super) struct WrittenDemand<'d> {
    pub(super) source: &'d Source,
    pub(super) access: Option<&'d Located<String>>,
    scopes: Option<&'d Located<Vec<Located<String>>>>,
    pub(super) any_scope: Option<&'d Located<Vec<Located<String>>>>,
    pub(super) issuers: Option<&'d Located<Vec<Located<String>>>>,
    pub(super) when: Option<&'d Located<WhenDocument>>,
}

/// The same without mistakes of its own.
pub(super) struct Demand<'d> {
    pub(super) written: WrittenDemand<'d>,
    pub(super) access: Option<Requirement>,
    pub(super) all: Box<[Box<str>]>,
    pub(super) any: Box<[Box<str>]>,
}

impl<'d> WrittenDemand<'d> {
    pub(super) fn of_route(source: &'d Source, route: &'d RouteDocument) -> Self {
        Self {
            source,
            access: route.access.as_ref(),
            scopes: route.scopes.as_ref(),
            any_scope: route.any_scope.as_ref(),
            issuers: route.issuers.as_ref(),
            when: route.when.as_ref(),
        }
    }

    pub(super) fn of_named(source: &'d Source, named: &'d RequirementDocument) -> Self {
        Self {
            source,
            access: named.access.as_ref(),
            scopes: named.scopes.as_ref(),
            any_scope: named.any_scope.as_ref(),
            issuers: named.issuers.as_ref(),
            when: named.when.as_ref(),
        }
    }

    pub(super) fn asks_for_scopes(&self) -> bool {
        self.scopes.is_some() || self.any_scope.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.access.is_none()
            && !self.asks_for_scopes()
            && self.issuers.is_none()
            && self.when.is_none()
    }
}

impl Compiler<'_> {
    /// Reads what is written at one place; absent only if a problem was told.
    pub(super) fn demand<'d>(&mut self, written: WrittenDemand<'d>) -> Option<Demand<'d>> {
        let source = written.source;
        let all = self.scopes(source, "scopes", written.scopes);
        let any = self.scopes(source, "any_scope", written.any_scope);
        let access = match written.access {
            None => Some(None),
            Some(access) => self.access(source, access).map(Some),
        };
        Some(Demand {
            written,
            access: access?,
            all: all?,
            any: any?,
        })
    }

    fn access(&mut self, source: &Source, access: &Located<String>) -> Option<Requirement> {
        match access.value.as_str() {
            "public" => Some(Requirement::Public),
            "authenticated" => Some(Requirement::Authenticated),
            "nobody" => Some(Requirement::Nobody),
            other => {
                let help = match closest(other, ACCESS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => ACCESS_HELP.to_owned(),
                };
                let message = format!("unknown access {}", quoted(other));
                self.complain(message, help, access.place(source));
                None
            }
        }
    }

    /// The scopes of one key; empty where the key is absent.
    fn scopes(
        &mut self,
        source: &Source,
        key: &'static str,
        entries: Option<&Located<Vec<Located<String>>>>,
    ) -> Option<Box<[Box<str>]>> {
        let Some(entries) = entries else {
            return Some(Box::default());
        };
        let list = WrittenList {
            source,
            key,
            entries,
            if_empty: "list at least one; for any valid token, write `access: authenticated`",
            if_long: "split the route",
        };
        let catalogue = &self.scopes;
        let is_whole = !self.parts_missing.scopes;
        let mut scopes: Vec<Box<str>> = list.read(&mut self.problems, |scope| {
            if let Err(error) = ScopeName::parse(scope) {
                let message = format!("the scope name {} {error}", quoted(scope));
                return Err(Mistake::new(message, error.help()));
            }
            // What could not be read of the catalogue may list it.
            if catalogue.contains_key(scope) || !is_whole {
                return Ok(scope.into());
            }
            let near = closest(scope, catalogue.keys().map(|known| &**known));
            Err(Mistake::new(
                format!("unknown scope `{scope}`"),
                match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("add `{scope}` and its description to `scopes` of the policy"),
                },
            ))
        })?;
        scopes.sort();
        Some(scopes.into())
    }
}
