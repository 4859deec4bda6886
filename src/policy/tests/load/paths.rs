//! Mistakes in path templates.

use insta::assert_snapshot;

use super::report;

#[test]
fn paths_are_templates() {
    let report = report(&[r#"version: 1
scopes: {orders.read: Read orders, orders.write: Place orders}
routes:
  - {name: a, methods: [GET], path: "orders", access: public}
  - {name: b, methods: [GET], path: "https://shop.example/a", access: public}
  - {name: c, methods: [GET], path: "/a?x=1", access: public}
  - {name: d, methods: [GET], path: "/a/id.{ext}", access: public}
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

    error: the braces in `id.{ext}` do not enclose one parameter at the beginning of a segment
     --> 1.yaml:7:37
      |
    7 |   - {name: d, methods: [GET], path: "/a/id.{ext}", access: public}
      |                                     ^^^^^^^^^^^^^
      |
      = help: write `/{name}/` for one segment, `/{name}:text/` for one that ends in `:text`, `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves

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

    error: the parameter name `id` appears twice in the path
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

    error: `*` looks like a wildcard in another notation
      --> 1.yaml:12:37
       |
    12 |   - {name: i, methods: [GET], path: "/a/*", access: public}
       |                                     ^^^^^^
       |
       = help: write `{name}` for one segment, `{*name}` at the end for all that follow, `%2A` or `%3A` for the character itself

    error: `**` looks like a wildcard in another notation
      --> 1.yaml:13:37
       |
    13 |   - {name: j, methods: [GET], path: "/a/**", access: public}
       |                                     ^^^^^^^
       |
       = help: write `{name}` for one segment, `{*name}` at the end for all that follow, `%2A` or `%3A` for the character itself

    error: `:id` looks like a wildcard in another notation
      --> 1.yaml:14:37
       |
    14 |   - {name: k, methods: [GET], path: "/a/:id", access: public}
       |                                     ^^^^^^^^
       |
       = help: write `{name}` for one segment, `{*name}` at the end for all that follow, `%2A` or `%3A` for the character itself

    error: the braces in `{id` do not enclose one parameter at the beginning of a segment
      --> 1.yaml:15:37
       |
    15 |   - {name: l, methods: [GET], path: "/a/{id", access: public}
       |                                     ^^^^^^^^
       |
       = help: write `/{name}/` for one segment, `/{name}:text/` for one that ends in `:text`, `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves

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
  - {name: u, methods: [GET], path: "/a/%3Agive", access: public}
  - {name: v, methods: [GET], path: "/%3Agive/a", access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: no request matches a path with an empty segment
     --> 1.yaml:4:37
      |
    4 |   - {name: a, methods: [GET], path: "/a//b", access: public}
      |                                     ^^^^^^^
      |
      = help: write one slash between segments

    error: no request matches a path that ends in a slash
     --> 1.yaml:5:37
      |
    5 |   - {name: b, methods: [GET], path: "/a/", access: public}
      |                                     ^^^^^
      |
      = help: remove the slash; `paths: {trailing_slash: true}` lets requests have one

    error: no request matches `..`: the path has a dot segment
     --> 1.yaml:6:37
      |
    6 |   - {name: c, methods: [GET], path: "/a/../b", access: public}
      |                                     ^^^^^^^^^
      |
      = help: write the path without dot segments and without encoded dots

    error: no request matches `.`: the path has a dot segment
     --> 1.yaml:7:37
      |
    7 |   - {name: d, methods: [GET], path: "/a/.", access: public}
      |                                     ^^^^^^
      |
      = help: write the path without dot segments and without encoded dots

    error: no request matches `%2e%2e`: the path has an encoded dot
     --> 1.yaml:8:37
      |
    8 |   - {name: e, methods: [GET], path: "/a/%2e%2e", access: public}
      |                                     ^^^^^^^^^^^
      |
      = help: write the path without dot segments and without encoded dots

    error: no request matches `a;x=1`: the path has a parameter after `;`
     --> 1.yaml:9:37
      |
    9 |   - {name: f, methods: [GET], path: "/a;x=1", access: public}
      |                                     ^^^^^^^^
      |
      = help: remove the `;` and what follows it; `paths: {path_parameters: true}` lets requests have it in the last segment

    error: no request matches `a%3Bx`: the path has a parameter after `;`
      --> 1.yaml:10:37
       |
    10 |   - {name: g, methods: [GET], path: "/a%3Bx", access: public}
       |                                     ^^^^^^^^
       |
       = help: remove the `;` and what follows it; `paths: {path_parameters: true}` lets requests have it in the last segment

    error: no request matches `a%2Fb`: the path has an encoded slash
      --> 1.yaml:11:37
       |
    11 |   - {name: h, methods: [GET], path: "/a%2Fb", access: public}
       |                                     ^^^^^^^^
       |
       = help: write `{name}`, and `paths: {encoded_slashes: kept}` if the upstream takes `%2F` as part of the parameter

    error: no request matches `a%5Cb`: the path has a backslash
      --> 1.yaml:12:37
       |
    12 |   - {name: i, methods: [GET], path: "/a%5Cb", access: public}
       |                                     ^^^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request matches `a\\b`: the path has a backslash
      --> 1.yaml:13:37
       |
    13 |   - {name: j, methods: [GET], path: "/a\\b", access: public}
       |                                     ^^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request matches `a#b`: the path has a fragment
      --> 1.yaml:14:37
       |
    14 |   - {name: k, methods: [GET], path: "/a#b", access: public}
       |                                     ^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request matches `a b`: the path has a control byte or a space
      --> 1.yaml:15:37
       |
    15 |   - {name: l, methods: [GET], path: "/a b", access: public}
       |                                     ^^^^^^
       |
       = help: write `%20` for a space; requests with control bytes are refused as malformed

    error: no request matches `100%`: the path contains an invalid percent-encoding
      --> 1.yaml:16:37
       |
    16 |   - {name: m, methods: [GET], path: "/100%", access: public}
       |                                     ^^^^^^^
       |
       = help: write `%25` for the percent sign itself

    error: no request matches `a%252e`: the path is encoded twice
      --> 1.yaml:17:37
       |
    17 |   - {name: r, methods: [GET], path: "/a%252e", access: public}
       |                                     ^^^^^^^^^
       |
       = help: encode it once

    error: no request matches `%ff`: the path is not UTF-8
      --> 1.yaml:18:37
       |
    18 |   - {name: s, methods: [GET], path: "/%ff", access: public}
       |                                     ^^^^^^
       |
       = help: remove it: requests with it are refused as malformed

    error: no request matches `a%00`: the path has a control byte or a space
      --> 1.yaml:19:37
       |
    19 |   - {name: t, methods: [GET], path: "/a%00", access: public}
       |                                     ^^^^^^^
       |
       = help: write `%20` for a space; requests with control bytes are refused as malformed

    error: no request matches `%3Agive`: the path ends in `/:text`, which some servers read as a verb of what is before it
      --> 1.yaml:20:37
       |
    20 |   - {name: u, methods: [GET], path: "/a/%3Agive", access: public}
       |                                     ^^^^^^^^^^^^
       |
       = help: write `/{name}:text`, or `/name:text`, for a verb; requests that end in `/:text` are refused as malformed

    17 problems
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
