//! What one route asks of the caller.

use super::list::WrittenList;
use super::{Compiler, RouteDocument};
use crate::policy::{RequiredScopes, Requirement, ScopeName};
use crate::problem::{Mistake, Place, Source, closest, quoted};
use crate::yaml::Located;

const ACCESS: [&str; 3] = ["public", "authenticated", "nobody"];

impl Compiler<'_> {
    /// The requirement; absent only if a problem was told.
    pub(super) fn requirement(
        &mut self,
        source: &Source,
        route: &RouteDocument,
        place: &Place,
    ) -> Option<Requirement> {
        let asks_for_scopes = route.scopes.is_some() || route.any_scope.is_some();
        let all = self.scopes(source, "scopes", route.scopes.as_ref());
        let any = self.scopes(source, "any_scope", route.any_scope.as_ref());
        match &route.access {
            Some(access) if asks_for_scopes => {
                self.complain(
                    "the route has both `access` and scopes",
                    "remove `access` to ask for the scopes, or remove the scopes",
                    access.place(source),
                );
                None
            }
            Some(access) => self.access(source, access),
            // An empty list is a problem of its own, so one of the two has an entry.
            None if asks_for_scopes => RequiredScopes::new(all?, any?).map(Requirement::Scopes),
            None => {
                let name = route.name.as_ref().map(|name| quoted(&name.value));
                self.complain(
                    match name {
                        Some(name) => format!("the route {name} does not say who may use it"),
                        None => "the route does not say who may use it".to_owned(),
                    },
                    "add `access: public` for everybody, `access: authenticated` for any valid \
                     token (`access: nobody` closes it), or `scopes: [...]` for tokens with them",
                    place.clone(),
                );
                None
            }
        }
    }

    fn access(&mut self, source: &Source, access: &Located<String>) -> Option<Requirement> {
        match access.value.as_str() {
            "public" => Some(Requirement::Public),
            "authenticated" => Some(Requirement::Authenticated),
            "nobody" => Some(Requirement::Nobody),
            other => {
                let help = match closest(other, ACCESS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "write `public`, `authenticated` or `nobody`".to_owned(),
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
