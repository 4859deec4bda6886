//! The routes that the gate beside the site has in force, for the pages that list them.

use crate::policy::{Policy, Route};

/// So many routes are shown; a search finds the others.
pub(super) const MAX_ROUTES: usize = 200;

pub(super) const MAX_SEARCH_BYTES: usize = 256;

/// The routes whose name, path or scopes hold `search`.
pub(super) fn matching<'p>(policy: &'p Policy, search: &str) -> impl Iterator<Item = &'p Route> {
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
