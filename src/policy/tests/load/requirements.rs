//! Mistakes in what routes ask of the caller, and in the catalogue of scopes.

use insta::assert_snapshot;

use super::report;

#[test]
fn a_route_without_a_requirement_names_the_ways_to_fix_it() {
    let report = report(&[r"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - name: read-order
    methods: [GET]
    path: /orders/{id}
"]);
    assert_snapshot!(report, @r##"
    error: the route `read-order` does not say who may use it
     --> 1.yaml:4:5
      |
    4 |   - name: read-order
      |     ^
      |
      = help: add `access: public` for everybody, `access: authenticated` for any valid token (`access: nobody` closes it), or `scopes: [...]` for tokens with them

    1 problem
    "##);
}

#[test]
fn a_requirement_is_either_access_or_scopes() {
    let report = report(&[r"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: /a, access: public, scopes: [orders.read]}
  - {name: b, methods: [GET], path: /b, scopes: []}
  - {name: c, methods: [GET], path: /c, any_scope: []}
  - {name: d, methods: [GET], path: /d, access: publc}
  - {name: e, methods: [GET], path: /e, access: everyone}
"]);
    assert_snapshot!(report, @r##"
    error: the route has both `access` and scopes
     --> 1.yaml:4:49
      |
    4 |   - {name: a, methods: [GET], path: /a, access: public, scopes: [orders.read]}
      |                                                 ^^^^^^
      |
      = help: remove `access` to ask for the scopes, or remove the scopes

    error: `scopes` is empty
     --> 1.yaml:5:49
      |
    5 |   - {name: b, methods: [GET], path: /b, scopes: []}
      |                                                 ^
      |
      = help: list at least one; for any valid token, write `access: authenticated`

    error: `any_scope` is empty
     --> 1.yaml:6:52
      |
    6 |   - {name: c, methods: [GET], path: /c, any_scope: []}
      |                                                    ^
      |
      = help: list at least one; for any valid token, write `access: authenticated`

    error: unknown access `publc`
     --> 1.yaml:7:49
      |
    7 |   - {name: d, methods: [GET], path: /d, access: publc}
      |                                                 ^^^^^
      |
      = help: did you mean `public`?

    error: unknown access `everyone`
     --> 1.yaml:8:49
      |
    8 |   - {name: e, methods: [GET], path: /e, access: everyone}
      |                                                 ^^^^^^^^
      |
      = help: write `public`, `authenticated` or `nobody`

    5 problems
    "##);
}

#[test]
fn scopes_are_known_and_well_formed() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: /a, scopes: [orders.raed]}
  - {name: b, methods: [GET], path: /b, any_scope: [payments.refund]}
  - {name: c, methods: [GET], path: /c, scopes: [orders.read, orders.read]}
  - {name: d, methods: [GET], path: /d, scopes: ["orders.read orders.write"]}
  - {name: e, methods: [GET], path: /e, scopes: ["orders\\read", ""]}
"#]);
    assert_snapshot!(report, @r##"
    error: unknown scope `orders.raed`
     --> 1.yaml:4:50
      |
    4 |   - {name: a, methods: [GET], path: /a, scopes: [orders.raed]}
      |                                                  ^^^^^^^^^^^
      |
      = help: did you mean `orders.read`?

    error: unknown scope `payments.refund`
     --> 1.yaml:5:53
      |
    5 |   - {name: b, methods: [GET], path: /b, any_scope: [payments.refund]}
      |                                                     ^^^^^^^^^^^^^^^
      |
      = help: add `payments.refund` and its description to `scopes` of the policy

    error: `orders.read` appears twice in `scopes`
     --> 1.yaml:6:63
      |
    6 |   - {name: c, methods: [GET], path: /c, scopes: [orders.read, orders.read]}
      |                                                               ^^^^^^^^^^^
      |
     ::: 1.yaml:6:50
      |
    6 |   - {name: c, methods: [GET], path: /c, scopes: [orders.read, orders.read]}
      |                                                  ----------- first appears here
      |
      = help: remove one of the two

    error: the scope name `orders.read orders.write` contains a space or a comma, which separate scopes
     --> 1.yaml:7:50
      |
    7 |   - {name: d, methods: [GET], path: /d, scopes: ["orders.read orders.write"]}
      |                                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write each scope as an entry of its own

    error: the scope name `orders\\read` contains a character that scope names cannot have
     --> 1.yaml:8:50
      |
    8 |   - {name: e, methods: [GET], path: /e, scopes: ["orders\\read", ""]}
      |                                                  ^^^^^^^^^^^^^^
      |
      = help: write printable ASCII without space, quotation mark, comma and backslash

    error: the scope name `` is empty
     --> 1.yaml:8:66
      |
    8 |   - {name: e, methods: [GET], path: /e, scopes: ["orders\\read", ""]}
      |                                                                  ^^
      |
      = help: write a name, such as `orders.read`

    6 problems
    "##);
}

#[test]
fn the_catalogue_has_each_scope_once() {
    let report = report(&[
        r#"version: 1
scopes: {a: one, "b c": two, "d,e": three, "é": four}
routes: []
"#,
        r"version: 1
scopes: {a: again}
",
    ]);
    assert_snapshot!(report, @r##"
    error: the scope name `b c` contains a space or a comma, which separate scopes
     --> 1.yaml:2:18
      |
    2 | scopes: {a: one, "b c": two, "d,e": three, "é": four}
      |                  ^^^^^
      |
      = help: write each scope as an entry of its own

    error: the scope name `d,e` contains a space or a comma, which separate scopes
     --> 1.yaml:2:30
      |
    2 | scopes: {a: one, "b c": two, "d,e": three, "é": four}
      |                              ^^^^^
      |
      = help: write each scope as an entry of its own

    error: the scope name `é` contains a character that scope names cannot have
     --> 1.yaml:2:44
      |
    2 | scopes: {a: one, "b c": two, "d,e": three, "é": four}
      |                                            ^^^
      |
      = help: write printable ASCII without space, quotation mark, comma and backslash

    error: the scope `a` is listed twice
     --> 2.yaml:2:10
      |
    2 | scopes: {a: again}
      |          ^
      |
     ::: 1.yaml:2:10
      |
    2 | scopes: {a: one, "b c": two, "d,e": three, "é": four}
      |          - first listed here
      |
      = help: keep it in one file

    4 problems
    "##);
}
