//! `requirements`: what several routes ask, under a name.

use std::cell::Cell;
use std::rc::Rc;

use super::demand::{Demand, WrittenDemand};
use super::route::name_mistake;
use super::{Compiler, File};
use crate::problem::{Place, Problem, quoted};

/// An entry of `requirements` without mistakes of its own.
pub(super) struct NamedRequirement<'f> {
    pub(super) demand: Demand<'f>,
    pub(super) place: Place,
    /// Whether a route names it. Its conditions are checked where it is used: routes have different
    /// parameters.
    pub(super) is_used: Cell<bool>,
}

impl<'f> Compiler<'f> {
    pub(super) fn collect_requirements(&mut self, file: &'f File<'_>) {
        let entries = file.document.requirements.iter().flat_map(|all| &all.0);
        for (name, document) in entries {
            let place = name.place(file.source);
            if let Some(mistake) = name_mistake("requirement", &name.value) {
                self.problems.push(mistake.at(place));
                continue;
            }
            let written = WrittenDemand::of_named(file.source, &document.value);
            if written.is_empty() {
                let message = format!("the requirement {} asks for nothing", quoted(&name.value));
                let help = "add `access`, `scopes`, `any_scope`, `issuers` or `when`";
                self.complain(message, help, place.clone());
            }
            let named = self.demand(written).map(|demand| {
                Rc::new(NamedRequirement {
                    demand,
                    place: place.clone(),
                    is_used: Cell::new(false),
                })
            });
            if self.named.contains_key(name.value.as_str()) {
                let message = format!("the requirement {} appears twice", quoted(&name.value));
                let problem = Problem::new(message).help("keep it in one file").at(place);
                self.problems.push(problem);
            } else {
                self.named.insert(name.value.as_str().into(), named);
            }
        }
    }

    /// Warns of requirements that no route names: nothing was found out about their conditions.
    pub(super) fn warn_of_unused_requirements(&mut self) {
        for (name, named) in &self.named {
            if let Some(named) = named
                && !named.is_used.get()
            {
                let message = format!("no route names the requirement `{name}`");
                let help = format!("add `requires: [{name}]` to a route, or remove it");
                let problem = Problem::new(message).help(help);
                self.warnings.push(problem.at(named.place.clone()));
            }
        }
    }
}
