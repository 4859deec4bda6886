//! Every mistake that a policy can have, with the report that its author gets.

mod conditions;
mod hosts;
mod path_rules;
mod paths;
mod requirements;
mod routes;
mod suffixes;

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

    error: `paths` appears in more than one file
     --> 2.yaml:2:8
      |
    2 | paths: {}
      |        ^
      |
     ::: 1.yaml:3:8
      |
    3 | paths: {merge_slashes: True}
      |        - first appears here
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
  - {name: a, methods: [GET], path: /a, access: public, until: x}
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

    error: the route name `a` appears twice
     --> 4.yaml:3:12
      |
    3 |   - {name: a, methods: [GET], path: /a, access: public, until: x}
      |            ^
      |
     ::: 1.yaml:3:12
      |
    3 |   - {name: a, methods: [GET], path: /a, acces: public}
      |            - first appears here
      |
      = help: give each route its own name

    error: unknown key `until`
     --> 4.yaml:3:57
      |
    3 |   - {name: a, methods: [GET], path: /a, access: public, until: x}
      |                                                         ^^^^^
      |
      = help: known are `name`, `hosts`, `methods`, `path`, `access`, `scopes`, `any_scope`, `issuers`, `requires`, `when`, `preflight`, `mode`

    5 problems
    "##);
}

/// A key that is another one misspelt hides nothing of the catalogue, and one that may be the catalogue does.
#[test]
fn what_an_unknown_key_cannot_be_is_judged() {
    let problems = |key: &str| {
        let text = format!(
            "version: 1\nscopes: {{orders.read: Read}}\n{key}: [id]\nroutes:\n  \
             - {{name: a, methods: [GET], path: /a, scopes: [orders.raed]}}\n"
        );
        report(&[&text])
    };
    let both = problems("isuers");
    assert!(both.contains("did you mean `issuers`?"), "{both}");
    assert!(both.contains("did you mean `orders.read`?"), "{both}");
    for key in ["scops", "permissions"] {
        let one = problems(key);
        assert!(!one.contains("orders.raed`"), "{one}");
    }
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

    error: the route name `a` appears twice
     --> 3.yaml:3:11
      |
    3 |   - name: a
      |           ^
      |
     ::: 1.yaml:3:11
      |
    3 |   - name: a
      |           - first appears here
      |
      = help: give each route its own name

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
      | ^
      |
      = help: add `version: 1`

    error: the file is empty
     --> 5.yaml:1:1
      |
    1 |
      | ^
      |
      = help: a file must contain one YAML document

    6 problems
    "##);
}

#[test]
fn the_mode_of_a_route_is_read_though_its_access_is_missing() {
    let report = report(&["version: 1
routes:
  - {name: a, methods: [GET], path: /a, mode: shadw}
"]);
    for expected in [
        "unknown mode `shadw`",
        "does not say who may use it",
        "2 problems",
    ] {
        assert!(report.contains(expected), "{expected}: {report}");
    }
}
