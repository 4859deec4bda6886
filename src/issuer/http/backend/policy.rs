//! `/backend/policy`: the routes that the gate beside the issuer has in force, and which roles open them.

mod in_force;

use axum::response::Response;
use serde::Serialize;

use crate::condition::Condition;
use crate::identity::RoleName;
use crate::issuer::endpoint_error::EndpointError;
use crate::issuer::http::body;
use crate::issuer::http::extract::DirectoryAccess;
use crate::issuer::http::list::{BySearch, ListQuery};
use crate::policy::{Methods, Mode, RequiredScopes, Requirement, Route, RouteIssuers, RoutePlace};

pub(in crate::issuer::http) use in_force::{InForce, Passing};

/// A route as the policy has it.
#[derive(Serialize)]
pub(super) struct RouteAnswer<'p> {
    name: &'p str,
    /// `*` for every method.
    methods: Vec<&'p str>,
    /// Empty for every host.
    hosts: Vec<String>,
    path: &'p str,
    access: &'static str,
    /// All of these are needed.
    scopes: Vec<&'p str>,
    /// One of these is needed, unless there are none.
    any_scope: Vec<&'p str>,
    /// The conditions, all of which must hold.
    when: Vec<&'p str>,
    /// Whose tokens count; absent where those of every trusted issuer do.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuers: Option<Vec<&'p str>>,
    mode: &'static str,
    /// The name of the file without its directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

/// A route with those who pass it.
#[derive(Serialize)]
struct PolicyRouteAnswer<'p> {
    #[serde(flatten)]
    route: RouteAnswer<'p>,
    passes: &'static str,
    /// The roles whose users pass; only where it takes scopes.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<&'p str>>,
}

/// A page of routes.
#[derive(Serialize)]
struct PolicyAnswer<'p> {
    policy_digest: &'p str,
    items: Vec<PolicyRouteAnswer<'p>>,
    next: Option<String>,
    /// The first scopes that routes ask for and the issuer does not have.
    unknown_scopes: Vec<&'p str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_more_unknown_scopes: bool,
    /// Whether there are roles that nobody looked at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    has_more_roles: bool,
}

impl<'p> RouteAnswer<'p> {
    pub(super) fn of(route: &'p Route, place: Option<&'p RoutePlace>) -> Self {
        let required = route.requirement.scopes();
        Self {
            name: &route.name,
            methods: match &route.methods {
                Methods::Every => vec!["*"],
                Methods::Listed(listed) => texts(listed),
            },
            hosts: route.hosts.iter().map(ToString::to_string).collect(),
            path: &route.path,
            access: match &route.requirement {
                Requirement::Public => "public",
                Requirement::Authenticated => "authenticated",
                Requirement::Scopes(_) => "scopes",
                Requirement::Nobody => "nobody",
            },
            scopes: required
                .map(RequiredScopes::all)
                .map_or_else(Vec::new, texts),
            any_scope: required
                .map(RequiredScopes::any)
                .map_or_else(Vec::new, texts),
            when: route.conditions.iter().map(Condition::text).collect(),
            issuers: match &route.issuers {
                RouteIssuers::Trusted => None,
                RouteIssuers::Named(names) => Some(texts(names)),
            },
            mode: match route.mode {
                Mode::Enforce => "enforce",
                Mode::Shadow => "shadow",
            },
            file: place.map(RoutePlace::file_name),
            line: place.map(|place| place.line),
        }
    }
}

impl<'p> PolicyRouteAnswer<'p> {
    fn of(in_force: &'p InForce, route: &'p Route) -> Self {
        let (passes, roles) = match in_force.passing(route) {
            Passing::Everybody => ("everybody", None),
            Passing::Nobody => ("nobody", None),
            Passing::NobodyHere => ("nobody_here", None),
            Passing::EveryUser => ("every_user", None),
            Passing::Roles(roles) => {
                let names = roles.iter().map(|role| RoleName::as_str(&role.name));
                ("roles", Some(names.collect()))
            }
        };
        Self {
            route: RouteAnswer::of(route, in_force.policy().place(route)),
            passes,
            roles,
        }
    }
}

pub(super) fn texts(names: &[Box<str>]) -> Vec<&str> {
    names.iter().map(|name| &**name).collect()
}

/// `GET`
pub(in crate::issuer::http) async fn list(
    access: DirectoryAccess,
    query: ListQuery<BySearch>,
) -> Result<Response, EndpointError> {
    let search = query.filter().unwrap_or_default();
    let in_force = InForce::now(&access).await?.ok_or(EndpointError::NoGate)?;
    let routes = in_force.routes(search, &query.page)?;
    let items = routes.items.into_iter();
    Ok(body::ok(&PolicyAnswer {
        policy_digest: in_force.policy().digest(),
        items: items
            .map(|route| PolicyRouteAnswer::of(&in_force, route))
            .collect(),
        next: routes.next,
        unknown_scopes: in_force
            .unknown_scopes()
            .iter()
            .map(String::as_str)
            .collect(),
        has_more_unknown_scopes: in_force.has_more_unknown_scopes(),
        has_more_roles: in_force.has_more_roles(),
    }))
}
