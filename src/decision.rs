//! The decision: one pure function from a route and what the caller could prove to an answer.

mod denial;

use crate::condition::{Budget, TokenFacts};
use crate::labels::{Label, closed_set};
use crate::policy::{Circumstances, Mode, Requirement, Route, Routed, Unmet};
use crate::token::{TokenError, VerifiedToken};

pub use denial::{Denial, DenialKind};

/// What became of the credential that a request carried.
#[derive(Debug, Clone, Copy)]
pub enum Evidence<'a> {
    /// It carried none, or one of a scheme that is not ours.
    Absent,
    /// It carried a token that does not hold.
    Refused(TokenError),
    /// It carried a token that holds.
    Verified(&'a VerifiedToken),
}

impl Evidence<'_> {
    /// What it is worth where `counts` says which issuers' tokens do: a token of another proves nothing.
    fn where_counts(self, counts: impl FnOnce(&str) -> bool) -> Self {
        match self {
            Self::Verified(token) if !counts(token.issuer_name()) => {
                Self::Refused(TokenError::OtherIssuer)
            }
            Self::Absent | Self::Refused(_) | Self::Verified(_) => self,
        }
    }
}

/// What happens to a request.
#[derive(Debug)]
pub enum Decision<'p> {
    Allow(Permit<'p>),
    Deny(Denial<'p>),
}

/// The proof that a request may pass. Only [`decide`] makes one, and it can be used once.
///
/// A front end can read it, and needs one to write an answer that allows:
///
/// ```
/// use portcullis::decision::{Decision, Denial, Permit};
///
/// fn pass(permit: Permit<'_>) -> Decision<'_> {
///     Decision::Allow(permit)
/// }
/// ```
///
/// Nobody else can make one, inside this crate either:
///
/// ```compile_fail,E0451
/// use portcullis::decision::{Decision, Passage, Permit};
/// use portcullis::policy::Route;
///
/// fn pass(route: &Route) -> Decision<'_> {
///     Decision::Allow(Permit { route, passage: Passage::Requirement })
/// }
/// ```
#[derive(Debug)]
pub struct Permit<'p> {
    route: &'p Route,
    passage: Passage<'p>,
}

/// By what a request passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage<'p> {
    /// It meets the route's requirement.
    Requirement,
    /// It is a CORS preflight that the route lets through.
    Preflight,
    /// It is denied for this reason, and the route is in shadow.
    Shadow(Denial<'p>),
}

closed_set! {
    /// By what a request passes, and what the route asks for then.
    pub enum PermitKind {
        Public = "public",
        Authenticated = "authenticated",
        Scopes = "scopes",
        Nobody = "nobody",
        Preflight = "preflight",
        Shadow = "shadow",
    }
}

/// What a policy says of a request, as an opinion: a policy that is tried beside the one in force gives
/// no more than this, and nothing makes a [`Permit`] of it.
///
/// ```compile_fail,E0451
/// use portcullis::decision::{Decision, Permit, Verdict};
///
/// fn pass(verdict: Verdict<'_>) -> Decision<'_> {
///     match verdict {
///         Verdict::Pass { route, passage } => Decision::Allow(Permit { route, passage }),
///         Verdict::Refuse(denial) => Decision::Deny(denial),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'p> {
    /// The request would pass, by this route; of several, the most demanding one.
    Pass {
        route: &'p Route,
        passage: Passage<'p>,
    },
    /// The request would be denied.
    Refuse(Denial<'p>),
}

impl<'p> Verdict<'p> {
    /// The same as this decision says.
    pub fn of(decision: &Decision<'p>) -> Self {
        match decision {
            Decision::Allow(Permit { route, passage }) => Self::Pass {
                route,
                passage: *passage,
            },
            Decision::Deny(denial) => Self::Refuse(*denial),
        }
    }

    /// Whether the request would go on to the upstream.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Pass { .. })
    }

    /// Why the request would be denied, also where a route in shadow would let it through.
    pub fn denial(&self) -> Option<Denial<'p>> {
        match *self {
            Self::Pass {
                passage: Passage::Shadow(denial),
                ..
            }
            | Self::Refuse(denial) => Some(denial),
            Self::Pass { .. } => None,
        }
    }

    /// The route that says so, where there is one.
    pub fn route(&self) -> Option<&'p Route> {
        match *self {
            Self::Pass { route, .. } => Some(route),
            Self::Refuse(denial) => denial.route(),
        }
    }

    /// A short name from a closed set for why, for logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Pass { route, passage } => passage.kind(route).label(),
            Self::Refuse(denial) => denial.label(),
        }
    }
}

impl Passage<'_> {
    fn kind(&self, route: &Route) -> PermitKind {
        match (self, &route.requirement) {
            (Passage::Shadow(_), _) => PermitKind::Shadow,
            (Passage::Preflight, _) => PermitKind::Preflight,
            (Passage::Requirement, Requirement::Public) => PermitKind::Public,
            (Passage::Requirement, Requirement::Authenticated) => PermitKind::Authenticated,
            (Passage::Requirement, Requirement::Scopes(_)) => PermitKind::Scopes,
            (Passage::Requirement, Requirement::Nobody) => PermitKind::Nobody,
        }
    }
}

impl<'p> Permit<'p> {
    /// The route that lets the request through; of several, the most demanding one.
    pub fn route(&self) -> &'p Route {
        self.route
    }

    /// Why the request would be denied, if it passes only because the route is in shadow.
    pub fn shadowed(&self) -> Option<Denial<'p>> {
        match self.passage {
            Passage::Shadow(denial) => Some(denial),
            Passage::Requirement | Passage::Preflight => None,
        }
    }

    pub fn kind(&self) -> PermitKind {
        self.passage.kind(self.route)
    }

    /// A short name from a closed set, for logs and metadata.
    pub fn label(&self) -> &'static str {
        self.kind().label()
    }
}

/// Decides. Total, and deny is what is left when nothing says otherwise: a request passes only by
/// a route that is public, or whose requirement a verified token meets, and whose conditions hold.
pub fn decide<'p>(
    routed: &Routed<'p>,
    evidence: Evidence<'_>,
    circumstances: &Circumstances<'_>,
) -> Decision<'p> {
    match verdict(routed, evidence, circumstances) {
        Verdict::Pass { route, passage } => Decision::Allow(Permit { route, passage }),
        Verdict::Refuse(denial) => Decision::Deny(denial),
    }
}

/// What [`decide`] would say, without effect.
pub fn verdict<'p>(
    routed: &Routed<'p>,
    evidence: Evidence<'_>,
    circumstances: &Circumstances<'_>,
) -> Verdict<'p> {
    // Before everything else: a token that let in by one reading alone would do so for a caller that the
    // upstream is not told of.
    let evidence = evidence.where_counts(|issuer| routed.admits(issuer));
    // The readings of a path share it: a caller could choose a path with many.
    let mut budget = Budget::default();
    match routed {
        Routed::Unlisted => {
            // Only a caller that has proven something learns that the policy does not list the
            // request. To all others it looks like a route that asks for a token.
            Verdict::Refuse(refused_without_proof(None, evidence).unwrap_or(Denial::Unlisted))
        }
        Routed::UnlistedInShadow { stand_in, listed } => {
            let mut judged = listed
                .iter()
                .map(|route| judge(route, evidence, circumstances, &mut budget));
            let denied = judged.find(|verdict| matches!(verdict, Verdict::Refuse(_)));
            if let Some(denied) = denied {
                return denied;
            }
            let denial = refused_without_proof(None, evidence).unwrap_or(Denial::Unlisted);
            by_mode(stand_in, Some(denial))
        }
        Routed::One(route) => judge(route, evidence, circumstances, &mut budget),
        // A browser sends no credential with a preflight, so that none can be asked for. The request
        // that follows is judged for itself.
        Routed::Preflight(route) => Verdict::Pass {
            route,
            passage: Passage::Preflight,
        },
        Routed::Every(readings) => judge_every(readings, evidence, circumstances, &mut budget),
    }
}

/// Every reading of the path must be allowed; the permit is that of the most demanding route.
fn judge_every<'p>(
    routes: &[&'p std::sync::Arc<Route>],
    evidence: Evidence<'_>,
    circumstances: &Circumstances<'_>,
    budget: &mut Budget,
) -> Verdict<'p> {
    let mut strictest: Option<&'p Route> = None;
    let mut shadowed = None;
    for route in routes {
        // Nobody knows which reading the upstream takes. Were one allowed reading enough, a caller
        // could reach a private route by spelling its path so that it can be read as a public one.
        match judge(route, evidence, circumstances, budget) {
            refused @ Verdict::Refuse(_) => return refused,
            // The other readings may deny in earnest.
            passed @ Verdict::Pass {
                passage: Passage::Shadow(_),
                ..
            } => {
                shadowed.get_or_insert(passed);
            }
            Verdict::Pass { .. } => {}
        }
        // The permit goes into log and metadata. What the caller has proven there must not be less
        // than what the reading that the upstream takes asks for.
        if strictest.is_none_or(|other| rank(&other.requirement) < rank(&route.requirement)) {
            strictest = Some(route);
        }
    }
    if let Some(passed) = shadowed {
        return passed;
    }
    match strictest {
        Some(route) => Verdict::Pass {
            route,
            passage: Passage::Requirement,
        },
        // Without a reading nothing was judged, and nothing is allowed.
        None => Verdict::Refuse(Denial::Unlisted),
    }
}

/// The order in which requirements demand more.
fn rank(requirement: &Requirement) -> usize {
    match requirement {
        Requirement::Public => 0,
        Requirement::Authenticated => 1,
        // There is one scope at least, so that this is always more than a token alone.
        Requirement::Scopes(scopes) => 1 + scopes.least(),
        Requirement::Nobody => usize::MAX,
    }
}

fn judge<'p>(
    route: &'p Route,
    evidence: Evidence<'_>,
    circumstances: &Circumstances<'_>,
    budget: &mut Budget,
) -> Verdict<'p> {
    // Scopes that an issuer gave for other routes must not count here.
    let evidence = evidence.where_counts(|issuer| route.issuers.include(issuer));
    let denial = match &route.requirement {
        // Even with a token that does not hold: whoever leaves it out passes as well.
        Requirement::Public => None,
        // Even without a token: to ask for one would send the caller to log in for nothing.
        Requirement::Nobody => Some(Denial::Nobody { route }),
        Requirement::Authenticated => refused_without_proof(Some(route), evidence),
        Requirement::Scopes(scopes) => match evidence {
            Evidence::Verified(token) => {
                let met = scopes.are_met(|scope| token.has_scope(scope));
                (!met).then_some(Denial::ScopesMissing { route })
            }
            Evidence::Absent | Evidence::Refused(_) => refused_without_proof(Some(route), evidence),
        },
    };
    // The requirement comes first: without it a caller learns nothing of the conditions.
    let denial = denial.or_else(|| unmet_condition(route, evidence, circumstances, budget));
    by_mode(route, denial)
}

/// What comes of a denial, or of none, on this route. The only place where a denial lets a request pass.
fn by_mode<'p>(route: &'p Route, denial: Option<Denial<'p>>) -> Verdict<'p> {
    let passage = match (denial, route.mode) {
        (None, _) => Passage::Requirement,
        (Some(denial), Mode::Shadow) => Passage::Shadow(denial),
        (Some(denial), Mode::Enforce) => return Verdict::Refuse(denial),
    };
    Verdict::Pass { route, passage }
}

/// The denial of a request that meets the requirement, but not every condition.
fn unmet_condition<'p>(
    route: &'p Route,
    evidence: Evidence<'_>,
    circumstances: &Circumstances<'_>,
    budget: &mut Budget,
) -> Option<Denial<'p>> {
    if route.conditions.is_empty() {
        return None;
    }
    let token = match evidence {
        Evidence::Verified(token) => Some(TokenFacts {
            claims: token.claim_map(),
            scopes: token.scopes_text(),
            issuer: token.issuer_name(),
        }),
        // On public routes.
        Evidence::Absent | Evidence::Refused(_) => None,
    };
    let unmet = circumstances.unmet(route, token, budget)?;
    match evidence {
        // With the token that the gate could not check, the condition might hold.
        Evidence::Refused(TokenError::KeysNotLoaded(_) | TokenError::RevocationsStale)
            if route.conditions.read_token() =>
        {
            refused_without_proof(Some(route), evidence)
        }
        Evidence::Absent | Evidence::Refused(_) | Evidence::Verified(_) => Some(match unmet {
            Unmet::Fails(condition) => Denial::ConditionNotMet { route, condition },
            Unmet::Faults(condition, fault) => Denial::ConditionFailed {
                route,
                condition,
                fault,
            },
        }),
    }
}

/// The denial of a request that needs a token and has no good one.
fn refused_without_proof<'p>(
    route: Option<&'p Route>,
    evidence: Evidence<'_>,
) -> Option<Denial<'p>> {
    match evidence {
        Evidence::Absent => Some(Denial::NoToken { route }),
        // The gate is at fault here, not the token: were it called bad, clients would throw good
        // tokens away and ask for others, which fare no better.
        Evidence::Refused(TokenError::KeysNotLoaded(_)) => Some(Denial::KeysNotLoaded { route }),
        Evidence::Refused(TokenError::RevocationsStale) => Some(Denial::RevocationsStale { route }),
        Evidence::Refused(error) => Some(Denial::BadToken { route, error }),
        Evidence::Verified(_) => None,
    }
}

#[cfg(test)]
mod tests;
