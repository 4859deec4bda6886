//! Everything that a check is judged by.

use std::collections::HashMap;
use std::sync::Arc;

use super::{CurrentTrust, InShadow, RouteTally, ShadowPolicy};
use crate::policy::{Policy, Route};
use crate::token::Trust;

/// Everything that a check is judged by. Swapped whole.
#[derive(Debug)]
pub struct Snapshot {
    policy: Arc<Policy>,
    current_trust: CurrentTrust,
    /// One for each route, at the route's index.
    tallies: Arc<[Arc<RouteTally>]>,
    shadow: Option<Arc<ShadowPolicy>>,
}

impl Snapshot {
    /// A snapshot that begins to count at zero.
    pub fn new(policy: Arc<Policy>, current_trust: impl Into<CurrentTrust>) -> Self {
        let tallies = policy.routes().iter().map(|_| Arc::default()).collect();
        Self {
            policy,
            current_trust: current_trust.into(),
            tallies,
            shadow: None,
        }
    }

    /// The same beside which this policy is tried, which begins to count at zero.
    #[must_use]
    pub fn with_shadow(self, tried: Option<InShadow>) -> Self {
        let shadow = tried.map(|tried| ShadowPolicy::new(tried, &self.policy, None));
        Self {
            shadow: shadow.map(Arc::new),
            ..self
        }
    }

    /// What follows on this snapshot: routes that keep their name go on counting, for the shadow policy too.
    #[must_use]
    pub fn succeeded_by(
        &self,
        policy: Arc<Policy>,
        tried: Option<InShadow>,
        current_trust: CurrentTrust,
    ) -> Self {
        let earlier: HashMap<&str, &Arc<RouteTally>> = self.tallied().collect();
        let tallies = policy.routes().iter().map(|route| {
            let tally = earlier.get(&*route.name);
            tally.map_or_else(Arc::default, |tally| Arc::clone(tally))
        });
        let shadow = tried.map(|tried| ShadowPolicy::new(tried, &policy, self.shadow()));
        Self {
            tallies: tallies.collect(),
            shadow: shadow.map(Arc::new),
            policy,
            current_trust,
        }
    }

    /// The same policy and counts with other trust.
    #[must_use]
    pub fn with_trust(&self, current_trust: impl Into<CurrentTrust>) -> Self {
        Self {
            policy: Arc::clone(&self.policy),
            current_trust: current_trust.into(),
            tallies: Arc::clone(&self.tallies),
            shadow: self.shadow.clone(),
        }
    }

    /// Which requests there are and what each asks for.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// The policy that is tried beside it, if one is.
    pub fn shadow(&self) -> Option<&ShadowPolicy> {
        self.shadow.as_deref()
    }

    /// Whose tokens are trusted.
    pub fn trust(&self) -> &Trust {
        self.current_trust.trust()
    }

    /// The same, with what has been revoked.
    pub fn current_trust(&self) -> &CurrentTrust {
        &self.current_trust
    }

    /// The routes' names with their counts.
    pub fn tallies(&self) -> impl Iterator<Item = (&str, &RouteTally)> {
        self.tallied().map(|(name, tally)| (name, &**tally))
    }

    /// That of a route of its policy; none where the route stands for what no route lists.
    pub(super) fn tally_of(&self, route: &Route) -> Option<&RouteTally> {
        self.tallies.get(route.index).map(|tally| &**tally)
    }

    fn tallied(&self) -> impl Iterator<Item = (&str, &Arc<RouteTally>)> {
        let names = self.policy.routes().iter().map(|route| &*route.name);
        names.zip(self.tallies.iter())
    }
}
