//! Every mistake that a policy can have, with the report that its author gets.

use insta::assert_snapshot;

use super::*;
use crate::problem::Colour;

/// The report on policies that do not load; the files are called `1.yaml`, `2.yaml` and so on.
fn report(texts: &[&str]) -> String {
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Source {
            name: format!("{}.yaml", index + 1),
            text: (*text).to_owned(),
        })
        .collect();
    let problems = Policy::compile(&sources).expect_err("the policy loads");
    let json = serde_json::to_value(&problems).unwrap();
    assert_eq!(json["problems"].as_array().unwrap().len(), problems.0.len());
    problems.render(&sources, Colour::Plain)
}

#[test]
fn a_route_without_a_requirement_names_the_ways_to_mend_it() {
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
      = help: add `access: public` for everybody, `access: authenticated` for any valid token (`access: nobody` shuts it), or `scopes: [...]` for tokens with them

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

    error: `orders.read` stands twice in `scopes`
     --> 1.yaml:6:63
      |
    6 |   - {name: c, methods: [GET], path: /c, scopes: [orders.read, orders.read]}
      |                                                               ^^^^^^^^^^^
      |
     ::: 1.yaml:6:50
      |
    6 |   - {name: c, methods: [GET], path: /c, scopes: [orders.read, orders.read]}
      |                                                  ----------- stands here first
      |
      = help: remove one of the two

    error: the scope name `orders.read orders.write` has a space or comma, which stands between scopes
     --> 1.yaml:7:50
      |
    7 |   - {name: d, methods: [GET], path: /d, scopes: ["orders.read orders.write"]}
      |                                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write each scope as an entry of its own

    error: the scope name `orders\\read` has a character that no scope has
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
    error: the scope name `b c` has a space or comma, which stands between scopes
     --> 1.yaml:2:18
      |
    2 | scopes: {a: one, "b c": two, "d,e": three, "é": four}
      |                  ^^^^^
      |
      = help: write each scope as an entry of its own

    error: the scope name `d,e` has a space or comma, which stands between scopes
     --> 1.yaml:2:30
      |
    2 | scopes: {a: one, "b c": two, "d,e": three, "é": four}
      |                              ^^^^^
      |
      = help: write each scope as an entry of its own

    error: the scope name `é` has a character that no scope has
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
      |          - listed here first
      |
      = help: keep it in one file

    4 problems
    "##);
}

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
      = help: add `access: public` for everybody, `access: authenticated` for any valid token (`access: nobody` shuts it), or `scopes: [...]` for tokens with them

    error: the route `` does not say who may use it
     --> 1.yaml:5:5
      |
    5 |   - {name: "", methods: [], path: a}
      |     ^
      |
      = help: add `access: public` for everybody, `access: authenticated` for any valid token (`access: nobody` shuts it), or `scopes: [...]` for tokens with them

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
    error: the route name `a` stands twice
     --> 2.yaml:3:12
      |
    3 |   - {name: a, methods: [GET], path: /b, access: public}
      |            ^
      |
     ::: 1.yaml:4:12
      |
    4 |   - {name: a, methods: [GET], path: /a, access: public}
      |            - stands here first
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

    error: `*` stands beside other methods
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

    error: `GET` stands twice in `methods`
     --> 1.yaml:9:30
      |
    9 |   - {name: f, methods: [GET, GET], path: /f, access: public}
      |                              ^^^
      |
     ::: 1.yaml:9:25
      |
    9 |   - {name: f, methods: [GET, GET], path: /f, access: public}
      |                         --- stands here first
      |
      = help: remove one of the two

    6 problems
    "##);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn hosts_are_written_as_they_are_compared() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, hosts: [API.shop.example], methods: [GET], path: /a, access: public}
  - {name: b, hosts: ["shop.example:443"], methods: [GET], path: /b, access: public}
  - {name: c, hosts: [shop.example.], methods: [GET], path: /c, access: public}
  - {name: d, hosts: ["*"], methods: [GET], path: /d, access: public}
  - {name: e, hosts: ["a.*.example"], methods: [GET], path: /e, access: public}
  - {name: f, hosts: ["*shop.example"], methods: [GET], path: /f, access: public}
  - {name: g, hosts: ["https://shop.example"], methods: [GET], path: /g, access: public}
  - {name: h, hosts: ["a..b"], methods: [GET], path: /h, access: public}
  - {name: i, hosts: ["1.2.3"], methods: [GET], path: /i, access: public}
  - {name: j, hosts: ["[::1]:80"], methods: [GET], path: /j, access: public}
  - {name: k, hosts: [bücher.example], methods: [GET], path: /k, access: public}
  - {name: l, hosts: ["shop example"], methods: [GET], path: /l, access: public}
  - {name: m, hosts: [""], methods: [GET], path: /m, access: public}
  - {name: q, hosts: ["*.10.0.0.1"], methods: [GET], path: /q, access: public}
  - {name: o, hosts: [], methods: [GET], path: /o, access: public}
  - {name: p, hosts: ["[::1]", "[0::1]"], methods: [GET], path: /p, access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: the host `API.shop.example` has upper-case letters
     --> 1.yaml:4:23
      |
    4 |   - {name: a, hosts: [API.shop.example], methods: [GET], path: /a, access: public}
      |                       ^^^^^^^^^^^^^^^^
      |
      = help: write it in lower case; requests are compared so

    error: the host `shop.example:443` has a port
     --> 1.yaml:5:23
      |
    5 |   - {name: b, hosts: ["shop.example:443"], methods: [GET], path: /b, access: public}
      |                       ^^^^^^^^^^^^^^^^^^
      |
      = help: remove the port; requests are compared without it

    error: the host `shop.example.` ends in a dot
     --> 1.yaml:6:23
      |
    6 |   - {name: c, hosts: [shop.example.], methods: [GET], path: /c, access: public}
      |                       ^^^^^^^^^^^^^
      |
      = help: remove the dot; requests are compared without it

    error: the host `*` stands for every host
     --> 1.yaml:7:23
      |
    7 |   - {name: d, hosts: ["*"], methods: [GET], path: /d, access: public}
      |                       ^^^
      |
      = help: remove `hosts`; a route without it answers every host

    error: the host `a.*.example` has a `*` elsewhere than as its whole first label
     --> 1.yaml:8:23
      |
    8 |   - {name: e, hosts: ["a.*.example"], methods: [GET], path: /e, access: public}
      |                       ^^^^^^^^^^^^^
      |
      = help: write `*.` and a name, such as `*.shop.example`

    error: the host `*shop.example` has a `*` elsewhere than as its whole first label
     --> 1.yaml:9:23
      |
    9 |   - {name: f, hosts: ["*shop.example"], methods: [GET], path: /f, access: public}
      |                       ^^^^^^^^^^^^^^^
      |
      = help: write `*.` and a name, such as `*.shop.example`

    error: the host `https://shop.example` is a URL
      --> 1.yaml:10:23
       |
    10 |   - {name: g, hosts: ["https://shop.example"], methods: [GET], path: /g, access: public}
       |                       ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write the host alone, such as `api.shop.example`

    error: the host `a..b` is no host: the host has an empty label
      --> 1.yaml:11:23
       |
    11 |   - {name: h, hosts: ["a..b"], methods: [GET], path: /h, access: public}
       |                       ^^^^^^
       |
       = help: write a name, `*.` and a name, an IPv4 address or an IPv6 address in brackets

    error: the host `1.2.3` is no host: the host is no valid address
      --> 1.yaml:12:23
       |
    12 |   - {name: i, hosts: ["1.2.3"], methods: [GET], path: /i, access: public}
       |                       ^^^^^^^
       |
       = help: write a name, `*.` and a name, an IPv4 address or an IPv6 address in brackets

    error: the host `[::1]:80` has a port
      --> 1.yaml:13:23
       |
    13 |   - {name: j, hosts: ["[::1]:80"], methods: [GET], path: /j, access: public}
       |                       ^^^^^^^^^^
       |
       = help: remove the port; requests are compared without it

    error: the host `bücher.example` has letters beyond ASCII
      --> 1.yaml:14:23
       |
    14 |   - {name: k, hosts: [bücher.example], methods: [GET], path: /k, access: public}
       |                       ^^^^^^^^^^^^^^
       |
       = help: write the name as the network does, beginning with `xn--`

    error: the host `shop example` is no host: the host has a character that no name has
      --> 1.yaml:15:23
       |
    15 |   - {name: l, hosts: ["shop example"], methods: [GET], path: /l, access: public}
       |                       ^^^^^^^^^^^^^^
       |
       = help: write a name, `*.` and a name, an IPv4 address or an IPv6 address in brackets

    error: the host `` is empty
      --> 1.yaml:16:23
       |
    16 |   - {name: m, hosts: [""], methods: [GET], path: /m, access: public}
       |                       ^^
       |
       = help: remove it; a route without `hosts` answers every host

    error: the host `*.10.0.0.1` has a `*` elsewhere than as its whole first label
      --> 1.yaml:17:23
       |
    17 |   - {name: q, hosts: ["*.10.0.0.1"], methods: [GET], path: /q, access: public}
       |                       ^^^^^^^^^^^^
       |
       = help: write `*.` and a name, such as `*.shop.example`

    error: `hosts` is empty
      --> 1.yaml:18:22
       |
    18 |   - {name: o, hosts: [], methods: [GET], path: /o, access: public}
       |                      ^
       |
       = help: remove `hosts` to answer every host, or list at least one

    error: `[0::1]` stands twice in `hosts`
      --> 1.yaml:19:32
       |
    19 |   - {name: p, hosts: ["[::1]", "[0::1]"], methods: [GET], path: /p, access: public}
       |                                ^^^^^^^^
       |
      ::: 1.yaml:19:23
       |
    19 |   - {name: p, hosts: ["[::1]", "[0::1]"], methods: [GET], path: /p, access: public}
       |                       ------- stands here first
       |
       = help: remove one of the two

    16 problems
    "##);
}

#[test]
fn paths_are_templates() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: "orders", access: public}
  - {name: b, methods: [GET], path: "https://shop.example/a", access: public}
  - {name: c, methods: [GET], path: "/a?x=1", access: public}
  - {name: d, methods: [GET], path: "/a/{id}.json", access: public}
  - {name: e, methods: [GET], path: "/a/{1d}", access: public}
  - {name: f, methods: [GET], path: "/a/{}", access: public}
  - {name: g, methods: [GET], path: "/a/{id}/b/{id}", access: public}
  - {name: h, methods: [GET], path: "/a/{*rest}/b", access: public}
  - {name: i, methods: [GET], path: "/a/*", access: public}
  - {name: j, methods: [GET], path: "/a/**", access: public}
  - {name: k, methods: [GET], path: "/a/:id", access: public}
  - {name: l, methods: [GET], path: "/a/{id", access: public}
  - {name: m, methods: [GET], path: "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: the path does not begin with a slash
     --> 1.yaml:4:37
      |
    4 |   - {name: a, methods: [GET], path: "orders", access: public}
      |                                     ^^^^^^^^
      |
      = help: write `/` in front of it

    error: the path is a URL
     --> 1.yaml:5:37
      |
    5 |   - {name: b, methods: [GET], path: "https://shop.example/a", access: public}
      |                                     ^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write the path alone, and the host into `hosts`

    error: the path has a query, which is never compared
     --> 1.yaml:6:37
      |
    6 |   - {name: c, methods: [GET], path: "/a?x=1", access: public}
      |                                     ^^^^^^^^
      |
      = help: remove the `?` and what follows it

    error: the braces in `{id}.json` do not enclose a whole segment
     --> 1.yaml:7:37
      |
    7 |   - {name: d, methods: [GET], path: "/a/{id}.json", access: public}
      |                                     ^^^^^^^^^^^^^^
      |
      = help: write `/{name}/` for one segment, `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves

    error: the parameter name `1d` is not a name
     --> 1.yaml:8:37
      |
    8 |   - {name: e, methods: [GET], path: "/a/{1d}", access: public}
      |                                     ^^^^^^^^^
      |
      = help: a name has letters, digits and `_`, begins with a letter or `_`, and has at most 64 bytes

    error: the parameter name `` is not a name
     --> 1.yaml:9:37
      |
    9 |   - {name: f, methods: [GET], path: "/a/{}", access: public}
      |                                     ^^^^^^^
      |
      = help: a name has letters, digits and `_`, begins with a letter or `_`, and has at most 64 bytes

    error: the parameter name `id` stands twice in the path
      --> 1.yaml:10:37
       |
    10 |   - {name: g, methods: [GET], path: "/a/{id}/b/{id}", access: public}
       |                                     ^^^^^^^^^^^^^^^^
       |
       = help: give each parameter its own name

    error: `{*rest}` is not the last segment
      --> 1.yaml:11:37
       |
    11 |   - {name: h, methods: [GET], path: "/a/{*rest}/b", access: public}
       |                                     ^^^^^^^^^^^^^^
       |
       = help: end the path with it, or use `{name}` for one segment

    error: `*` looks like a wildcard of another notation
      --> 1.yaml:12:37
       |
    12 |   - {name: i, methods: [GET], path: "/a/*", access: public}
       |                                     ^^^^^^
       |
       = help: write `{name}` for one segment, `{*name}` at the end for all that follow, `%2A` or `%3A` for the character itself

    error: `**` looks like a wildcard of another notation
      --> 1.yaml:13:37
       |
    13 |   - {name: j, methods: [GET], path: "/a/**", access: public}
       |                                     ^^^^^^^
       |
       = help: write `{name}` for one segment, `{*name}` at the end for all that follow, `%2A` or `%3A` for the character itself

    error: `:id` looks like a wildcard of another notation
      --> 1.yaml:14:37
       |
    14 |   - {name: k, methods: [GET], path: "/a/:id", access: public}
       |                                     ^^^^^^^^
       |
       = help: write `{name}` for one segment, `{*name}` at the end for all that follow, `%2A` or `%3A` for the character itself

    error: the braces in `{id` do not enclose a whole segment
      --> 1.yaml:15:37
       |
    15 |   - {name: l, methods: [GET], path: "/a/{id", access: public}
       |                                     ^^^^^^^^
       |
       = help: write `/{name}/` for one segment, `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves

    error: the path is longer than 2048 bytes or 64 segments
      --> 1.yaml:16:37
       |
    16 | ...h: "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a", a...
       |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: use `{*rest}` for the deeper part

    13 problems
    "##);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_path_that_no_request_has_is_an_error() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: "/a//b", access: public}
  - {name: b, methods: [GET], path: "/a/", access: public}
  - {name: c, methods: [GET], path: "/a/../b", access: public}
  - {name: d, methods: [GET], path: "/a/.", access: public}
  - {name: e, methods: [GET], path: "/a/%2e%2e", access: public}
  - {name: f, methods: [GET], path: "/a;x=1", access: public}
  - {name: g, methods: [GET], path: "/a%3Bx", access: public}
  - {name: h, methods: [GET], path: "/a%2Fb", access: public}
  - {name: i, methods: [GET], path: "/a%5Cb", access: public}
  - {name: j, methods: [GET], path: "/a\\b", access: public}
  - {name: k, methods: [GET], path: "/a#b", access: public}
  - {name: l, methods: [GET], path: "/a b", access: public}
  - {name: m, methods: [GET], path: "/100%", access: public}
  - {name: r, methods: [GET], path: "/a%252e", access: public}
  - {name: s, methods: [GET], path: "/%ff", access: public}
  - {name: t, methods: [GET], path: "/a%00", access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: no request is answered by a path with an empty segment
     --> 1.yaml:4:37
      |
    4 |   - {name: a, methods: [GET], path: "/a//b", access: public}
      |                                     ^^^^^^^
      |
      = help: write one slash between segments

    error: no request is answered by a path that ends in a slash
     --> 1.yaml:5:37
      |
    5 |   - {name: b, methods: [GET], path: "/a/", access: public}
      |                                     ^^^^^
      |
      = help: remove the slash; `paths: {trailing_slash: true}` lets requests have one

    error: no request is answered by `..`: the path has a dot segment
     --> 1.yaml:6:37
      |
    6 |   - {name: c, methods: [GET], path: "/a/../b", access: public}
      |                                     ^^^^^^^^^
      |
      = help: write the path without dot segments and without encoded dots

    error: no request is answered by `.`: the path has a dot segment
     --> 1.yaml:7:37
      |
    7 |   - {name: d, methods: [GET], path: "/a/.", access: public}
      |                                     ^^^^^^
      |
      = help: write the path without dot segments and without encoded dots

    error: no request is answered by `%2e%2e`: the path has an encoded dot
     --> 1.yaml:8:37
      |
    8 |   - {name: e, methods: [GET], path: "/a/%2e%2e", access: public}
      |                                     ^^^^^^^^^^^
      |
      = help: write the path without dot segments and without encoded dots

    error: no request is answered by `a;x=1`: the path has a parameter
     --> 1.yaml:9:37
      |
    9 |   - {name: f, methods: [GET], path: "/a;x=1", access: public}
      |                                     ^^^^^^^^
      |
      = help: remove the `;` and what follows it; `paths: {path_parameters: true}` lets requests have it

    error: no request is answered by `a%3Bx`: the path has a parameter
      --> 1.yaml:10:37
       |
    10 |   - {name: g, methods: [GET], path: "/a%3Bx", access: public}
       |                                     ^^^^^^^^
       |
       = help: remove the `;` and what follows it; `paths: {path_parameters: true}` lets requests have it

    error: no request is answered by `a%2Fb`: the path has an encoded slash
      --> 1.yaml:11:37
       |
    11 |   - {name: h, methods: [GET], path: "/a%2Fb", access: public}
       |                                     ^^^^^^^^
       |
       = help: write `{name}`: with `paths: {encoded_slashes: true}` a parameter may have a slash

    error: no request is answered by `a%5Cb`: the path has a backslash
      --> 1.yaml:12:37
       |
    12 |   - {name: i, methods: [GET], path: "/a%5Cb", access: public}
       |                                     ^^^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request is answered by `a\\b`: the path has a backslash
      --> 1.yaml:13:37
       |
    13 |   - {name: j, methods: [GET], path: "/a\\b", access: public}
       |                                     ^^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request is answered by `a#b`: the path has a fragment
      --> 1.yaml:14:37
       |
    14 |   - {name: k, methods: [GET], path: "/a#b", access: public}
       |                                     ^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request is answered by `a b`: the path has a control byte or a space
      --> 1.yaml:15:37
       |
    15 |   - {name: l, methods: [GET], path: "/a b", access: public}
       |                                     ^^^^^^
       |
       = help: write `%20` for a space; requests with control bytes are refused as malformed

    error: no request is answered by `100%`: the path has a percent sign that encodes nothing
      --> 1.yaml:16:37
       |
    16 |   - {name: m, methods: [GET], path: "/100%", access: public}
       |                                     ^^^^^^^
       |
       = help: write `%25` for the percent sign itself

    error: no request is answered by `a%252e`: the path is encoded twice
      --> 1.yaml:17:37
       |
    17 |   - {name: r, methods: [GET], path: "/a%252e", access: public}
       |                                     ^^^^^^^^^
       |
       = help: encode it once

    error: no request is answered by `%ff`: the path is not UTF-8
      --> 1.yaml:18:37
       |
    18 |   - {name: s, methods: [GET], path: "/%ff", access: public}
       |                                     ^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request is answered by `a%00`: the path has a control byte or a space
      --> 1.yaml:19:37
       |
    19 |   - {name: t, methods: [GET], path: "/a%00", access: public}
       |                                     ^^^^^^^
       |
       = help: write `%20` for a space; requests with control bytes are refused as malformed

    16 problems
    "##);
}

#[test]
fn paths_that_are_none_belong_to_one_method() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: "*", access: public}
  - {name: b, methods: ["*"], path: "*", access: public}
  - {name: c, methods: [GET], path: "", access: public}
  - {name: d, methods: [OPTIONS], path: "*", access: public}
  - {name: e, methods: [CONNECT], path: "", access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: only `OPTIONS` has the path `*`
     --> 1.yaml:4:37
      |
    4 |   - {name: a, methods: [GET], path: "*", access: public}
      |                                     ^^^
      |
      = help: write `methods: [OPTIONS]`, or a path such as `/orders/{order_id}`

    error: only `OPTIONS` has the path `*`
     --> 1.yaml:5:37
      |
    5 |   - {name: b, methods: ["*"], path: "*", access: public}
      |                                     ^^^
      |
      = help: write `methods: [OPTIONS]`, or a path such as `/orders/{order_id}`

    error: only `CONNECT` has the empty path
     --> 1.yaml:6:37
      |
    6 |   - {name: c, methods: [GET], path: "", access: public}
      |                                     ^^
      |
      = help: write `methods: [CONNECT]`, or a path such as `/orders/{order_id}`

    3 problems
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

    error: `preflight: true` lets preflights through to a route that is for nobody
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
fn a_policy_says_its_version_and_its_routes() {
    let report = report(&[r"version: 2
routes: []
"]);
    assert_snapshot!(report, @r##"
    error: unsupported policy version `2`
     --> 1.yaml:1:10
      |
    1 | version: 2
      |          ^
      |
      = help: write `version: 1`

    1 problem
    "##);
}

#[test]
fn a_policy_without_routes_says_so_itself() {
    let report = report(&[r"version: 1
"]);
    assert_snapshot!(report, @r##"
    error: the policy has no routes
     --> 1.yaml:1:10
      |
    1 | version: 1
      |          ^
      |
      = help: add `routes:`; to refuse every request, write `routes: []`

    1 problem
    "##);
}

#[test]
fn path_rules_stand_in_one_file() {
    let report = report(&[
        r"version: 1
routes: []
paths: {merge_slashes: True}
",
        r"version: 1
paths: {}
",
    ]);
    assert_snapshot!(report, @r##"
    error: this is not a boolean
     --> 1.yaml:3:24
      |
    3 | paths: {merge_slashes: True}
      |                        ^^^^
      |
      = help: write `true` or `false`, without quotation marks

    error: `paths` stands in more than one file
     --> 2.yaml:2:8
      |
    2 | paths: {}
      |        ^
      |
     ::: 1.yaml:3:8
      |
    3 | paths: {merge_slashes: True}
      |        - stands here first
      |
      = help: keep it in one file; it holds for the whole policy

    2 problems
    "##);
}

#[test]
fn unknown_keys_get_a_suggestion() {
    let report = report(&[
        r"version: 1
routes:
  - {name: a, methods: [GET], path: /a, acces: public}
",
        r"version: 1
scope: {}
",
        r"version: 1
routes: []
paths: {merge_slash: true}
",
        r"version: 1
routes:
  - {name: a, methods: [GET], path: /a, access: public, when: x}
",
    ]);
    assert_snapshot!(report, @r##"
    error: unknown key `acces`
     --> 1.yaml:3:41
      |
    3 |   - {name: a, methods: [GET], path: /a, acces: public}
      |                                         ^^^^^
      |
      = help: did you mean `access`?

    error: unknown key `scope`
     --> 2.yaml:2:1
      |
    2 | scope: {}
      | ^^^^^
      |
      = help: did you mean `scopes`?

    error: unknown key `merge_slash`
     --> 3.yaml:3:9
      |
    3 | paths: {merge_slash: true}
      |         ^^^^^^^^^^^
      |
      = help: did you mean `merge_slashes`?

    error: unknown key `when`
     --> 4.yaml:3:57
      |
    3 |   - {name: a, methods: [GET], path: /a, access: public, when: x}
      |                                                         ^^^^
      |
      = help: known are `name`, `hosts`, `methods`, `path`, `access`, `scopes`, `any_scope`, `issuers`, `preflight`

    4 problems
    "##);
}

#[test]
fn a_key_without_a_value_is_an_error() {
    let report = report(&[
        r"version: 1
routes:
  - name: a
    hosts:
    methods: [GET]
    path: /a
    access: public
",
        r"version: 1
routes:
",
        r"version: 1
routes:
  - name: a
    methods: [GET]
    path: /a
    access: authenticated
    scopes:
",
        r"routes: []
",
        r"",
    ]);
    assert_snapshot!(report, @r##"
    error: expected a list
     --> 1.yaml:4:10
      |
    4 |     hosts:
      |          ^
      |
      = help: write `[one, two]`, or each entry behind a `-`

    error: expected a list
     --> 2.yaml:2:7
      |
    2 | routes:
      |       ^
      |
      = help: write `[one, two]`, or each entry behind a `-`

    error: expected a list
     --> 3.yaml:7:11
      |
    7 |     scopes:
      |           ^
      |
      = help: write `[one, two]`, or each entry behind a `-`

    error: the key `version` is missing
     --> 4.yaml:1:1
      |
    1 | routes: []
      | ^^^^^^
      |
      = help: add `version:`

    error: the file is empty
     --> 5.yaml:1:1
      |
    1 |
      | ^
      |
      = help: a file has one YAML document

    5 problems
    "##);
}
