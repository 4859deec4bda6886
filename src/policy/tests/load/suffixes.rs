//! Text behind a parameter that loads, and that does not.

use insta::assert_snapshot;

use super::report;

#[test]
fn text_behind_a_parameter_is_what_a_segment_can_end_in() {
    let long = "x".repeat(65);
    let report = report(&[&format!(
        r#"version: 1
routes:
  - {{name: a, methods: [GET], path: "/a/{{x}}{{y}}", access: public}}
  - {{name: b, methods: [GET], path: "/a/{{x}}:{{y}}", access: public}}
  - {{name: c, methods: [GET], path: "/a/{{*x}}:go", access: public}}
  - {{name: d, methods: [GET], path: "/a/{{x}}:*", access: public}}
  - {{name: e, methods: [GET], path: "/a/{{x}}%2Fgo", access: public}}
  - {{name: f, methods: [GET], path: "/a/{{x}};go", access: public}}
  - {{name: g, methods: [GET], path: "/a/{{x}}{long}", access: public}}
  - {{name: h, methods: [GET], path: "/b/{{x}}:go", access: public}}
  - {{name: i, methods: [GET], path: "/b/{{y}}:go", access: public}}
"#
    )]);
    assert_snapshot!(report, @r##"
    error: the braces in `{x}{y}` do not enclose one parameter at the beginning of a segment
     --> 1.yaml:3:37
      |
    3 |   - {name: a, methods: [GET], path: "/a/{x}{y}", access: public}
      |                                     ^^^^^^^^^^^
      |
      = help: write `/{name}/` for one segment, `/{name}:text/` for one that ends in `:text`, `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves

    error: the braces in `{x}:{y}` do not enclose one parameter at the beginning of a segment
     --> 1.yaml:4:37
      |
    4 |   - {name: b, methods: [GET], path: "/a/{x}:{y}", access: public}
      |                                     ^^^^^^^^^^^^
      |
      = help: write `/{name}/` for one segment, `/{name}:text/` for one that ends in `:text`, `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves

    error: the braces in `{*x}:go` do not enclose one parameter at the beginning of a segment
     --> 1.yaml:5:37
      |
    5 |   - {name: c, methods: [GET], path: "/a/{*x}:go", access: public}
      |                                     ^^^^^^^^^^^^
      |
      = help: write `/{name}/` for one segment, `/{name}:text/` for one that ends in `:text`, `{*name}` at the end for all that follow, `%7B` and `%7D` for braces themselves

    error: `{x}:*` looks like a wildcard in another notation
     --> 1.yaml:6:37
      |
    6 |   - {name: d, methods: [GET], path: "/a/{x}:*", access: public}
      |                                     ^^^^^^^^^^
      |
      = help: write `{name}` for one segment, `{*name}` at the end for all that follow, `%2A` or `%3A` for the character itself

    error: no request matches `{x}%2Fgo`: the path has an encoded slash
     --> 1.yaml:7:37
      |
    7 |   - {name: e, methods: [GET], path: "/a/{x}%2Fgo", access: public}
      |                                     ^^^^^^^^^^^^^
      |
      = help: write `{name}`, and `paths: {encoded_slashes: kept}` if the upstream takes `%2F` as part of the parameter

    error: no request matches `{x};go`: the path has a parameter after `;`
     --> 1.yaml:8:37
      |
    8 |   - {name: f, methods: [GET], path: "/a/{x};go", access: public}
      |                                     ^^^^^^^^^^^
      |
      = help: remove the `;` and what follows it; `paths: {path_parameters: true}` lets requests have it in the last segment

    error: the text after the parameter in `{x}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...` is longer than 64 bytes
     --> 1.yaml:9:37
      |
    9 |   - {name: g, methods: [GET], path: "/a/{x}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", access: public}
      |                                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write a shorter text, or use `{name}` alone

    error: the routes `h` and `i` would answer the same requests (`GET` `/b/{y}:go`)
      --> 1.yaml:11:37
       |
    11 |   - {name: i, methods: [GET], path: "/b/{y}:go", access: public}
       |                                     ^^^^^^^^^^^
       |
      ::: 1.yaml:10:37
       |
    10 |   - {name: h, methods: [GET], path: "/b/{x}:go", access: public}
       |                                     ----------- the path of `h`
       |
       = help: change the hosts, the methods or the path of one of them, or remove it

    8 problems
    "##);
}
