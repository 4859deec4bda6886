//! Who may send a request under a policy, and who else under another one.

use crate::condition::Condition;
use crate::policy::{Answer, Mode, Policy, RequiredScopes, Requirement, Route, RouteIssuers};

/// The name of an issuer that no policy names.
pub const ANOTHER_ISSUER: &str = "another-issuer";

/// Who may send the requests that an answer is for.
#[derive(Debug, Clone)]
pub struct Access<'p> {
    answer: Answer<'p>,
    callers: Callers<'p>,
    /// Whose tokens count, also where none is needed.
    issuers: Issuers<'p>,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Callers<'p> {
    Nobody,
    /// With or without a token.
    Everybody,
    /// Holders of a token that counts, with these scopes.
    Holders(Option<&'p RequiredScopes>),
}

/// Issuers whose tokens count.
#[derive(Debug, Clone, Copy)]
enum Issuers<'p> {
    /// Every one that is trusted, whoever that is.
    Every,
    These(&'p [Box<str>]),
}

/// A caller, by what makes the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Without a token.
    Anonymous,
    /// With a token.
    Holder {
        /// Its issuer's name in `trust`; nothing where any will do.
        issuer: Option<Box<str>>,
        scopes: Vec<Box<str>>,
    },
}

/// Whether one access admits callers that another does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Admits {
    NoOther,
    Another(Caller),
    /// Such a one, if the condition holds for them.
    Perhaps(Caller),
    /// The conditions of the two differ, and decide.
    Unclear,
}

impl Admits {
    pub(super) fn caller(self) -> Option<Caller> {
        match self {
            Self::Another(caller) | Self::Perhaps(caller) => Some(caller),
            Self::NoOther | Self::Unclear => None,
        }
    }
}

impl<'p> Access<'p> {
    pub(super) fn of(answer: Answer<'p>, policy: &Policy, trusted: Option<&'p [Box<str>]>) -> Self {
        let mode = match answer {
            Answer::Route(route) => route.mode,
            Answer::Unlisted if policy.is_in_shadow() => Mode::Shadow,
            Answer::Unlisted | Answer::Preflight(_) => Mode::Enforce,
        };
        let issuers = match answer.route().map(|route| &route.issuers) {
            None => Issuers::These(&[]),
            Some(RouteIssuers::Named(names)) => Issuers::These(names),
            // Without the list of trusted issuers nobody knows which they are, and every one may be
            // among them.
            Some(RouteIssuers::Trusted) => trusted.map_or(Issuers::Every, Issuers::These),
        };
        let callers = match answer {
            // What is refused in shadow is let through.
            _ if mode == Mode::Shadow => Callers::Everybody,
            Answer::Unlisted => Callers::Nobody,
            Answer::Preflight(_) => Callers::Everybody,
            Answer::Route(route) => match &route.requirement {
                Requirement::Public => Callers::Everybody,
                Requirement::Nobody => Callers::Nobody,
                Requirement::Authenticated | Requirement::Scopes(_) if issuers.is_empty() => {
                    Callers::Nobody
                }
                Requirement::Authenticated => Callers::Holders(None),
                Requirement::Scopes(scopes) => Callers::Holders(Some(scopes)),
            },
        };
        Self {
            answer,
            callers,
            issuers,
            mode,
        }
    }

    pub fn route(&self) -> Option<&'p Route> {
        self.answer.route().map(|route| &**route)
    }

    pub fn answer(&self) -> Answer<'p> {
        self.answer
    }

    /// Whether what is refused is refused.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The route whose conditions decide as well, if it has any.
    fn conditional(&self) -> Option<&'p Route> {
        match self.answer {
            Answer::Route(route) if self.mode == Mode::Enforce && !self.is_closed() => {
                (!route.conditions.is_empty()).then_some(&**route)
            }
            _ => None,
        }
    }

    /// Whether conditions decide as well.
    pub fn is_conditional(&self) -> bool {
        self.conditional().is_some()
    }

    /// Whether the conditions are the same expressions, and mean the same: what they read of the path
    /// depends on its template.
    fn has_conditions_of(&self, other: &Self) -> bool {
        match (self.conditional(), other.conditional()) {
            (None, None) => true,
            (Some(left), Some(right)) => {
                let reads_path = |route: &Route| {
                    let mut conditions = route.conditions.iter();
                    conditions.any(|condition| condition.text().contains("path"))
                };
                left.conditions.iter().eq(right.conditions.iter())
                    && (left.path == right.path || !reads_path(left))
            }
            _ => false,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.callers == Callers::Nobody
    }

    /// How many may send the request, the most open first.
    pub(super) fn openness(&self) -> u8 {
        match self.callers {
            Callers::Everybody => 0,
            Callers::Holders(None) => 1,
            Callers::Holders(Some(_)) => 2,
            Callers::Nobody => 3,
        }
    }

    /// Whether both are the same to every caller and to the upstream, whatever the names of the routes.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        match (self.callers, other.callers) {
            // What no route lists is refused by another answer than what a route refuses.
            (Callers::Nobody, Callers::Nobody) => {
                let asks = |access: &Self| {
                    let route = access.route();
                    route.map(|route| route.requirement.asks_for_token())
                };
                asks(self) == asks(other)
            }
            // Nothing is said of the caller of a preflight.
            (Callers::Everybody, Callers::Everybody) => {
                (self.is_preflight() || other.is_preflight() || self.has_issuers_of(other))
                    && self.has_conditions_of(other)
            }
            (Callers::Holders(_), Callers::Holders(_)) => {
                let is_none = |admits| admits == Admits::NoOther;
                is_none(admits(self, other)) && is_none(admits(other, self))
            }
            _ => false,
        }
    }

    pub(super) fn has_issuers_of(&self, other: &Self) -> bool {
        self.issuers.include_all(other.issuers) && other.issuers.include_all(self.issuers)
    }

    /// Whether everybody may send the requests, conditions apart, while a token may still say who it is.
    pub(super) fn is_open(&self) -> bool {
        self.callers == Callers::Everybody && !self.is_preflight()
    }

    pub(super) fn is_preflight(&self) -> bool {
        matches!(self.answer, Answer::Preflight(_))
    }

    /// Whether a token makes a difference.
    pub(super) fn reads_token(&self) -> bool {
        let by_condition = self
            .conditional()
            .map(|route| route.conditions.read_token());
        matches!(self.callers, Callers::Holders(_)) || by_condition.unwrap_or(false)
    }

    /// Whether tokens of an issuer count here and `beside`, and did not count `before`.
    pub(super) fn counts_more(&self, before: &Self, beside: &Self) -> bool {
        match (self.issuers, beside.issuers) {
            (Issuers::Every, Issuers::Every) => !before.issuers.include_all(Issuers::Every),
            (Issuers::These(names), others) | (others, Issuers::These(names)) => names
                .iter()
                .any(|name| others.include(name) && !before.issuers.include(name)),
        }
    }

    /// A caller of an issuer whose tokens count here and not there.
    pub(super) fn caller_beside(&self, other: &Self) -> Option<Caller> {
        let issuer = self.issuers.find(other.issuers, false)?;
        Some(Caller::Holder {
            issuer: Some(issuer),
            scopes: self.least_scopes(),
        })
    }

    /// A caller whom this admits, its conditions apart.
    pub(super) fn least_caller(&self) -> Caller {
        let scopes = self.least_scopes();
        self.caller(self.issuers.find(self.issuers, true), scopes)
    }

    /// A caller whom this admits, of this issuer.
    fn caller(&self, issuer: Option<Box<str>>, scopes: Vec<Box<str>>) -> Caller {
        match self.callers {
            Callers::Everybody | Callers::Nobody => Caller::Anonymous,
            Callers::Holders(_) => Caller::Holder { issuer, scopes },
        }
    }

    /// The scopes that it asks for, if it asks for some.
    fn scopes(&self) -> Option<&'p RequiredScopes> {
        match self.callers {
            Callers::Holders(scopes) => scopes,
            Callers::Everybody | Callers::Nobody => None,
        }
    }

    /// One of the smallest sets of scopes that this admits.
    fn least_scopes(&self) -> Vec<Box<str>> {
        let sets = self.scopes().map(RequiredScopes::least_sets);
        sets.into_iter().flatten().next().unwrap_or_default()
    }
}

impl Issuers<'_> {
    fn is_empty(self) -> bool {
        matches!(self, Self::These([]))
    }

    fn include(self, name: &str) -> bool {
        match self {
            Self::Every => true,
            Self::These(names) => names.iter().any(|known| **known == *name),
        }
    }

    fn include_all(self, others: Self) -> bool {
        match (self, others) {
            (Self::Every, _) => true,
            (Self::These(_), Self::Every) => false,
            (_, Self::These(names)) => names.iter().all(|name| self.include(name)),
        }
    }

    /// One of these that `others` has or has not.
    fn find(self, others: Self, included: bool) -> Option<Box<str>> {
        match self {
            Self::These(names) => {
                let mut names = names.iter();
                names.find(|name| others.include(name) == included).cloned()
            }
            Self::Every => match others {
                Self::These(names) if included => names.first().cloned(),
                Self::These(_) => Some(ANOTHER_ISSUER.into()),
                // Any will do.
                Self::Every => None,
            },
        }
    }
}

/// Whether `new` admits a caller whom `old` does not. That a condition of `new` holds for the caller is
/// for a trial to find out.
pub(super) fn admits(old: &Access<'_>, new: &Access<'_>) -> Admits {
    match required(old, new) {
        Admits::NoOther if new.is_closed() || !old.is_conditional() => Admits::NoOther,
        Admits::NoOther if old.has_conditions_of(new) => by_other_tokens(old, new),
        // Whoever does not meet the condition that is gone gains the request.
        Admits::NoOther if !new.is_conditional() => Admits::Another(new.least_caller()),
        Admits::NoOther => Admits::Unclear,
        other => other,
    }
}

/// The same where both have the same conditions: what these read of a token, they read only of one that
/// counts.
fn by_other_tokens(old: &Access<'_>, new: &Access<'_>) -> Admits {
    let Some(route) = old
        .conditional()
        .filter(|route| route.conditions.read_token())
    else {
        return Admits::NoOther;
    };
    if let Some(caller) = new.caller_beside(old) {
        return Admits::Perhaps(caller);
    }
    // Whom a condition refused for its token passes as a caller without one, once the token no longer
    // counts. Which token that is, only the condition knows.
    let is_open = new.callers == Callers::Everybody
        && route
            .conditions
            .iter()
            .all(Condition::may_hold_without_token);
    if is_open && !new.issuers.include_all(old.issuers) {
        Admits::Unclear
    } else {
        Admits::NoOther
    }
}

/// The same by the requirements alone.
fn required(old: &Access<'_>, new: &Access<'_>) -> Admits {
    let (issuers, others) = (new.issuers, old.issuers);
    match (old.callers, new.callers) {
        (_, Callers::Nobody) | (Callers::Everybody, _) => Admits::NoOther,
        (Callers::Holders(_), Callers::Everybody) => Admits::Another(Caller::Anonymous),
        (Callers::Nobody, _) => Admits::Another(new.least_caller()),
        (Callers::Holders(required), Callers::Holders(_)) => {
            // An issuer that counted for nothing before: any caller of it is new, with the fewest
            // scopes that are asked for.
            if let Some(issuer) = issuers.find(others, false) {
                let scopes = new.least_scopes();
                return Admits::Another(new.caller(Some(issuer), scopes));
            }
            let short = match (required, new.scopes()) {
                (None, _) => None,
                (Some(_), None) => Some(Vec::new()),
                (Some(required), Some(scopes)) => scopes.set_short_of(required),
            };
            match short {
                Some(scopes) => Admits::Another(new.caller(issuers.find(others, true), scopes)),
                None => Admits::NoOther,
            }
        }
    }
}
