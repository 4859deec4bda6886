//! Two policies compared, and what the comparison says held against deciding requests.

mod callers;
mod path_rules;
mod properties;
mod readings;
mod size;

use crate::labels::Label;
use crate::policy::{Answer, Policy};
use crate::problem::Source;

use super::*;

fn compiled(text: &str) -> Policy {
    let source = Source {
        name: "policy.yaml".to_owned(),
        text: text.to_owned(),
    };
    Policy::compile(&[source]).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

const HEAD: &str = "version: 1\nscopes: {read: Read, write: Write, admin: All}\nroutes:\n";

fn policy(routes: &str) -> Policy {
    compiled(&format!("{HEAD}{routes}"))
}

/// The differences, a line for each.
fn shown(old: &Policy, new: &Policy) -> String {
    let comparison = compare(old, new, None).unwrap();
    let name = |access: &Access<'_>| match access.answer() {
        Answer::Unlisted => "-".to_owned(),
        Answer::Route(route) => route.name.to_string(),
        Answer::Preflight(route) => format!("preflight {}", route.name),
    };
    let mut lines = Vec::new();
    for one in &comparison.differences {
        let requests = match &one.requests {
            Requests::Class {
                hosts,
                methods,
                path,
                more_paths,
            } => {
                let more = if *more_paths > 0 { "+" } else { "" };
                format!("{methods} {path}{more} on {hosts}")
            }
            Requests::Readings { path } => format!("readings of {path}"),
            Requests::Spelling { rule, .. } => format!("paths.{}", rule.name()),
        };
        let example = one
            .example
            .as_ref()
            .map(|example| format!("{} {}{}", example.method, example.host, example.path));
        let caller = |caller: &Option<Caller>| match caller {
            None => "nobody".to_owned(),
            Some(Caller::Anonymous) => "anybody".to_owned(),
            Some(Caller::Holder { issuer, scopes }) => {
                format!(
                    "{}[{}]",
                    issuer.as_deref().unwrap_or("any"),
                    scopes.join(" ")
                )
            }
        };
        lines.push(format!(
            "{}: {requests}: {} -> {}; {}; gained by {}, lost by {}",
            one.effect.label(),
            name(&one.before),
            name(&one.after),
            example.unwrap_or_default(),
            caller(&one.gains),
            caller(&one.loses),
        ));
    }
    lines.join("\n")
}

#[track_caller]
fn check(old: &str, new: &str, expected: &str) {
    let lines: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(
        shown(&policy(old), &policy(new))
            .lines()
            .collect::<Vec<_>>(),
        lines
    );
}

const ORDERS: &str = "  - {name: orders, methods: [GET], path: /orders, scopes: [read]}\n";

#[test]
fn a_policy_does_not_differ_from_itself_whatever_the_names_and_the_order() {
    let old = "
  - {name: a, methods: [GET, PUT], path: '/a/{x}', scopes: [read]}
  - {name: b, methods: [GET], path: '/b/{*rest}', access: public}
";
    let new = "
  - {name: c, methods: [GET], path: '/b/{*all}', access: public}
  - {name: d, methods: [PUT], path: '/a/{y}', any_scope: [read]}
  - {name: e, methods: [GET], path: '/a/{y}', scopes: [read]}
";
    check(old, new, "");
}

#[test]
fn what_is_opened_and_closed_is_told_with_an_example() {
    check(
        ORDERS,
        "  - {name: orders, methods: [GET], path: /orders, access: public}\n",
        "more_open: GET /orders on every host: orders -> orders; GET other.example/orders; gained by anybody, lost by nobody",
    );
    check(
        ORDERS,
        "  - {name: orders, methods: [GET], path: /orders, scopes: [read, write]}\n",
        "more_closed: GET /orders on every host: orders -> orders; GET other.example/orders; gained by nobody, lost by any[read]",
    );
    check(
        ORDERS,
        "  - {name: orders, methods: [GET], path: /orders, scopes: [write]}\n",
        "changed: GET /orders on every host: orders -> orders; GET other.example/orders; gained by any[write], lost by any[read]",
    );
    check(
        ORDERS,
        "  - {name: orders, methods: [GET], path: /orders, any_scope: [write, read]}\n",
        "more_open: GET /orders on every host: orders -> orders; GET other.example/orders; gained by any[write], lost by nobody",
    );
    check(
        ORDERS,
        &format!("{ORDERS}  - {{name: place, methods: [POST], path: /orders, scopes: [write]}}\n"),
        "more_open: POST /orders on every host: - -> place; POST other.example/orders; gained by any[write], lost by nobody",
    );
}

/// A literal that is gone leaves its path to the wider route.
#[test]
fn the_less_specific_route_takes_over() {
    let wide = "  - {name: all, methods: ['*'], path: '/{*rest}', access: public}\n";
    check(
        &format!(
            "{wide}  - {{name: admin, methods: ['*'], path: '/admin/{{*rest}}', access: nobody}}\n"
        ),
        wide,
        "more_open: every method /admin/{*rest} on every host: admin -> all; GET other.example/admin/1; gained by anybody, lost by nobody",
    );
    check(
        &format!("{wide}  - {{name: new, methods: [GET], path: '/items/new', access: nobody}}\n"),
        &format!("{wide}  - {{name: item, methods: [PUT], path: '/items/{{id}}', scopes: [write]}}\n"),
        "more_open: PUT /items/new on every host: - -> item; PUT other.example/items/new; gained by any[write], lost by nobody
         more_closed: PUT /items/{id} on every host: all -> item; PUT other.example/items/1; gained by nobody, lost by anybody
         more_closed: every method but PUT /items/{any} on every host: all -> -; GET other.example/items/1; gained by nobody, lost by anybody
         refusal: GET /items/new on every host: new -> -; GET other.example/items/new; gained by nobody, lost by nobody",
    );
}

#[test]
fn what_nobody_may_do_can_be_refused_in_another_way() {
    check(
        ORDERS,
        &format!("{ORDERS}  - {{name: x, methods: [GET], path: '/x', access: nobody}}\n"),
        "refusal: GET /x on every host: - -> x; GET other.example/x; gained by nobody, lost by nobody",
    );
}

#[test]
fn a_preflight_is_let_through_although_options_are_not() {
    check(
        "  - {name: put, methods: [PUT], path: /a, scopes: [write]}\n",
        "  - {name: put, methods: [PUT], path: /a, scopes: [write], preflight: true}\n",
        "more_open: CORS preflights for PUT /a on every host: - -> preflight put; OPTIONS other.example/a; gained by anybody, lost by nobody",
    );
}

#[test]
fn hosts_are_compared_by_the_tables_that_answer_them() {
    let old = "
  - {name: orders, methods: [GET], path: /orders, scopes: [read]}
  - {name: shop, hosts: [api.shop.example], methods: [GET], path: /x, access: public}
";
    let new = "
  - {name: orders, methods: [GET], path: /orders, scopes: [read]}
  - {name: shop, hosts: ['*.shop.example'], methods: [GET], path: /x, access: public}
  - {name: own, hosts: [www.shop.example], methods: [GET], path: /orders, access: public}
";
    check(
        old,
        new,
        "more_open: GET /orders on www.shop.example: orders -> own; GET www.shop.example/orders; gained by anybody, lost by nobody
         more_open: GET /x on *.shop.example: - -> shop; GET any.shop.example/x; gained by anybody, lost by nobody",
    );
}

/// Found by `tests/second_opinion/diff.py`: one pair of routes, and a host with other paths for it.
#[test]
fn a_class_has_the_paths_that_it_names_on_every_host_of_it() {
    let old = r#"
        - {name: one, methods: [DELETE, POST], path: "/{p}", scopes: [read], hosts: ["*.a.example", "*.example"]}
    "#;
    let new = r#"
        - {name: one, methods: [DELETE], path: "/{p}", scopes: [read], hosts: ["*.a.example", "*.example"]}
        - {name: all, methods: [DELETE, GET], path: "/{*rest}", scopes: [write], hosts: ["*.a.example", a.example]}
    "#;
    check(
        old,
        new,
        "more_open: DELETE, GET /{*rest} on a.example: - -> all; GET a.example/1; gained by any[write], lost by nobody
         more_open: DELETE, GET /{any}/{*rest} on *.a.example: - -> all; DELETE any.a.example/1/1; gained by any[write], lost by nobody
         changed: DELETE /{p} on a.example: one -> all; DELETE a.example/1; gained by any[write], lost by any[read]
         more_closed: POST /{p} on *.a.example, *.example, a.example: one -> -; POST any.a.example/1; gained by nobody, lost by any[read]",
    );
}

#[test]
fn a_literal_that_must_be_encoded_has_an_example_that_is_canonical() {
    let route = |access: &str| {
        format!(
            "  - {{name: a, methods: [GET], path: '/a%20b/caf%C3%A9/{{x}}:go', access: {access}}}\n"
        )
    };
    check(
        &route("nobody"),
        &route("public"),
        "more_open: GET /a%20b/caf%C3%A9/{x}:go on every host: a -> a; GET other.example/a%20b/café/1:go; gained by anybody, lost by nobody",
    );
}

#[test]
fn asterisks_and_connections_are_requests_too() {
    let of = |access: &str| {
        format!(
            "  - {{name: server, methods: [OPTIONS], path: '*', access: {access}}}\n  \
             - {{name: tunnel, hosts: [t.example], methods: [CONNECT], path: '', access: {access}}}\n"
        )
    };
    check(
        &of("nobody"),
        &of("public"),
        "more_open: CONNECT  on t.example: tunnel -> tunnel; CONNECT t.examplet.example; gained by anybody, lost by nobody
         more_open: OPTIONS * on every host: server -> server; OPTIONS other.example*; gained by anybody, lost by nobody",
    );
}
