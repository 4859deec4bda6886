//! The shadow policy: a second one, which is tried beside the policy in force, and how often the two
//! differed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::UnixSeconds;
use crate::decision::Verdict;
use crate::labels::{Label, closed_set};
use crate::policy::{NO_ROUTE, Policy};

closed_set! {
    /// What would change for a request if the shadow policy were enforced. Where it means the same, the
    /// name is that of [`Effect`](crate::comparison::Effect).
    pub enum Difference {
        /// Nothing.
        Alike = "none",
        /// It is refused, and would pass.
        MoreOpen = "more_open",
        /// It passes, and would be refused.
        MoreClosed = "more_closed",
        /// It passes either way; the upstream would be told of another caller.
        Identity = "identity",
        /// It is refused either way, for another reason.
        Refusal = "refusal",
        /// What the shadow policy says is not known.
        Unknown = "cannot_tell",
    }
}

/// A policy to be tried in shadow.
#[derive(Debug, Clone)]
pub struct InShadow {
    pub policy: Arc<Policy>,
    /// When this process loaded it for the first time.
    pub since: UnixSeconds,
}

/// A policy that is tried beside the one in force.
#[derive(Debug)]
pub struct ShadowPolicy {
    policy: Arc<Policy>,
    since: UnixSeconds,
    tallies: Tallies,
}

impl ShadowPolicy {
    /// Goes on counting where `earlier` was, route by route.
    pub(super) fn new(tried: InShadow, enforced: &Policy, earlier: Option<&Self>) -> Self {
        let InShadow { policy, since } = tried;
        let earlier = earlier.map(|earlier| &earlier.tallies);
        Self {
            tallies: Tallies::new(enforced, &policy, earlier),
            policy,
            since,
        }
    }

    /// Which requests there would be, and what each would ask for.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// When this process loaded it for the first time.
    pub fn since(&self) -> UnixSeconds {
        self.since
    }

    /// How requests differed, by route. It is the route that lets a request through, in whichever policy
    /// does; of a request that both refuse, the one in the policy in force.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, &DifferenceTally)> {
        let tallies = self.tallies.by_name.iter();
        tallies.map(|(name, tally)| (&**name, &**tally))
    }

    /// How many requests differed so, whatever their route.
    pub fn count(&self, difference: Difference) -> u64 {
        self.tallies().map(|(_, tally)| tally.get(difference)).sum()
    }

    /// Counts a request by what the two policies say of it.
    pub fn tally(&self, enforced: &Verdict<'_>, opinion: Option<&Verdict<'_>>, of: Difference) {
        self.tallies.of(enforced, opinion).count(of);
    }
}

/// How often the requests of a route differed, and how.
#[derive(Debug, Default)]
pub struct DifferenceTally([AtomicU64; Difference::ALL.len()]);

impl DifferenceTally {
    fn count(&self, difference: Difference) {
        if let Some(count) = self.0.get(difference.position()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn get(&self, difference: Difference) -> u64 {
        let count = self.0.get(difference.position());
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// A tally for each name of a route, in whichever of the two policies it is, and one for requests that
/// neither lists.
#[derive(Debug)]
struct Tallies {
    by_name: BTreeMap<Box<str>, Arc<DifferenceTally>>,
    /// At the index of each route.
    enforced: Box<[Arc<DifferenceTally>]>,
    shadow: Box<[Arc<DifferenceTally>]>,
    no_route: Arc<DifferenceTally>,
}

impl Tallies {
    fn new(enforced: &Policy, shadow: &Policy, earlier: Option<&Self>) -> Self {
        let mut by_name = BTreeMap::new();
        let mut named = |name: &str| {
            let known = by_name.entry(Box::from(name)).or_insert_with(|| {
                let counted = earlier.and_then(|earlier| earlier.by_name.get(name));
                counted.map_or_else(Arc::default, Arc::clone)
            });
            Arc::clone(known)
        };
        let mut all = |policy: &Policy| -> Box<[Arc<DifferenceTally>]> {
            let routes = policy.routes().iter();
            routes.map(|route| named(&route.name)).collect()
        };
        let (enforced, shadow) = (all(enforced), all(shadow));
        Self {
            no_route: named(NO_ROUTE),
            by_name,
            enforced,
            shadow,
        }
    }

    fn of(&self, enforced: &Verdict<'_>, opinion: Option<&Verdict<'_>>) -> &DifferenceTally {
        let in_force = enforced.route();
        let in_force = in_force.and_then(|route| self.enforced.get(route.index));
        let tried = opinion.and_then(Verdict::route);
        let tried = tried.and_then(|route| self.shadow.get(route.index));
        let opens = !enforced.passes() && opinion.is_some_and(Verdict::passes);
        let found = if opens {
            tried.or(in_force)
        } else {
            in_force.or(tried)
        };
        found.unwrap_or(&self.no_route)
    }
}
