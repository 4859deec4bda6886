//! What a request falls under: one route, several, or none; and what tokens can change about it.

use std::sync::Arc;

use super::{Mode, Route};

/// The routes that a request falls under.
#[derive(Debug, Clone)]
pub enum Routed<'p> {
    /// No route lists it.
    Unlisted,
    /// No route lists it, or not every reading of it, and the policy as a whole is in shadow.
    UnlistedInShadow {
        /// Stands for the route.
        stand_in: &'p Arc<Route>,
        /// The routes of the other readings, which may be enforced: every one must allow.
        listed: Vec<&'p Arc<Route>>,
    },
    /// The path can be read in one way, or all readings lead to one route.
    One(&'p Arc<Route>),
    /// A CORS preflight that the route of the requested method lets through as public.
    Preflight(&'p Arc<Route>),
    /// The path can be read in several ways that lead to different routes: every one must allow.
    Every(Vec<&'p Arc<Route>>),
}

impl Routed<'_> {
    /// Whether it has conditions, which are to be evaluated.
    pub fn has_conditions(&self) -> bool {
        match self {
            Self::Unlisted | Self::Preflight(_) => false,
            Self::One(route) => !route.conditions.is_empty(),
            Self::UnlistedInShadow { listed: routes, .. } | Self::Every(routes) => {
                routes.iter().any(|route| !route.conditions.is_empty())
            }
        }
    }

    /// Whether a token could change anything: on public routes, and where only shadow mode lets callers
    /// through, it makes the caller known to the upstream; where nobody passes, and on preflights, it is
    /// not looked at.
    pub fn may_need_token(&self) -> bool {
        match self {
            Self::Unlisted | Self::UnlistedInShadow { .. } | Self::Every(_) => true,
            Self::One(route) => !route.is_closed(),
            Self::Preflight(_) => false,
        }
    }

    /// Whether a token of the issuer of this name may let a request in: it counts on each of these routes that
    /// is enforced. What is only tried out, or refuses everybody, says nothing of it.
    pub fn admits(&self, issuer: &str) -> bool {
        match self {
            Self::Unlisted => true,
            Self::One(route) | Self::Preflight(route) => route.issuers.include(issuer),
            Self::UnlistedInShadow { listed: routes, .. } | Self::Every(routes) => {
                let mut decide = routes
                    .iter()
                    .filter(|route| route.mode == Mode::Enforce && !route.is_closed());
                decide.all(|route| route.issuers.include(issuer))
            }
        }
    }

    /// Whether tokens of the issuer of this name count on all of these routes, so that the upstream may be told
    /// of the caller.
    pub fn counts(&self, issuer: &str) -> bool {
        match self {
            Self::Unlisted => true,
            Self::One(route) | Self::Preflight(route) => route.issuers.include(issuer),
            Self::UnlistedInShadow { stand_in, listed } => {
                let mut routes = listed.iter().chain([stand_in]);
                routes.all(|route| route.issuers.include(issuer))
            }
            Self::Every(routes) => routes.iter().all(|route| route.issuers.include(issuer)),
        }
    }

    /// Whether some token could let the request through that would not pass without one. Only then is
    /// it worth waiting for an issuer's keys.
    pub fn may_open(&self) -> bool {
        match self {
            Self::Unlisted | Self::Preflight(_) => false,
            Self::One(route) => route.may_read_token(),
            Self::UnlistedInShadow { listed: routes, .. } | Self::Every(routes) => {
                let is_open = !routes.iter().any(|route| route.is_closed());
                is_open && routes.iter().any(|route| route.may_read_token())
            }
        }
    }
}
