//! One route: its name, hosts, methods and path.

use super::conditions::Conditioned;
use super::list::WrittenList;
use super::{Compiler, RouteDocument};
use crate::policy::host::HostPattern;
use crate::policy::method::{self, Methods};
use crate::policy::template::Template;
use crate::policy::{Requirement, Route};
use crate::problem::{Mistake, Place, Problem, Source, quoted};
use crate::yaml::{self, Located};

/// The longest route name; it is a metric label.
const MAX_NAME_BYTES: usize = 64;

/// A route without mistakes of its own, and where it stands.
pub(super) struct ParsedRoute<'d> {
    pub(super) route: Route,
    pub(super) template: Template,
    source: &'d Source,
    path: &'d Located<String>,
    methods: Option<&'d Located<Vec<Located<String>>>>,
    says_issuers: bool,
}

impl ParsedRoute<'_> {
    /// Two routes that would answer the same request. The one that stands later is at fault.
    pub(super) fn conflict(&self, other: &Self) -> Problem {
        let key = |parsed: &Self| {
            let place = parsed.place();
            (place.file, place.line, place.column)
        };
        let (first, second) = if key(self) < key(other) {
            (self, other)
        } else {
            (other, self)
        };
        let common = first.route.methods.common(&second.route.methods);
        let paths = (&first.route.path, &second.route.path);
        let differ_in_case = paths.0 != paths.1 && paths.0.eq_ignore_ascii_case(paths.1);
        Problem::new(format!(
            "the routes `{}` and `{}` would answer the same requests ({} {})",
            first.route.name,
            second.route.name,
            common.unwrap_or_default(),
            quoted(&second.route.path),
        ))
        .help(if differ_in_case {
            "`paths: {ignore_case: true}` makes their paths the same; remove one of the routes"
        } else {
            "change the hosts, the methods or the path of one of them, or remove it"
        })
        .at(second.place())
        .related(first.place(), format!("the path of `{}`", first.route.name))
    }

    /// Whether it names its issuers itself.
    pub(super) fn says_issuers(&self) -> bool {
        self.says_issuers
    }

    /// Where its path is written.
    pub(super) fn place(&self) -> Place {
        self.path.place(self.source)
    }

    /// Where this method is written.
    pub(super) fn method_place(&self, method: &str) -> Place {
        let mut written = self.methods.iter().flat_map(|methods| &methods.value);
        let written = written.find(|written| written.value == method);
        written.map_or_else(|| self.place(), |written| written.place(self.source))
    }
}

impl<'f> Compiler<'f> {
    /// Reads one route and tells all that is wrong with it.
    pub(super) fn route(
        &mut self,
        source: &'f Source,
        located: &'f Located<RouteDocument>,
    ) -> Option<ParsedRoute<'f>> {
        let place = located.place(source);
        let document = &located.value;
        let name = self.name(source, document, &place);
        let hosts = self.hosts(source, document);
        let methods = self.methods(source, document, &place);
        let template = self.template(source, document, &place);
        let demand = self.route_demand(source, document, &place);
        let conditions = match (&demand, &template, &document.path) {
            (Some(demand), Some(template), Some(path)) => {
                let conditioned = Conditioned {
                    template,
                    requirement: &demand.requirement,
                    place: path.place(source),
                };
                self.route_conditions(&demand.when, &conditioned)
            }
            _ => None,
        };
        let preflight = document.preflight.as_ref().is_some_and(|preflight| {
            let flag = yaml::flag(source, preflight);
            self.keep(flag).unwrap_or_default()
        });
        let mode = self.route_mode(source, document.mode.as_ref(), demand.as_ref());
        // Only here, after all parts were read: one run shows all mistakes of a route.
        let (name, hosts, methods) = (name?, hosts?, methods?);
        let (path, template, demand) = (document.path.as_ref()?, template?, demand?);
        let mode = mode?;
        let route = Route {
            // Set when all routes are known, since those with faults have none.
            index: 0,
            name,
            requirement: demand.requirement,
            conditions: conditions?,
            issuers: demand.issuers,
            hosts,
            methods,
            path: path.value.as_str().into(),
            preflight,
            mode,
        };
        if let Some(mistake) = mismatch(&route, &template) {
            self.problems.push(mistake.at(path.place(source)));
            return None;
        }
        if let (Some(written), Some(mistake)) = (&document.preflight, needless(&route)) {
            self.problems.push(mistake.at(written.place(source)));
            return None;
        }
        Some(ParsedRoute {
            route,
            template,
            source,
            path,
            methods: document.methods.as_ref(),
            says_issuers: demand.says_issuers,
        })
    }

    pub(super) fn complain(
        &mut self,
        message: impl Into<String>,
        help: impl Into<String>,
        place: Place,
    ) {
        self.problems.push(Mistake::new(message, help).at(place));
    }

    fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn missing(&mut self, key: &str, example: &str, place: &Place) {
        let message = format!("the route has no `{key}`");
        self.complain(message, format!("add `{key}: {example}`"), place.clone());
    }

    fn name(&mut self, source: &Source, route: &RouteDocument, place: &Place) -> Option<Box<str>> {
        let Some(name) = &route.name else {
            self.missing("name", "read-order", place);
            return None;
        };
        if let Some(mistake) = name_mistake("route", &name.value) {
            self.problems.push(mistake.at(name.place(source)));
            return None;
        }
        Some(name.value.as_str().into())
    }

    /// The patterns; empty where the key is absent.
    fn hosts(&mut self, source: &Source, route: &RouteDocument) -> Option<Box<[HostPattern]>> {
        let Some(entries) = &route.hosts else {
            return Some(Box::default());
        };
        let list = WrittenList {
            source,
            key: "hosts",
            entries,
            if_empty: "remove `hosts` to answer every host, or list at least one",
            if_long: "split the route",
        };
        let hosts = list.read(&mut self.problems, host_pattern)?;
        Some(hosts.into())
    }

    fn methods(
        &mut self,
        source: &Source,
        route: &RouteDocument,
        place: &Place,
    ) -> Option<Methods> {
        let Some(entries) = &route.methods else {
            self.missing("methods", "[GET]", place);
            return None;
        };
        if let [only] = entries.value.as_slice()
            && only.value == "*"
        {
            return Some(Methods::Every);
        }
        let list = WrittenList {
            source,
            key: "methods",
            entries,
            if_empty: "list at least one, or write `[\"*\"]` for every method",
            if_long: "split the route",
        };
        let mut methods: Vec<Box<str>> = list.read(&mut self.problems, |method| {
            if method == "*" {
                return Err(Mistake::new(
                    "`*` is listed with other methods",
                    "write `[\"*\"]` alone, or list the methods",
                ));
            }
            method::mistake(method).map_or_else(|| Ok(method.into()), Err)
        })?;
        // So that the order in the file shows neither in messages nor in comparisons.
        methods.sort();
        Some(Methods::Listed(methods.into()))
    }

    fn template(
        &mut self,
        source: &Source,
        route: &RouteDocument,
        place: &Place,
    ) -> Option<Template> {
        let Some(path) = &route.path else {
            self.missing("path", "/orders/{order_id}", place);
            return None;
        };
        let mut template = Template::parse(&path.value);
        if self
            .rules
            .as_ref()
            .is_some_and(|(rules, _)| rules.ignore_case)
        {
            // Folded once here, and at a request once for its path: the tables compare bytes.
            template = template.and_then(Template::ignoring_case);
        }
        match template {
            Ok(template) => Some(template),
            Err(error) => {
                self.complain(error.to_string(), error.help(), path.place(source));
                None
            }
        }
    }
}

/// What is wrong with a name of the policy, if it cannot be used.
pub(super) fn name_mistake(of: &str, name: &str) -> Option<Mistake> {
    let valid = (1..=MAX_NAME_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (!valid).then(|| {
        Mistake::new(
            format!("the {of} name {} cannot be used", quoted(name)),
            format!("write 1 to {MAX_NAME_BYTES} letters, digits, `.`, `_` or `-`"),
        )
    })
}

/// A host as the policy writes it.
pub(super) fn host_pattern(host: &str) -> Result<HostPattern, Mistake> {
    HostPattern::parse(host)
        .map_err(|error| Mistake::new(format!("the host {} {error}", quoted(host)), error.help()))
}

/// The paths that are none belong to one method each.
fn mismatch(route: &Route, template: &Template) -> Option<Mistake> {
    let (path, method) = match template {
        Template::Asterisk => ("path `*`", "OPTIONS"),
        Template::Empty => ("empty path", "CONNECT"),
        Template::Path(_) => return None,
    };
    (!route.methods.are_only(method)).then(|| {
        Mistake::new(
            format!("only `{method}` has the {path}"),
            format!("write `methods: [{method}]`, or a path such as `/orders/{{order_id}}`"),
        )
    })
}

/// A preflight that the route itself answers, or that asks for what nobody may do.
fn needless(route: &Route) -> Option<Mistake> {
    if !route.preflight {
        return None;
    }
    if route.methods.answer(b"OPTIONS") {
        return Some(Mistake::new(
            "`preflight: true` has no effect, because the route answers `OPTIONS` itself",
            "list the methods that scripts may use, without `OPTIONS`",
        ));
    }
    (route.requirement == Requirement::Nobody).then(|| {
        Mistake::new(
            "`preflight: true` lets preflights through to a route that nobody may use",
            "remove `preflight`",
        )
    })
}
