//! `mode`, of the policy and of its routes: what is in shadow.

use std::sync::Arc;

use super::requirement::RouteDemand;
use super::{Compiler, File};
use crate::policy::{Methods, Mode, NO_ROUTE, Requirement, Route, RouteConditions, RouteIssuers};
use crate::problem::{Place, Problem, Source, closest, quoted};
use crate::yaml::Located;

/// The mode of every route that names none, and where it is written.
pub(super) struct PolicyMode {
    pub(super) mode: Mode,
    pub(super) place: Place,
}

impl Compiler<'_> {
    pub(super) fn collect_mode(&mut self, file: &File<'_>) {
        let Some(written) = &file.document.mode else {
            return;
        };
        let place = written.place(file.source);
        if let Some(first) = &self.mode {
            self.problems.push(
                Problem::new("`mode` appears in more than one file")
                    .help("keep it in one file; it holds for the whole policy")
                    .at(place)
                    .related(first.place.clone(), "first appears here"),
            );
            return;
        }
        let mode = self.mode(file.source, written).unwrap_or_default();
        self.mode = Some(PolicyMode { mode, place });
    }

    /// The mode of a route; absent only if a problem was told.
    pub(super) fn route_mode(
        &mut self,
        source: &Source,
        written: Option<&Located<String>>,
        demand: Option<&RouteDemand<'_>>,
    ) -> Option<Mode> {
        let Some(written) = written else {
            return Some(
                self.mode
                    .as_ref()
                    .map(|policy| policy.mode)
                    .unwrap_or_default(),
            );
        };
        let mode = self.mode(source, written)?;
        let refuses_nobody = demand.is_some_and(|demand| {
            demand.requirement == Requirement::Public && demand.when.is_empty()
        });
        if mode == Mode::Shadow && refuses_nobody {
            self.complain(
                "`mode: shadow` has no effect on a public route, which refuses nobody",
                "remove `mode`",
                written.place(source),
            );
            return None;
        }
        Some(mode)
    }

    fn mode(&mut self, source: &Source, written: &Located<String>) -> Option<Mode> {
        match written.value.as_str() {
            "enforce" => Some(Mode::Enforce),
            "shadow" => Some(Mode::Shadow),
            other => {
                let help = match closest(other, ["enforce", "shadow"]) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        "write `enforce`, or `shadow` to let through, log and count what would be \
                             refused"
                            .to_owned()
                    }
                };
                let message = format!("unknown mode {}", quoted(other));
                self.complain(message, help, written.place(source));
                None
            }
        }
    }

    /// Where a policy is in shadow as a whole, the route of requests that none lists.
    pub(super) fn stand_in(&self) -> Option<Arc<Route>> {
        let is_shadow = self
            .mode
            .as_ref()
            .is_some_and(|policy| policy.mode == Mode::Shadow);
        // The upstream may rely on whom the identity headers name: what no route lists gets them from the
        // same issuers as the routes that do not name any.
        let issuers = self
            .unsaid_issuers()
            .unwrap_or(RouteIssuers::Named(Box::default()));
        is_shadow.then(|| {
            Arc::new(Route {
                // It is in no table, and nothing is counted for it.
                index: usize::MAX,
                name: NO_ROUTE.into(),
                requirement: Requirement::Nobody,
                conditions: RouteConditions::default(),
                issuers,
                hosts: Box::default(),
                methods: Methods::Every,
                path: Box::default(),
                preflight: false,
                mode: Mode::Shadow,
            })
        })
    }
}
