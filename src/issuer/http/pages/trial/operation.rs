//! The operations that somebody can try out: routes of the policy, and what descriptions say besides.

use http::Uri;

use super::command::known_authorities;
use super::offered::Offer;
use crate::authorizer::Snapshot;
use crate::coding::push_percent_encoded;
use crate::issuer::Issuer;
use crate::issuer::http::pages::verdict::Question;
use crate::openapi::{Catalogue, DescribedOperation, ParameterPlace};
use crate::policy::{
    FillError, FillablePath, Host, Methods, ParameterExtent, PathParameter, Policy, RequiredScopes,
    Requirement, Route, Routed,
};

/// What a route that answers every method is tried with.
const USUAL_METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Not requests for a server behind the proxy (RFC 9110 sections 9.3.6 and 9.3.8).
const OTHER_METHODS: [&str; 2] = ["CONNECT", "TRACE"];

/// Stands for a parameter of which no example is known.
const ANY_VALUE: &str = "example";

/// The operations of a policy and of descriptions.
pub(super) struct Operations<'p> {
    snapshot: &'p Snapshot,
    catalogue: &'p Catalogue,
    /// What the gate calls the issuer of the site.
    names: Vec<&'p str>,
    /// The hosts at which operations are looked for, the first first.
    hosts: Vec<String>,
}

/// Something that somebody of the site may pass.
pub(super) struct Operation<'p> {
    /// The route of the policy that answers it, which alone says what it needs.
    pub(super) route: &'p Route,
    shape: Shape<'p>,
    /// At least one.
    pub(super) methods: Vec<&'p str>,
}

/// Where path and texts come from.
enum Shape<'p> {
    Route(FillablePath),
    Described(&'p DescribedOperation),
}

impl<'p> Operations<'p> {
    pub(super) fn of(issuer: &Issuer, snapshot: &'p Snapshot, catalogue: &'p Catalogue) -> Self {
        let settings = &issuer.settings;
        Self {
            snapshot,
            catalogue,
            names: snapshot.trust().names_of(&settings.url).collect(),
            hosts: known_authorities(&settings.portal),
        }
    }

    pub(super) fn policy(&self) -> &'p Policy {
        self.snapshot.policy()
    }

    /// What is described, each with its position.
    pub(super) fn described(&self) -> impl Iterator<Item = (usize, Operation<'p>)> {
        let described = self.catalogue.operations.iter().enumerate();
        described.filter_map(|(position, one)| {
            let operation = self.of_described(one, |_| None)?;
            Some((position, operation))
        })
    }

    /// The routes.
    pub(super) fn routes(&self) -> impl Iterator<Item = Operation<'p>> {
        let routes = self.policy().routes().iter();
        routes.filter_map(|route| self.of_route(route))
    }

    /// The route of what was found in this policy.
    pub(super) fn route(&self, offer: &Offer) -> Option<&'p Route> {
        self.policy()
            .routes()
            .get(offer.route)
            .map(|route| &**route)
    }

    /// What was found in this policy and these descriptions.
    pub(super) fn found(&self, offer: &Offer) -> Option<Operation<'p>> {
        let route = self.route(offer)?;
        let Some(position) = offer.description else {
            return self.of_route(route);
        };
        let described = self.catalogue.operations.get(position)?;
        Some(Operation::described_by(described, route))
    }

    /// The operation that answers `GET` for this address, and the values that its path has there.
    pub(super) fn at(&self, url: &Uri) -> Option<(Operation<'p>, Vec<(String, String)>)> {
        let path = url.path();
        let question = Question {
            method: "GET",
            host: url.authority()?.as_str(),
            path,
            token: None,
            fix: "",
        };
        let Ok(Routed::One(route)) = self.policy().route(&question.target()) else {
            return None;
        };
        let described = self
            .catalogue
            .operations
            .iter()
            .filter(|one| one.method == "GET");
        let mut described = described.filter_map(|one| {
            let values = one.values_of(path)?;
            let value = |name: &str| find(&values, name);
            let operation = self.of_described(one, value)?;
            (operation.route.index == route.index).then(|| (operation, owned(&values)))
        });
        if let Some(found) = described.next() {
            return Some(found);
        }
        let operation = self.of_route(route)?;
        let Shape::Route(template) = &operation.shape else {
            return None;
        };
        let values = owned(&template.values_of(path)?);
        Some((operation, values))
    }

    /// The operation of this name. Which route answers one that is described may depend on the values of its
    /// parameters.
    pub(super) fn named<'v>(
        &self,
        name: &str,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Option<Operation<'p>> {
        // No route has a space in its name, and what is described has.
        if let Some(described) = self.catalogue.get(name) {
            return self.of_described(described, value);
        }
        let mut routes = self.snapshot.policy().routes().iter();
        self.of_route(routes.find(|route| *route.name == *name)?)
    }

    /// The route as an operation. None where nobody of this site passes, whatever it has: of such routes the
    /// portal says nothing. None where its requests have no path.
    pub(super) fn of_route(&self, route: &'p Route) -> Option<Operation<'p>> {
        let methods: Vec<&str> = match &route.methods {
            Methods::Every => USUAL_METHODS.to_vec(),
            Methods::Listed(listed) => {
                let listed = listed.iter().map(|method| &**method);
                listed
                    .filter(|method| !OTHER_METHODS.contains(method))
                    .collect()
            }
        };
        let shape = Shape::Route(route.fillable_path()?);
        (self.is_open(route) && !methods.is_empty()).then_some(Operation {
            route,
            shape,
            methods,
        })
    }

    fn is_open(&self, route: &Route) -> bool {
        let counts = || self.names.iter().any(|name| route.issuers.include(name));
        match &route.requirement {
            Requirement::Public => true,
            Requirement::Authenticated | Requirement::Scopes(_) => counts(),
            Requirement::Nobody => false,
        }
    }

    /// What is described as an operation: with these values, else with its examples, else with any. None where
    /// the policy has no route for it that somebody of the site passes.
    fn of_described<'v>(
        &self,
        described: &'p DescribedOperation,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Option<Operation<'p>> {
        let example = |name: &str| described.parameter(name)?.example.as_deref();
        let paths = [
            described.path_with(value),
            described.path_with(|name| example(name).or(Some(ANY_VALUE))),
            described.path_with(|_| Some(ANY_VALUE)),
        ];
        let mut routes = paths
            .iter()
            .flatten()
            .filter_map(|path| self.route_of(described, path));
        Some(Operation::described_by(described, routes.next()?))
    }

    fn route_of(&self, described: &DescribedOperation, path: &str) -> Option<&'p Route> {
        let hosts = self.hosts.iter().chain(&described.hosts);
        let mut found = hosts.filter_map(|host| {
            let question = Question {
                method: &described.method,
                host,
                path,
                token: None,
                fix: "",
            };
            match self.policy().route(&question.target()) {
                Ok(Routed::One(route)) if self.is_open(route) => Some(&**route),
                _ => None,
            }
        });
        found.next()
    }
}

impl<'p> Operation<'p> {
    fn described_by(described: &'p DescribedOperation, route: &'p Route) -> Self {
        Self {
            route,
            shape: Shape::Described(described),
            methods: vec![&described.method],
        }
    }

    /// Whether each of its requests is one of these, which are described and answered by the same route.
    pub(super) fn is_covered_by(&self, described: &[&Self]) -> bool {
        let (Shape::Route(template), Methods::Listed(_)) = (&self.shape, &self.route.methods)
        else {
            return false;
        };
        self.methods.iter().all(|method| {
            described.iter().any(|one| {
                one.methods.contains(method)
                    && one
                        .described()
                        .is_some_and(|one| one.has_paths_of(template))
            })
        })
    }

    /// What the page calls it in its address. No other operation has the same.
    pub(super) fn name(&self) -> &'p str {
        match &self.shape {
            Shape::Route(_) => &self.route.name,
            Shape::Described(described) => &described.key,
        }
    }

    /// What people call it.
    pub(super) fn title(&self) -> &'p str {
        let Some(described) = self.described() else {
            return &self.route.name;
        };
        let parts = &described.parts;
        let mut known = [&parts.summary, &parts.id].into_iter();
        known
            .find(|text| !text.is_empty())
            .unwrap_or(&described.key)
    }

    pub(super) fn described(&self) -> Option<&'p DescribedOperation> {
        match self.shape {
            Shape::Route(_) => None,
            Shape::Described(described) => Some(described),
        }
    }

    /// Methods and path, as policy or description have them.
    pub(super) fn request(&self) -> String {
        if let Some(described) = self.described() {
            return described.key.clone();
        }
        let methods = match self.route.methods {
            Methods::Every => "*".to_owned(),
            Methods::Listed(_) => self.methods.join(" "),
        };
        let hosts: Vec<String> = self.route.hosts.iter().map(ToString::to_string).collect();
        format!("{methods} {}{}", hosts.join(" "), self.route.path)
    }

    /// The parameters of its path, each with the name by which people know it.
    pub(super) fn parameters(&self) -> Vec<(PathParameter<'_>, &str)> {
        match &self.shape {
            Shape::Route(path) => path.parameters().map(|one| (one, one.name)).collect(),
            Shape::Described(described) => described.parameters().collect(),
        }
    }

    /// The path of a request with these values.
    pub(super) fn path_with<'v>(
        &self,
        value: impl Fn(&str) -> Option<&'v str>,
    ) -> Result<String, FillError> {
        match &self.shape {
            Shape::Route(path) => path.with(value),
            Shape::Described(described) => described.path_with(value),
        }
    }

    /// What the description has as an example of this parameter of the path.
    pub(super) fn example(&self, name: &str) -> &'p str {
        let parameter = self.described().and_then(|one| one.parameter(name));
        let example = parameter.and_then(|one| one.example.as_deref());
        example.unwrap_or_default()
    }

    /// A query of the examples of all parameters that must be there.
    pub(super) fn example_query(&self) -> String {
        let parameters = self.described().map(|one| &one.parts.parameters);
        let needed = parameters
            .into_iter()
            .flatten()
            .filter(|parameter| parameter.place == ParameterPlace::Query && parameter.is_required);
        let pairs = needed.map(|parameter| {
            let mut pair = String::new();
            push_percent_encoded(&mut pair, &parameter.name);
            pair.push('=');
            let example = parameter.example.as_deref().unwrap_or_default();
            push_percent_encoded(&mut pair, example);
            pair
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    /// Whether requests for it can go to this host.
    pub(super) fn is_at(&self, host: &str) -> bool {
        self.route.names_host(Host(host.as_bytes()))
    }

    /// Whether requests of some of its methods have a body.
    pub(super) fn may_have_body(&self) -> bool {
        self.methods.iter().any(|method| has_body(method))
    }

    /// Its texts and those of its route, one on each line, in lower case.
    pub(super) fn searched(&self) -> Box<str> {
        let mut texts: Vec<&str> = match self.described() {
            Some(one) => vec![&one.key, &one.parts.id, &one.parts.summary, &one.parts.text],
            None => vec![&self.route.path],
        };
        texts.push(&self.route.name);
        let scopes = self.route.requirement.scopes().into_iter();
        texts.extend(scopes.flat_map(RequiredScopes::names));
        texts.join("\n").to_lowercase().into()
    }
}

fn find<'v>(values: &[(&str, &'v str)], name: &str) -> Option<&'v str> {
    let mut values = values.iter();
    values
        .find(|(one, _)| *one == name)
        .map(|(_, value)| *value)
}

fn owned(values: &[(&str, &str)]) -> Vec<(String, String)> {
    let values = values.iter();
    let values = values.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    values.collect()
}

/// How much of the path a parameter stands for, in words.
pub(super) fn is_rest(parameter: &PathParameter<'_>) -> bool {
    parameter.extent == ParameterExtent::Rest
}

/// Whether requests of a method have a body with a meaning (RFC 9110 section 9.3).
pub(super) fn has_body(method: &str) -> bool {
    !["GET", "HEAD", "OPTIONS"].contains(&method)
}
