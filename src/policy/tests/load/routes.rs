//! Mistakes in names, methods and preflights, and routes that conflict.

use insta::assert_snapshot;

use super::{Policy, Source, report};

#[test]
fn what_every_route_has_is_asked_for() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {}
  - {name: "", methods: [], path: a}
  - {name: "read order", methods: [GET], path: /b, access: public}
  - {name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn, methods: [GET], path: /c, access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: the route has no `name`
     --> 1.yaml:4:5
      |
    4 |   - {}
      |     ^
      |
      = help: add `name: read-order`

    error: the route has no `methods`
     --> 1.yaml:4:5
      |
    4 |   - {}
      |     ^
      |
      = help: add `methods: [GET]`

    error: the route has no `path`
     --> 1.yaml:4:5
      |
    4 |   - {}
      |     ^
      |
      = help: add `path: /orders/{order_id}`

    error: the route does not say who may use it
     --> 1.yaml:4:5
      |
    4 |   - {}
      |     ^
      |
      = help: add `access: public` for everybody, `access: authenticated` for any valid token (`access: nobody` closes it), or `scopes: [...]` for tokens with them

    error: the route `` does not say who may use it
     --> 1.yaml:5:5
      |
    5 |   - {name: "", methods: [], path: a}
      |     ^
      |
      = help: add `access: public` for everybody, `access: authenticated` for any valid token (`access: nobody` closes it), or `scopes: [...]` for tokens with them

    error: the route name `` cannot be used
     --> 1.yaml:5:12
      |
    5 |   - {name: "", methods: [], path: a}
      |            ^^
      |
      = help: write 1 to 64 letters, digits, `.`, `_` or `-`

    error: `methods` is empty
     --> 1.yaml:5:25
      |
    5 |   - {name: "", methods: [], path: a}
      |                         ^
      |
      = help: list at least one, or write `["*"]` for every method

    error: the path does not begin with a slash
     --> 1.yaml:5:35
      |
    5 |   - {name: "", methods: [], path: a}
      |                                   ^
      |
      = help: write `/` in front of it

    error: the route name `read order` cannot be used
     --> 1.yaml:6:12
      |
    6 |   - {name: "read order", methods: [GET], path: /b, access: public}
      |            ^^^^^^^^^^^^
      |
      = help: write 1 to 64 letters, digits, `.`, `_` or `-`

    error: the route name `nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn...` cannot be used
     --> 1.yaml:7:12
      |
    7 |   - {name: nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn, methods: [GET], path: /c, access: public}
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write 1 to 64 letters, digits, `.`, `_` or `-`

    10 problems
    "##);
}

#[test]
fn route_names_are_unique() {
    let report = report(&[
        r"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: /a, access: public}
",
        r"version: 1
routes:
  - {name: a, methods: [GET], path: /b, access: public}
",
    ]);
    assert_snapshot!(report, @r##"
    error: the route name `a` appears twice
     --> 2.yaml:3:12
      |
    3 |   - {name: a, methods: [GET], path: /b, access: public}
      |            ^
      |
     ::: 1.yaml:4:12
      |
    4 |   - {name: a, methods: [GET], path: /a, access: public}
      |            - first appears here
      |
      = help: give each route its own name

    1 problem
    "##);
}

#[test]
fn methods_are_those_that_exist() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [get], path: /a, access: public}
  - {name: b, methods: ["*", GET], path: /b, access: public}
  - {name: c, methods: [DELTE, PURGE], path: /c, access: public}
  - {name: d, methods: ["GET POST"], path: /d, access: public}
  - {name: e, methods: [Fetch], path: /e, access: public}
  - {name: f, methods: [GET, GET], path: /f, access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: the method `get` is not in upper case, and methods are case-sensitive
     --> 1.yaml:4:25
      |
    4 |   - {name: a, methods: [get], path: /a, access: public}
      |                         ^^^
      |
      = help: did you mean `GET`?

    error: `*` is listed with other methods
     --> 1.yaml:5:25
      |
    5 |   - {name: b, methods: ["*", GET], path: /b, access: public}
      |                         ^^^
      |
      = help: write `["*"]` alone, or list the methods

    error: unknown method `DELTE`
     --> 1.yaml:6:25
      |
    6 |   - {name: c, methods: [DELTE, PURGE], path: /c, access: public}
      |                         ^^^^^
      |
      = help: did you mean `DELETE`?

    error: `GET POST` is not a method
     --> 1.yaml:7:25
      |
    7 |   - {name: d, methods: ["GET POST"], path: /d, access: public}
      |                         ^^^^^^^^^^
      |
      = help: write a method such as `GET`, or `["*"]` alone for every method

    error: the method `Fetch` is not in upper case, and methods are case-sensitive
     --> 1.yaml:8:25
      |
    8 |   - {name: e, methods: [Fetch], path: /e, access: public}
      |                         ^^^^^
      |
      = help: did you mean `FETCH`?

    error: `GET` appears twice in `methods`
     --> 1.yaml:9:30
      |
    9 |   - {name: f, methods: [GET, GET], path: /f, access: public}
      |                              ^^^
      |
     ::: 1.yaml:9:25
      |
    9 |   - {name: f, methods: [GET, GET], path: /f, access: public}
      |                         --- first appears here
      |
      = help: remove one of the two

    6 problems
    "##);
}

#[test]
fn two_routes_that_answer_the_same_request_are_both_shown() {
    let report = report(&[
        r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: "/x/{id}", access: public}
  - {name: b, methods: [HEAD, PUT], path: "/x/{key}", access: nobody}
  - {name: c, methods: ["*"], path: /caf%C3%A9, access: public}
  - {name: d, methods: [POST], path: /café, access: public}
  - {name: e, hosts: [a.example, b.example, c.example], methods: [GET], path: /h, access: public}
  - {name: f, hosts: [b.example, c.example], methods: [GET], path: /h, access: public}
  - {name: g, methods: [GET], path: /h, access: public}
  - {name: h, methods: [POST], path: /h, access: public}
"#,
        r#"version: 1
routes:
  - {name: i, methods: ["*"], path: "/{*all}", access: public}
  - {name: j, methods: ["*"], path: "/{*everything}", access: public}
"#,
    ]);
    assert_snapshot!(report, @r##"
    error: the routes `a` and `b` would answer the same requests (`HEAD` `/x/{key}`)
     --> 1.yaml:5:43
      |
    5 |   - {name: b, methods: [HEAD, PUT], path: "/x/{key}", access: nobody}
      |                                           ^^^^^^^^^^
      |
     ::: 1.yaml:4:37
      |
    4 |   - {name: a, methods: [GET], path: "/x/{id}", access: public}
      |                                     --------- the path of `a`
      |
      = help: change the hosts, the methods or the path of one of them, or remove it

    error: the routes `c` and `d` would answer the same requests (`POST` `/café`)
     --> 1.yaml:7:38
      |
    7 |   - {name: d, methods: [POST], path: /café, access: public}
      |                                      ^^^^^
      |
     ::: 1.yaml:6:37
      |
    6 |   - {name: c, methods: ["*"], path: /caf%C3%A9, access: public}
      |                                     ---------- the path of `c`
      |
      = help: change the hosts, the methods or the path of one of them, or remove it

    error: the routes `e` and `f` would answer the same requests (`GET` `/h`)
     --> 1.yaml:9:68
      |
    9 |   - {name: f, hosts: [b.example, c.example], methods: [GET], path: /h, access: public}
      |                                                                    ^^
      |
     ::: 1.yaml:8:79
      |
    8 |   - {name: e, hosts: [a.example, b.example, c.example], methods: [GET], path: /h, access: public}
      |                                                                               -- the path of `e`
      |
      = help: change the hosts, the methods or the path of one of them, or remove it

    error: the routes `i` and `j` would answer the same requests (every method `/{*everything}`)
     --> 2.yaml:4:37
      |
    4 |   - {name: j, methods: ["*"], path: "/{*everything}", access: public}
      |                                     ^^^^^^^^^^^^^^^^
      |
     ::: 2.yaml:3:37
      |
    3 |   - {name: i, methods: ["*"], path: "/{*all}", access: public}
      |                                     --------- the path of `i`
      |
      = help: change the hosts, the methods or the path of one of them, or remove it

    4 problems
    "##);
}

#[test]
fn preflight_is_for_routes_that_can_use_it() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: ["*"], path: /a, access: public, preflight: true}
  - {name: b, methods: [GET], path: /b, access: nobody, preflight: true}
  - {name: c, methods: [GET], path: /c, access: public, preflight: "true"}
  - {name: d, methods: [GET, OPTIONS], path: /d, access: public, preflight: false}
"#]);
    assert_snapshot!(report, @r##"
    error: `preflight: true` has no effect, because the route answers `OPTIONS` itself
     --> 1.yaml:4:68
      |
    4 |   - {name: a, methods: ["*"], path: /a, access: public, preflight: true}
      |                                                                    ^^^^
      |
      = help: list the methods that scripts may use, without `OPTIONS`

    error: `preflight: true` lets preflights through to a route that nobody may use
     --> 1.yaml:5:68
      |
    5 |   - {name: b, methods: [GET], path: /b, access: nobody, preflight: true}
      |                                                                    ^^^^
      |
      = help: remove `preflight`

    error: this is not a boolean
     --> 1.yaml:6:68
      |
    6 |   - {name: c, methods: [GET], path: /c, access: public, preflight: "true"}
      |                                                                    ^^^^^^
      |
      = help: write `true` or `false`, without quotation marks

    3 problems
    "##);
}

#[test]
fn a_method_that_nobody_knows_is_marked_itself() {
    let source = Source {
        name: "1.yaml".to_owned(),
        text:
            "version: 1\nroutes:\n  - {name: a, methods: [GET, FETCH], path: /a, access: public}\n"
                .to_owned(),
    };
    let policy = Policy::compile(std::slice::from_ref(&source)).unwrap();
    let places = policy
        .warnings()
        .iter()
        .filter_map(|warning| warning.place.clone());
    let marked: Vec<_> = places
        .filter_map(|place| source.text.get(place.bytes?))
        .collect();
    assert_eq!(marked, ["FETCH"]);
}

/// What YAML makes of a condition in `{...}` that is not in single quotation marks.
#[test]
fn a_condition_that_yaml_cuts_is_told_how_to_write_it() {
    for (entry, help) in [
        (
            "access: public, when: f(1, 2) == 3",
            "into single quotation marks",
        ),
        (
            "access: public, when: token.a in [\"b\", \"c\"]",
            "into single quotation marks",
        ),
        (
            "access: public, when: \"eu\" in token.regions",
            "into single quotation marks",
        ),
        ("access: yes", "write `public`, `authenticated` or `nobody`"),
        (
            "access: true",
            "write `public`, `authenticated` or `nobody`",
        ),
    ] {
        let text =
            format!("version: 1\nroutes:\n  - {{name: a, methods: [GET], path: /a, {entry}}}\n");
        let said = report(&[&text]);
        assert!(said.contains(help), "{entry}: {said}");
    }
}
