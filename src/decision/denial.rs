//! Why a request does not go through.

use crate::condition::{Condition, Fault};
use crate::labels::{Label, closed_set};
use crate::policy::{Route, TargetError};
use crate::token::TokenError;

/// Why a request does not go through. Facts; the gate makes a refusal of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial<'p> {
    /// Method, host or path can be read in more than one way.
    MalformedTarget(TargetError),
    /// More than one credential: proxy and upstream may pick different ones.
    SeveralCredentials,
    /// A token is needed and there is none.
    NoToken {
        /// The route that needs it; none where no route lists the request.
        route: Option<&'p Route>,
    },
    /// A token is needed and the one that came does not hold.
    BadToken {
        /// The route that needs it; none where no route lists the request.
        route: Option<&'p Route>,
        /// Which rule it breaks.
        error: TokenError,
    },
    /// The token holds but lacks scopes.
    ScopesMissing {
        /// The route that asks for them.
        route: &'p Route,
    },
    /// The route lets nobody through.
    Nobody { route: &'p Route },
    /// The requirement is met, but not a condition of the route.
    ConditionNotMet {
        route: &'p Route,
        condition: &'p Condition,
    },
    /// The requirement is met, but a condition of the route cannot be evaluated.
    ConditionFailed {
        route: &'p Route,
        condition: &'p Condition,
        fault: Fault,
    },
    /// No route lists the request.
    Unlisted,
    /// The issuer of the token is trusted, but its keys have not been loaded yet.
    KeysNotLoaded {
        /// The route that needs a token; none where no route lists the request.
        route: Option<&'p Route>,
    },
    /// The token holds, but it is not known whether its issuer has revoked it.
    RevocationsStale {
        /// The route that needs a token; none where no route lists the request.
        route: Option<&'p Route>,
    },
}

closed_set! {
    /// The kinds of [`Denial`], as metrics, logs and metadata call them.
    pub enum DenialKind {
        MalformedTarget = "malformed_target",
        SeveralCredentials = "several_credentials",
        NoToken = "no_token",
        BadToken = "bad_token",
        ScopesMissing = "scopes_missing",
        Nobody = "nobody",
        ConditionNotMet = "condition_not_met",
        ConditionFailed = "condition_failed",
        Unlisted = "unlisted",
        KeysNotLoaded = "keys_not_loaded",
        RevocationsStale = "revocations_stale",
    }
}

impl<'p> Denial<'p> {
    pub fn kind(&self) -> DenialKind {
        match self {
            Self::MalformedTarget(_) => DenialKind::MalformedTarget,
            Self::SeveralCredentials => DenialKind::SeveralCredentials,
            Self::NoToken { .. } => DenialKind::NoToken,
            Self::BadToken { .. } => DenialKind::BadToken,
            Self::ScopesMissing { .. } => DenialKind::ScopesMissing,
            Self::Nobody { .. } => DenialKind::Nobody,
            Self::ConditionNotMet { .. } => DenialKind::ConditionNotMet,
            Self::ConditionFailed { .. } => DenialKind::ConditionFailed,
            Self::Unlisted => DenialKind::Unlisted,
            Self::KeysNotLoaded { .. } => DenialKind::KeysNotLoaded,
            Self::RevocationsStale { .. } => DenialKind::RevocationsStale,
        }
    }

    /// A short name from a closed set, for metrics, logs and metadata.
    pub fn label(&self) -> &'static str {
        self.kind().label()
    }

    /// What exactly was wrong, where the label has several causes.
    pub fn detail(&self) -> Option<&'static str> {
        match self {
            Self::MalformedTarget(malformed) => Some(malformed.label()),
            Self::BadToken { error, .. } => Some(error.label()),
            Self::ConditionFailed { fault, .. } => Some(fault.cause.label()),
            Self::SeveralCredentials
            | Self::NoToken { .. }
            | Self::ScopesMissing { .. }
            | Self::Nobody { .. }
            | Self::ConditionNotMet { .. }
            | Self::Unlisted
            | Self::KeysNotLoaded { .. }
            | Self::RevocationsStale { .. } => None,
        }
    }

    /// The condition that refused, and the part of it that could not be evaluated, if that is why.
    pub fn condition(&self) -> Option<(&'p Condition, Option<&'p str>)> {
        match *self {
            Self::ConditionNotMet { condition, .. } => Some((condition, None)),
            Self::ConditionFailed {
                condition, fault, ..
            } => Some((condition, Some(condition.part(fault.span)))),
            Self::MalformedTarget(_)
            | Self::SeveralCredentials
            | Self::NoToken { .. }
            | Self::BadToken { .. }
            | Self::ScopesMissing { .. }
            | Self::Nobody { .. }
            | Self::Unlisted
            | Self::KeysNotLoaded { .. }
            | Self::RevocationsStale { .. } => None,
        }
    }

    /// The route that refused, where there is one.
    pub fn route(&self) -> Option<&'p Route> {
        match *self {
            Self::MalformedTarget(_) | Self::SeveralCredentials | Self::Unlisted => None,
            Self::NoToken { route }
            | Self::BadToken { route, .. }
            | Self::KeysNotLoaded { route }
            | Self::RevocationsStale { route } => route,
            Self::ScopesMissing { route }
            | Self::Nobody { route }
            | Self::ConditionNotMet { route, .. }
            | Self::ConditionFailed { route, .. } => Some(route),
        }
    }
}
