//! The routes that the gate beside the site has in force, for endpoints and pages that list them.

use std::collections::BTreeSet;

use crate::policy::{Policy, RequiredScopes, Route};

/// So many routes are shown; a search finds the others.
pub(in crate::issuer::http) const MAX_ROUTES: usize = 200;

pub(in crate::issuer::http) const MAX_SEARCH_BYTES: usize = 256;

/// The routes whose name, path or scopes hold `search`.
pub(in crate::issuer::http) fn matching<'p>(
    policy: &'p Policy,
    search: &str,
) -> impl Iterator<Item = &'p Route> {
    let search = search.to_lowercase();
    let holds = move |text: &str| text.to_lowercase().contains(&search);
    policy
        .routes()
        .iter()
        .map(|route| &**route)
        .filter(move |route| {
            let mut scopes = route.requirement.scopes().into_iter();
            scopes.any(|scopes| scopes.names().any(&holds))
                || holds(&route.name)
                || holds(&route.path)
        })
}

/// The routes that ask for a scope, by its name or as one of several.
pub(in crate::issuer::http) fn asking_for<'p>(
    policy: &'p Policy,
    scope: &str,
) -> impl Iterator<Item = &'p Route> {
    policy
        .routes()
        .iter()
        .map(|route| &**route)
        .filter(move |route| {
            let required = route.requirement.scopes();
            required.is_some_and(|required| required.names().any(|name| name == scope))
        })
}

/// The scopes that routes ask for, each once, sorted.
pub(in crate::issuer::http) fn asked_for(policy: &Policy) -> Vec<&str> {
    let requirements = policy
        .routes()
        .iter()
        .filter_map(|route| route.requirement.scopes());
    let names: BTreeSet<&str> = requirements.flat_map(RequiredScopes::names).collect();
    names.into_iter().collect()
}
