//! Whether a route may answer another reading of a path, and requests for which it does.

use super::spelled_otherwise;
use crate::policy::{
    Answer, ExampleRequest, HostPattern, Methods, OtherHosts, RequestClass, Route, SharedReadings,
    shared_paths,
};

/// Requests of a class, and a route that may answer another reading of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a, 'p> {
    class: &'a RequestClass<'p>,
    route: &'p Route,
}

impl<'a, 'p> Beside<'a, 'p> {
    /// Nothing where no path of the class has a reading that `route` answers. Methods are not compared.
    pub(super) fn of(
        class: &'a RequestClass<'p>,
        route: &'p Route,
        shared: &SharedReadings,
    ) -> Option<Self> {
        let beside = Self { class, route };
        let may_share = |path: &str| shared.may_be_of(path, &route.path);
        (beside.host().is_some() && beside.templates().all(may_share)).then_some(beside)
    }

    /// Some requests that may have both readings, with the method of the class's example, or with one of the
    /// route's.
    pub(super) fn examples(self) -> impl Iterator<Item = ExampleRequest> {
        let host = self.host().unwrap_or_default();
        let method = self.method();
        let paths = self
            .templates()
            .flat_map(move |path| shared_paths(path, &self.route.path));
        paths.flat_map(move |path| {
            let plain = ExampleRequest {
                host: host.clone(),
                method: method.clone(),
                path: path.into(),
                preflight: self.class.example.preflight.clone(),
            };
            spelled_otherwise(&plain).collect::<Vec<_>>()
        })
    }

    /// The templates that each path of the class matches.
    fn templates(self) -> impl Iterator<Item = &'a str> {
        let class = self.class;
        let own = (class.more_paths == 0).then_some(&*class.path);
        let routes = [class.old, class.new].into_iter().filter_map(Answer::route);
        own.into_iter().chain(routes.map(|route| &*route.path))
    }

    /// A host of both, if there is one.
    fn host(self) -> Option<Box<str>> {
        let Self { class, route } = self;
        let mut hosts = route.hosts.iter();
        if route.hosts.is_empty() {
            return Some(class.example.host.clone());
        }
        let shared = hosts.find(|host| {
            class.hosts.others == OtherHosts::Every || class.hosts.named.contains(host)
        });
        shared.map(HostPattern::example)
    }

    fn method(self) -> Box<str> {
        let own = &self.class.example.method;
        match &self.route.methods {
            Methods::Listed(listed) if !listed.contains(own) => {
                let mut shared = listed
                    .iter()
                    .filter(|method| has_method(self.class, method));
                shared.next().unwrap_or(own).clone()
            }
            Methods::Every | Methods::Listed(_) => own.clone(),
        }
    }
}

/// Whether a method of the class is one of the route's.
pub(super) fn share_methods(class: &RequestClass<'_>, route: &Route) -> bool {
    let Methods::Listed(listed) = &route.methods else {
        return true;
    };
    // `GET` brings `HEAD`.
    listed.iter().any(|method| {
        has_method(class, method) || (**method == *"GET" && has_method(class, "HEAD"))
    })
}

fn has_method(class: &RequestClass<'_>, wanted: &str) -> bool {
    let has = |list: &[Box<str>]| list.iter().any(|one| **one == *wanted);
    let methods = &class.methods;
    let has_preflights = methods.other_preflights || !methods.preflights_of.is_empty();
    has(&methods.listed)
        || methods.all_but.as_ref().is_some_and(|except| !has(except))
        || has_preflights && wanted == "OPTIONS"
}

/// Whether the route may let a CORS preflight of the class through.
pub(super) fn share_preflights(class: &RequestClass<'_>, route: &Route) -> bool {
    let asked = &class.methods.preflights_of;
    let has = |wanted: &str| asked.iter().any(|one| **one == *wanted);
    route.preflight
        && match &route.methods {
            Methods::Every => true,
            Methods::Listed(listed) => {
                class.methods.other_preflights
                    || listed
                        .iter()
                        .any(|method| has(method) || (**method == *"GET" && has("HEAD")))
            }
        }
}
