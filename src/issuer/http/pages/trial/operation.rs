//! The operations that somebody can try out: routes of the policy.

use crate::authorizer::Snapshot;
use crate::issuer::http::pages::routes::names;
use crate::issuer::http::pages::visitor::Visitor;
use crate::policy::{FillablePath, Host, Methods, Policy, Requirement, Route};

/// What a route that answers every method is tried with.
const USUAL_METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Not requests for a server behind the proxy (RFC 9110 sections 9.3.6 and 9.3.8).
const OTHER_METHODS: [&str; 2] = ["CONNECT", "TRACE"];

/// The operations of a policy.
pub(super) struct Operations<'p> {
    snapshot: &'p Snapshot,
    /// What the gate calls the issuer of the site.
    names: Vec<&'p str>,
}

/// A route that somebody of the site may pass.
pub(super) struct Operation<'p> {
    pub(super) route: &'p Route,
    pub(super) path: FillablePath,
    /// At least one.
    pub(super) methods: Vec<&'p str>,
}

impl<'p> Operations<'p> {
    pub(super) fn of(visitor: &Visitor, snapshot: &'p Snapshot) -> Self {
        Self {
            snapshot,
            names: names(snapshot.trust(), &visitor.issuer.settings.url),
        }
    }

    pub(super) fn policy(&self) -> &'p Policy {
        self.snapshot.policy()
    }

    pub(super) fn named(&self, name: &str) -> Option<Operation<'p>> {
        let mut routes = self.snapshot.policy().routes().iter();
        self.of_route(routes.find(|route| *route.name == *name)?)
    }

    /// The route as an operation. None where nobody of this site passes, whatever it has: of such routes the
    /// portal says nothing. None where its requests have no path.
    pub(super) fn of_route(&self, route: &'p Route) -> Option<Operation<'p>> {
        let counts = || self.names.iter().any(|name| route.issuers.include(name));
        let is_open = match &route.requirement {
            Requirement::Public => true,
            Requirement::Authenticated | Requirement::Scopes(_) => counts(),
            Requirement::Nobody => false,
        };
        let methods: Vec<&str> = match &route.methods {
            Methods::Every => USUAL_METHODS.to_vec(),
            Methods::Listed(listed) => {
                let listed = listed.iter().map(|method| &**method);
                listed
                    .filter(|method| !OTHER_METHODS.contains(method))
                    .collect()
            }
        };
        let path = route.fillable_path()?;
        (is_open && !methods.is_empty()).then_some(Operation {
            route,
            path,
            methods,
        })
    }
}

impl<'p> Operation<'p> {
    pub(super) fn name(&self) -> &'p str {
        &self.route.name
    }

    /// Methods and path, as the policy has them.
    pub(super) fn request(&self) -> String {
        let methods = match self.route.methods {
            Methods::Every => "*".to_owned(),
            Methods::Listed(_) => self.methods.join(" "),
        };
        let hosts: Vec<String> = self.route.hosts.iter().map(ToString::to_string).collect();
        format!("{methods} {}{}", hosts.join(" "), self.route.path)
    }

    /// Whether requests for it can go to this host.
    pub(super) fn is_at(&self, host: &str) -> bool {
        self.route.names_host(Host(host.as_bytes()))
    }

    /// Whether requests of some of its methods have a body.
    pub(super) fn may_have_body(&self) -> bool {
        self.methods.iter().any(|method| has_body(method))
    }
}

/// Whether requests of a method have a body with a meaning (RFC 9110 section 9.3).
pub(super) fn has_body(method: &str) -> bool {
    !["GET", "HEAD", "OPTIONS"].contains(&method)
}
