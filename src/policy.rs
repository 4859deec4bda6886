//! The policy: which requests there are and what each asks of its caller.

mod alike;
mod classes;
mod compile;
mod conditions;
mod document;
mod fill;
mod fold;
mod host;
mod issuers;
mod meet;
mod method;
mod mode;
mod near_miss;
mod path;
mod place;
mod requirement;
mod routed;
mod scope;
mod table;
mod target;
mod target_error;
mod template;
mod trace;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::problem::{Problem, Problems, Source};
pub use alike::{SharedReadings, shared_paths};
pub use classes::{
    Answer, ClassMethods, DroppedReading, ExampleRequest, Hosts, OtherHosts, RequestClass,
};
pub use conditions::{Circumstances, RouteConditions, Unmet};
pub use fill::{FillError, FillablePath, ParameterExtent, PathParameter};
pub use host::HostPattern;
pub use issuers::RouteIssuers;
pub use method::Methods;
pub use mode::{Mode, NO_ROUTE};
pub use near_miss::{Mismatch, NearMiss};
pub(crate) use path::may_stay_encoded;
pub use path::{EncodedSlashes, PathRules};
pub use place::RoutePlace;
pub use requirement::{RequiredScopes, Requirement, ScopeWords};
pub use routed::Routed;
pub use scope::{MAX_SCOPE_NAME_BYTES, ScopeName, ScopeNameError};
pub use table::TooManyPaths;
pub use target::{Host, Method, Path, Target};
pub use target_error::TargetError;
pub use trace::{AnsweringTable, TemplateMatch, Trace, TracedReading};

use host::HostName;
use path::{MAX_PATH_BYTES, Necessity, PlainPath, Reading, RequestPath};
use table::{HostTables, Leaves, Tables};
use template::Template;

/// Why a route cannot have this path; nothing where it can.
pub fn fault_of_path(path: &str) -> Option<String> {
    Template::parse(path).err().map(|error| error.to_string())
}

/// Why a route cannot have this host; nothing where it can.
pub fn fault_of_host(host: &str) -> Option<String> {
    HostPattern::parse(host)
        .err()
        .map(|error| error.to_string())
}

/// A compiled policy. Immutable; a reload makes another one.
#[derive(Debug)]
pub struct Policy {
    routes: Vec<Arc<Route>>,
    /// Where each of them is written.
    places: Box<[RoutePlace]>,
    tables: Tables,
    rules: PathRules,
    scopes: BTreeMap<Box<str>, Box<str>>,
    digest: Box<str>,
    warnings: Vec<Problem>,
    /// Where the policy as a whole is in shadow, the route of what no route lists.
    stand_in: Option<Arc<Route>>,
}

/// One entry of the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its position in [`Policy::routes`].
    pub index: usize,
    /// What logs, metrics and `explain` call it; unique within the policy.
    pub name: Box<str>,
    /// What it asks of the caller.
    pub requirement: Requirement,
    /// What must hold beside it.
    pub conditions: RouteConditions,
    /// Whose tokens count.
    pub issuers: RouteIssuers,
    /// The hosts that it answers; empty for every host.
    pub hosts: Box<[HostPattern]>,
    /// The methods that it answers.
    pub methods: Methods,
    /// The path template, as written.
    pub path: Box<str>,
    /// Whether CORS preflights for its methods are let through.
    pub preflight: bool,
    /// Whether what it refuses is refused.
    pub mode: Mode,
}

impl Route {
    /// Whether a token can make a difference to what it says: it asks for one, or its conditions read one.
    pub fn may_read_token(&self) -> bool {
        match self.requirement {
            Requirement::Public => self.conditions.read_token(),
            Requirement::Authenticated | Requirement::Scopes(_) | Requirement::Nobody => {
                self.requirement.asks_for_token()
            }
        }
    }

    /// Whether it refuses whatever comes.
    pub fn is_closed(&self) -> bool {
        self.requirement == Requirement::Nobody && self.mode == Mode::Enforce
    }
}

/// The route that answers one reading of a request, and how.
#[derive(Clone, Copy)]
enum Matched<'p> {
    Route(&'p Arc<Route>),
    Preflight(&'p Arc<Route>),
}

/// What to look up in the tables of a host.
enum Wanted<'a> {
    /// `OPTIONS *`.
    Asterisk,
    /// `CONNECT`, whose target is the host.
    Empty,
    /// The only reading of the path.
    Plain(PlainPath<'a>),
    /// Every reading of it; never empty.
    Readings(Vec<Reading>),
}

impl Policy {
    /// Compiles what the files say, or tells everything that is wrong with them. Without a
    /// configuration the names of issuers are taken as they are.
    pub fn compile(sources: &[Source]) -> Result<Self, Problems> {
        compile::compile(sources, None)
    }

    /// The same for a gate that trusts the issuers of these names: where there are several, every
    /// route that needs a token says whose count.
    pub fn compile_for(trusted: &[Box<str>], sources: &[Source]) -> Result<Self, Problems> {
        compile::compile(sources, Some(trusted))
    }

    /// The routes that `target` falls under. The cost does not grow with the number of routes.
    pub fn route(&self, target: &Target<'_>) -> Result<Routed<'_>, TargetError> {
        let routed = self.look_up(target, |tables, wanted| match wanted {
            Wanted::Asterisk => self.routed(tables.asterisk(), target),
            Wanted::Empty => self.routed(tables.empty(), target),
            Wanted::Plain(path) => self.routed(tables.find(path), target),
            Wanted::Readings(readings) => self.strictest(&readings, tables, target),
        })?;
        Ok(match (routed, &self.stand_in) {
            (Routed::Unlisted, Some(stand_in)) => Routed::UnlistedInShadow {
                stand_in,
                listed: Vec::new(),
            },
            (routed, _) => routed,
        })
    }

    /// Whether requests that no route lists are let through.
    pub fn is_in_shadow(&self) -> bool {
        self.stand_in.is_some()
    }

    /// How many routes only callers with a token pass.
    pub fn routes_with_token(&self) -> usize {
        let with_token = |route: &&Arc<Route>| route.requirement.asks_for_token();
        self.routes.iter().filter(with_token).count()
    }

    /// The routes whose refusals are not carried out.
    pub fn routes_in_shadow(&self) -> impl Iterator<Item = &Route> {
        let in_shadow = |route: &&Arc<Route>| {
            let refuses = route.requirement != Requirement::Public || !route.conditions.is_empty();
            route.mode == Mode::Shadow && refuses
        };
        self.routes.iter().filter(in_shadow).map(|route| &**route)
    }

    /// Finds the tables that answer the host of `target` and what to look up in them, or why the
    /// target is malformed.
    fn look_up<'p, T>(
        &'p self,
        target: &Target<'_>,
        then: impl FnOnce(HostTables<'p>, Wanted<'_>) -> T,
    ) -> Result<T, TargetError> {
        let Target {
            method: Method(method),
            host: Host(raw_host),
            path: Path(whole_path),
            ..
        } = *target;
        let is_token = |method: Method<'_>| method::is_token(method.0);
        if !is_token(target.method) || !target.preflight.is_none_or(is_token) {
            return Err(TargetError::MethodNotToken);
        }
        if method::extended(method).is_some() {
            return Err(TargetError::MethodExtended);
        }
        let host = HostName::parse(raw_host)?;
        let tables = self.tables.for_host(&host);
        if !target.grpc {
            if whole_path == b"*" && method == b"OPTIONS" {
                return Ok(then(tables, Wanted::Asterisk));
            }
            // Some proxies repeat the authority as the path (RFC 9112 section 3.2.3).
            if method == b"CONNECT" && (whole_path.is_empty() || whole_path == raw_host) {
                return Ok(then(tables, Wanted::Empty));
            }
        }
        if whole_path.contains(&b'#') {
            return Err(TargetError::PathFragment);
        }
        let path = target.path.without_query();
        let lower_case;
        // A longer one is refused, and need not be copied for it.
        let path = if self.rules.ignore_case && path.len() <= MAX_PATH_BYTES {
            lower_case = path.to_ascii_lowercase();
            lower_case.as_slice()
        } else {
            path
        };
        match RequestPath::parse(path, self.rules)? {
            RequestPath::Plain(plain) => {
                // A gRPC path has no query either.
                if target.grpc && (!plain.is_grpc() || path.len() < whole_path.len()) {
                    return Err(TargetError::GrpcPath);
                }
                Ok(then(tables, Wanted::Plain(plain)))
            }
            RequestPath::Readings(_) if target.grpc => Err(TargetError::GrpcPath),
            RequestPath::Readings(readings) => Ok(then(tables, Wanted::Readings(readings))),
        }
    }

    /// All routes, each at its own index, sorted by name.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// Where a route of this policy is written; none for one that is not in it.
    pub fn place(&self, route: &Route) -> Option<&RoutePlace> {
        self.places.get(route.index)
    }

    /// The catalogue of scopes, each with its description, sorted by name.
    pub fn scopes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.scopes
            .iter()
            .map(|(name, description)| (&**name, &**description))
    }

    /// What paths may have beyond the canonical form.
    pub fn path_rules(&self) -> PathRules {
        self.rules
    }

    /// SHA-256 over the texts, in lower-case hex: tells operators which policy is live. Of one file
    /// it is what `sha256sum` prints; of several, neither their names nor their order matter.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What the policy's author perhaps does not mean, in the order of files and lines.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    fn routed(&self, leaves: Option<Leaves<'_>>, target: &Target<'_>) -> Routed<'_> {
        match leaves.and_then(|leaves| self.answer(leaves, target)) {
            None => Routed::Unlisted,
            Some(Matched::Route(route)) => Routed::One(route),
            Some(Matched::Preflight(route)) => Routed::Preflight(route),
        }
    }

    fn answer(&self, leaves: Leaves<'_>, target: &Target<'_>) -> Option<Matched<'_>> {
        if let Some(index) = leaves.answer(target.method.0) {
            return self.routes.get(index).map(Matched::Route);
        }
        let is_options = target.method == Method(b"OPTIONS");
        let Method(requested) = target.preflight.filter(|_| is_options)?;
        let route = self.routes.get(leaves.answer(requested)?)?;
        route.preflight.then_some(Matched::Preflight(route))
    }

    /// What all readings together lead to. A reading that must match and does not, or that matches
    /// a path without its method, makes the request unlisted. Where that is let through in shadow,
    /// the routes of the other readings still count: one of them may be enforced.
    fn strictest(
        &self,
        readings: &[Reading],
        tables: HostTables<'_>,
        target: &Target<'_>,
    ) -> Routed<'_> {
        let mut routes: Vec<&Arc<Route>> = Vec::new();
        let (mut preflight, mut has_unlisted) = (None, false);
        for reading in readings {
            let leaves = tables.find(reading.segments());
            if leaves.is_none() && reading.necessity == Necessity::Possible {
                continue;
            }
            match leaves.and_then(|leaves| self.answer(leaves, target)) {
                None => has_unlisted = true,
                Some(Matched::Preflight(route)) => preflight = preflight.or(Some(route)),
                Some(Matched::Route(route)) => {
                    if !routes.iter().any(|known| known.index == route.index) {
                        routes.push(route);
                    }
                }
            }
        }
        match (routes.as_slice(), preflight) {
            _ if has_unlisted => self.unlisted_but(routes),
            ([], None) => Routed::Unlisted,
            ([], Some(route)) => Routed::Preflight(route),
            ([one], None) => Routed::One(one),
            (_, None) => Routed::Every(routes),
            // Some readings are preflights and others are not: nothing fits all of them.
            (_, Some(_)) => self.unlisted_but(routes),
        }
    }

    /// An unlisted request, some readings of which lead to these routes.
    fn unlisted_but<'p>(&'p self, listed: Vec<&'p Arc<Route>>) -> Routed<'p> {
        match &self.stand_in {
            None => Routed::Unlisted,
            Some(stand_in) => Routed::UnlistedInShadow { stand_in, listed },
        }
    }
}

#[cfg(test)]
mod tests;
