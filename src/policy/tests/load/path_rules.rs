//! The section `paths`, and what it means to the paths of routes.

use insta::assert_snapshot;

use super::report;

#[test]
fn what_ignores_case_conflicts_and_has_one_lower_case() {
    let report = report(&[r#"version: 1
paths: {ignore_case: true}
routes:
  - {name: a, methods: [GET], path: /api/admin, access: public}
  - {name: b, methods: [GET], path: /Api/Admin, access: public}
  - {name: c, methods: [GET], path: /CAFÉ, access: public}
  - {name: d, methods: [GET], path: "/{x}É", access: public}
  - {name: e, methods: [GET], path: /straße, access: public}
  - {name: f, methods: [GET], path: "/{x}%C2%AD", access: public}
"#]);
    assert_snapshot!(report, @r##"
    error: the routes `a` and `b` would answer the same requests (`GET` `/Api/Admin`)
     --> 1.yaml:5:37
      |
    5 |   - {name: b, methods: [GET], path: /Api/Admin, access: public}
      |                                     ^^^^^^^^^^
      |
     ::: 1.yaml:4:37
      |
    4 |   - {name: a, methods: [GET], path: /api/admin, access: public}
      |                                     ---------- the path of `a`
      |
      = help: `paths: {ignore_case: true}` makes their paths the same; remove one of the routes

    error: `CAFÉ` has letters that servers compare differently when they ignore case
     --> 1.yaml:6:37
      |
    6 |   - {name: c, methods: [GET], path: /CAFÉ, access: public}
      |                                     ^^^^^
      |
      = help: write it in lower case, or use `{name}`: with `ignore_case`, servers disagree about letters beyond ASCII

    error: `É` has letters that servers compare differently when they ignore case
     --> 1.yaml:7:37
      |
    7 |   - {name: d, methods: [GET], path: "/{x}É", access: public}
      |                                     ^^^^^^^
      |
      = help: write it in lower case, or use `{name}`: with `ignore_case`, servers disagree about letters beyond ASCII

    error: no request matches `straße`: the path has a character that servers compare differently when they ignore case
     --> 1.yaml:8:37
      |
    8 |   - {name: e, methods: [GET], path: /straße, access: public}
      |                                     ^^^^^^^
      |
      = help: write the path without it; with `ignore_case`, requests with such a character are refused as malformed

    error: no request matches `\u{ad}`: the path has a character that servers compare differently when they ignore case
     --> 1.yaml:9:37
      |
    9 |   - {name: f, methods: [GET], path: "/{x}%C2%AD", access: public}
      |                                     ^^^^^^^^^^^^
      |
      = help: write the path without it; with `ignore_case`, requests with such a character are refused as malformed

    5 problems
    "##);
}

#[test]
fn encoded_slashes_are_one_of_three_words() {
    for value in [
        "keep",
        "Kept",
        "\"true\"",
        "1",
        "[kept]",
        "{kept: true}",
        "~",
    ] {
        let text = format!("version: 1\npaths: {{encoded_slashes: {value}}}\nroutes: []\n");
        let report = report(&[&text]);
        let message = "error: this is not a value of `encoded_slashes`\n --> 1.yaml:2:26\n";
        assert!(report.starts_with(message), "{report}");
        assert!(
            report.contains("= help: write `kept` if the upstream keeps"),
            "{report}"
        );
        assert!(report.ends_with("\n1 problem\n"), "{report}");
    }
}
