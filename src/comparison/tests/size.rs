//! Large policies are compared in time.

use std::fmt::Write as _;

use super::*;

/// Ten thousand routes as APIs have them, each service on a host of its own or on all.
fn large(public: impl Fn(usize) -> bool) -> Policy {
    let mut routes = String::new();
    for service in 0..100 {
        let hosts = if service % 2 == 0 {
            format!("hosts: [s{service}.shop.example], ")
        } else {
            String::new()
        };
        for resource in 0..50 {
            let number = service * 50 + resource;
            let access = if public(number) {
                "access: public"
            } else {
                "scopes: [read]"
            };
            let base = format!("/s{service}/r{resource}");
            let _ = writeln!(
                routes,
                "  - {{name: list-{number}, {hosts}methods: [GET, POST], path: '{base}', {access}}}"
            );
            let _ = writeln!(
                routes,
                "  - {{name: item-{number}, {hosts}methods: ['*'], path: '{base}/{{id}}/parts/{{part}}', scopes: [write]}}"
            );
        }
    }
    routes.push_str("  - {name: all, methods: ['*'], path: '/{*rest}', access: nobody}\n");
    policy(&routes)
}

#[test]
fn ten_thousand_routes_with_a_hundred_changes() {
    let old = large(|_| false);
    let new = large(|number| number % 50 == 7);
    let start = std::time::Instant::now();
    let comparison = compare(&old, &new, None).unwrap();
    println!(
        "two policies of {} routes: {:?}",
        old.routes().len(),
        start.elapsed()
    );
    assert_eq!(comparison.count(Effect::MoreOpen), 100);
    assert_eq!(comparison.differences.len(), 100);
}

#[test]
fn ten_thousand_routes_that_all_changed() {
    let (old, new) = (large(|_| false), large(|_| true));
    let start = std::time::Instant::now();
    let comparison = compare(&old, &new, None).unwrap();
    println!(
        "two policies of {} routes, half changed: {:?}",
        old.routes().len(),
        start.elapsed()
    );
    assert_eq!(comparison.differences.len(), 5000);
}
