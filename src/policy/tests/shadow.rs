//! A policy in shadow: what no route lists is let through, unless a route that is enforced may be meant.

use proptest::prelude::*;

use super::upstreams::{odd_path, relaxations, routes, text};
use super::*;

const SHADOW: &str = r#"
version: 1
mode: shadow
paths: {path_parameters: true, encoded_delimiters: true, encoded_slashes: true}
routes:
  - {name: admin, methods: ["*"], path: /admin/delete, access: nobody, mode: enforce}
  - {name: account, methods: ["*"], path: /admin/account, access: authenticated, mode: enforce}
  - {name: page, methods: [GET], path: "/{page}", access: public}
  - {name: internal, methods: [POST], path: "/internal/{x}", access: nobody, mode: enforce}
  - {name: cross, methods: [POST], path: "/cross/{x}", scopes: [read], preflight: true}
  - {name: options, methods: [OPTIONS], path: /cross/a, access: nobody, mode: enforce}
scopes: {read: Read}
"#;

#[test]
fn what_another_reading_leads_to_is_judged_though_one_is_unlisted() {
    let policy = compiled(SHADOW);
    for (method, path, expected) in [
        ("POST", "/admin/delete", "admin"),
        ("POST", "/admin/delete%3Bx", "unlisted but admin"),
        ("POST", "/admin/delete;x", "admin"),
        ("POST", "/admin/delete%3Fx", "unlisted but admin"),
        ("POST", "/admin/delete%23x", "unlisted but admin"),
        ("POST", "/admin/account%3Bx", "unlisted but account"),
        ("POST", "/internal%2Fx", "unlisted but internal"),
        ("POST", "/other%3Bx", "unlisted"),
    ] {
        let target = Target {
            method: Method(method.as_bytes()),
            ..get(path.as_bytes())
        };
        assert_eq!(outcome(&policy, &target), expected, "{method} {path}");
    }
    let preflight = Target {
        method: Method(b"OPTIONS"),
        preflight: Some(Method(b"POST")),
        ..get(b"/cross/a%3Bx")
    };
    assert_eq!(outcome(&policy, &preflight), "unlisted but options");
    let enforced = compiled(&SHADOW.replace("mode: shadow\n", ""));
    assert_eq!(outcome(&enforced, &get(b"/admin/delete%3Bx")), "unlisted");
    assert_eq!(outcome(&enforced, &preflight), "unlisted");
}

proptest! {
    /// Whatever is let through: each route that a reading of the path leads to was asked.
    #[test]
    fn every_route_that_may_be_meant_is_judged(
        routes in routes(),
        path in odd_path(),
        paths in relaxations(),
    ) {
        let policy = compiled(&format!("mode: shadow\n{}", text(&routes, &paths)));
        let target = Target { host: Host(b"a.example"), ..get(path.as_bytes()) };
        let judged = match policy.route(&target) {
            Ok(Routed::One(route)) => vec![route],
            Ok(Routed::Every(routes) | Routed::UnlistedInShadow { listed: routes, .. }) => routes,
            Ok(Routed::Unlisted | Routed::Preflight(_)) => panic!("{path}"),
            Err(_) => return Ok(()),
        };
        for reading in policy.trace(&target).unwrap().readings {
            let meant = reading.matches.first().and_then(|first| first.answers);
            if let Some(meant) = meant {
                prop_assert!(
                    judged.iter().any(|route| route.index == meant.index),
                    "{} may mean {}", path, meant.name
                );
            }
        }
    }
}
