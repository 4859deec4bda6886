//! Why no route lists a request, and which one comes nearest: for logs and explanations.

use std::sync::Arc;

use super::path::{Necessity, Segments};
use super::table::{HostTables, Leaves};
use super::{Matched, Method, Policy, Route, Target, Wanted};
use crate::labels::closed_set;

closed_set! {
    /// The part of a request by which every route misses it.
    pub enum Mismatch {
        /// A route of another host has its path and its method.
        Host = "host",
        /// No route of its host has its path.
        Path = "path",
        /// A route has its path, and no route there has its method.
        Method = "method",
    }
}

/// Why no route lists a request.
#[derive(Debug, Clone, Copy)]
pub struct NearMiss<'p> {
    pub mismatch: Mismatch,
    /// The route that comes nearest, if one comes near.
    pub nearest: Option<&'p Arc<Route>>,
}

impl Policy {
    /// Why no route lists `target`; nothing where one does, or where it is malformed. Costs more than
    /// finding a route, and no more for a policy of many routes.
    pub fn near_miss(&self, target: &Target<'_>) -> Option<NearMiss<'_>> {
        let missed = self.look_up(target, |tables, wanted| match wanted {
            Wanted::Asterisk => self.missed_form(tables.asterisk(), target),
            Wanted::Empty => self.missed_form(tables.empty(), target),
            Wanted::Plain(path) => self.missed(tables, path, target, Necessity::Required),
            Wanted::Readings(readings) => readings.iter().find_map(|reading| {
                self.missed(tables, reading.segments(), target, reading.necessity)
            }),
        });
        missed.ok().flatten()
    }

    /// Why none lists a request whose target is no path.
    fn missed_form(&self, leaves: Option<Leaves<'_>>, target: &Target<'_>) -> Option<NearMiss<'_>> {
        match leaves {
            Some(leaves) => self.missed_method(leaves, target),
            None => Some(NearMiss {
                mismatch: Mismatch::Path,
                nearest: None,
            }),
        }
    }

    /// Why none lists a request that is read so.
    fn missed(
        &self,
        tables: HostTables<'_>,
        path: impl Segments,
        target: &Target<'_>,
        necessity: Necessity,
    ) -> Option<NearMiss<'_>> {
        if let Some(leaves) = tables.find(path) {
            return self.missed_method(leaves, target);
        }
        if necessity == Necessity::Possible {
            return None;
        }
        let elsewhere = self.tables.elsewhere(path, |leaves| {
            let (Matched::Route(route) | Matched::Preflight(route)) =
                self.answer(leaves, target)?;
            Some(route.index)
        });
        let wanted_method = target.preflight.unwrap_or(target.method);
        let (mismatch, nearest) = match elsewhere {
            Some(route) => (Mismatch::Host, Some(route)),
            None => (Mismatch::Path, tables.nearest(path, wanted_method.0)),
        };
        Some(NearMiss {
            mismatch,
            nearest: nearest.and_then(|index| self.routes.get(index)),
        })
    }

    fn missed_method(&self, leaves: Leaves<'_>, target: &Target<'_>) -> Option<NearMiss<'_>> {
        if self.answer(leaves, target).is_some() {
            return None;
        }
        // Of a preflight, the route of the method that it asks for.
        let Method(method) = target.preflight.unwrap_or(target.method);
        let nearest = leaves.answer(method).or_else(|| leaves.any_route());
        Some(NearMiss {
            mismatch: Mismatch::Method,
            nearest: nearest.and_then(|index| self.routes.get(index)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::labels::Label;
    use crate::policy::path::PathSegment;
    use crate::policy::{Host, Path};
    use crate::problem::Source;

    const POLICY: &str = "version: 1
closed_hosts: [admin.shop.example]
routes:
  - {name: list-orders, methods: [GET], path: /orders, access: public}
  - {name: read-order, methods: [GET], path: '/orders/{id}', access: public}
  - {name: cancel-order, methods: [POST], path: '/orders/{id}:cancel', access: public}
  - {name: items, methods: [GET], path: '/orders/{id}/items/{item}', access: public, preflight: true}
  - {name: pay, hosts: [pay.shop.example], methods: [POST], path: /payments, access: public}
  - {name: panel, hosts: [admin.shop.example], methods: [GET], path: /panel, access: public}
";

    #[test]
    fn the_mismatch_and_the_nearest_route_are_told() {
        let policy = Policy::compile(&[Source {
            name: "policy.yaml".to_owned(),
            text: POLICY.to_owned(),
        }])
        .unwrap();
        let rows = [
            ("GET a /orders/1", None),
            ("GET a /orders//1", None),
            ("POST a /orders", Some("method list-orders")),
            ("PUT a /orders/1:cancel", Some("method cancel-order")),
            ("DELETE a /orders/1?x=/orders", Some("method read-order")),
            ("GET a /order/1", Some("path read-order")),
            ("GET a /Orders/1", Some("path read-order")),
            ("GET a /orders/1/item/2", Some("path items")),
            ("GET a /orders/1/items", Some("path items")),
            ("GET a /orders/1/items/2/3", Some("path items")),
            ("GET a /basket", Some("path -")),
            ("GET a /", Some("path -")),
            ("OPTIONS a *", Some("path -")),
            ("POST a /payments", Some("host pay")),
            ("GET a /payments", Some("path -")),
            ("GET pay.shop.example /payments", Some("method pay")),
            ("GET admin.shop.example /orders/1", Some("host read-order")),
            ("GET a /panel", Some("host panel")),
        ];
        for (request, expected) in rows {
            let [method, host, path] = request.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{request}")
            };
            let target = Target {
                method: Method(method.as_bytes()),
                host: Host(host.as_bytes()),
                path: Path(path.as_bytes()),
                preflight: None,
                grpc: false,
            };
            let miss = policy.near_miss(&target).map(|miss| {
                let nearest = miss.nearest.map_or("-", |route| &route.name);
                format!("{} {nearest}", miss.mismatch.label())
            });
            assert_eq!(miss.as_deref(), expected, "{request}");
        }
    }

    /// A path `/a/a/../a/z` that counts how often a segment of it is read.
    #[derive(Clone, Copy)]
    struct Counted<'c> {
        left: usize,
        reads: &'c Cell<usize>,
    }

    impl Segments for Counted<'_> {
        fn split_first(&self) -> Option<(PathSegment<'_>, Self)> {
            self.reads.set(self.reads.get() + 1);
            let left = self.left.checked_sub(1)?;
            let text = if left == 0 { b"z" } else { b"a" };
            Some((PathSegment::Named(text), Self { left, ..*self }))
        }
    }

    #[test]
    fn a_path_that_many_templates_begin_like_is_given_up_in_bounded_time() {
        const DEPTH: usize = 10;
        // Each segment is a literal or a parameter, so that there are 1024 ways down.
        let routes = (0..1 << DEPTH).map(|number| {
            let segment = |at: usize| match number >> at & 1 {
                0 => "a".to_owned(),
                _ => format!("{{p{at}}}"),
            };
            let path: Vec<String> = (0..DEPTH).map(segment).collect();
            let path = path.join("/");
            format!("  - {{name: r{number}, methods: [GET], path: '/{path}/y', access: public}}\n")
        });
        let routes = routes.collect::<Vec<_>>().concat();
        let policy = Policy::compile(&[Source {
            name: "policy.yaml".to_owned(),
            text: format!("version: 1\nroutes:\n{routes}"),
        }])
        .unwrap();
        let target = Target {
            method: Method(b"GET"),
            host: Host(b"a"),
            path: Path(b"/"),
            preflight: None,
            grpc: false,
        };
        let reads = Cell::new(0);
        let path = Counted {
            left: DEPTH + 1,
            reads: &reads,
        };
        let nearest = policy.look_up(&target, |tables, _| tables.nearest(path, b"GET"));
        assert_eq!(nearest.unwrap(), Some(0), "all literal");
        assert!((DEPTH..=128).contains(&reads.get()), "{}", reads.get());
    }
}
