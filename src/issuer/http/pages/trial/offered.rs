//! What somebody of the site can try out: found once for each policy and each set of descriptions in force, so that a
//! page costs no more than what it shows, however many routes there are.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::operation::{Operation, Operations};
use crate::authorizer::Snapshot;
use crate::issuer::Issuer;
use crate::openapi::Catalogue;

/// What was found last, and in what.
#[derive(Default)]
pub(in crate::issuer) struct Offers(Mutex<Option<Found>>);

struct Found {
    snapshot: Weak<Snapshot>,
    catalogue: Weak<Catalogue>,
    offered: Arc<Offered>,
}

/// The operations that somebody of the site may pass: what is described first, then the routes.
pub(super) struct Offered(Vec<Offer>);

/// An operation, without the policy that it is of.
pub(super) struct Offer {
    /// The position of the route that answers it.
    pub(super) route: usize,
    /// Its position among the descriptions, where it is described.
    pub(super) description: Option<usize>,
    /// Whether each request of this route is that of a description.
    is_covered: bool,
    /// What a search looks through, in lower case.
    text: Box<str>,
}

impl Offers {
    /// Those of what is in force now.
    pub(super) fn of(
        &self,
        issuer: &Issuer,
        snapshot: &Arc<Snapshot>,
        catalogue: &Arc<Catalogue>,
    ) -> Arc<Offered> {
        let mut found = self.0.lock();
        let current = found.as_ref().filter(|found| {
            found.snapshot.as_ptr() == Arc::as_ptr(snapshot)
                && found.catalogue.as_ptr() == Arc::as_ptr(catalogue)
        });
        if let Some(current) = current {
            return Arc::clone(&current.offered);
        }
        let offered = Arc::new(Offered::find(&Operations::of(issuer, snapshot, catalogue)));
        // Weak, so that nothing is kept that is no longer in force, and no other can be where it was.
        *found = Some(Found {
            snapshot: Arc::downgrade(snapshot),
            catalogue: Arc::downgrade(catalogue),
            offered: Arc::clone(&offered),
        });
        offered
    }
}

impl Offered {
    fn find(operations: &Operations<'_>) -> Self {
        let described: Vec<(usize, Operation<'_>)> = operations.described().collect();
        let mut of_route: HashMap<usize, Vec<&Operation<'_>>> = HashMap::new();
        for (_, operation) in &described {
            of_route
                .entry(operation.route.index)
                .or_default()
                .push(operation);
        }
        let routes = operations.routes().map(|operation| {
            let described = of_route.get(&operation.route.index);
            Offer {
                route: operation.route.index,
                description: None,
                is_covered: described.is_some_and(|described| operation.is_covered_by(described)),
                text: operation.searched(),
            }
        });
        let offers = described.iter().map(|(position, operation)| Offer {
            route: operation.route.index,
            description: Some(*position),
            is_covered: false,
            text: operation.searched(),
        });
        Self(offers.chain(routes).collect())
    }

    /// All of them, a route beside its descriptions.
    pub(super) fn each(&self) -> impl Iterator<Item = &Offer> {
        self.0.iter()
    }

    /// Those whose texts hold `search`, but for routes all of whose requests are described.
    pub(super) fn matching(&self, search: &str) -> impl Iterator<Item = &Offer> {
        let search = search.to_lowercase();
        let offers = self.0.iter();
        offers.filter(move |offer| !offer.is_covered && offer.text.contains(&search))
    }
}
